"""What is recorded on the decision's thread: the right pairs, every one numbered, and no waiting for anybody."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.e2sm.rrm import RadioReport
from tests.xapps.runtime.doubles import (
    MEID,
    REQUEST_ID,
    FixedAllocator,
    Rig,
    indication_messages,
    make_allocation,
    make_report,
)
from xapps.runtime.decision import Decision
from xapps.runtime.experience import ExperienceMetrics, Outbox, Recorder, Transition
from xapps.runtime.experience_stream import ExperienceStream
from xapps.runtime.inputs import Fault
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_file import Manifest
from xapps.runtime.model_slot import Serving

STREAM = (MEID, REQUEST_ID)
SERVING = Serving(FixedAllocator())


def transition(sequence: int, prbs: int = 6) -> Transition:
    return Transition(sequence, MEID, make_report(sequence, prbs=prbs), sequence + 1, True, "equal", "", 0, 0)


def recorder(share: float = 1.0, **limits: int) -> Recorder:
    outbox = Outbox(limits.get("waiting", 100), limits.get("bytes", 10**9))
    return Recorder(outbox, ExperienceMetrics(Metrics()), share=share, rng=np.random.default_rng(3))


def decision(report: RadioReport, **fields: Any) -> Decision:
    values = {"author": "equal", "serving": SERVING, "report": report}
    return Decision(granted=make_allocation(report), **(values | fields))


def answer(books: Recorder, report: RadioReport, *, sent: bool = True, **fields: Any) -> None:
    books.answered(STREAM, report, decision(report, **fields), sent=sent)


def report_of(number: int, *, late: int = 0, refused: int = 0, ues: int = 4) -> RadioReport:
    report = make_report(number, ues=ues, kpi=True)
    assert report.kpi is not None
    return replace(report, kpi=replace(report.kpi, late_decisions=late, refused_decisions=refused))


def waiting(books: Recorder) -> list[Transition]:
    found = []
    while (each := books.outbox.take()) is not None:
        found.append(each)
    return found


# --- pairing ----------------------------------------------------------------------------------------------------------


def test_a_decision_is_paired_with_the_kpis_that_the_next_report_brings() -> None:
    books, manifest = recorder(), Manifest(name="m", version=4, allocator="ssvae", sha256="0" * 64)
    first, second = report_of(1), report_of(2)
    answer(books, first, author="ssvae", serving=replace(SERVING, manifest=manifest), corrections=5)
    assert waiting(books) == []
    answer(books, second)
    [found] = waiting(books)
    assert (found.sequence, found.meid, found.outcome_report_id, found.obeyed) == (1, MEID, 2, True)
    assert (found.allocator, found.model, found.version, found.corrections) == ("ssvae", "m", 4, 5)
    assert found.report.kpi is second.kpi
    assert found.report.gain_db is first.gain_db
    assert found.report.in_force is not None
    np.testing.assert_array_equal(found.report.in_force.power_w, make_allocation(first).power_w)


def test_an_outcome_belongs_to_the_ues_of_the_decision_not_to_those_of_the_report_that_brings_it() -> None:
    books = recorder()
    before, after = report_of(1, ues=4), report_of(2, ues=3)
    answer(books, before)
    answer(books, replace(after, kpi=report_of(9, ues=4).kpi))  # one left after the interval
    [found] = waiting(books)
    assert found.report.kpi is not None
    assert found.report.kpi.rate_bps_hz.shape == found.report.ue_ids.shape == (4,)


@pytest.mark.parametrize(
    "second",
    [
        replace(report_of(2), kpi=None),
        replace(report_of(2), slot=report_of(1).slot),
        replace(report_of(2), slot=0),
        replace(report_of(2), kpi=report_of(2, ues=3).kpi),
    ],
)
def test_a_report_that_tells_nothing_of_the_interval_leaves_the_decision_unmatched(second: RadioReport) -> None:
    books = recorder()
    answer(books, report_of(1))
    answer(books, second)
    assert waiting(books) == []
    assert books.metrics.unmatched._value.get() == 1
    assert books.recorded == 0


@pytest.mark.parametrize(
    ("before", "after", "obeyed"),
    [
        ((3, 1), (3, 1), True),
        ((3, 1), (4, 1), False),
        ((3, 1), (3, 2), False),
        (None, (0, 0), True),
        (None, (1, 0), False),
    ],
)
def test_a_decision_counts_as_obeyed_if_nothing_was_late_or_refused_meanwhile(before, after, obeyed: bool) -> None:
    books = recorder()
    first = make_report(1) if before is None else report_of(1, late=before[0], refused=before[1])
    answer(books, first)
    answer(books, report_of(2, late=after[0], refused=after[1]))
    assert [each.obeyed for each in waiting(books)] == [obeyed]


def test_decisions_that_did_not_leave_or_that_nobody_took_are_not_recorded() -> None:
    books = recorder()
    answer(books, report_of(1), sent=False)
    answer(books, report_of(2), fault=Fault.NOT_FINITE)
    answer(books, report_of(3))
    books.forget(MEID)
    answer(books, report_of(4))
    assert waiting(books) == []
    answer(books, report_of(5))
    assert [each.report.report_id for each in waiting(books)] == [4]


def test_nodes_and_subscriptions_do_not_bring_each_others_outcomes() -> None:
    books, first = recorder(), report_of(1)
    books.answered(("gnb_1", 1), first, decision(first), sent=True)
    for other in (("gnb_2", 1), ("gnb_1", 2)):
        second = report_of(2)
        books.answered(other, second, decision(second), sent=True)
    assert waiting(books) == []


def test_a_share_of_the_decisions_is_drawn_and_numbers_have_no_holes() -> None:
    books = recorder(share=0.3, waiting=10_000)
    for number in range(1, 1001):
        answer(books, report_of(number))
    found = waiting(books)
    assert 230 < len(found) < 370
    assert [each.sequence for each in found] == list(range(1, books.recorded + 1))


def test_through_the_xapp_the_outcome_of_each_sent_decision_is_recorded(rig: Rig) -> None:
    books = rig.app.experience = recorder()
    for number in range(1, 5):
        rig.app.on_messages(indication_messages(make_report(number, kpi=True)))
    rig.out.broken = True
    rig.app.on_messages(indication_messages(make_report(5, kpi=True)))
    rig.app.on_messages(indication_messages(make_report(6, kpi=True)))
    assert [each.report.report_id for each in waiting(books)] == [1, 2, 3, 4]


# --- the outbox -------------------------------------------------------------------------------------------------------

moves = st.lists(st.one_of(st.integers(1, 40), st.none()), max_size=60)


@settings(max_examples=200, deadline=None)
@given(moves, st.integers(1, 8), st.integers(2000, 30_000))
def test_the_outbox_keeps_the_newest_within_its_limits_and_accounts_for_the_rest(
    steps: list[int | None], most: int, most_bytes: int
) -> None:
    """Beside it, a list that does the same the slow way."""
    outbox, model, dropped, sequence = Outbox(most, most_bytes), [], 0, 0
    for prbs in steps:
        if prbs is None:
            assert outbox.take() is (model.pop(0) if model else None)
            continue
        sequence += 1
        model.append(transition(sequence, prbs))
        surplus = 0
        while len(model) - surplus > most or sum(each.size_bytes for each in model[surplus:]) > most_bytes:
            surplus += 1
        assert outbox.offer(model[-1]) == surplus
        del model[:surplus]
        dropped += surplus
        assert (len(outbox), outbox.dropped) == (len(model), dropped)


def test_between_two_threads_every_transition_is_taken_once_or_counted_as_dropped() -> None:
    outbox, taken, count = Outbox(8, 10**9), [], 20_000
    offered = threading.Event()

    def drain() -> None:
        while not (offered.is_set() and not len(outbox)):
            each = outbox.take()
            if each is not None:
                taken.append(each.sequence)

    thread = threading.Thread(target=drain)
    thread.start()
    one = transition(1)
    for sequence in range(1, count + 1):
        outbox.offer(replace(one, sequence=sequence))
    offered.set()
    thread.join(20)
    assert len(taken) + outbox.dropped == count
    assert taken == sorted(set(taken))


# --- cost -------------------------------------------------------------------------------------------------------------


def percentile_s(times_s: list[float]) -> float:
    return statistics.quantiles(times_s, n=100)[98]


def test_a_decision_costs_its_thread_hardly_more_while_nobody_takes_the_experience() -> None:
    """Processor time of the decision's own thread, turn by turn without and with a stream that finds no rApp."""
    plain, streaming = Rig(), Rig()
    books = streaming.app.experience = recorder(waiting=50)
    stream = ExperienceStream(
        "127.0.0.1:1", books, stream_id="s", xapp="x", rng=np.random.default_rng(0), farewell_s=0.1
    )
    sender = threading.Thread(target=stream.run, daemon=True)
    sender.start()
    times_s: dict[int, list[float]] = {id(plain): [], id(streaming): []}
    for number in range(1, 301):
        messages = indication_messages(make_report(number, ues=20, prbs=25, rus=1, kpi=True))
        for rig in (plain, streaming):
            start_s = time.thread_time()
            rig.app.on_messages(messages)
            times_s[id(rig)].append(time.thread_time() - start_s)
            rig.out.sent.clear()
    stream.stop()
    sender.join(20)
    assert books.recorded == 299
    assert books.outbox.dropped >= 200
    assert statistics.median(times_s[id(streaming)]) < 1.25 * statistics.median(times_s[id(plain)])
    assert percentile_s(times_s[id(streaming)]) < 2.0 * percentile_s(times_s[id(plain)])
