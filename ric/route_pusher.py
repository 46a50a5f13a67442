"""Keeps the route table of one xApp up to date: pushes, waits for its word, tries again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from typing import Final, Protocol

from oran.rmr.message_types import MessageType
from oran.rmr.routes import RouteTable
from oran.rmr.wire import RmrMessage
from ric.metrics import PlatformMetrics

_log = logging.getLogger(__name__)

PUSH_CALL_ID: Final = 2
"""Pushes are calls of their own kind, as the platform's wormhole calls are."""
_numbers = itertools.count(1)


class Caller(Protocol):
    """What a pusher needs of RMR."""

    async def call(self, message: RmrMessage, *, target: str, call_id: int, timeout_s: float) -> RmrMessage | None:
        """Send and wait for the answer; None if none came."""


class RoutePusher:
    """Pushes to one control port.

    The first table is a full one with the map of managed entities; after its "OK" only changes are
    sent, until an answer fails to come or the refresh is due.

    Args:
        target: ``host:port`` of the xApp's control port.
        table: gives the table in force.
    """

    def __init__(
        self,
        bus: Caller,
        target: str,
        table: Callable[[], RouteTable],
        metrics: PlatformMetrics,
        *,
        retry_s: float,
        refresh_s: float,
        answer_timeout_s: float = 1.0,
    ) -> None:
        self.target = target
        self._bus = bus
        self._table = table
        self._metrics = metrics
        self._retry_s = retry_s
        self._refresh_s = refresh_s
        self._answer_timeout_s = answer_timeout_s
        self._held: RouteTable | None = None
        self._wake = asyncio.Event()
        self._pushed = asyncio.Condition()
        self._task = asyncio.create_task(self._run(), name=f"route-pusher-{target}")
        self.wake()

    def wake(self, *, full: bool = False) -> None:
        """The table changed; with ``full``, or the xApp may have started anew."""
        if full:
            self._held = None
        self._wake.set()

    async def settled(self, timeout_s: float) -> bool:
        """Wait until the xApp has confirmed the table in force; False if it does not in time."""
        try:
            async with asyncio.timeout(timeout_s), self._pushed:
                await self._pushed.wait_for(lambda: self._held is self._table())
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Stop pushing."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        wait_s = self._refresh_s
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                self._held = None
            self._wake.clear()
            wait_s = self._refresh_s if await self._push() else self._retry_s

    async def _push(self) -> bool:
        table, held = self._table(), self._held
        if table is held:
            return True
        table_id = f"table-{next(_numbers)}"
        message = RmrMessage(
            MessageType.RMR_TABLE_DATA, _records(table, held, table_id).encode(), transaction_id=table_id.encode()
        )
        answer = await self._bus.call(
            message, target=self.target, call_id=PUSH_CALL_ID, timeout_s=self._answer_timeout_s
        )
        accepted = answer is not None and answer.payload.startswith(b"OK")
        self._count(answer)
        async with self._pushed:
            self._held = table if accepted else None
            self._pushed.notify_all()
        return accepted

    def _count(self, answer: RmrMessage | None) -> None:
        if answer is None:
            self._metrics.route_pushes.labels("unanswered").inc()
        elif answer.payload.startswith(b"OK"):
            self._metrics.route_pushes.labels("accepted").inc()
        else:
            self._metrics.route_pushes.labels("refused").inc()
            _log.warning("%s refused a route table: %r", self.target, answer.payload)


def _records(table: RouteTable, held: RouteTable | None, table_id: str) -> str:
    if held is None:
        return table.render(table_id)
    changed_owners = table.meid_owners != held.meid_owners
    owners = table.render_meid_map(table_id, since=held) if changed_owners else ""
    return owners + table.render_update(held, table_id)
