"""One RMR endpoint: listens, routes, sends, answers; threads inside, plain calls outside."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from oran.errors import ConnectFailed, LocalProtocolError, NoRoute, PeerClosed, TransportError
from oran.rmr.connections import Connection, Connections
from oran.rmr.identity import Identity
from oran.rmr.routes import RouteTable
from oran.rmr.wire import CALL_FLAG, RmrMessage, encode

_log = logging.getLogger(__name__)

ORDINARY_CALL_ID: Final = 1
_UNREACHABLE_FOR_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ReplyPath:
    """Where a message came from, hence where an answer goes."""

    source: str
    source_ip: str
    connection: Connection | None


Delivery = tuple[RmrMessage, ReplyPath]
Handler = Callable[[RmrMessage, ReplyPath], None]


class RmrEndpoint:
    """Sends and receives RMR messages as one process of the platform.

    Received messages go to ``on_message`` (in the reader thread; it must not wait for messages) or,
    while that is None, to a bounded ring read by :meth:`receive`. When the ring is full the newest
    message is dropped and counted in ``dropped``, as librmr does.

    Args:
        host, port: where to listen; port 0 takes a free one (see ``port`` after ``start``).
        source_name: host part of the name peers know us by (``RMR_SRC_ID``); it must be the service
            name the route manager uses. Default: ``host``, or the short host name for a wildcard.
        name_only: send the name in place of the address as well (``RMR_SRC_NAMEONLY``).
        trace_length: zero octets of trace data put into messages that bring none (E2T: 200).
        routes: the table in force; replace it at any time by assigning ``routes``.
        receive_queue: size of the ring.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        source_name: str | None = None,
        name_only: bool = False,
        trace_length: int = 0,
        routes: RouteTable | None = None,
        receive_queue: int = 4096,
    ) -> None:
        self.on_message: Handler | None = None
        self.dropped = 0
        self.port = port
        self._identity = Identity(host, source_name, name_only)
        self._trace = bytes(trace_length)
        self._table = routes if routes is not None else RouteTable()
        self._view = self._table.seen_by(())
        self._ring: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._ring_limit = receive_queue
        self._calls: dict[tuple[int, bytes], queue.SimpleQueue[RmrMessage | None]] = {}
        self._calls_lock = threading.Lock()
        self._unreachable_until_s: dict[str, float] = {}
        self._closed = False
        self._connections = Connections(host, port, self._take)

    def start(self) -> None:
        """Listen.

        Raises:
            ConnectFailed: the port is taken, or the host is not one of ours.
        """
        self.port = self._connections.start()
        self.routes = self._table

    def close(self) -> None:
        """Close every connection, wait for the reader thread, wake whoever waits in a call."""
        self._closed = True
        self._connections.close()
        self._ring.put(None)
        with self._calls_lock:
            for waiting in self._calls.values():
                waiting.put(None)

    def __enter__(self) -> RmrEndpoint:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def source(self) -> str:
        """``name:port`` that goes out as the source of every message."""
        return self._identity.source(self.port)

    @property
    def source_ip(self) -> str:
        """``address:port`` that goes out beside it."""
        return self._identity.source_ip(self.port)

    @property
    def own_names(self) -> frozenset[str]:
        """Names under which this process finds itself in a route table."""
        return self._identity.own_names(self.port)

    @property
    def routes(self) -> RouteTable:
        """The table in force."""
        return self._table

    @routes.setter
    def routes(self, table: RouteTable) -> None:
        self._table, self._view = table, table.seen_by(self.own_names)

    # --- sending -----------------------------------------------------------------------------

    def send(self, message: RmrMessage) -> None:
        """Send by the route table: one copy to each group, its members taking turns.

        As in librmr the send counts as done when at least one group was reached; the others are logged.

        Raises:
            NoRoute: the table names nobody, or nobody named listens.
            PeerClosed: the peers named are there but do not take the message.
            LocalProtocolError: a field does not fit.
        """
        self._route(message, self._frame(message, message.flags & ~CALL_FLAG, 0))

    def _route(self, message: RmrMessage, frame: bytes) -> None:
        targets = self._view.targets(message.mtype, message.sub_id, message.meid)
        if not targets:
            raise NoRoute(f"no route for RMR type {message.mtype}, sub_id {message.sub_id}, meid {message.meid!r}")
        failures = [failure for target in targets if (failure := self._try(target, frame)) is not None]
        if len(failures) == len(targets):
            raise next((failure for failure in failures if isinstance(failure, PeerClosed)), NoRoute(str(failures[0])))

    def _try(self, target: str, frame: bytes) -> TransportError | None:
        try:
            self._deliver(target, frame)
        except TransportError as error:
            _log.warning("RMR send: %s", error)
            return error
        return None

    def send_to(self, target: str, message: RmrMessage) -> None:
        """Send to ``host:port``, whatever the route table says (a wormhole).

        Raises:
            ConnectFailed: nobody listens there.
            PeerClosed: the peer does not take the message.
            LocalProtocolError: a field does not fit.
        """
        self._deliver(target, self._frame(message, message.flags, message.call_id))

    def reach(self, target: str) -> None:
        """Connect to ``host:port`` ahead of the first message.

        Raises:
            ConnectFailed: nobody listens there.
        """
        self._connections.reach(target)

    def is_connected(self, target: str) -> bool:
        """Whether a connection made to ``host:port`` stands."""
        return self._connections.is_connected(target)

    def _deliver(self, target: str, frame: bytes) -> None:
        try:
            self._connections.reach(target).send(frame)
        except PeerClosed:  # a pooled connection from before the peer restarted
            self._connections.reach(target).send(frame)

    def reply(self, path: ReplyPath, message: RmrMessage) -> None:
        """Return a message to where ``path`` came from (``rmr_rts_msg``).

        It goes to the sender's own port; if that cannot be reached, back on the connection the
        message came by; failing that, to the sender's address. Give the received message with
        ``dataclasses.replace``: meid, sub_id, transaction, call id and trace belong in the answer.

        Raises:
            NoRoute: none of the three ways is open.
            PeerClosed: the peer does not take the message.
            LocalProtocolError: a field does not fit.
        """
        frame = self._frame(message, message.flags & ~CALL_FLAG, message.call_id)
        if self._reply_to(path.source, frame):
            return
        if path.connection is not None and path.connection.alive:
            path.connection.send(frame)
        elif not self._reply_to(path.source_ip, frame):
            raise NoRoute(f"RMR reply to {path.source or 'a nameless sender'}: no way back")

    def _reply_to(self, target: str, frame: bytes) -> bool:
        """Deliver unless the target is, or lately was, out of reach: each try may cost a name look-up."""
        if not target or self._unreachable_until_s.get(target, 0.0) > time.monotonic():
            return False
        try:
            self._deliver(target, frame)
        except ConnectFailed:
            self._unreachable_until_s[target] = time.monotonic() + _UNREACHABLE_FOR_S
            return False
        self._unreachable_until_s.pop(target, None)
        return True

    def call(
        self,
        message: RmrMessage,
        timeout_s: float | None,
        *,
        target: str | None = None,
        call_id: int = ORDINARY_CALL_ID,
    ) -> RmrMessage | None:
        """Send and wait for the answer, matched on call id and transaction id; None if none came in time.

        Args:
            timeout_s: None waits for as long as the endpoint is open.
            target: ``host:port`` instead of the route table.
            call_id: 1 for an ordinary call, 2..255 to tell concurrent callers apart.

        Raises:
            NoRoute, ConnectFailed, PeerClosed: as the sends do.
            LocalProtocolError: a field does not fit, the same call is waiting already, or the caller
                is ``on_message``, which would wait for itself.
        """
        if self._connections.in_reader_thread:
            raise LocalProtocolError("an RMR call from on_message would wait for itself")
        answer = self._expect(key := (call_id, message.transaction_id))
        try:
            frame = self._frame(message, message.flags | CALL_FLAG, call_id)
            self._route(message, frame) if target is None else self._deliver(target, frame)
            return answer.get(timeout=timeout_s)
        except queue.Empty:
            return None
        finally:
            self._calls.pop(key, None)

    def _expect(self, key: tuple[int, bytes]) -> queue.SimpleQueue[RmrMessage | None]:
        with self._calls_lock:
            if key in self._calls:
                raise LocalProtocolError(f"an RMR call {key} is already waiting")
            self._calls[key] = queue.SimpleQueue()
            return self._calls[key]

    def _frame(self, message: RmrMessage, flags: int, call_id: int) -> bytes:
        outgoing = RmrMessage(
            message.mtype,
            message.payload,
            message.sub_id,
            message.meid,
            message.transaction_id,
            self.source,
            self.source_ip,
            flags,
            call_id,
            message.trace or self._trace,
        )
        return encode(outgoing)

    # --- receiving ---------------------------------------------------------------------------

    def receive(self, timeout_s: float | None = None) -> Delivery | None:
        """The next message and its way back; None after the time allowed, or once closed.

        Args:
            timeout_s: 0 only looks; None waits for as long as the endpoint is open.
        """
        try:
            delivery = self._ring.get(timeout=timeout_s) if timeout_s != 0 else self._ring.get_nowait()
        except queue.Empty:
            return None
        if delivery is None:
            self._ring.put(None)  # for the next one who waits
        return delivery

    def _take(self, message: RmrMessage, connection: Connection) -> None:
        if message.call_id and not message.flags & CALL_FLAG:
            self._answer(message)
            return
        path = ReplyPath(message.source, message.source_ip, connection)
        handler = self.on_message
        if handler is not None:
            self._handle(handler, message, path)
        elif self._ring.qsize() >= self._ring_limit:
            self._count_drop()
        else:
            self._ring.put((message, path))

    def _answer(self, message: RmrMessage) -> None:
        waiting = self._calls.get((message.call_id, message.transaction_id))
        if waiting is not None:
            waiting.put(message)
        else:
            _log.debug("RMR answer of type %d came too late", message.mtype)

    @staticmethod
    def _handle(handler: Handler, message: RmrMessage, path: ReplyPath) -> None:
        try:
            handler(message, path)
        except Exception:  # noqa: BLE001 - logged; the reader serves every peer, one message must not end it
            _log.exception("handler failed on RMR type %d from %s", message.mtype, message.source)

    def _count_drop(self) -> None:
        if self.dropped == 0 or self.dropped % 1000 == 0:
            _log.warning("RMR ring of %d messages is full; %d dropped before", self._ring_limit, self.dropped)
        self.dropped += 1
