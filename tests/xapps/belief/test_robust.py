"""Decisions under a belief: always within the limits, and with margins where they pay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as safetensors

from e2sim import scenario as scenarios
from e2sim.physics import constraints, objective
from e2sim.physics.units import db_to_linear
from e2sim.simulator import Simulator
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.belief.bayes import Imperfection, posterior
from xapps.belief.network import Architecture, initialise
from xapps.belief.policy import BeliefPolicy
from xapps.belief.rice import Belief
from xapps.belief.robust import LEVEL_SHARES, Robust, _power_need_w
from xapps.classic.matching import MatchingAllocator, candidates
from xapps.runtime.model_file import ModelFile

EDGE = scenarios.load("edge")


def report(seed, **changes):
    return Simulator(scenarios.varied(EDGE, **changes), np.random.default_rng(seed)).observe()


def policy(reports=1):
    architecture = Architecture(width=8, reports=reports)
    return BeliefPolicy(architecture, initialise(architecture, np.random.default_rng(0)))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), doubt=st.floats(1e-6, 10.0), ues=st.integers(0, 30))
def test_no_belief_leads_beyond_the_hard_limits(seed, doubt, ues):
    seen = report(seed, slices__0__num_ues=ues, slices__1__num_ues=1)
    gain = db_to_linear(seen.gain_db)
    decided = Robust(samples=16).decide(seen, Belief(gain, doubt * gain))
    assert constraints.violations(decided, seen) == []


def test_a_certain_channel_is_decided_about_as_well_as_by_matching():
    scores = np.zeros(2)
    for seed in range(6):
        seen = report(seed)
        gain = db_to_linear(seen.gain_db)
        robust = Robust().decide(seen, posterior([seen.gain_db], Imperfection()))
        for index, decided in enumerate((robust, MatchingAllocator().decide(seen))):
            rate = objective.rates_bps_hz(gain, decided, seen.noise_w)
            satisfied = objective.rate_satisfied(rate, seen.min_rate_bps_hz).all()
            scores[index] += satisfied * rate.sum()
    assert scores[0] > 0.97 * scores[1] > 0.0


def test_doubt_about_the_channel_buys_satisfied_ues_with_throughput():
    seen = report(3)
    rng = np.random.default_rng(0)
    gain = db_to_linear(seen.gain_db)
    belief = Belief(gain, 0.1 * gain)
    drawn = [
        belief.draw((rng.standard_normal(gain.shape) + 1j * rng.standard_normal(gain.shape)) / 2**0.5)
        for _ in range(40)
    ]
    shares = []
    for decided in (Robust().decide(seen, belief), MatchingAllocator().decide(seen)):
        rates = [objective.rates_bps_hz(each, decided, seen.noise_w) for each in drawn]
        shares.append(np.mean([objective.rate_satisfied(rate, seen.min_rate_bps_hz).all() for rate in rates]))
    assert shares[0] > shares[1] + 0.3


def test_the_power_of_a_minimum_rate_is_that_of_one_level_on_its_prbs():
    need = _power_need_w(np.log(np.array([[4.0, 2.0]])), np.array([3.0]))
    assert need[0, 0] == pytest.approx((2.0**3 - 1.0) / 4.0)
    level = np.sqrt(2.0**3 / 8.0)
    assert need[0, 1] == pytest.approx(2 * level - 1 / 4.0 - 1 / 2.0)


def test_equal_reports_get_equal_decisions():
    seen = report(1)
    one, other = (policy().decide(seen) for _ in range(2))
    assert (one.prb_owner == other.prb_owner).all()
    assert (one.power_w == other.power_w).all()


@pytest.mark.parametrize("doubt", [1e-3, 0.1, 3.0])
def test_margins_matched_all_at_once_decide_like_those_matched_one_by_one(doubt):
    for seed in range(4):
        seen = report(seed)
        gain = db_to_linear(seen.gain_db)
        belief = Belief(gain, doubt * gain)
        at_once = Robust(samples=32).decide(seen, belief)
        one_by_one = Robust(samples=32).decide(seen, belief, lambda cell: candidates(cell, LEVEL_SHARES))
        np.testing.assert_array_equal(at_once.prb_owner, one_by_one.prb_owner)
        np.testing.assert_allclose(at_once.power_w, one_by_one.power_w, rtol=1e-9)


def test_older_reports_are_heard():
    seen = report(2)
    older_db = seen.gain_db + np.random.default_rng(0).normal(0.0, 6.0, seen.gain_db.shape)
    alone, after = policy(2).decide(seen), policy(2).decide_after(seen, [older_db])
    assert (alone.power_w != after.power_w).any()


def test_several_rus_are_refused():
    seen = Simulator(scenarios.load("interfering"), np.random.default_rng(0)).observe()
    with pytest.raises(ConfigError):
        policy().decide(seen)


def test_gains_that_are_no_numbers_are_refused():
    seen = report(0)
    seen.gain_db[0, 0, 0] = np.nan
    with pytest.raises(DecisionRefused, match="NaN"):
        policy().decide(seen)


def test_a_stored_model_decides_like_the_one_that_was_stored():
    architecture = Architecture(width=8, reports=1)
    weights = initialise(architecture, np.random.default_rng(0))
    model = ModelFile.pack(
        safetensors.save(weights), name="belief", allocator="belief", architecture={"network": architecture.to_dict()}
    )
    seen = report(4)
    assert (BeliefPolicy.from_model(model).decide(seen).power_w == policy().decide(seen).power_w).all()


def test_weights_of_another_shape_or_not_finite_are_refused():
    architecture = Architecture(width=8, reports=1)
    weights = initialise(architecture, np.random.default_rng(0))
    with pytest.raises(ModelRejected):
        BeliefPolicy(Architecture(width=9, reports=1), weights)
    weights["link"][0, 0] = np.inf
    with pytest.raises(ModelRejected, match="finite"):
        BeliefPolicy(architecture, weights)
