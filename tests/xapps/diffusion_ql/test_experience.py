"""Rewards against plain loops, and what the behaviour policies leave to learn from."""

from __future__ import annotations

import numpy as np
import pytest

from oran.errors import ConfigError
from xapps.classic import waterfilling
from xapps.classic.matching import match
from xapps.diffusion_ql import experience, reward
from xapps.diffusion_ql.experience import EMPTY, gather, with_perturbed


@pytest.fixture(scope="module")
def report(make_report):
    return make_report(n=12)


@pytest.fixture(scope="module")
def gathered(report):
    return gather(report, ("random", "greedy"), np.random.default_rng(0), perturbed=2, own=3)


def test_the_polished_reward_is_throughput_at_exact_powers_less_the_price_of_shortfalls(report):
    cell = experience.cell_of(report, 0)
    for owner in ([0, 1, 2, 3, 0, 1], [0, 0, 0, 0, 0, 0], [3, 3, 1, 1, 2, 2]):
        owner = np.array(owner)
        gain = cell.gain_per_w[owner, np.arange(6)]
        power = waterfilling.fill(gain, owner, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)[0]
        rate = np.zeros(4)
        for k in range(6):
            rate[owner[k]] += np.log2(1.0 + gain[k] * power[k])
        missed = np.mean([max(1.0 - each, 0.0) for each in rate])
        slow = rate.sum() / 40.0 - reward.SHORTFALL_PRICE * missed
        assert reward.polished(cell, owner[None], 40.0)[0] == pytest.approx(slow, rel=1e-6, abs=1e-6)


def test_the_printed_reward_is_positive_bias_only_if_nobody_misses(report):
    cell = experience.cell_of(report, 0)
    owner = np.array([[0, 1, 2, 3, 0, 1], [0, 0, 0, 0, 0, 0]])
    share_w = min(cell.budget_w / 6, cell.cap_w)
    for row, found in zip(owner, reward.printed(cell, owner), strict=True):
        rate = np.zeros(4)
        for k in range(6):
            rate[row[k]] += np.log2(1.0 + cell.gain_per_w[row[k], k] * share_w)
        missed = np.maximum(1.0 - rate, 0.0).sum()
        slow = reward.PRINTED_RATE * rate.mean() - missed + (1.0 if missed == 0 else -1.0)
        assert found == pytest.approx(slow, rel=1e-9)


def test_nobody_can_earn_by_leaving_a_user_out(report):
    """The best answer that starves a UE is worth less than matching's, which starves nobody."""
    for index in range(12):
        cell = experience.cell_of(report, index)
        matched = match(cell)
        unit = experience.throughput_bps_hz(cell, matched)
        richest = np.full((1, 6), int(cell.gain_per_w.mean(axis=1).argmax()))
        assert reward.polished(cell, richest, unit)[0] < reward.polished(cell, matched.owner[None], unit)[0]


def test_gathered_rewards_are_those_of_the_gathered_answers(gathered, report):
    assert gathered.owner.shape == (12, 4 + 3, 6)
    for index in range(12):
        cell = experience.cell_of(report, index)
        assert gathered.unit_bps_hz[index] == pytest.approx(experience.throughput_bps_hz(cell, match(cell)))
        expected = reward.polished(cell, gathered.owner[index, :4].astype(int), gathered.unit_bps_hz[index])
        np.testing.assert_allclose(gathered.reward[index, :4], expected)
    assert (gathered.reward[:, 4:] == EMPTY).all()


def test_greedy_earns_more_than_random_and_perturbed_answers_lie_between(gathered):
    random, greedy, *perturbed = gathered.reward[:, :4].mean(axis=0)
    assert random < min(perturbed) <= max(perturbed) < greedy


def test_the_same_generator_gathers_the_same_answers(report, gathered):
    again = gather(report, ("random", "greedy"), np.random.default_rng(0), perturbed=2, own=3)
    np.testing.assert_array_equal(again.owner, gathered.owner)
    np.testing.assert_array_equal(again.reward, gathered.reward)


def test_own_answers_replace_the_last_ones_and_the_best_of_all_stays(report):
    kept = gather(report, ("random",), np.random.default_rng(0), perturbed=0, own=3)
    good, poor = np.full((2, 6), 1), np.full((2, 6), 2)
    kept.keep(0, good, np.array([5.0, 4.0]))
    np.testing.assert_array_equal(kept.reward[0, 1:], [5.0, 4.0, 5.0])
    kept.keep(0, poor, np.array([3.0, 2.0]))
    np.testing.assert_array_equal(kept.reward[0, 1:], [3.0, 2.0, 5.0])
    np.testing.assert_array_equal(kept.owner[0, 1:], [poor[0], poor[0], good[0]])


def test_the_best_answer_may_be_a_behaviour_policys(report):
    kept = gather(report, ("greedy",), np.random.default_rng(0), perturbed=0, own=2)
    greedy, worth = kept.owner[0, 0].copy(), kept.reward[0, 0]
    kept.keep(0, np.full((1, 6), 1), np.array([worth - 1.0]))
    assert kept.reward[0, -1] == worth
    np.testing.assert_array_equal(kept.owner[0, -1], greedy)


def test_perturbed_answers_differ_from_the_last_one_in_part():
    rng = np.random.default_rng(0)
    answers = np.stack([np.zeros(30, int), np.arange(30) % 5])
    rows = with_perturbed(answers, 20, 5, rng)
    np.testing.assert_array_equal(rows[:2], answers)
    changed = (rows[2:] != answers[1]).mean(axis=1)
    assert 0.0 < changed.mean() < 0.34
    assert changed.max() < 0.5
    assert rows.min() >= 0 and rows.max() < 5


@pytest.mark.parametrize("behaviours", [(), ("exact",), ("random", "oracle")])
def test_no_or_an_unknown_behaviour_is_a_config_error(report, behaviours):
    with pytest.raises(ConfigError):
        gather(report, behaviours, np.random.default_rng(0), perturbed=0, own=2)


def test_several_rus_are_refused(make_report):
    with pytest.raises(ConfigError):
        gather(make_report(n=3, rus=2), ("greedy",), np.random.default_rng(0), perturbed=0, own=2)
