"""ALCOR on reports: links of the scenario, demands met in the simulator, users who come and go, models."""

from dataclasses import replace

import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.physics import constraints
from e2sim.simulator import Simulator
from oran.errors import ConfigError
from xapps import allocators
from xapps.alcor import pairing
from xapps.alcor.learner import AlcorLearner
from xapps.alcor.policy import AlcorPolicy
from xapps.alcor.presets import Preset
from xapps.alcor.time_sharing import TimeSharingRule
from xapps.alcor.ura import PairGreedyUra
from xapps.runtime.contracts import DemandAllocator
from xapps.runtime.model_file import ModelFile


def simulator(name="links", seed=0):
    return Simulator(scenarios.load(name), np.random.default_rng(seed))


def served(policy, sim, demand, slots, since):
    rates = []
    for _ in range(slots):
        report = replace(sim.observe(), min_rate_bps_hz=demand)
        rates.append(sim.step(policy.decide_at("node", report)).rate_bps_hz)
    return np.array(rates)[since:].mean(axis=0)


def test_the_scenario_links_is_the_papers_channel():
    sim, snr = simulator(), []
    for _ in range(40):
        report = sim.observe()
        snr.append(pairing.snr_of_links(report, pairing.Pairing().rus(report)))
        sim.step(None)
    assert 10.0 * np.log10(np.mean(snr)) == pytest.approx(15.0, abs=0.15)
    assert np.std(snr) / np.mean(snr) == pytest.approx(1.0, abs=0.05)  # exponential


@pytest.mark.parametrize("distributed", [False, True])
def test_demands_are_met_in_the_simulator(distributed):
    demand = np.zeros(20)
    demand[[4, 6, 18]] = 0.4, 0.6, 0.8
    policy = AlcorPolicy(PairGreedyUra(), distributed=distributed)
    rate = served(policy, simulator(), demand, 1400, 500)
    assert (rate >= 0.95 * demand).all()
    assert rate.sum() > 7.5
    state = policy.sharing("node")
    assert state.multiplier[18] > state.multiplier[0]


@pytest.mark.parametrize("name", ["links", "links-7", "interfering-7", "tiny"])
def test_every_decision_is_feasible_as_it_is(name):
    sim, policy = simulator(name), AlcorPolicy(PairGreedyUra(), TimeSharingRule(rule="ascent"))
    for _ in range(5):
        report = sim.observe()
        for allocation in (policy.decide(report), policy.decide_at("node", report)):
            assert constraints.violations(allocation, report) == []
        sim.step(allocation)


def test_users_come_and_go_without_a_new_policy():
    sim, policy = simulator(), allocators.build("alcor-pair-greedy")
    demand = np.full(20, 0.2)
    served(policy, sim, demand, 200, 0)
    before = policy.sharing("node")
    for ue_id in sim.observe().ue_ids[[0, 5]]:
        sim.remove_ue(int(ue_id))
    report = replace(sim.observe(), min_rate_bps_hz=np.full(18, 0.2))
    policy.decide_at("node", report)
    after = policy.sharing("node")
    assert np.allclose(after.multiplier, np.delete(before.multiplier, [0, 5]))
    sim.add_ue("eMBB", 3)
    report = replace(sim.observe(), min_rate_bps_hz=np.full(19, 0.2))
    allocation = policy.decide_at("node", report)
    assert len(allocation.serving_ru) == 19
    assert len(set(policy._nodes["node"].pairing.rus(report).tolist())) == 19  # the newcomer got a free RU


def test_new_demands_start_anew():
    sim, policy = simulator(), allocators.build("alcor-pair-greedy")
    served(policy, sim, np.full(20, 1.0), 60, 0)
    assert policy.sharing("node").multiplier.any()
    policy.decide_at("node", replace(sim.observe(), min_rate_bps_hz=np.zeros(20)))
    assert not policy.sharing("node").multiplier.any()


def test_an_empty_cell_gets_an_empty_decision():
    sim, policy = simulator("tiny"), allocators.build("alcor-pair-greedy")
    for ue_id in sim.observe().ue_ids:
        sim.remove_ue(int(ue_id))
    report = sim.observe()
    for allocation in (policy.decide(report), policy.decide_at("node", report)):
        assert constraints.violations(allocation, report) == []


def test_demands_above_what_a_user_gets_alone_are_refused_with_the_closest_rates():
    report, policy = simulator().observe(), allocators.build("alcor-pair-greedy")
    assert isinstance(policy, DemandAllocator)
    assert policy.refusal([report]) == ""
    demand = np.zeros(20)
    demand[3] = 50.0
    assert f"UE {report.ue_ids[3]}: " in policy.refusal([replace(report, min_rate_bps_hz=demand)])


def test_a_report_without_channel_is_refused():
    with pytest.raises(ConfigError):
        allocators.build("alcor-wmmse").decide(replace(simulator("tiny").observe(), gain_db=None))


def test_a_stored_model_decides_for_any_number_of_users():
    learner = AlcorLearner(Preset(users=(5,), epochs=1, steps_per_epoch=2, width=8, layers=1), seed=0)
    learner.run_epoch()
    trained = learner.result()
    model = ModelFile.pack(trained.weights, name="alcor", allocator="alcor", architecture=trained.architecture)
    policy = AlcorPolicy.from_model(model)
    for name in ("links", "links-7"):
        report = simulator(name).observe()
        assert constraints.violations(policy.decide(report), report) == []
    assert policy.name == "alcor" and policy.rule.means == "weighting"
