"""gRPC face of the experience folder (``proto/experience.proto``): takes streams, stores, acknowledges, accounts.

Of every number that an xApp has given out exactly one is true: it is stored, the xApp dropped it, or it is lost. What
is acknowledged is on disk; what is only in memory when this process dies, the xApp sends again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import grpc

from oran._generated import experience_pb2 as messages
from oran._generated.experience_pb2_grpc import ExperienceSinkServicer
from oran.errors import DecodeError, ModelError
from rapp.experience.segments import ExperienceFolder, StreamSpan
from rapp.experience.steps import Step, decode
from rapp.metrics import ExperienceMetrics

log = logging.getLogger(__name__)

MAX_STREAMS: Final = 16
"""A stream holds a thread of the server."""


Part: TypeAlias = "messages.Transition | messages.Farewell | None"
"""What a stream is made of; None: a sign of life."""


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """When a stream's steps become a segment.

    Attributes:
        max_age_s: after so long even a small segment is written, and acknowledged [s].
    """

    max_steps: int = 256
    max_bytes: int = 8 * 1024 * 1024
    max_age_s: float = 5.0


@dataclass
class Account:
    """What became of the numbers of one stream: ``recorded == stored + dropped + lost``, with what is held counted as
    stored once it is."""

    xapp: str
    through: int = 0
    """Highest number met."""
    stored: int = 0
    dropped: int = 0
    """As the xApp says; never more than are missing."""
    held: int = 0
    """Decoded, and not yet on disk."""

    @property
    def lost(self) -> int:
        return self.through - self.stored - self.held - self.dropped

    def meet(self, sequence: int, dropped: int) -> None:
        """A number came, with the xApp's own count of what it dropped before."""
        self.through = sequence
        self.tell_dropped(dropped)

    def tell_dropped(self, dropped: int) -> None:
        missing = self.through - self.stored - self.held
        self.dropped = max(self.dropped, min(dropped, missing))


@dataclass
class _Connection:
    """One connection of a stream: steps that are held, and since when something waits to be acknowledged."""

    stream_id: str
    account: Account
    acknowledged: int
    held: list[Step] = field(default_factory=list)
    held_bytes: int = 0
    since_s: float = 0.0


class ExperienceServicer(ExperienceSinkServicer):
    """Serves one folder.

    Args:
        now_s: monotonic clock [s].
    """

    def __init__(
        self,
        folder: ExperienceFolder,
        metrics: ExperienceMetrics,
        limits: SegmentLimits | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._metrics = metrics
        self._limits = limits or SegmentLimits()
        self._now_s = now_s
        self._accounts: dict[str, Account] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let running streams store what they hold, acknowledge it and end."""
        self._stopping.set()

    def account(self, stream_id: str) -> Account | None:
        """Where a stream stands."""
        return self._accounts.get(stream_id)

    def Stream(  # noqa: N802
        self, request_iterator: Iterator[messages.StreamRequest], context: grpc.ServicerContext
    ) -> Iterator[messages.Ack]:
        opening = next(request_iterator, messages.StreamRequest()).opening
        if not opening.stream_id:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a stream begins with an opening that names it")
        refusal = self._admit(opening.stream_id)
        if refusal:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, refusal)
        try:
            yield from self._served(opening, request_iterator)
        except ModelError as error:
            log.error("experience of %s: %s", opening.xapp, error)
            context.abort(grpc.StatusCode.INTERNAL, str(error))
        finally:
            with self._lock:
                self._busy.discard(opening.stream_id)
            self._metrics.streams.set(len(self._busy))

    def _admit(self, stream_id: str) -> str:
        """Why a connection cannot be taken; empty if it is."""
        with self._lock:
            if stream_id in self._busy:
                return "the stream has a connection that has not ended yet"
            if len(self._busy) >= MAX_STREAMS:
                return f"{MAX_STREAMS} streams are open already"
            self._busy.add(stream_id)
        self._metrics.streams.set(len(self._busy))
        return ""

    def _served(self, opening: messages.Opening, requests: Iterator[messages.StreamRequest]) -> Iterator[messages.Ack]:
        """Take and store until the client ends, breaks off, or we stop.

        Nothing is read while a segment is written: gRPC's flow control then holds the client back.
        """
        account = self._account_of(opening)
        connection = _Connection(opening.stream_id, account, account.through)
        yield messages.Ack(through=account.through)
        try:
            for part in _parts(requests):
                self._take(connection, part)
                if self._stopping.is_set():
                    break
                if self._due(connection):
                    yield self._flush(connection)
            yield self._flush(connection)
        finally:
            self._forget_held(connection)

    def _account_of(self, opening: messages.Opening) -> Account:
        """The stream's account: kept, or read from the newest segment that has some of it."""
        account = self._accounts.get(opening.stream_id)
        if account is None:
            span = self._folder.last_span(opening.stream_id)
            account = Account(opening.xapp)
            if span is not None:
                account = Account(opening.xapp, span.through, span.stored, span.dropped)
            with self._lock:
                self._accounts[opening.stream_id] = account
        return account

    def _take(self, connection: _Connection, part: Part) -> None:
        account = connection.account
        if isinstance(part, messages.Farewell):
            account.through = max(account.through, part.recorded)
            account.tell_dropped(part.dropped)
        elif part is not None and part.sequence <= account.through:
            self._metrics.repeated.inc()
        elif part is not None:
            self._hold(connection, part)

    def _hold(self, connection: _Connection, message: messages.Transition) -> None:
        account = connection.account
        if account.through == connection.acknowledged:
            connection.since_s = self._now_s()
        try:
            step = decode(connection.stream_id, message)
        except DecodeError as error:
            log.warning("experience of %s: %s", account.xapp, error)
        else:
            connection.held.append(step)
            connection.held_bytes += message.ByteSize()
            account.held += 1
            self._metrics.bytes.inc(message.ByteSize())
        account.meet(message.sequence, message.dropped)

    def _due(self, connection: _Connection) -> bool:
        """Whether to write and acknowledge; numbers that were lost want to be acknowledged too."""
        limits, waiting = self._limits, connection.account.through - connection.acknowledged
        if not waiting:
            return False
        full = waiting >= limits.max_steps or connection.held_bytes >= limits.max_bytes
        return full or self._now_s() - connection.since_s >= limits.max_age_s

    def _flush(self, connection: _Connection) -> messages.Ack:
        """Write what is held; everything met so far is settled then.

        Raises:
            ModelError: the disk refuses; nothing is acknowledged.
        """
        account, steps = connection.account, connection.held
        if steps:
            span = StreamSpan(
                stream_id=connection.stream_id,
                xapp=account.xapp,
                first=steps[0].sequence,
                through=account.through,
                stored=account.stored + len(steps),
                dropped=account.dropped,
                lost=account.lost,
            )
            self._folder.write(steps, span)
            account.stored, account.held = account.stored + len(steps), 0
            connection.held, connection.held_bytes = [], 0
        connection.acknowledged = account.through
        self._show()
        return messages.Ack(through=account.through)

    def _show(self) -> None:
        with self._lock:
            accounts = list(self._accounts.values())
        for xapp in {each.xapp for each in accounts}:
            of_xapp = [each for each in accounts if each.xapp == xapp]
            for fate in ("stored", "dropped", "lost"):
                self._metrics.transitions.labels(xapp, fate).set(sum(getattr(each, fate) for each in of_xapp))
        self._metrics.folder_bytes.set(self._folder.size_bytes)
        self._metrics.segments.set(len(self._folder.manifests))

    def _forget_held(self, connection: _Connection) -> None:
        """The connection broke before what is held was written: it will be sent again, and must be new then."""
        if connection.held:
            account = connection.account
            account.through = connection.held[0].sequence - 1
            account.held = 0
            account.dropped = min(account.dropped, account.through - account.stored)
            connection.held = []


def _parts(requests: Iterator[messages.StreamRequest]) -> Iterator[Part]:
    """What a client says, transition by transition; one that breaks off ends it like one that closes: what it sent is
    kept."""
    try:
        for request in requests:
            if request.WhichOneof("part") == "farewell":
                yield request.farewell
            yield from request.batch.transitions or (None,)
    except grpc.RpcError as error:
        log.info("an experience stream broke off: %r", error)
