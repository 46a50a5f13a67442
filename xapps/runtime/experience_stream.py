"""What an xApp saw, decided and got for it, on its way to the rApp: the half that talks (``proto/experience.proto``).

A thread of its own connects, sends, keeps what is not settled, and sends it again over the next connection. At most
``window`` transitions are under way; while the rApp is slow or gone, what is new waits in the ``Outbox``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

import grpc
import numpy as np

from oran._generated import experience_pb2 as messages
from oran._generated.experience_pb2_grpc import ExperienceSinkStub
from oran.e2sm.rrm import encode_report
from oran.errors import LocalProtocolError
from oran.transport import backoff_s
from xapps.runtime.experience import ExperienceMetrics, Outbox, Recorder, Transition

log = logging.getLogger(__name__)

WINDOW: Final = 512
"""Transitions that may be under way without an acknowledgement."""

LOOK_S: Final = 0.1
"""How often the sender looks for something to send: so the decision's thread need not wake it."""

LOOKS_A_SIGN: Final = 5
"""Looks in vain between two empty batches."""

BATCH: Final = 8
BATCH_BYTES: Final = 1024 * 1024
"""A batch ends with the transition that fills it; few messages cost the xApp less than many."""
PAUSE_S: Final = 0.001
"""Between two batches, however much waits: encoding shares the interpreter with the decisions."""

MAX_REPORT_BYTES: Final = 3 * 1024 * 1024 - 64 * 1024
"""A larger one would not fit into a message of gRPC behind a batch that is nearly full: 64 UEs x 19 RUs x 273 PRBs are
0.7 MB."""

KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
)
"""An rApp whose machine went away without a word is noticed."""


class ExperienceStream:
    """Sends what a recorder records, until ``stop``.

    Args:
        target: ``host:port`` of the rApp's gRPC face.
        stream_id: unique to this life of the xApp.
        xapp: its name.
        rng: spreads the pauses between attempts to connect.
        farewell_s: how long ``stop`` lets what waits be sent and settled [s].
    """

    def __init__(
        self,
        target: str,
        recorder: Recorder,
        *,
        stream_id: str,
        xapp: str,
        rng: np.random.Generator,
        farewell_s: float = 2.0,
        window: int = WINDOW,
    ) -> None:
        self.target = target
        self._recorder = recorder
        self._outbox: Outbox = recorder.outbox
        self._metrics: ExperienceMetrics = recorder.metrics
        self._opening = messages.StreamRequest(opening=messages.Opening(stream_id=stream_id, xapp=xapp))
        self._rng = rng
        self._farewell_s = farewell_s
        self._window = window
        self._stopping, self._stopped = threading.Event(), threading.Event()
        self._settled = 0
        self._lock = threading.Lock()
        self._under_way: deque[messages.Transition] = deque()
        """Sent, or about to be, and not settled; oldest first."""
        self._metrics.waiting.set_function(lambda: float(self._unsettled()))

    # --- life -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Connect and send, again and again, until ``stop``; after that once more, if something broke."""
        failure = ""
        pauses = backoff_s(self._rng)
        try:
            while True:
                last, settled = self._stopping.is_set(), self._settled
                reason = self._connected()
                if reason and reason != failure:
                    log.warning("experience does not reach %s: %s", self.target, reason)
                failure = reason
                if last or not reason or self._stopped.is_set():
                    return
                if self._settled > settled:
                    pauses = backoff_s(self._rng)  # it worked for a while
                self._stopping.wait(next(pauses))
        finally:
            self._stopped.set()

    def stop(self) -> None:
        """Send what waits and say farewell, if the rApp is there, within the time for it; then end ``run``."""
        self._stopping.set()
        self._stopped.wait(self._farewell_s)
        self._stopped.set()

    # --- one connection -----------------------------------------------------------------------------------

    def _connected(self) -> str:
        """Send until the connection ends; returns what ended it, empty after a farewell."""
        opened, over = threading.Event(), threading.Event()
        with grpc.insecure_channel(self.target, KEEPALIVE) as channel:
            call = ExperienceSinkStub(channel).Stream(self._requests(opened, over))
            threading.Thread(target=self._cut_when_stopped, args=(call, over), daemon=True).start()
            try:
                for ack in call:
                    self._settle(ack.through)
                    opened.set()
                    self._metrics.connected.set(1)
            except grpc.RpcError as error:
                return f"{error.code().name}: {error.details()}"
            finally:
                over.set()
                self._metrics.connected.set(0)
        done = self._stopping.is_set() and not self._unsettled()
        return "" if done else "the rApp closed the stream"

    def _unsettled(self) -> int:
        return len(self._outbox) + len(self._under_way)

    def _cut_when_stopped(self, call: grpc.Call, over: threading.Event) -> None:
        while not over.wait(0.1):
            if self._stopped.is_set():
                call.cancel()
                return

    def _requests(self, opened: threading.Event, over: threading.Event) -> Iterator[messages.StreamRequest]:
        """What the connection sends; runs on a thread of gRPC's."""
        yield self._opening
        while not opened.wait(LOOK_S):  # the first acknowledgement tells what need not be sent again
            if over.is_set():
                return
        with self._lock:
            again = list(self._under_way)
        self._metrics.resent.inc(len(again))
        for message in again:
            yield _request([message])
        for batch in self._fresh(over):
            yield _request(batch)
            if over.wait(PAUSE_S):
                return
        if not over.is_set():
            recorder = self._recorder
            yield messages.StreamRequest(
                farewell=messages.Farewell(recorded=recorder.recorded, dropped=self._outbox.dropped)
            )

    def _fresh(self, over: threading.Event) -> Iterator[list[messages.Transition]]:
        """What waits, as the window allows, until nothing does and we are stopping, or the connection is over; an empty
        batch now and then, where nothing does."""
        idle = 0
        while not over.is_set():
            batch = self._taken()
            if batch:
                idle = 0
                yield batch
            elif self._stopping.is_set() and not len(self._outbox):
                return
            else:
                over.wait(LOOK_S)
                idle += 1
                if idle % LOOKS_A_SIGN == 0:
                    yield []

    def _taken(self) -> list[messages.Transition]:
        """The next batch, from now on under way."""
        batch: list[messages.Transition] = []
        size_bytes = 0
        while len(batch) < BATCH and size_bytes < BATCH_BYTES and len(self._under_way) < self._window:
            transition = self._outbox.take()
            if transition is None:
                break
            message = self._packed(transition)
            with self._lock:
                self._under_way.append(message)
            batch.append(message)
            size_bytes += message.ByteSize()
            time.sleep(0)  # gives the interpreter to the decision's thread if it wants it
        self._metrics.sent.inc(len(batch))
        self._metrics.bytes.inc(size_bytes)
        return batch

    def _packed(self, transition: Transition) -> messages.Transition:
        return messages.Transition(
            sequence=transition.sequence,
            dropped=self._outbox.dropped,
            meid=transition.meid,
            report=_encoded(transition),
            outcome_report_id=transition.outcome_report_id,
            obeyed=transition.obeyed,
            allocator=transition.allocator,
            model=transition.model,
            version=transition.version,
            corrections=transition.corrections,
        )

    def _settle(self, through: int) -> None:
        with self._lock:
            settled = 0
            while self._under_way and self._under_way[0].sequence <= through:
                self._under_way.popleft()
                settled += 1
        self._settled += settled
        self._metrics.acked.inc(settled)


def _encoded(transition: Transition) -> bytes:
    """The report's octets; none where the wire has no room for it, which the rApp counts as lost."""
    report = transition.report
    try:
        octets = encode_report(report)
    except LocalProtocolError as error:
        log.warning("report %d of %s cannot be sent on: %s", report.report_id, transition.meid, error)
        return b""
    if len(octets) > MAX_REPORT_BYTES:
        log.warning("report %d of %s cannot be sent on: %d bytes", report.report_id, transition.meid, len(octets))
        return b""
    return octets


def _request(batch: list[messages.Transition]) -> messages.StreamRequest:
    return messages.StreamRequest(batch=messages.Batch(transitions=batch))
