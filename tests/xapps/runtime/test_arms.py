"""Which arm decides, and how intervals become observations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.platform.a1 import Canary, GuardRules
from tests.xapps.runtime.doubles import make_report
from xapps.runtime.arms import Arm, Baselines, BeforeAndAfter, Outcome, SameIntervals, Split, lot, measured
from xapps.runtime.guard import MIN_BLOCKS, Guard

RULES = GuardRules(block_intervals=10)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("first", [0, 10**9])
def test_a_share_of_consecutive_reports_is_met_within_three_standard_deviations(share: float, first: int) -> None:
    split, reports = Split.of(Canary(share=share)), 20_000
    taken = sum(split.candidate_decides("gnb_1", first + number) for number in range(reports))
    assert abs(taken / reports - share) < 3 * np.sqrt(share * (1 - share) / reports)


def test_lots_of_two_nodes_and_of_neighbouring_reports_are_unrelated() -> None:
    one = np.array([lot("gnb_1", number) for number in range(5000)])
    other = np.array([lot("gnb_2", number) for number in range(5000)])
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.05


@given(st.text(max_size=20), st.integers(0, 2**32))
def test_a_lot_is_always_the_same_number_below_one(meid: str, report_id: int) -> None:
    assert lot(meid, report_id) == lot(meid, report_id)
    assert 0.0 <= lot(meid, report_id) < 1.0


def test_a_canary_of_nodes_takes_all_of_theirs_and_none_of_others() -> None:
    split = Split.of(Canary(nodes=["gnb_1"]))
    assert all(split.candidate_decides("gnb_1", number) for number in range(100))
    assert not any(split.candidate_decides("gnb_2", number) for number in range(100))


def test_kpis_that_are_missing_or_no_number_are_no_outcome() -> None:
    from dataclasses import replace

    report = make_report(kpi=True)
    assert report.kpi is not None
    assert measured(report) == Outcome(float(report.kpi.weighted_throughput_bps_hz), float(report.kpi.satisfied.mean()))
    assert measured(make_report()) is None
    broken = replace(report, kpi=replace(report.kpi, weighted_throughput_bps_hz=float("nan")))
    assert measured(broken) is None


def test_interleaved_arms_give_one_observation_a_block_in_which_common_fading_cancels() -> None:
    guard = Guard(RULES)
    arms = SameIntervals(guard)
    for block in range(20):
        fading = 1.0 + 0.5 * np.sin(block)  # slow: the same within a block
        for number in range(RULES.block_intervals):
            lossy = number % 2
            arms.add("gnb", Arm.CANDIDATE if lossy else Arm.INCUMBENT, Outcome((0.9 if lossy else 1.0) * fading, 1.0))
    assert guard.throughput.count == 20
    assert guard.intervals == 100
    assert guard.throughput.mean == pytest.approx(0.1, abs=0.01)


def test_a_block_waits_until_both_arms_had_an_interval() -> None:
    guard = Guard(RULES)
    arms = SameIntervals(guard)
    for _ in range(35):
        arms.add("gnb", Arm.INCUMBENT, Outcome(2.0, 1.0))
    assert guard.throughput.count == 0
    arms.add("gnb", Arm.CANDIDATE, Outcome(1.0, 0.5))
    assert (guard.throughput.count, guard.throughput.mean, guard.satisfied.mean) == (1, 0.5, 0.5)


def test_a_node_that_delivers_nothing_is_no_evidence() -> None:
    guard = Guard(RULES)
    arms = SameIntervals(guard)
    for number in range(100):
        arms.add("gnb", Arm.CANDIDATE if number % 2 else Arm.INCUMBENT, Outcome(0.0, 0.0))
    assert guard.throughput.count == 0


def baselines(**levels: float) -> Baselines:
    """Baselines of nodes at a constant level."""
    found = Baselines(10)
    for _ in range(10 * MIN_BLOCKS):
        for meid, level in levels.items():
            found.add(meid, Outcome(level, 0.9))
    return found


def test_a_baseline_is_the_mean_of_whole_blocks_with_its_standard_error() -> None:
    found, rng = Baselines(10), np.random.default_rng(0)
    values = rng.normal(100.0, 10.0, (40, 10))
    for value in values.ravel():
        found.add("gnb", Outcome(float(value), 0.5))
    baseline = found.snapshot()["gnb"]
    blocks = values.mean(axis=1)
    assert baseline.throughput == pytest.approx(blocks.mean())
    assert baseline.throughput_error == pytest.approx(blocks.std(ddof=1) / np.sqrt(40) / blocks.mean())
    assert (baseline.satisfied, baseline.satisfied_error) == (0.5, 0.0)


def test_there_is_no_baseline_of_a_node_seen_briefly_or_gone() -> None:
    found = baselines(old=5.0)
    for _ in range(10 * MIN_BLOCKS - 1):
        found.add("new", Outcome(1.0, 1.0))
    assert set(found.snapshot()) == {"old"}
    found.forget("old")
    assert found.snapshot() == {}


def test_before_and_after_takes_off_what_the_other_nodes_changed() -> None:
    guard = Guard(RULES)
    arms = BeforeAndAfter(guard, baselines(canary=100.0, other=400.0).snapshot())
    for _ in range(100):
        arms.add("other", Arm.INCUMBENT, Outcome(400.0 * 0.7, 0.8))  # the hour is bad for everybody
        arms.add("canary", Arm.CANDIDATE, Outcome(100.0 * 0.6, 0.8))
    assert guard.throughput.mean == pytest.approx(0.1)
    assert guard.satisfied.mean == pytest.approx(0.0)


def test_before_and_after_without_other_nodes_is_against_the_baseline_itself() -> None:
    guard = Guard(RULES)
    arms = BeforeAndAfter(guard, baselines(gnb=100.0).snapshot())
    for _ in range(50):
        arms.add("gnb", Arm.CANDIDATE, Outcome(80.0, 0.9))
        arms.add("stranger", Arm.CANDIDATE, Outcome(1.0, 0.0))  # has no baseline
    assert guard.throughput.count == 5
    assert guard.throughput.mean == pytest.approx(0.2)
