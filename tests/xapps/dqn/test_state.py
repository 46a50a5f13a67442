"""States kept up step by step are those counted anew, and decisions are those of the slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim import scenario as scenarios
from e2sim.simulator import Simulator
from xapps.classic.cell import single_cell
from xapps.dqn import assignment, network
from xapps.dqn.assignment import LEVELS
from xapps.dqn.features import NAMES, observe
from xapps.dqn.network import Architecture, NumpySegments, initialise
from xapps.dqn.rollout import by_network, finish, scattered
from xapps.dqn.state import State
from xapps.ssvae.batches import drops

from . import from_scratch
from .conftest import report_of


def in_the_middle(seed, ues, prbs, taken):
    """Problems, random steps, and the state after them: kept up, and as owners."""
    rng = np.random.default_rng(seed)
    wanted = rng.choice([0.0, 0.5, 4.0, 20.0], (3, ues))
    report = report_of(3, ues=ues, prbs=prbs, seed=seed, min_rate_bps_hz=wanted, weight=rng.uniform(0.5, 2.0, (3, ues)))
    problems = assignment.of_drops(report, rng.choice(LEVELS, 3))
    kept, owner = State(problems), problems.unassigned()
    for _ in range(min(taken, prbs)):
        free = np.repeat((owner < 0)[:, None], ues, axis=1).reshape(3, -1)
        action = np.where(free, rng.random(free.shape), -1.0).argmax(axis=-1)
        kept.give(action)
        owner = from_scratch.give(owner, action)
    return problems, owner, kept


cases = given(seed=st.integers(0, 10_000), ues=st.integers(1, 6), prbs=st.integers(1, 8), taken=st.integers(0, 8))


@settings(deadline=None, max_examples=60)
@cases
def test_a_state_kept_up_is_the_one_counted_anew(seed, ues, prbs, taken):
    problems, owner, kept = in_the_middle(seed, ues, prbs, taken)
    np.testing.assert_array_equal(kept.owner, owner)
    for state in (kept, State(problems, owner)):
        np.testing.assert_allclose(state.lack, from_scratch.lacking(problems, owner), atol=1e-9)
        np.testing.assert_allclose(state.potential, from_scratch.potential(problems, owner), atol=1e-9)
        np.testing.assert_allclose(state.prbs_missing, from_scratch.prbs_missing(problems, owner), atol=1e-9)
        np.testing.assert_array_equal(state.turn(), from_scratch.turn(problems, owner))
        np.testing.assert_array_equal(state.actions(), from_scratch.actions(problems, owner))


@settings(deadline=None, max_examples=60)
@cases
def test_features_of_free_pairs_are_those_counted_anew_for_all(seed, ues, prbs, taken):
    problems, owner, kept = in_the_middle(seed, ues, prbs, min(taken, prbs - 1))
    free = np.repeat((owner < 0)[:, None], ues, axis=1)
    pairs = np.flatnonzero(free)
    expected = from_scratch.observe(problems, owner)[free]
    for state in (kept, State(problems, owner)):
        np.testing.assert_allclose(observe(state, pairs), expected, rtol=1e-5, atol=1e-6)
    gain = from_scratch.next_gain(problems, owner)[free]
    np.testing.assert_allclose(kept.next_gain(pairs), gain, rtol=1e-9, atol=1e-9)


def test_features_are_finite_and_of_order_one_in_extreme_cells(make_report):
    for shift_db in (-150.0, 0.0, 80.0):
        report = make_report(3, ues=3, prbs=4)
        report.gain_db[:] += shift_db
        problems = assignment.of_drops(report, np.ones(3))
        for owner in (problems.unassigned(), np.tile(np.array([1, 1, -1, 1], np.int16), (3, 1))):
            pairs = np.flatnonzero(np.repeat((owner < 0)[:, None], 3, axis=1))
            x = observe(State(problems, owner), pairs)
            assert x.shape == (len(pairs), len(NAMES))
            assert np.isfinite(x).all()
            assert np.abs(x).max() < 50.0


def test_a_settled_state_ends_as_it_would_step_by_step(make_report):
    """Once nobody lacks rate only the best UEs may be chosen, whoever judges."""
    report = make_report(20, ues=4, prbs=6, min_rate_bps_hz=np.full((20, 4), 0.5))
    problems = assignment.of_drops(report, np.ones(20))

    def reverse(state, pairs):
        return -pairs.astype(float)

    owner = problems.unassigned()
    for _ in range(6):
        allowed = from_scratch.actions(problems, owner).reshape(20, -1)
        pairs = np.flatnonzero(allowed)
        owner = from_scratch.give(owner, scattered(reverse(None, pairs), pairs, allowed.shape).argmax(axis=-1))
    np.testing.assert_array_equal(finish(reverse, problems), owner)


@pytest.mark.parametrize(("name", "changes"), [("cell", {}), ("edge", {}), ("paper2", {})])
def test_decisions_are_those_of_the_slow_twin(name, changes):
    """Every step takes what the slow twin's Q ranks first, by Q of all pairs with the state's value in it."""
    report = Simulator(scenarios.varied(scenarios.load(name), **changes), np.random.default_rng(1), (12,)).observe()
    architecture = Architecture(width=16)
    weights = initialise(architecture, np.random.default_rng(2))
    weights["advantage"] *= 10.0
    judge = by_network(architecture, weights)
    for drop in drops(report):
        problems = assignment.of_cell(single_cell(drop), LEVELS)
        owner = problems.unassigned()
        for _ in range(problems.num_prbs):
            allowed = from_scratch.actions(problems, owner)
            rows = from_scratch.observe(problems, owner)[allowed]
            q = network.pair_values(architecture, weights, rows, NumpySegments(allowed.sum(axis=(1, 2))), np)
            shape = (len(problems), problems.num_pairs)
            owner = from_scratch.give(owner, scattered(q, np.flatnonzero(allowed), shape).argmax(axis=-1))
        np.testing.assert_array_equal(finish(judge, problems), owner)
