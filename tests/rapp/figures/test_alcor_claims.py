"""What docs/alcor.md says, in small: each of its claims with a fraction of its channels and trainings."""

import time
from dataclasses import replace

import numpy as np
import pytest

from rapp.alcor_runs import trained
from rapp.figures import alcor_demands
from rapp.figures.alcor_measures import Plan, dead_users, sum_rates, windows
from rapp.figures.alcor_steps import silencing
from xapps.alcor import graph, learned
from xapps.alcor.channels import draw_snr
from xapps.alcor.graph import GraphArchitecture
from xapps.alcor.time_sharing import WEIGHTING, TimeSharingRule
from xapps.alcor.ura import PairGreedyUra, WmmseUra

PLAN = Plan(seeds=(0, 1))
STRICT = {n: (alcor_demands.TABLE_3[n], rate) for n, rate in {10: 6.4, 20: 7.0, 50: 8.0}.items()}
FIVE = {
    name: (demand, rate) for (name, demand), rate in zip(alcor_demands.TABLE_4.items(), (6.1, 5.6, 5.0), strict=True)
}


def rate_and_violation(demand, rule, plan=PLAN):
    """Means over seeds of the sum rate [bps/Hz] and the violation [%] after twenty iterations."""
    found, since = windows([PairGreedyUra()], demand, rule, plan), plan.settle * rule.batches
    rates = [each.mean_rate(since).sum() for each in found]
    return np.mean(rates), np.mean([each.violation_percent(demand, since) for each in found])


def brief(tmp_path, name, powers="ranked", **changes):
    model = trained(tmp_path, name, seed=0, changes=changes)
    return learned.from_weights(model.manifest.architecture | {"powers": powers}, model.weights)


@pytest.mark.parametrize("users", [10, 20, pytest.param(50, marks=pytest.mark.slow)])
def test_silencing_meets_strict_demands_at_the_promised_sum_rate(users):
    demand, least = STRICT[users]
    rate, violation = rate_and_violation(demand, silencing("ascent", users))
    assert rate >= least and violation <= 1.5  # two seeds of five; the table's mean is below 1 %


@pytest.mark.parametrize("users", [10, 20, pytest.param(50, marks=pytest.mark.slow)])
def test_weighting_meets_strict_demands_at_more(users):
    rate, violation = rate_and_violation(STRICT[users][0], WEIGHTING)
    assert rate >= {10: 7.1, 20: 8.3, 50: 9.8}[users] and violation <= 0.5


@pytest.mark.parametrize("name", FIVE)
def test_five_users_have_what_table_4_promises(name):
    demand, least = FIVE[name]
    rate, violation = rate_and_violation(demand, silencing("ascent", 5))
    assert rate >= least and violation <= 1.5
    rate, violation = rate_and_violation(demand, WEIGHTING)
    assert rate >= {"u1": 6.2, "u2": 6.0, "u3": 5.8}[name] and violation <= 0.5


@pytest.mark.parametrize("rule", ["past", "ascent"])
def test_algorithm_1_is_within_a_percent_after_twenty_iterations(rule):
    gamma = {"past": 1.0, "ascent": 2.0}[rule]
    assert rate_and_violation(alcor_demands.ALGORITHM, TimeSharingRule(rule=rule, gamma=gamma))[1] <= 1.0


def test_pair_greedy_is_ahead_of_wmmse_at_every_size():
    plan = replace(PLAN, channels=200)
    for users, ratio in {5: 1.03, 10: 1.04, 20: 1.07}.items():
        ours, reference = (sum_rates([ura], users, 1.0, plan).mean() for ura in (PairGreedyUra(), WmmseUra()))
        assert ours / reference >= ratio


def test_the_fast_network_decides_twenty_users_in_half_a_millisecond():
    shape = GraphArchitecture(layers=1, candidates=10, crowd=False)
    ura = learned.GraphUra(shape, graph.initialise(shape, np.random.default_rng(0)))
    snr, on = draw_snr("iid", np.random.default_rng(1), 60, 20), np.ones((1, 20))
    spent = []
    for each in snr:
        start = time.thread_time()
        ura.shares(each[None], on)
        spent.append(time.thread_time() - start)
    assert np.median(spent) < 0.5e-3


@pytest.mark.slow
def test_a_brief_training_takes_one_graph_network_beyond_wmmse_at_all_sizes(tmp_path):
    ura, plan = brief(tmp_path, "graph", epochs=10), replace(PLAN, channels=200)
    for users, ratio in {5: 1.02, 10: 1.03, 20: 1.05, 50: 1.05}.items():
        ours, reference = (sum_rates([each], users, 1.0, plan).mean() for each in (ura, WmmseUra()))
        assert ours / reference >= ratio
    assert dead_users([ura], 20, plan) == 0


@pytest.mark.slow
def test_comparisons_and_sharpening_bring_a_perceptron_to_where_it_goes_within_minutes_without(tmp_path):
    plan = replace(PLAN, channels=1000)
    ours = brief(tmp_path, "perceptron", "sigmoid", epochs=15)
    plain = brief(tmp_path, "perceptron", "sigmoid", epochs=15, comparisons=0.0, sharpening=0.0)
    assert sum_rates([ours], 20, 1.0, plan).mean() >= 6.35
    assert sum_rates([ours], 20, 1.0, plan).mean() >= sum_rates([plain], 20, 1.0, plan).mean() + 0.1
    assert dead_users([ours], 20, plan) == 0


@pytest.mark.slow
def test_the_distributed_policy_gains_with_every_inner_slot(tmp_path):
    model = trained(tmp_path, "local", seed=0, changes={"epochs": 10})
    rates = []
    for slots in (1, 2, 4):
        shape = model.manifest.architecture | {"local": {"inner_slots": slots}}
        rates.append(sum_rates([learned.from_weights(shape, model.weights)], 20, 1.0, PLAN).mean())
    assert rates[0] < rates[1] < rates[2] and rates[2] >= 6.7


@pytest.mark.slow
def test_seven_cells_are_where_the_graph_network_wins(tmp_path):
    ura, plan = brief(tmp_path, "graph-cells", epochs=12), replace(PLAN, channels=100)
    ours, greedy = (sum_rates([each], 35, 1.0, plan, "seven-cell").mean() for each in (ura, PairGreedyUra()))
    assert ours > greedy
