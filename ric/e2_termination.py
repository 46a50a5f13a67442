"""The E2 termination: associations with E2 nodes on one side, RMR on the other, whole E2AP PDUs in between."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from oran.e2ap import (
    E2Association,
    E2NodeConfigurationUpdate,
    E2SetupFailure,
    E2SetupRequest,
    ErrorIndication,
    Event,
    Pdu,
    PduReceived,
    ProtocolViolation,
    ResetRequest,
    ResetResponse,
    RicControlAcknowledge,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicServiceUpdate,
    RicSubscriptionDeleteFailure,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteRequired,
    RicSubscriptionDeleteResponse,
    RicSubscriptionFailure,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    Role,
    State,
    decode,
)
from oran.errors import DecodeError, LocalProtocolError, NoRoute, PeerClosed
from oran.rmr.endpoint import ReplyPath
from oran.rmr.message_types import MessageType
from oran.rmr.wire import UNSET_SUB_ID, RmrMessage
from oran.transport import Channel, Listener, listen
from ric.metrics import PlatformMetrics
from ric.node_manager import NodeManager

_log = logging.getLogger(__name__)

TRACE_LENGTH: Final = 200
"""Octets of trace data in every RMR message of the platform's E2 termination."""
CONTROL_STREAM: Final = 1
_TIMER_PERIOD_S: Final = 0.5
# SubMgr keeps the time of subscriptions itself; the association only has to outlast it
_TIMEOUTS_S: Final[dict[type, float]] = {
    RicSubscriptionRequest: 120.0,
    RicSubscriptionDeleteRequest: 120.0,
    RicControlRequest: 10.0,
}
_TYPE_TO_XAPP: Final[dict[type, MessageType]] = {
    RicIndication: MessageType.RIC_INDICATION,
    RicControlAcknowledge: MessageType.RIC_CONTROL_ACK,
    RicControlFailure: MessageType.RIC_CONTROL_FAILURE,
    ErrorIndication: MessageType.RIC_ERROR_INDICATION,
}
_FOR_SUBSCRIPTIONS: Final = (
    RicSubscriptionResponse,
    RicSubscriptionFailure,
    RicSubscriptionDeleteResponse,
    RicSubscriptionDeleteFailure,
    RicSubscriptionDeleteRequired,
)


class Bus(Protocol):
    """What the termination needs of RMR."""

    def post(self, message: RmrMessage) -> None:
        """Send by the route table; never blocks."""


class _Link:
    """One association and the channel under it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.association = E2Association(Role.RIC, timeouts_s=_TIMEOUTS_S)
        self.ran_name = ""
        self._sending = asyncio.Lock()

    async def flush(self) -> None:
        """Send what the association has queued.

        Raises:
            PeerClosed: the node has gone.
        """
        async with self._sending:
            for stream, data in self.association.outbox():
                await self.channel.send(data, stream=stream)

    async def forward_control(self, data: bytes, now_s: float) -> None:
        """Send an xApp's RIC Control request byte for byte; what is no such request too, the node will say so.

        Raises:
            PeerClosed: the node has gone.
            LocalProtocolError: the transport cannot carry it.
        """
        async with self._sending:
            waiting = self.association.outbox()
            self._expect_answer(data, now_s)
            for stream, octets in (*waiting, (CONTROL_STREAM, data)):
                await self.channel.send(octets, stream=stream)

    def _expect_answer(self, data: bytes, now_s: float) -> None:
        try:
            pdu = decode(data)
            if isinstance(pdu, RicControlRequest):
                self.association.send(pdu, now_s)
                self.association.outbox()  # the xApp's own octets go out instead
        except (DecodeError, LocalProtocolError) as error:
            _log.warning("RIC Control request for %s forwarded unread: %s", self.ran_name, error)


class E2Termination:
    """Accepts E2 nodes and carries their PDUs.

    Args:
        bus: RMR.
        nodes: decides about set-ups and keeps the inventory.
        on_subscription_pdu: takes what nodes answer to the subscription manager: (RAN name, PDU).
        clock_s: monotonic time.
    """

    def __init__(
        self,
        bus: Bus,
        nodes: NodeManager,
        metrics: PlatformMetrics,
        *,
        on_subscription_pdu: Callable[[str, Pdu], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._nodes = nodes
        self._metrics = metrics
        self._on_subscription_pdu = on_subscription_pdu
        self._clock_s = clock_s
        self._links: dict[str, _Link] = {}
        self._all: set[_Link] = set()
        self._counter = itertools.count(1)
        self._listener: Listener | None = None
        self._timer: asyncio.Task[None] | None = None
        self._forwarding: set[asyncio.Task[None]] = set()

    async def start(self, url: str) -> str:
        """Listen for nodes; return the URL with the real port.

        Raises:
            ConnectFailed: the place is taken.
        """
        self._listener = await listen(url, self._serve)
        self._timer = asyncio.create_task(self._keep_time(), name="e2-timers")
        return self._listener.url

    async def close(self) -> None:
        """Close every association."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            await self._listener.close()

    async def send(self, ran_name: str, pdu: Pdu) -> None:
        """Send a PDU of the RIC's own to a node.

        Raises:
            NoRoute: the node is not connected.
            PeerClosed: it has just gone.
            LocalProtocolError: the PDU is illegal now, or a value is out of range.
        """
        link = self._links.get(ran_name)
        if link is None:
            raise NoRoute(f"E2 node {ran_name} is not connected")
        link.association.send(pdu, self._clock_s())
        self._metrics.e2_messages.labels(type(pdu).__name__, "out").inc()
        await link.flush()

    def on_rmr(self, message: RmrMessage, path: ReplyPath) -> None:
        """Take a message of an xApp; only RIC Control requests mean something here."""
        if message.mtype != MessageType.RIC_CONTROL_REQ:
            _log.info("RMR type %d from %s is not for the E2 termination", message.mtype, message.source)
            return
        link = self._links.get(message.meid)
        if link is None:
            self._metrics.controls_dropped.inc()
            _log.warning("RIC Control request for unknown E2 node %r dropped", message.meid)
            return
        task = asyncio.create_task(self._forward(link, message.payload))
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)

    async def _forward(self, link: _Link, payload: bytes) -> None:
        self._metrics.e2_messages.labels(RicControlRequest.__name__, "out").inc()
        try:
            await link.forward_control(payload, self._clock_s())
        except (PeerClosed, LocalProtocolError) as error:
            self._metrics.controls_dropped.inc()
            _log.warning("RIC Control request for %s lost: %s", link.ran_name, error)

    # --- one association -------------------------------------------------------------------

    async def _serve(self, channel: Channel) -> None:
        link = _Link(channel)
        self._all.add(link)
        try:
            while True:
                data = await channel.receive()
                for event in link.association.receive(data, self._clock_s()):
                    await self._on_event(link, event, data)
                await link.flush()
        finally:
            self._all.discard(link)
            link.association.close()
            if self._links.get(link.ran_name) is link:
                del self._links[link.ran_name]
                await self._nodes.lost(link.ran_name)

    async def _on_event(self, link: _Link, event: Event, data: bytes) -> None:
        match event:
            case PduReceived(pdu):
                self._metrics.e2_messages.labels(type(pdu).__name__, "in").inc()
                await self._on_pdu(link, pdu, data)
            case ProtocolViolation(error):
                self._metrics.e2_violations.inc()
                _log.warning("E2 node %s: %s", link.ran_name or link.channel.peer, error)
            case _:
                _log.info("E2 node %s: %s", link.ran_name, type(event).__name__)

    async def _on_pdu(self, link: _Link, pdu: Pdu, data: bytes) -> None:
        mtype = _TYPE_TO_XAPP.get(type(pdu))
        if mtype is not None:
            self._to_xapps(link, mtype, pdu, data)
        elif isinstance(pdu, _FOR_SUBSCRIPTIONS):
            self._on_subscription_pdu(link.ran_name, pdu)
        else:
            await self._global_procedure(link, pdu)

    def _to_xapps(self, link: _Link, mtype: MessageType, pdu: Pdu, data: bytes) -> None:
        request_id = getattr(pdu, "request_id", None)
        self._bus.post(
            RmrMessage(
                mtype,
                data,
                UNSET_SUB_ID if request_id is None else request_id.instance,
                link.ran_name,
                str(next(self._counter)).encode(),
            )
        )

    async def _global_procedure(self, link: _Link, pdu: Pdu) -> None:
        now_s = self._clock_s()
        match pdu:
            case E2SetupRequest():
                await self._set_up(link, pdu)
            case ResetRequest():
                await self._nodes.reset(link.ran_name)
                link.association.send(ResetResponse(pdu.transaction_id), now_s)
            case RicServiceUpdate():
                link.association.send(await self._nodes.update_service(link.ran_name, pdu), now_s)
            case E2NodeConfigurationUpdate():
                link.association.send(await self._nodes.update_configuration(link.ran_name, pdu), now_s)
            case _:
                _log.info("E2 node %s: %s", link.ran_name, type(pdu).__name__)

    async def _set_up(self, link: _Link, request: E2SetupRequest) -> None:
        decision = self._nodes.decide_setup(request)
        link.association.send(decision.answer, self._clock_s())
        if isinstance(decision.answer, E2SetupFailure) or decision.record is None:
            return
        name = decision.record.ran_name
        older = self._links.get(name)
        if link.ran_name and link.ran_name != name:
            del self._links[link.ran_name]
            await self._nodes.lost(link.ran_name)
        link.ran_name = name
        self._links[name] = link
        if older is not None and older is not link:
            _log.warning("E2 node %s came back from %s; its older association is closed", name, link.channel.peer)
            await older.channel.close()
        await self._nodes.connected(decision.record)  # before the answer leaves: routes exist when the node acts

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TIMER_PERIOD_S)
            for link in tuple(self._all):
                if link.association.state is State.CLOSED:
                    continue
                for event in link.association.on_timer(self._clock_s()):
                    await self._on_event(link, event, b"")
