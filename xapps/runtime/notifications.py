"""Notifications of the subscription manager: they may arrive before the answer to the request that they are about."""

from __future__ import annotations

import json
import threading

from oran.errors import DecodeError
from oran.platform.subscriptions import SubscriptionInstance, SubscriptionNotification
from xapps.runtime.http import BadRequest, Response


class NotificationBox:
    """Keeps notifications by SubscriptionId until they are asked for."""

    def __init__(self) -> None:
        self._arrived: dict[str, SubscriptionInstance] = {}
        self._condition = threading.Condition()
        self._closed = False

    def post(self, body: bytes) -> Response:
        """The HTTP route: 200 at once, since SubMgr holds everything else up until it has it.

        Raises:
            BadRequest: not a notification.
        """
        try:
            notification = SubscriptionNotification.from_json(json.loads(body))
        except (ValueError, DecodeError) as error:
            raise BadRequest(str(error)) from error
        with self._condition:
            for instance in notification.instances:
                self._arrived[notification.subscription_id] = instance
            self._condition.notify_all()
        return Response()

    def clear(self) -> None:
        """Forget what has arrived: before a new request, so that an old outcome is not taken for its own."""
        with self._condition:
            self._arrived.clear()

    def take(self, subscription_id: str, timeout_s: float) -> SubscriptionInstance | None:
        """The outcome of a subscription; None if it did not come in time or the box was closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or subscription_id in self._arrived, timeout_s)
            return self._arrived.pop(subscription_id, None)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
