"""Reports that nobody can decide on, as bytes through the whole xApp: always an answer, always a feasible one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim import scenario
from e2sim.physics import constraints
from e2sim.simulator import Simulator
from oran import e2ap
from oran._generated import e2sm_rrm_pb2 as pb
from oran.e2ap import IndicationType, RicIndication
from oran.e2sm.rrm import (
    Allocation,
    Clock,
    ControlHeader,
    IndicationHeader,
    RadioReport,
    decode_control_header,
    decode_control_message,
    encode_report,
)
from oran.e2sm.rrm.codec import encode_indication_header
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import (
    FUNCTION_ID,
    MEID,
    REQUEST_ID,
    FixedAllocator,
    Rig,
    Ticking,
    indication_messages,
    make_report,
)
from xapps import allocators
from xapps.runtime.inputs import NO_GAIN_DB, Ages, Fault, content_fault, repaired
from xapps.runtime.last_safe import NAME, LastSafe
from xapps.runtime.model_slot import Serving

Change = Callable[[pb.RadioReport], None]


def sent(rig: Rig, since: int = 0) -> list[tuple[ControlHeader, Allocation]]:
    pdus = [e2ap.decode(message.payload) for message in rig.out.of_type(MessageType.RIC_CONTROL_REQ)[since:]]
    return [(decode_control_header(pdu.header), decode_control_message(pdu.message)) for pdu in pdus]


def message_of(report: RadioReport, *changes: Change, clock: Clock = Clock.FREE_RUNNING) -> RmrMessage:
    """An indication whose report was changed on its way, beyond what an honest node could encode."""
    content = pb.RadioReport.FromString(encode_report(report))
    for change in changes:
        change(content)
    body = content.SerializeToString()
    header = encode_indication_header(IndicationHeader(report.report_id, 0, 1, len(body), report.slot, clock))
    kind = IndicationType.INSERT if clock is Clock.LOCK_STEP else IndicationType.REPORT
    pdu = RicIndication(REQUEST_ID, FUNCTION_ID, 1, kind, header, body)
    return RmrMessage(MessageType.RIC_INDICATION, e2ap.encode(pdu), REQUEST_ID.instance, MEID)


def written(values: np.ndarray) -> pb.Tensor:
    codes = {"<f8": pb.Tensor.FLOAT64, "<i8": pb.Tensor.INT64, "<i4": pb.Tensor.INT32}
    return pb.Tensor(dtype=codes[values.dtype.str], shape=values.shape, data=values.tobytes())


def floats(name: str, value: float, share: float = 1.0) -> Change:
    """Puts ``value`` into a share of a tensor's elements."""

    def change(content: pb.RadioReport) -> None:
        tensor = getattr(content, name)
        old = np.full(tuple(tensor.shape), -100.0 if name == "gain_db" else 1.0)
        old.reshape(-1)[: max(1, int(share * old.size))] = value
        tensor.CopyFrom(written(old))

    return change


def integers(name: str, value: int) -> Change:
    def change(content: pb.RadioReport) -> None:
        tensor = getattr(content, name)
        kind = "<i8" if tensor.dtype == pb.Tensor.INT64 else "<i4"
        tensor.CopyFrom(written(np.full(tuple(tensor.shape), value, kind)))

    return change


def scalar(name: str, value: float) -> Change:
    return lambda content: setattr(content, name, value)


def without(name: str) -> Change:
    return lambda content: content.ClearField(name)


NAN, INF = float("nan"), float("inf")
BREAKS: dict[str, tuple[Change, Fault]] = {
    "a gain is NaN": (floats("gain_db", NAN, 0.1), Fault.NOT_FINITE),
    "a gain is infinite": (floats("gain_db", INF, 0.1), Fault.NOT_FINITE),
    "all gains are NaN": (floats("gain_db", NAN), Fault.NOT_FINITE),
    "gains of both infinities": (floats("gain_db", -INF), Fault.NOT_FINITE),
    "no channel": (without("gain_db"), Fault.NO_CHANNEL),
    "a weight is NaN": (floats("weight", NAN, 0.1), Fault.NOT_FINITE),
    "a rate is infinite": (floats("min_rate_bps_hz", INF), Fault.NOT_FINITE),
    "a delay bound is NaN": (floats("max_delay_s", NAN), Fault.NOT_FINITE),
    "a budget is NaN": (floats("ru_power_budget_w", NAN), Fault.BAD_LIMITS),
    "a budget is negative": (floats("ru_power_budget_w", -3.0), Fault.BAD_LIMITS),
    "the cap is NaN": (scalar("prb_power_cap_w", NAN), Fault.BAD_LIMITS),
    "the noise is nothing": (scalar("noise_w", 0.0), Fault.BAD_LIMITS),
    "the bandwidth is infinite": (scalar("prb_bandwidth_hz", INF), Fault.BAD_LIMITS),
    "the same UE everywhere": (integers("ue_ids", 101), Fault.BAD_TABLE),
    "a slice below zero": (integers("slice_ids", -7), Fault.BAD_TABLE),
    "a slice beyond all": (integers("slice_ids", 2**31 - 1), Fault.BAD_TABLE),
}


def feasible(allocation: Allocation, report: RadioReport) -> bool:
    """Would a node with the limits of the doubles obey?"""
    return constraints.violations(allocation, replace(report, gain_db=None)) == []


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


def test_the_last_safe_decision_follows_ues_by_their_ids() -> None:
    report, kept = make_report(1), LastSafe()
    given_out = allocators.build("equal").decide(report)
    kept.keep(MEID, report, given_out)
    later = replace(make_report(2), ue_ids=np.array([103, 777, 101, 100], np.int64))
    carried = kept.carried_over(MEID, later)
    assert carried is not None
    assert feasible(carried, later)
    before, after = given_out.ue_ids[given_out.prb_owner], carried.ue_ids[carried.prb_owner]
    stayed = np.isin(before, [100, 101, 103])
    np.testing.assert_array_equal(after[stayed], before[stayed])
    np.testing.assert_array_equal(carried.power_w[stayed], given_out.power_w[stayed])
    assert (carried.prb_owner[~stayed] == -1).all() and not carried.power_w[~stayed].any()


def test_the_last_safe_decision_is_cut_to_limits_that_have_shrunk() -> None:
    report, kept = make_report(1), LastSafe()
    kept.keep(MEID, report, allocators.build("equal").decide(report))
    poorer = replace(make_report(2), ru_power_budget_w=np.full(2, 1.5), prb_power_cap_w=0.5)
    carried = kept.carried_over(MEID, poorer)
    assert carried is not None
    assert constraints.violations(carried, poorer) == []
    assert carried.power_w.sum() > 0


@pytest.mark.parametrize(
    "later", [make_report(2, rus=1), make_report(2, prbs=5), replace(make_report(2), ue_ids=np.arange(4) + 900)]
)
def test_a_decision_for_another_grid_or_for_nobody_present_is_not_carried_over(later: RadioReport) -> None:
    report, kept = make_report(1), LastSafe()
    kept.keep(MEID, report, allocators.build("equal").decide(report))
    assert kept.carried_over(MEID, later) is None
    kept.forget(MEID)
    assert kept.carried_over(MEID, report) is None


def test_repaired_values_are_those_of_the_last_sound_report_where_limits_are_missing() -> None:
    sound, broken = make_report(1), replace(make_report(2), ru_power_budget_w=np.array([NAN, 7.0]), noise_w=NAN)
    mended = repaired(broken, sound)
    assert mended.ru_power_budget_w.tolist() == [10.0, 7.0]
    assert mended.noise_w == sound.noise_w
    assert repaired(broken, None).ru_power_budget_w.tolist() == [0.0, 7.0]
    assert content_fault(mended) is None
    gains = np.array(sound.gain_db)
    gains[0, 0, 0] = NAN
    assert np.asarray(repaired(replace(sound, gain_db=gains), None).gain_db)[0, 0, 0] == NO_GAIN_DB


# --- age --------------------------------------------------------------------------------------------------------------

STREAM = (MEID, REQUEST_ID)


def test_a_slot_that_came_before_is_old_and_one_far_back_is_a_new_beginning() -> None:
    ages = Ages()
    judged = [ages.fault(STREAM, replace(make_report(1), slot=slot), 0.0) for slot in (100, 101, 101, 99, 102, 3, 4)]
    assert judged == [None, None, Fault.OLD_SLOT, Fault.OLD_SLOT, None, None, None]


def test_an_old_slot_is_answered_by_the_last_safe_decision_in_free_running_only(rig: Rig) -> None:
    for clock, author in ((Clock.FREE_RUNNING, NAME), (Clock.LOCK_STEP, "equal")):
        rig.app.on_messages(indication_messages(make_report(5), clock=clock))
        rig.app.on_messages(indication_messages(replace(make_report(6), slot=15), clock=clock))
        assert sent(rig)[-1][0].allocator == author


def after(delays_s: list[float], *, period_s: float = 0.02, max_age_s: float = 1.0) -> list[Fault | None]:
    ages = Ages(max_age_s)
    reports = [replace(make_report(n), slot=n, time_s=n * period_s) for n in range(len(delays_s))]
    return [ages.fault(STREAM, each, each.time_s + late) for each, late in zip(reports, delays_s, strict=True)]


def test_a_report_that_was_held_up_is_too_old_and_the_next_quick_one_is_not() -> None:
    assert after([0.01, 0.012, 2.5, 0.01]) == [None, None, Fault.TOO_OLD, None]
    assert after([0.01, 0.012, 2.5, 0.01], max_age_s=0.0) == [None] * 4


def test_a_node_whose_clock_runs_at_half_speed_is_not_taken_for_late() -> None:
    assert after([n * 1.0 for n in range(50)], period_s=1.0) == [None] * 50


def test_reports_of_a_node_that_has_gone_say_nothing_about_its_return(rig: Rig) -> None:
    clock = rig.now_s
    assert isinstance(clock, Ticking)
    rig.app.on_messages(indication_messages(make_report(50)))
    rig.decider.inputs.forget(MEID)
    rig.app.on_messages(indication_messages(make_report(49)))
    assert [header.allocator for header, _ in sent(rig)] == ["equal", "equal"]


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
