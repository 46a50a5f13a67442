"""The paper's reward (22) and its decision process."""

from __future__ import annotations

import numpy as np
import pytest

from xapps.classic.cell import Cell
from xapps.dqn.bits import Plan
from xapps.dqn.reward import RewardWeights, constraint_term, reward


def test_the_reward_is_the_weighted_sum_of_rate_constraints_and_bias():
    weights = RewardWeights(rate=0.5, constraint=2.0, bias=-3.0)
    assert reward(np.array(10.0), np.array(-0.25), weights) == 0.5 * 10.0 + 2.0 * -0.25 - 3.0


def test_constraints_count_the_share_of_missed_rates_and_the_excess_over_the_budget():
    rate, wanted = np.array([1.0, 2.0, 0.0, 5.0]), np.array([1.0, 3.0, 1.0, 4.0])
    assert constraint_term(rate, wanted, np.array([1.0, 1.0]), 2.0) == -0.5
    assert constraint_term(rate, wanted, np.array([1.0, 2.0]), 2.0) == -0.5 - 0.5
    assert constraint_term(wanted, wanted, np.array([1.0]), 2.0) == 0.0


@pytest.fixture
def cell() -> Cell:
    gain = np.array([[1.0, 3.0, 7.0], [15.0, 0.0, 1.0]])  # log2(1 + g) = 1 2 3 / 4 0 1 at 1 W
    return Cell(np.arange(2), gain, np.array([2.0, 1.0]), np.array([3.0, 4.0]), budget_w=2.0, cap_w=1.0)


def test_an_action_puts_a_ue_on_a_prb_at_a_power_and_the_state_says_who_is_satisfied(cell):
    plan = Plan.empty(cell)
    assert plan.state().tolist() == [0.0, 0.0]
    plan.put((0 * 3 + 2) * 4 + 3, power_levels=4)  # UE 0, PRB 2, full power
    assert plan.state().tolist() == [1.0, 0.0]
    plan.put((1 * 3 + 0) * 4 + 3, power_levels=4)
    assert plan.state().tolist() == [1.0, 1.0]
    assert plan.owner.tolist() == [1, -1, 0]
    assert plan.power_w.tolist() == [1.0, 0.0, 1.0]
    assert plan.reward(RewardWeights(rate=1.0, constraint=1.0)) == pytest.approx(2 * 3 + 4)


def test_a_later_action_takes_the_prb_from_whoever_had_it(cell):
    plan = Plan.empty(cell)
    plan.put((0 * 3 + 2) * 4 + 3, power_levels=4)
    plan.put((1 * 3 + 2) * 4 + 1, power_levels=4)
    assert plan.owner.tolist() == [-1, -1, 1]
    assert plan.power_w.tolist() == [0.0, 0.0, 0.5]
    assert plan.rate_bps_hz() == pytest.approx([0.0, np.log2(1.5)])


def test_more_than_the_budget_costs(cell):
    plan = Plan.empty(cell)
    for prb in range(3):
        plan.put((0 * 3 + prb) * 4 + 3, power_levels=4)
    one_missed, excess = 0.5, 0.5
    expected = 2 * (1 + 2 + 3) - one_missed - excess
    assert plan.reward(RewardWeights(rate=1.0, constraint=1.0)) == pytest.approx(expected)
