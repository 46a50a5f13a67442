"""The guard's statistics: how often it cries wolf, and how soon it sees a wolf."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oran.platform.a1 import GuardRules
from xapps.runtime.arms import Arm, Outcome, SameIntervals
from xapps.runtime.guard import MIN_BLOCKS, Guard, LossSequence, boundary

RULES = GuardRules()


def played(loss: float, intervals: int, rng: np.random.Generator, *, share: float = 0.2, spread: float = 0.1) -> int:
    """Intervals until the alarm in one seeded run of both arms; 0 if there is none. Fading is common to both arms."""
    guard = Guard(RULES)
    arms = SameIntervals(guard)
    fading = 1.0 + spread * rng.standard_normal(intervals)
    candidate = rng.random(intervals) < share
    for number in range(intervals):
        arm = Arm.CANDIDATE if candidate[number] else Arm.INCUMBENT
        scale = 1.0 - loss if candidate[number] else 1.0
        blocks = guard.throughput.count
        arms.add("gnb", arm, Outcome(400.0 * scale * fading[number], 1.0))
        if guard.throughput.count > blocks and guard.alarm:
            return number + 1
    return 0


@pytest.mark.parametrize("loss", [-0.05, 0.0])
def test_no_loss_raises_no_alarm_in_100_runs_of_1500_intervals(loss: float) -> None:
    rng = np.random.default_rng(1)
    assert sum(played(loss, 1500, rng) > 0 for _ in range(100)) == 0


def test_a_loss_that_is_just_allowed_raises_an_alarm_no_more_often_than_asked_for() -> None:
    rng = np.random.default_rng(2)
    alarms = sum(played(RULES.max_throughput_loss, 1500, rng) > 0 for _ in range(150))
    assert alarms <= 150 * RULES.false_alarm + 3 * math.sqrt(150 * RULES.false_alarm)


def test_a_loss_of_10_percent_is_seen_within_3000_intervals_and_half_the_times_within_1500() -> None:
    rng = np.random.default_rng(3)
    seen = [played(0.10, 3000, rng) for _ in range(40)]
    assert min(seen) > 0
    assert np.median(seen) < 1500


def test_a_disaster_is_seen_as_soon_as_there_are_enough_intervals() -> None:
    rng = np.random.default_rng(4)
    assert max(played(0.5, 4000, rng) for _ in range(20)) < 2 * RULES.min_intervals / 0.2


def test_a_certain_loss_of_satisfied_users_is_an_alarm_without_any_loss_of_throughput() -> None:
    guard = Guard(RULES)
    for _ in range(MIN_BLOCKS):
        guard.add(0.0, 0.05, 20)
    assert guard.alarm == "satisfied"
    assert "satisfied" in guard.finding


def test_fewer_intervals_than_the_rules_ask_for_never_raise_an_alarm() -> None:
    guard = Guard(GuardRules(min_intervals=1000))
    for _ in range(49):
        guard.add(0.9, 0.9, 20)
        assert guard.alarm == ""
    guard.add(0.9, 0.9, 20)
    assert guard.alarm == "throughput"


def test_too_few_blocks_have_no_bounds() -> None:
    losses = LossSequence(0.01)
    for _ in range(MIN_BLOCKS - 1):
        losses.add(0.5)
    assert (losses.low, losses.high) == (-math.inf, math.inf)
    losses.add(0.5)
    assert losses.low == losses.high == 0.5


def test_the_mean_and_spread_are_those_of_numpy() -> None:
    values = np.random.default_rng(5).normal(0.1, 0.3, 50)
    losses = LossSequence(0.05)
    for value in values:
        losses.add(float(value))
    assert losses.mean == pytest.approx(values.mean())
    quantile = 1.6448536269514722
    widened = (1 + (quantile**2 + 1) / (4 * 49)) * values.std(ddof=1) * boundary(50, 0.05)
    assert losses.high - losses.mean == pytest.approx(widened)


def test_bounds_tighten_with_observations_slower_than_those_of_a_single_look() -> None:
    widths = [boundary(count, 0.005) for count in (10, 30, 100, 1000)]
    assert widths == sorted(widths, reverse=True)
    assert all(width > 2.576 / math.sqrt(count) for width, count in zip(widths, (10, 30, 100, 1000), strict=True))


def test_an_uncertain_reference_widens_the_bounds() -> None:
    sure, unsure = LossSequence(0.01), LossSequence(0.01, reference_error=0.02)
    for value in np.random.default_rng(6).normal(0.1, 0.05, 40):
        sure.add(float(value))
        unsure.add(float(value))
    assert unsure.low < sure.low - 2 * 0.02
    assert unsure.high > sure.high + 2 * 0.02
