"""The node's link with its RIC: connect, keep the association's timers, hand over what comes, flush what goes.

What the procedures mean is said by the class that builds on it (``e2sim/node/e2_node.py``).
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

from e2sim.node.metrics import NodeMetrics
from e2sim.node.settings import NodeSettings
from oran.e2ap import (
    E2Association,
    E2SetupRequest,
    Event,
    Pdu,
    PduReceived,
    ProcedureTimedOut,
    ProtocolViolation,
    Role,
)
from oran.errors import PeerClosed, RemoteProtocolError, TransportError
from oran.transport import Channel, backoff_s, connect

log = logging.getLogger(__name__)


class E2Link(ABC):
    """One association at a time, built up again with back-off when it is lost.

    Args:
        settings: address of the RIC and times.
        metrics: where violations are counted.
        clock_s: monotonic time.
    """

    def __init__(self, settings: NodeSettings, metrics: NodeMetrics, clock_s: Callable[[], float]) -> None:
        self.settings = settings
        self.metrics = metrics
        self._clock_s = clock_s
        self._rng = np.random.default_rng(settings.seed)
        self._association: E2Association | None = None
        self._channel: Channel | None = None
        self._time_to_wait_s = 0.0
        """Set once the RIC has refused the set-up: how long to wait before the next."""
        self._wake_timer = asyncio.Event()

    @abstractmethod
    def _setup_request(self, association: E2Association) -> E2SetupRequest:
        """What the node announces."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """E2 Setup has been accepted."""

    @abstractmethod
    async def _on_pdu(self, pdu: Pdu) -> None:
        """Obeys or answers what the RIC sent."""

    @abstractmethod
    def _on_lost(self) -> None:
        """Forgets what went with the association."""

    async def run(self) -> None:
        """Connects, sets up and serves until cancelled; a lost association is built up again with back-off."""
        delays = self._delays()
        while True:
            self._time_to_wait_s, was_ready = 0.0, False
            try:
                was_ready = await self._serve(await connect(self.settings.ric_url))
            except TransportError as error:
                log.info("no E2 association with %s: %s", self.settings.ric_url, error)
            if was_ready:
                delays = self._delays()
            await asyncio.sleep(max(self._time_to_wait_s, next(delays)))

    def _delays(self) -> Iterator[float]:
        return backoff_s(self._rng, first_s=self.settings.reconnect_first_s, limit_s=self.settings.reconnect_limit_s)

    async def _serve(self, channel: Channel) -> bool:
        """One association from set-up to loss; True if E2 Setup had been accepted."""
        association = E2Association(Role.E2_NODE, timeouts_s={E2SetupRequest: self.settings.setup_timeout_s})
        self._association, self._channel = association, channel
        timer = asyncio.create_task(self._run_timers(association))
        try:
            await self._send(self._setup_request(association))
            while not self._time_to_wait_s:
                await self._handle(association.receive(await channel.receive(), self._clock_s()))
        except (PeerClosed, RemoteProtocolError) as error:  # the latter: what came was no message of the transport
            log.warning("E2 association lost: %s", error)
        finally:
            was_ready = self._is_ready()
            timer.cancel()
            self._association = self._channel = None
            self._on_lost()
            await channel.close()
        return was_ready

    async def _run_timers(self, association: E2Association) -> None:
        """Drives the association's procedure timers; a set-up that is never answered ends the association."""
        while True:
            due_s = association.next_timer_s()
            timeout = None if due_s is None else max(due_s - self._clock_s(), 0.0)
            try:
                async with asyncio.timeout(timeout):
                    await self._wake_timer.wait()
                self._wake_timer.clear()
            except TimeoutError:
                await self._handle(association.on_timer(self._clock_s()))

    async def _send(self, *pdus: Pdu) -> None:
        association, channel = self._association, self._channel
        if association is None or channel is None:
            raise PeerClosed("no E2 association")
        for pdu in pdus:
            association.send(pdu, self._clock_s())
        await self._flush()

    async def _flush(self) -> None:
        association, channel = self._association, self._channel
        if association is None or channel is None:
            raise PeerClosed("no E2 association")
        for stream, data in association.outbox():
            await channel.send(data, stream=stream)
        self._wake_timer.set()

    async def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case PduReceived(pdu):
                    await self._on_pdu(pdu)
                case ProcedureTimedOut(E2SetupRequest()):
                    log.warning("E2 Setup was not answered; trying again")
                    if self._channel is not None:
                        await self._channel.close()
                case ProcedureTimedOut(request):
                    log.warning("%s was not answered", type(request).__name__)
                case ProtocolViolation(error):
                    self.metrics.violations.inc()
                    log.warning("from the RIC: %s", error)
        if self._association is not None:
            await self._flush()
