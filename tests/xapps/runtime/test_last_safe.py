"""The last safe decision carried over, repaired values, and reports that are too old."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from e2sim.physics import constraints
from oran.e2sm.rrm import (
    Clock,
    RadioReport,
)
from tests.xapps.runtime.broken_reports import (
    NAN,
    feasible,
    sent,
)
from tests.xapps.runtime.doubles import (
    MEID,
    REQUEST_ID,
    Rig,
    Ticking,
    indication_messages,
    make_report,
)
from xapps import allocators
from xapps.runtime.inputs import NO_GAIN_DB, Ages, Fault, content_fault, repaired
from xapps.runtime.last_safe import NAME, LastSafe


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
