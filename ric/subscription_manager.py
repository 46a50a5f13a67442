"""The subscription manager: REST requests of xApps become E2 subscriptions, shared where they are the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from oran.e2ap import (
    Pdu,
    RicSubscriptionDeleteRequired,
)
from oran.errors import NoRoute, SuiteError
from oran.platform.subscriptions import (
    SubscriptionDetail,
    SubscriptionInstance,
    SubscriptionNotification,
    SubscriptionRecord,
    SubscriptionRequest,
)
from ric.metrics import PlatformMetrics
from ric.rnib import ConnectionStatus
from ric.subscription_admission import DEFAULT_PATIENCE, Refused, Routes, SubscriptionAdmission
from ric.subscription_book import E2Subscription, Phase, RestSubscription, SubscriptionBook
from ric.subscription_procedures import SubscriptionProcedures

_log = logging.getLogger(__name__)

BLANK_CAUSE: Final = " "
"""What the platform puts into ErrorCause of a success."""


class Notifications(Protocol):
    """How an xApp is told."""

    async def post(self, url: str, body: dict[str, Any]) -> bool:
        """Whether it took it."""


class NotConnected(SuiteError):
    """The node is not connected, or under reset."""


class UnknownSubscription(SuiteError):
    """No subscription has that id."""


class SubscriptionBusy(SuiteError):
    """The subscription's creation is still running."""


class SubscriptionManager:
    """Admits, merges, notifies, deletes.

    Args:
        node_status: status of a node by its name.
        new_id: makes REST subscription ids.
    """

    def __init__(
        self,
        book: SubscriptionBook,
        procedures: SubscriptionProcedures,
        routes: Routes,
        notifications: Notifications,
        metrics: PlatformMetrics,
        *,
        node_status: Callable[[str], ConnectionStatus],
        new_id: Callable[[], str],
    ) -> None:
        self._book = book
        self._procedures = procedures
        self._routes = routes
        self._notifications = notifications
        self._metrics = metrics
        self._node_status = node_status
        self._new_id = new_id
        self._admission = SubscriptionAdmission(book, procedures, routes, leave=self._leave)
        self._tasks: set[asyncio.Task[None]] = set()

    async def restore(self) -> None:
        """Take over the subscriptions of an earlier run, and route them as far as their xApps are registered.

        The node they belong to has to come back first, and then they are dropped: see :meth:`on_node_status`.
        """
        await self._book.restore()
        for e2 in self._book.e2.values():
            for endpoint in e2.endpoints:
                try:
                    await self._routes.add_subscription(e2.instance, endpoint)
                except NoRoute as error:
                    _log.warning("subscription %d: %s", e2.instance, error)
        self._count()

    async def close(self) -> None:
        """Stop what is running; the book stays in SDL."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def records(self) -> list[SubscriptionRecord]:
        """Every E2 subscription in force."""
        return self._book.records()

    # --- requests --------------------------------------------------------------------------

    async def subscribe(self, request: SubscriptionRequest) -> str:
        """Take a request; return its id at once. The outcome is notified later.

        Raises:
            NotConnected, UnknownSubscription.
        """
        if self._node_status(request.meid) is not ConnectionStatus.CONNECTED:
            raise NotConnected(f"no E2 connection for {request.meid}")
        rest = self._rest_subscription(request)
        if rest.busy:
            return rest.id  # the same body again while the first is under way
        rest.busy = True
        self._book.rest[rest.id] = rest
        self._run(self._process(rest, request))
        return rest.id

    def _rest_subscription(self, request: SubscriptionRequest) -> RestSubscription:
        digest = _digest(request)
        if request.subscription_id is None:
            known = self._book.by_digest(digest)
            return known or RestSubscription(self._new_id(), digest, request.meid, request.client)
        modified = self._book.rest.get(request.subscription_id)
        if modified is None:
            raise UnknownSubscription(request.subscription_id)
        return modified

    async def _process(self, rest: RestSubscription, request: SubscriptionRequest) -> None:
        try:
            for detail in request.details:
                outcome = await self._outcome(rest, request, detail)
                if rest.id not in self._book.rest:
                    await self._end(rest)  # the xApp has gone meanwhile
                    return
                self._metrics.subscription_outcomes.labels("success" if outcome.succeeded else "failure").inc()
                notification = SubscriptionNotification(subscription_id=rest.id, instances=(outcome,))
                await self._notifications.post(request.client.notification_url, notification.to_json())
        finally:
            rest.busy = False
        if not rest.instances:
            await self._book.drop_rest([rest])

    async def _outcome(
        self, rest: RestSubscription, request: SubscriptionRequest, detail: SubscriptionDetail
    ) -> SubscriptionInstance:
        try:
            e2 = await self._admission.establish(rest, request, detail)
        except Refused as refused:
            _log.warning("subscription of %s to %s refused: %s", rest.client.rmr_endpoint, rest.meid, refused)
            return SubscriptionInstance(
                xapp_event_instance_id=detail.xapp_event_instance_id,
                error_cause=refused.cause,
                error_source=refused.source,
                timeout_type=refused.timeout,
            )
        self._count()
        return SubscriptionInstance(
            xapp_event_instance_id=detail.xapp_event_instance_id,
            e2_event_instance_id=e2.instance,
            error_cause=e2.error_cause or BLANK_CAUSE,
            error_source="E2Node",
        )

    # --- ends ------------------------------------------------------------------------------

    async def unsubscribe(self, rest_id: str) -> None:
        """End a subscription; unknown ones are no error.

        Raises:
            SubscriptionBusy: its creation is still running.
        """
        rest = self._book.rest.get(rest_id)
        if rest is None:
            return
        if rest.busy:
            raise SubscriptionBusy(rest_id)
        await self._end(rest)

    async def on_deregistered(self, endpoint: str) -> None:
        """An xApp has gone, or lives elsewhere now: nobody is left to end its subscriptions."""
        for rest in self._book.of_endpoint(endpoint):
            await self._end(rest)

    async def _end(self, rest: RestSubscription) -> None:
        used = [self._book.e2[instance] for instance in dict.fromkeys(rest.instances.values())]
        await self._book.drop_rest([rest])
        for e2 in used:
            await self._leave(rest, e2)

    async def _leave(self, rest: RestSubscription, e2: E2Subscription) -> None:
        """Take a user away; the last one takes the E2 subscription along (in the background: the node may be slow)."""
        e2.users.pop(rest.id, None)
        rest.instances = {key: value for key, value in rest.instances.items() if value != e2.instance}
        if e2.users:
            if rest.client.rmr_endpoint not in e2.endpoints:
                self._routes.remove_subscription(e2.instance, rest.client.rmr_endpoint)
            await self._book.store(e2)
        elif e2.phase is Phase.ACTIVE:
            e2.phase = Phase.DELETING
            await self._book.store(e2)
            self._run(self._delete(e2, rest.client.rmr_endpoint))
        self._count()

    async def _delete(self, e2: E2Subscription, endpoint: str) -> None:
        await self._procedures.delete(e2, DEFAULT_PATIENCE)
        self._routes.remove_subscription(e2.instance, endpoint)
        await self._book.drop_e2([e2])

    async def on_node_status(self, ran_name: str, status: ConnectionStatus) -> None:
        """A node that comes, goes or is reset knows none of its subscriptions any more: drop them, tell nobody."""
        self._procedures.on_node_gone(ran_name)
        await self._drop(self._book.at_node(ran_name))

    async def _drop(self, dropped: list[E2Subscription]) -> None:
        for e2 in dropped:
            for endpoint in e2.endpoints:
                self._routes.remove_subscription(e2.instance, endpoint)
        await self._book.drop_e2(dropped)
        self._count()

    def on_e2_pdu(self, ran_name: str, pdu: Pdu) -> None:
        """Take what a node says about subscriptions."""
        if isinstance(pdu, RicSubscriptionDeleteRequired):
            instances = {item.request_id.instance for item in pdu.subscriptions}
            self._run(self._delete_required([e2 for e2 in self._book.at_node(ran_name) if e2.instance in instances]))
        elif not self._procedures.on_pdu(ran_name, pdu):
            _log.info("%s of %s came too late", type(pdu).__name__, ran_name)

    async def _delete_required(self, ended: list[E2Subscription]) -> None:
        for e2 in ended:
            e2.phase = Phase.DELETING
            await self._procedures.delete(e2, DEFAULT_PATIENCE)
        await self._drop(ended)

    def _count(self) -> None:
        self._metrics.subscriptions.set(sum(e2.phase is Phase.ACTIVE for e2 in self._book.e2.values()))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("subscription work failed", exc_info=task.exception())


def _digest(request: SubscriptionRequest) -> str:
    body = json.dumps(request.to_json(), sort_keys=True).encode()
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
