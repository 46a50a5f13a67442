"""An RMR endpoint as an asyncio component uses it: calls that never block, messages on the event loop."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from oran.errors import LocalProtocolError, NoRoute, TransportError
from oran.rmr.endpoint import ReplyPath, RmrEndpoint
from oran.rmr.message_types import MessageType
from oran.rmr.routes import RouteTable
from oran.rmr.wire import RmrMessage
from ric.metrics import PlatformMetrics

_log = logging.getLogger(__name__)

MAX_WAITING: Final = 4096
"""Messages that may wait for the sending thread; further ones are dropped and counted, as RMR's own ring does."""

Handler = Callable[[RmrMessage, ReplyPath], None]


class RmrFace:
    """One component's place on the RMR bus.

    Messages are sent in the order of the calls by a thread of their own, so that a slow or dead peer
    stalls no association. What nobody takes is counted, and lost, as on the platform.
    """

    def __init__(self, component: str, endpoint: RmrEndpoint, metrics: PlatformMetrics) -> None:
        self._component = component
        self._endpoint = endpoint
        self._sent = metrics.rmr_sent.labels(component)
        self._received = metrics.rmr_received.labels(component)
        self._dropped = metrics.rmr_dropped
        self._actions: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"rmr-sender-{component}", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handler: Handler | None = None

    def start(self, handler: Handler | None = None) -> None:
        """Listen; ``handler`` is called on the running event loop for every message.

        Raises:
            ConnectFailed: the port is taken.
        """
        self._loop, self._handler = asyncio.get_running_loop(), handler
        self._endpoint.on_message = self._take
        self._endpoint.start()
        self._thread.start()

    async def close(self) -> None:
        """Send what waits, then close every connection."""
        self._actions.put(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._endpoint.close)

    @property
    def address(self) -> str:
        """``host:port`` under which peers reach this component."""
        return self._endpoint.source

    @property
    def routes(self) -> RouteTable:
        """The table that sends go by."""
        return self._endpoint.routes

    @routes.setter
    def routes(self, table: RouteTable) -> None:
        self._endpoint.routes = table

    def post(self, message: RmrMessage) -> None:
        """Send by the route table."""
        self._enqueue(lambda: self._endpoint.send(message))

    def post_reply(self, path: ReplyPath, message: RmrMessage) -> None:
        """Send back to where a message came from."""
        self._enqueue(lambda: self._endpoint.reply(path, message))

    async def call(self, message: RmrMessage, *, target: str, call_id: int, timeout_s: float) -> RmrMessage | None:
        """Send to ``host:port`` and wait for the answer; None if none came or nobody is there."""
        try:
            return await asyncio.to_thread(self._endpoint.call, message, timeout_s, target=target, call_id=call_id)
        except TransportError as error:
            _log.debug("%s: call of %s: %s", self._component, target, error)
            return None

    def _enqueue(self, action: Callable[[], None]) -> None:
        if self._actions.qsize() < MAX_WAITING:
            self._actions.put(action)
        else:
            self._dropped.labels(self._component, "queue full").inc()

    def _work(self) -> None:
        while (action := self._actions.get()) is not None:
            try:
                action()
                self._sent.inc()
            except NoRoute as error:
                self._drop("no route", error)
            except (TransportError, LocalProtocolError) as error:
                self._drop("not delivered", error)

    def _drop(self, reason: str, error: Exception) -> None:
        self._dropped.labels(self._component, reason).inc()
        _log.debug("%s: RMR message lost: %s", self._component, error)

    def _take(self, message: RmrMessage, path: ReplyPath) -> None:
        """In the endpoint's reader thread."""
        self._received.inc()
        if message.mtype == MessageType.RIC_HEALTH_CHECK_REQ:
            self.post_reply(path, replace(message, mtype=MessageType.RIC_HEALTH_CHECK_RESP, payload=b"OK\n"))
        elif self._handler is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._handler, message, path)
