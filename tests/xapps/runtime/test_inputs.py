"""Reports that nobody can decide on, as bytes through the whole xApp: always an answer, always a feasible one."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim import scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import (
    RadioReport,
)
from tests.xapps.runtime.broken_reports import (
    BREAKS,
    NAN,
    feasible,
    floats,
    message_of,
    sent,
    without,
)
from tests.xapps.runtime.doubles import (
    MEID,
    FixedAllocator,
    Rig,
    indication_messages,
    make_report,
)
from xapps import allocators
from xapps.runtime.inputs import Fault
from xapps.runtime.last_safe import NAME
from xapps.runtime.model_slot import Serving


@pytest.mark.parametrize("name", BREAKS)
def test_each_broken_report_is_named_and_answered_by_the_last_safe_decision(rig: Rig, name: str) -> None:
    change, fault = BREAKS[name]
    rig.app.on_messages(indication_messages(make_report(1)))
    rig.app.on_messages([message_of(make_report(2, kpi=True), change)])
    (_, before), (header, after) = sent(rig)
    assert (header.allocator, header.report_id, after.decision_id) == (NAME, 2, 2)
    stayed = np.isin(before.ue_ids[before.prb_owner], known_ues(make_report(2), [name]))
    np.testing.assert_array_equal(after.power_w, np.where(stayed, before.power_w, 0.0))
    np.testing.assert_array_equal(after.ue_ids[after.prb_owner[stayed]], before.ue_ids[before.prb_owner[stayed]])
    assert rig.allocator.asked == [1]
    assert rig.metrics.count(rig.metrics.reports_unusable, reason=fault) == 1
    assert rig.metrics.count(rig.metrics.decisions_last_safe) == 1
    assert rig.metrics.count(rig.metrics.handler_errors) == 0


@pytest.mark.parametrize("name", BREAKS)
def test_without_a_safe_decision_the_initial_allocator_decides_on_repaired_values(name: str) -> None:
    rig = Rig()
    rig.slot.initial = Serving(allocators.build("equal"))
    rig.app.on_messages([message_of(make_report(2), BREAKS[name][0])])
    if name == "no channel":  # nothing tells how many PRBs there are: the decision in force stays
        assert sent(rig) == []
        assert rig.metrics.count(rig.metrics.handler_errors) == 1
    else:
        [(header, allocation)] = sent(rig)
        assert header.allocator == "equal"
        assert feasible(allocation, make_report(2))
    assert rig.allocator.asked == []


def known_ues(report: RadioReport, names: list[str]) -> np.ndarray:
    """Who stands in the table as it arrives."""
    return np.array([101]) if "the same UE everywhere" in names else report.ue_ids


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[RadioReport, list[str]]]:
    """Reports of one node: UEs come and go, slots repeat, RUs change, and some values are broken."""
    steps, life, slot = draw(st.integers(2, 8)), [], 0
    for number in range(1, steps + 1):
        slot += draw(st.sampled_from([1, 1, 1, 2, 0, -1, -500]))
        ids = draw(st.lists(st.integers(100, 107), max_size=6, unique=True))
        rus = draw(st.sampled_from([2, 2, 2, 1]))
        report = replace(make_report(number, ues=len(ids), rus=rus, kpi=True, seed=number), slot=max(slot, 0))
        names = draw(st.lists(st.sampled_from(sorted(BREAKS)), max_size=3, unique=True))
        life.append((replace(report, ue_ids=np.array(ids, np.int64)), names))
    return life


@settings(max_examples=40, deadline=None)
@given(lives(), st.sampled_from(["greedy", "equal", "matching", "round-robin"]))
def test_whatever_reports_come_nothing_falls_and_nothing_infeasible_leaves(life, allocator: str) -> None:
    rig = Rig()
    rig.slot.initial = Serving(allocators.build("equal"))
    rig.slot.swap(Serving(allocators.build(allocator)))
    for report, names in life:
        already = len(rig.out.sent)
        rig.app.on_messages([message_of(report, *(BREAKS[name][0] for name in names))])
        answers = sent(rig, since=already)
        for _, allocation in answers:
            assert feasible(allocation, replace(report, ue_ids=known_ues(report, names))), names
            assert allocation.decision_id == report.report_id
        if "no channel" not in names:
            assert len(answers) == 1, names


def test_a_node_that_comes_back_to_sound_reports_is_decided_for_again(rig: Rig) -> None:
    rig.app.on_messages(indication_messages(make_report(1)))
    rig.app.on_messages([message_of(make_report(2), floats("gain_db", NAN))])
    rig.app.on_messages(indication_messages(make_report(3)))
    assert [header.allocator for header, _ in sent(rig)] == ["equal", NAME, "equal"]
    assert rig.allocator.asked == [1, 3]


def test_a_change_of_state_is_logged_once_and_shown_as_a_gauge(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "xapps.runtime.inputs")
    rig.app.on_messages(indication_messages(make_report(1)))
    for number in range(2, 4):
        rig.app.on_messages([message_of(make_report(number), floats("gain_db", NAN))])
        assert rig.metrics.input_unusable.labels(MEID)._value.get() == 1
    rig.app.on_messages([message_of(make_report(4), without("gain_db"))])
    for number in range(5, 8):
        rig.app.on_messages(indication_messages(make_report(number)))
        assert rig.metrics.input_unusable.labels(MEID)._value.get() == 0
    said = [record.getMessage() for record in caplog.records]
    assert [text.split(": ")[1] for text in said] == ["report cannot be used"] * 2 + ["reports can be used again"]
    assert ["not_finite" in text for text in said] == [True, False, False]


def test_unusable_reports_are_not_kept_to_test_models_on_and_do_not_roll_back_what_serves(rig: Rig) -> None:
    served = FixedAllocator("served")
    rig.slot.swap(Serving(served))
    for number in range(1, 8):
        rig.app.on_messages([message_of(make_report(number), floats("gain_db", NAN))])
    assert rig.recent.snapshot() == []
    assert rig.slot.serving.allocator is served


def test_an_empty_cell_is_answered_by_serving_nobody_and_forgets_nothing(rig: Rig) -> None:
    full = make_report(1)
    rig.app.on_messages(indication_messages(full))
    rig.app.on_messages(indication_messages(make_report(2, ues=0)))
    rig.app.on_messages([message_of(make_report(3), floats("gain_db", NAN))])
    (_, before), (_, empty), (_, after) = sent(rig)
    assert empty.prb_owner.shape == before.prb_owner.shape
    assert (empty.prb_owner == -1).all() and not empty.power_w.any()
    np.testing.assert_array_equal(after.power_w, before.power_w)


def test_an_empty_cell_is_no_alarm(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.app.on_messages(indication_messages(make_report(1, ues=0)))
    assert rig.metrics.input_unusable.labels(MEID)._value.get() == 0
    assert rig.metrics.count(rig.metrics.reports_unusable, reason=Fault.NO_UES) == 1
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_kpis_of_an_interval_with_other_ues_are_taken_as_sums_and_given_to_no_slice(rig: Rig) -> None:
    report = replace(make_report(1, ues=3), kpi=make_report(1, ues=4, kpi=True).kpi)
    rig.app.on_messages(indication_messages(report))
    assert rig.metrics.count(rig.metrics.handler_errors) == 0
    assert rig.metrics.weighted_throughput.labels(MEID)._value.get() > 0
    assert [each.samples for each in rig.metrics.slice_rate.collect()] == [[]]


# --- churn ------------------------------------------------------------------------------------------------------------


def churning(seed: int) -> Simulator:
    content = scenario.load("tiny").model_dump()
    content["churn"] = {"arrivals_per_s": 20.0, "mean_stay_s": 0.3, "max_ues": 8}
    return Simulator(scenario.parse(content), np.random.default_rng(seed))


def any_number_policy() -> Serving:
    from xapps.ssvae.features import Normalisation
    from xapps.ssvae.network import Architecture, initialise
    from xapps.ssvae.policy import SsvaePolicy

    architecture = Architecture(slices=len(scenario.load("tiny").slices))
    return Serving(SsvaePolicy(architecture, initialise(architecture, np.random.default_rng(0)), Normalisation(10, 8)))


def test_ues_that_come_and_go_are_served_by_a_learned_policy_whatever_breaks_between(rig: Rig) -> None:
    """The radio obeys every answer; each is checked by the node's own limits on the table of the very slot."""
    sim, rng, populations = churning(3), np.random.default_rng(1), set()
    rig.slot.initial = Serving(allocators.build("equal"))
    rig.slot.swap(any_number_policy())
    for step in range(100):
        report = replace(sim.observe(), report_id=step + 1, in_force=None)
        changes = [floats("gain_db", NAN, 0.2)] if rng.random() < 0.3 and report.num_ues else []
        rig.app.on_messages([message_of(report, *changes)])
        [(header, allocation)] = sent(rig, since=step)
        sim.check(allocation)
        sim.step(allocation)
        populations.add(tuple(report.ue_ids.tolist()))
        assert (header.allocator in (NAME, "equal")) == (bool(changes) or report.num_ues == 0)
    assert len(populations) > 15
    assert rig.metrics.count(rig.metrics.handler_errors) == 0
    assert rig.metrics.count(rig.metrics.decisions_last_safe) > 10
