"""The stream between a real sender and a real sink: every number is accounted for, whatever breaks between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest

from oran._generated import experience_pb2 as messages
from oran._generated.experience_pb2_grpc import ExperienceSinkStub
from rapp.experience import ExperienceFolder, load
from rapp.experience import sink as sink_module
from rapp.experience.sink import Account, ExperienceServicer, SegmentLimits
from rapp.metrics import ExperienceMetrics as SinkMetrics
from rapp.service import StoreServer
from rapp.store import MemoryStore
from tests.rapp.experience.doubles import MEID, make_decision, make_outcome, make_report, message_of, request_of
from xapps.runtime import experience_stream
from xapps.runtime.decision import Decision
from xapps.runtime.experience import ExperienceMetrics, Outbox, Recorder
from xapps.runtime.experience_stream import ExperienceStream
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import Serving

WAIT_S = 20.0
QUICK = SegmentLimits(max_steps=16, max_age_s=0.05)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "did not come about"
        time.sleep(0.005)


@dataclass
class Named:
    name: str = "ssvae"


class Xapp:
    """The sending half with its recorder; ``say`` stands for a report answered and its outcome told."""

    def __init__(self, target: str, *, queue: int = 10_000, window: int = 64, stream_id: str = "life-1") -> None:
        self.metrics = ExperienceMetrics(Metrics())
        outbox = Outbox(queue, 10**9)
        self.recorder = Recorder(outbox, self.metrics, share=1.0, rng=np.random.default_rng(0))
        self.stream = ExperienceStream(
            target,
            self.recorder,
            stream_id=stream_id,
            xapp="ssvae",
            rng=np.random.default_rng(1),
            window=window,
            farewell_s=WAIT_S,
        )
        self._said = 0
        self._thread = threading.Thread(target=self.stream.run, daemon=True)

    def say(self, count: int) -> None:
        for _ in range(count):
            self._said += 1
            report = make_report(self._said)
            if self._said > 1:
                report = make_report(self._said)
                kpi = make_outcome(make_report(self._said - 1))
                report = _with(report, kpi=kpi)
            decision = Decision(make_decision(report), "ssvae", Serving(Named()), report)  # type: ignore[arg-type]
            self.recorder.answered((MEID, 1), report, decision, sent=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stream.stop()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def counted(self, name: str) -> int:
        return int(getattr(self.metrics, name)._value.get())


def _with(report, **fields):
    from dataclasses import replace

    return replace(report, **fields)


class Sink:
    """The rApp's half on a port that stays its own over restarts."""

    def __init__(self, root: Path, limits: SegmentLimits = QUICK, max_bytes: int = 10**9) -> None:
        self.root, self.limits, self.max_bytes = root, limits, max_bytes
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        self.metrics = SinkMetrics()
        self.folder = ExperienceFolder(self.root, max_bytes=self.max_bytes)
        self.servicer = ExperienceServicer(self.folder, self.metrics, self.limits)
        self.server = StoreServer(MemoryStore(), self.address, experience=self.servicer)
        self.server.start()
        self.address = self.server.target

    def stop(self, grace_s: float = 5.0) -> None:
        self.server.stop(grace_s)

    def stored(self) -> list[int]:
        """Report ids in the order of the segments."""
        return [slot - 5 for batch in load(self.root) for slot in batch.slot.tolist()]

    def account(self, stream_id: str = "life-1") -> Account:
        account = self.servicer.account(stream_id)
        assert account is not None
        return account


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    sink = Sink(tmp_path)
    yield sink
    sink.stop(0)


def test_everything_recorded_arrives_in_order_and_is_acknowledged(sink: Sink) -> None:
    xapp = Xapp(sink.address)
    xapp.start()
    xapp.say(201)
    until(lambda: xapp.counted("acked") == 200)
    xapp.stop()
    assert sink.stored() == list(range(1, 201))
    account = sink.account()
    assert (account.through, account.stored, account.dropped, account.lost, account.held) == (200, 200, 0, 0, 0)
    assert (xapp.counted("sent"), xapp.counted("resent"), xapp.counted("dropped")) == (200, 0, 0)
    assert xapp.counted("bytes") == sink.metrics.bytes._value.get() > 200 * 100
    assert sink.metrics.transitions.labels("ssvae", "stored")._value.get() == 200


def test_what_is_sent_carries_the_decision_and_its_own_outcome(sink: Sink) -> None:
    xapp = Xapp(sink.address)
    xapp.start()
    xapp.say(11)
    xapp.stop()
    [batch] = load(sink.root)
    for row in range(10):
        report = make_report(row + 1)
        np.testing.assert_array_equal(batch.decision.power_w[row], make_decision(report).power_w)
        np.testing.assert_array_equal(batch.outcome.rate_bps_hz[row], make_outcome(report).rate_bps_hz)
    assert batch.next_index.tolist() == [*range(1, 10), -1]


def test_a_farewell_lets_what_waits_arrive_before_the_end(tmp_path: Path) -> None:
    sink = Sink(tmp_path, SegmentLimits(max_steps=1000, max_age_s=1000.0))
    xapp = Xapp(sink.address)
    xapp.start()
    xapp.say(31)
    xapp.stop()
    assert sink.stored() == list(range(1, 31))
    assert len(sink.folder.manifests) == 1
    assert xapp.counted("acked") == 30
    sink.stop(0)


def test_while_the_sink_is_away_the_oldest_are_dropped_and_every_number_is_accounted_for(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    xapp = Xapp(sink.address, queue=50, window=16)
    xapp.start()
    xapp.say(31)
    until(lambda: xapp.counted("acked") == 30)
    sink.stop()
    xapp.say(300)
    sink.start()
    until(lambda: xapp.counted("connected") == 1)
    until(lambda: len(xapp.recorder.outbox) == 0)
    xapp.say(10)
    xapp.stop()
    recorded, dropped = xapp.recorder.recorded, xapp.recorder.outbox.dropped
    assert recorded == 340
    assert 200 < dropped == xapp.counted("dropped")
    account = sink.account()
    assert (account.through, account.dropped, account.lost) == (recorded, dropped, 0)
    assert account.stored + account.dropped + account.lost == recorded
    assert sorted(sink.stored()) == sink.stored()
    assert len(set(sink.stored())) == len(sink.stored()) == account.stored == xapp.counted("acked")
    sink.stop(0)


def test_a_sink_killed_with_unwritten_steps_gets_them_again_and_none_twice(tmp_path: Path) -> None:
    sink = Sink(tmp_path, SegmentLimits(max_steps=10, max_age_s=1000.0))
    xapp = Xapp(sink.address)
    xapp.start()
    xapp.say(26)
    until(lambda: xapp.counted("acked") == 20)
    until(lambda: sink.account().through == 25)
    assert sink.account().held == 5
    sink.folder.write = _refuse  # type: ignore[method-assign]  # the process dies: nothing more reaches the disk
    sink.stop(0)
    assert xapp.counted("acked") == 20
    sink.start()
    xapp.say(4)
    xapp.stop()
    assert sink.stored() == list(range(1, 30))
    assert xapp.counted("resent") >= 5
    assert (sink.account().stored, sink.account().lost) == (29, 0)
    sink.stop(0)


def _refuse(*_: object) -> None:
    from oran.errors import ModelError

    raise ModelError("no disk")


def test_a_full_disk_ends_the_stream_with_internal_and_loses_nothing(sink: Sink) -> None:
    write, failed = sink.folder.write, threading.Event()

    def failing(*arguments) -> None:
        failed.set()
        _refuse()

    sink.folder.write = failing  # type: ignore[method-assign]
    xapp = Xapp(sink.address)
    xapp.start()
    xapp.say(21)
    assert failed.wait(WAIT_S)
    sink.folder.write = write  # type: ignore[method-assign]
    xapp.stop()
    assert sink.stored() == list(range(1, 21))


def test_a_slow_sink_holds_the_sender_at_its_window_and_not_the_decisions(sink: Sink) -> None:
    write, gate = sink.folder.write, threading.Event()

    def slow(*arguments):
        gate.wait(WAIT_S)
        return write(*arguments)

    sink.folder.write = slow  # type: ignore[method-assign]
    xapp = Xapp(sink.address, queue=100, window=32)
    xapp.start()
    xapp.say(501)  # returns although nothing moves
    until(lambda: xapp.counted("sent") == 32)
    assert len(xapp.recorder.outbox) <= 100
    gate.set()
    xapp.stop()
    account = sink.account()
    assert account.stored + account.dropped == xapp.recorder.recorded == 500
    assert account.dropped == xapp.counted("dropped") > 300
    assert account.lost == 0


def test_transitions_that_cannot_be_read_are_lost_and_do_not_stop_the_stream(sink: Sink) -> None:
    with client(sink) as send:
        acks = send(
            [message_of(1), message_of(2, report=b"garbage"), message_of(5, dropped=1), message_of(6, dropped=1)]
        )
        assert acks[-1] == 6
    account = sink.account("c")
    # 2 was unreadable, 3 or 4 was dropped by the xApp; the other one never came
    assert (account.through, account.stored, account.dropped, account.lost) == (6, 3, 1, 2)
    assert sink.stored() == [1, 5, 6]
    assert sink.metrics.transitions.labels("ssvae", "lost")._value.get() == 2


def test_a_report_too_large_for_a_message_is_lost_and_does_not_hold_up_the_rest(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experience_stream, "MAX_REPORT_BYTES", len(message_of(1).report) // 2)
    xapp = Xapp(sink.address)
    xapp.start()
    xapp.say(4)
    until(lambda: xapp.counted("acked") == 3)
    monkeypatch.undo()
    xapp.say(1)
    xapp.stop()
    assert sink.stored() == [4]
    assert (sink.account().stored, sink.account().lost) == (1, 3)


def test_a_farewell_tells_of_what_was_dropped_last(sink: Sink) -> None:
    with client(sink) as send:
        farewell = messages.StreamRequest(farewell=messages.Farewell(recorded=9, dropped=6))
        assert send([message_of(1), message_of(2)], farewell)[-1] == 9
    account = sink.account("c")
    assert (account.through, account.stored, account.dropped, account.lost) == (9, 2, 6, 1)


def test_numbers_that_come_again_are_counted_and_not_stored_twice(sink: Sink) -> None:
    for _ in range(2):
        with client(sink) as send:
            send([message_of(1), message_of(2)])
    assert sink.stored() == [1, 2]
    assert sink.metrics.repeated._value.get() == 2


def test_a_stream_goes_on_after_a_restart_of_the_sink_where_the_segments_end(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    with client(sink) as send:
        assert send([message_of(1), message_of(4, dropped=2)])[-1] == 4
    sink.stop(0)
    sink.start()
    with client(sink) as send:
        assert send([message_of(4, dropped=2), message_of(5, dropped=2)]) == [4, 5]
    assert (sink.account("c").stored, sink.account("c").dropped, sink.account("c").lost) == (3, 2, 0)
    assert sink.stored() == [1, 4, 5]
    sink.stop(0)


def test_a_stream_needs_an_opening_and_has_one_connection_at_a_time(sink: Sink) -> None:
    with grpc.insecure_channel(sink.address) as channel:
        stub = ExperienceSinkStub(channel)
        headless = stub.Stream(iter([request_of(message_of(1))]))
        assert code_of(headless) is grpc.StatusCode.INVALID_ARGUMENT
        held = threading.Event()
        first = stub.Stream(_opened_until(held))
        assert next(first).through == 0
        assert code_of(stub.Stream(_opened_until(held))) is grpc.StatusCode.RESOURCE_EXHAUSTED
        held.set()
        assert [ack.through for ack in first] == [0]


def test_more_streams_than_threads_are_turned_away(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "MAX_STREAMS", 1)
    held = threading.Event()
    with grpc.insecure_channel(sink.address) as channel:
        stub = ExperienceSinkStub(channel)
        first = stub.Stream(_opened_until(held))
        next(first)
        assert code_of(stub.Stream(_opened_until(held, "other"))) is grpc.StatusCode.RESOURCE_EXHAUSTED
        held.set()
        list(first)


def _opened_until(held: threading.Event, stream_id: str = "c") -> Iterator[messages.StreamRequest]:
    yield messages.StreamRequest(opening=messages.Opening(stream_id=stream_id, xapp="ssvae"))
    held.wait(WAIT_S)


def code_of(call: grpc.Call) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value.code()


@contextmanager
def client(sink: Sink) -> Iterator[Callable[..., list[int]]]:
    """A client by hand: sends, closes its side, and returns what was acknowledged."""
    with grpc.insecure_channel(sink.address) as channel:

        def send(steps: list[messages.Transition], *more: messages.StreamRequest) -> list[int]:
            opening = messages.StreamRequest(opening=messages.Opening(stream_id="c", xapp="ssvae"))
            requests = [opening, request_of(*steps), *more]
            acks = [ack.through for ack in ExperienceSinkStub(channel).Stream(iter(requests))]
            until(lambda: not sink.servicer._busy)
            return acks

        yield send
