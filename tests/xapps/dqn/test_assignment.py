"""The fair variant's decision process: its rewards, its actions, its symmetry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim.physics import objective
from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import Allocation
from oran.errors import ConfigError
from xapps.dqn import assignment
from xapps.dqn.features import observe
from xapps.dqn.rollout import by_network, by_next_reward, choose, finish, play
from xapps.dqn.state import State

from . import from_scratch


def test_rewards_add_up_to_the_worth_of_the_end_whatever_the_counting_power(fair, weights, problems):
    episodes = play(by_network(fair, weights), problems, np.random.default_rng(0), 0.5)
    start = State(problems).potential
    worth = assignment.worth(problems, episodes.owner).value
    gained = episodes.reward.sum(axis=-1) / assignment.REWARD_SCALE
    np.testing.assert_allclose(start + gained + problems.best_possible, worth)


def test_worth_is_the_physics_weighted_throughput_less_the_price_of_what_lacks(make_report):
    report = make_report(5, ues=3, prbs=4, weight=np.tile([3.0, 1.0, 2.0], (5, 1)))
    problems = assignment.of_drops(report, np.ones(5))
    owner = np.random.default_rng(1).integers(3, size=(5, 4)).astype(np.int16)
    found = assignment.worth(problems, owner)
    worth, power_w = found.value, found.power_w
    allocation = Allocation(report.ue_ids, np.zeros((5, 3), np.int16), owner[:, None], power_w[:, None])
    rate = objective.rates_bps_hz(db_to_linear(report.gain_db), allocation, report.noise_w)
    lack = np.where(objective.rate_satisfied(rate, report.min_rate_bps_hz), 0.0, report.min_rate_bps_hz - rate)
    price = assignment.SHORTFALL_WEIGHT * lack.sum(-1) + assignment.MISSED_WEIGHT * (lack > 0).sum(-1)
    np.testing.assert_allclose(worth, (rate * report.weight).sum(axis=-1) / 2.0 - price)
    assert (power_w.sum(axis=-1) <= 2.0 + 1e-9).all()


def test_every_episode_gives_away_every_prb_once(fair, weights, problems):
    episodes = play(by_network(fair, weights), problems, np.random.default_rng(0), 1.0)
    assert ((episodes.owner >= 0) & (episodes.owner < 4)).all()
    np.testing.assert_array_equal(np.sort(episodes.step, axis=-1), np.tile(np.arange(6), (12, 1)))


def test_only_free_prbs_are_given_and_somebody_may_always_have_them(problems):
    owner = problems.unassigned()
    owner[:, 2] = 1
    allowed = State(problems, owner).actions()
    assert not allowed[:, :, 2].any()
    assert allowed[:, :, [0, 1, 3, 4, 5]].any(axis=1).all()


def test_it_is_the_turn_of_who_needs_most_prbs_and_of_nobody_once_all_have_their_rate():
    one = np.ones(1)
    gain = np.array([[[3.0, 1.0], [15.0, 3.0], [1.0, 1.0]]])  # best rates 2, 4, 1 at level 1 of 2 W on 2 PRBs
    wanted = np.array([[5.0, 6.0, 0.5]])  # 2.5, 1.5 and 0.5 PRBs
    problems = assignment.Problems.of(gain, np.ones((1, 3)), wanted, 2 * one, 2 * one, one)
    assert State(problems).turn().tolist() == [[True, False, False]]
    assert State(problems).actions()[0].tolist() == [
        [True, True],
        [True, True],
        [False, False],
    ]
    content = assignment.Problems.of(gain, np.ones((1, 3)), np.zeros((1, 3)), 2 * one, 2 * one, one)
    assert not State(content).turn().any()
    assert State(content).actions()[0].tolist() == [
        [False, False],
        [True, True],
        [False, False],
    ]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000))
def test_what_ues_that_lack_nothing_may_not_take_is_never_better_with_them(seed):
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(1, 3, 4)) * 10.0 ** rng.normal(1, 1, (1, 3, 1))
    one = np.ones(1)
    problems = assignment.Problems.of(gain, rng.uniform(0.5, 2, (1, 3)), rng.uniform(0, 4, (1, 3)), 4 * one, one, one)
    owner = np.array([[0, -1, 2, -1]], np.int16)
    state = State(problems, owner)
    allowed, content = state.actions(), state.lack[0] == 0.0
    for ue, prb in zip(*np.nonzero(~allowed[0] & (owner[0] < 0) & content[:, None]), strict=True):
        best = problems.regret[0, :, prb].argmin()
        worse, better = (from_scratch.give(owner, np.array([each * 4 + prb])) for each in (ue, best))
        assert from_scratch.potential(problems, worse) <= from_scratch.potential(problems, better)


def test_permuting_ues_and_prbs_permutes_features_and_decisions(fair, weights, make_report):
    report = make_report(6, ues=5, prbs=7, min_rate_bps_hz=np.full((6, 5), 3.0))
    rng = np.random.default_rng(2)
    ues, prbs = rng.permutation(5), rng.permutation(7)
    one = assignment.of_drops(report, np.ones(6))
    other = assignment.of_drops(replace(report, gain_db=report.gain_db[:, ues][..., prbs]), np.ones(6))
    every = np.arange(6 * 5 * 7)
    x, y = (observe(State(each), every).reshape(6, 5, 7, -1) for each in (one, other))
    np.testing.assert_allclose(y, x[:, ues][:, :, prbs], rtol=1e-5, atol=1e-6)
    expected, found = play(by_network(fair, weights), one).owner, play(by_network(fair, weights), other).owner
    np.testing.assert_array_equal(ues[found], expected[:, prbs])


def test_a_lone_ue_has_no_rival(fair, weights, make_report):
    problems = assignment.of_drops(make_report(2, ues=1, prbs=3), np.ones(2))
    assert (play(by_network(fair, weights), problems).owner == 0).all()


def test_several_rus_cannot_be_learned_from_at_once(make_report):
    with pytest.raises(ConfigError, match="one cell"):
        assignment.of_drops(make_report(2, rus=2), np.ones(2))


def test_judging_by_the_next_reward_takes_the_pair_that_gains_most_potential(problems):
    owner = problems.unassigned()
    allowed = State(problems).actions().reshape(len(problems), -1)
    chosen = choose(by_next_reward, State(problems), None, 0.0)
    best = from_scratch.potential(problems, from_scratch.give(owner, chosen))
    for action in range(allowed.shape[1]):
        rows = np.flatnonzero(allowed[:, action])
        after = from_scratch.give(owner[rows], np.full(len(rows), action))
        assert (from_scratch.potential(problems.at(rows), after) <= best[rows] + 1e-4).all()


def test_finishing_is_playing_greedily(fair, weights, problems):
    judge = by_network(fair, weights)
    np.testing.assert_array_equal(finish(judge, problems), play(judge, problems).owner)
