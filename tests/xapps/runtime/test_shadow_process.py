"""A shadow in a process of its own: the same comparison; what becomes of the process costs what serves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest

from oran.e2sm.rrm import Allocation, RadioReport, decode_report, encode_allocation, encode_report
from oran.platform.a1 import GuardRules, ModelPolicy
from tests.system.models import untrained
from tests.xapps.runtime.doubles import (
    MEID,
    FixedAllocator,
    Rig,
    Ticking,
    indication_messages,
    make_allocation,
    make_report,
)
from xapps import allocators
from xapps.runtime import model_slot, shadow_child, shadow_pipe
from xapps.runtime.comparing import Compared
from xapps.runtime.decision import Decision
from xapps.runtime.model_slot import Serving
from xapps.runtime.shadow import Answered, Beside, ShadowAbsent, ShadowFailed, ShadowLate
from xapps.runtime.shadow_process import LONGEST_PAUSE_S, ShadowProcess

SHADOW = ModelPolicy(allocator="matching", mode="shadow", guard=GuardRules(min_intervals=20, block_intervals=5))


def matching() -> Serving:
    return Serving(allocators.build("matching"))


def answered(report: RadioReport, *, min_rate: float | None = None) -> Answered:
    """A report that was answered, its values as they come off the wire; with ``min_rate`` demands are in force."""
    octets = encode_report(report)
    report = decode_report(octets)
    granted = make_allocation(report)
    seen = report if min_rate is None else replace(report, min_rate_bps_hz=np.full(report.num_ues, min_rate))
    decision = Decision(granted, "equal", None, seen)
    return Answered(MEID, decision, octets, encode_allocation(granted))


class Ends(list[str]):
    """Why processes ended."""


def shadow_of(candidate: Serving, ends: Ends, now_s: Callable[[], float] = time.monotonic, deadline_s: float = 20.0):
    return ShadowProcess(
        candidate, deadline_s=deadline_s, on_end=ends.append, rng=np.random.default_rng(0), now_s=now_s
    )


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture(scope="module")
def shadow() -> Iterator[ShadowProcess]:
    """One that the tests share which leave it alive."""
    process = shadow_of(matching(), Ends())
    yield process
    process.close()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    """What another process does raises no event here."""
    end_s = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < end_s, "it never came true"
        time.sleep(0.02)


def test_a_classic_candidate_is_compared_as_it_would_be_in_this_process_and_gives_way(shadow: ShadowProcess) -> None:
    beside = Beside(matching())
    for seed in range(5):
        task = answered(make_report(seed=seed))
        assert replace(shadow.compared(task), took_s=0.0) == replace(beside.compared(task), took_s=0.0)
    assert shadow.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, shadow.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert "torch" not in Path(f"/proc/{shadow.pid}/maps").read_text()


def test_demands_in_force_count_in_the_shadow_too(shadow: ShadowProcess) -> None:
    hardly, hard = (answered(make_report(), min_rate=rate) for rate in (1e-3, 1e6))
    assert shadow.compared(hardly).incumbent.satisfied == 1.0
    assert shadow.compared(hard).incumbent.satisfied == 0.0


def test_a_learned_candidate_is_built_again_from_its_weights(ends: Ends) -> None:
    candidate, task = model_slot.build(untrained("test")), answered(make_report())
    shadow = shadow_of(candidate, ends)
    try:
        here = Beside(candidate).compared(task)
        assert replace(shadow.compared(task), took_s=0.0) == replace(here, took_s=0.0)
    finally:
        shadow.close()


def test_a_candidate_that_cannot_decide_fails_and_its_process_goes_on(shadow: ShadowProcess) -> None:
    with pytest.raises(ShadowFailed, match="channel"):
        shadow.compared(without_channel())
    pid = shadow.pid
    shadow.compared(answered(make_report()))
    assert shadow.pid == pid is not None


def without_channel() -> Answered:
    task = answered(make_report())
    return replace(task, report_octets=encode_report(replace(make_report(), gain_db=None)))


def test_a_process_that_dies_is_counted_and_comes_back_after_a_pause(ends: Ends) -> None:
    clock, task = Ticking(), answered(make_report())
    shadow = shadow_of(matching(), ends, clock)
    try:
        shadow.compared(task)
        first = shadow.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ShadowFailed):
            shadow.compared(task)
        assert ends == ["crashed"]
        with pytest.raises(ShadowAbsent):
            shadow.compared(task)
        clock.time_s += LONGEST_PAUSE_S
        shadow.compared(task)
        assert shadow.pid not in (None, first)
    finally:
        shadow.close()


def test_a_process_that_is_stuck_is_ended_at_its_deadline(ends: Ends) -> None:
    shadow, task = shadow_of(matching(), ends, deadline_s=1.0), answered(make_report())
    shadow.compared(task)
    pid = shadow.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ShadowLate):
        shadow.compared(task)
    assert ends == ["late"]
    assert not is_running(pid)


def test_a_model_that_cannot_be_built_there_is_refused_and_not_tried_at_every_report(ends: Ends) -> None:
    candidate = model_slot.build(untrained("test"))
    shadow, task = shadow_of(replace(candidate, weights=candidate.weights[:-1]), ends), answered(make_report())
    with pytest.raises(ShadowFailed, match="DigestMismatch"):
        shadow.compared(task)
    with pytest.raises(ShadowAbsent):
        shadow.compared(task)
    assert ends == ["refused"]


def test_a_closed_shadow_ends_its_process_counts_no_end_and_starts_no_other(ends: Ends) -> None:
    shadow, task = shadow_of(matching(), ends), answered(make_report())
    shadow.compared(task)
    pid = shadow.pid
    assert pid is not None
    shadow.close()
    wait_until(lambda: not is_running(pid))
    for _ in range(2):
        with pytest.raises(ShadowAbsent):
            shadow.compared(task)
    assert ends == []


@dataclass
class Remembering(FixedAllocator):
    """An allocator that meets demands over time, and what it was told to forget."""

    gone: list[str] = field(default_factory=list)

    def decide_at(self, meid: str, report: RadioReport) -> Allocation:
        return self.decide(report)

    def sharing(self, meid: str) -> None: ...

    def forget(self, meid: str) -> None:
        self.gone.append(meid)

    def refusal(self, reports: Sequence[RadioReport]) -> str:
        return ""

    def constant_service_ratio(self, reports: Sequence[RadioReport]) -> float:
        return 1.0


def test_nodes_that_have_gone_are_forgotten_before_the_next_report_is_decided_on() -> None:
    asked = answered(make_report())
    ours, theirs = Pipe()
    with ours, theirs:
        rates = np.full(4, 1e-3)
        shadow_pipe.send_task(
            ours, shadow_pipe.Task(MEID, asked.report_octets, asked.answer_octets, rates, gone=["gnb_1", "gnb_2"])
        )
        task = shadow_pipe.receive_task(theirs)
    allocator = Remembering()
    found = shadow_child.answered(allocator, task)
    assert isinstance(found, Compared)
    assert (found.agreement, found.incumbent, found.incumbent.satisfied) == (1.0, found.candidate, 1.0)
    assert allocator.gone == ["gnb_1", "gnb_2"]


def test_a_node_that_goes_is_told_to_whoever_decides_beside(rig: Rig) -> None:
    allocator = Remembering("new")
    rig.trials.begin(Serving(allocator), SHADOW)
    rig.decider.forget(MEID)
    assert allocator.gone == [MEID]


PARENT = """
import sys, time
from tests.xapps.runtime.test_shadow_process import Ends, answered, make_report, matching, shadow_of
shadow = shadow_of(matching(), Ends())
shadow.compared(answered(make_report()))
print(shadow.pid, flush=True)
time.sleep(60)
"""


def test_the_process_ends_when_the_xapp_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert is_running(pid)
        finally:
            parent.kill()
    wait_until(lambda: not is_running(pid))


def test_in_the_loop_a_trial_ends_its_process_and_shows_what_a_thread_would_have_shown(ends: Ends) -> None:
    started: list[ShadowProcess] = []

    def partner(candidate: Serving) -> ShadowProcess:
        started.append(shadow_of(candidate, ends))
        return started[-1]

    shown = []
    for rig in (Rig(partner=partner), Rig()):
        rig.trials.begin(matching(), SHADOW)
        for number in range(1, 31):
            rig.app.on_messages(indication_messages(make_report(number, seed=number)))
            rig.trials.background.run_pending()
        assert rig.metrics.count(rig.metrics.shadow_decisions, outcome="compared") == 30
        shown.append({bound: loss(rig, bound) for bound in ("low", "mean", "high")})
        rig.trials.stop()
    assert shown[0] == shown[1]
    [process] = started
    wait_until(lambda: process.pid is None or not is_running(process.pid))
    assert ends == []


def loss(rig: Rig, bound: str) -> float | None:
    labels = {"mode": "shadow", "kpi": "throughput", "bound": bound}
    return rig.metrics.registry.get_sample_value("ricxapp_trial_loss_ratio", labels)


STUCK = """
import itertools, sys
from multiprocessing.connection import Connection
from xapps.runtime import shadow_child
shadow_child.answered = lambda allocator, task: sum(1 for _ in itertools.count())
shadow_child.main(Connection(int(sys.argv[1])), 0.05)
"""


def test_a_stuck_process_that_nobody_ends_is_ended_by_the_kernel() -> None:
    ours, theirs = Pipe()
    with theirs:
        command = [sys.executable, "-c", STUCK, str(theirs.fileno())]
        child = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    shadow_pipe.send_candidate(ours, matching())
    shadow_pipe.receive_ready(ours)
    shadow_pipe.send_task(ours, shadow_pipe.Task(MEID, b"", b"", np.zeros(0)))
    assert child.wait(30) == -signal.SIGALRM
