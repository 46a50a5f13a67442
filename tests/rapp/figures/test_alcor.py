"""Paper 5's tables in small: runs that are found again, rows that hold numbers, networks that learn demands."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from rapp.alcor_runs import trained
from rapp.figures import (
    alcor_demands,
    alcor_geometric,
    alcor_measures,
    alcor_networks,
    alcor_plots,
    alcor_steps,
    alcor_tables,
)
from rapp.figures.alcor_measures import Plan, sum_rates
from xapps.alcor import demand_networks
from xapps.alcor.channels import draw_snr
from xapps.alcor.demand_networks import Effort
from xapps.alcor.links import NOISE_W, rates_bps_hz
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.time_sharing import TimeSharingRule, violation_percent
from xapps.alcor.ura import PairGreedyUra, WmmseUra
from xapps.classic.links.feasibility import demands_feasible

TINY = {"epochs": 1, "steps_per_epoch": 3, "links_per_step": 800, "width": 8, "layers": 1}


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setattr(alcor_tables, "graph_policies", lambda plan: [PairGreedyUra()])
    monkeypatch.setattr(alcor_steps, "CHOSEN", {rule: {3: 1.0, 5: 1.0, 6: 1.0} for rule in alcor_steps.CHOSEN})
    monkeypatch.setattr(alcor_steps, "VALIDATION_SEEDS", (100,))
    monkeypatch.setattr(alcor_steps, "ITERATIONS", 5)
    monkeypatch.setattr(alcor_networks, "FIXED_HIDDEN", {3: (8, 4), 6: (8, 4)})
    monkeypatch.setattr(alcor_demands, "TABLE_2", {n: np.full(n, 0.2) for n in (3, 6)})
    monkeypatch.setattr(alcor_demands, "TABLE_3", {n: np.full(n, 0.4) for n in (3, 6)})
    return Plan(
        seeds=(0, 1),
        trainings=1,
        channels=120,
        settle=5,
        iterations=10,
        held=100,
        fixed_steps=2,
        effort=Effort(steps=3),
        root=tmp_path,
        docs=tmp_path,
        feasible=2,
        programs=1,
        large_programs=1,
        networks=1,
    )


def test_wmmse_lands_where_the_paper_does(plan):
    paper = {0.25: 5.88, 0.5: 6.74, 0.75: 7.33, 1.0: 7.74}
    larger = replace(plan, channels=700)
    for kappa, rate in paper.items():
        assert sum_rates([WmmseUra()], 20, kappa, larger).mean() == pytest.approx(rate, abs=0.1)


def test_a_run_is_found_again_and_keeps_its_curves(tmp_path):
    first = trained(tmp_path, "graph", seed=3, changes=TINY)
    again = trained(tmp_path, "graph", seed=3, changes=TINY, on_progress=lambda *_: pytest.fail("trained twice"))
    assert again.weights == first.weights and again.manifest == first.manifest
    assert trained(tmp_path, "graph", seed=4, changes=TINY).weights != first.weights
    assert len(list(tmp_path.glob("*/curves.json"))) == 2


@pytest.mark.parametrize("name", ["table-2", "table-3", "algorithm", "table-4", "geometric", "steps"])
def test_tables_are_measured_in_small(plan, name):
    lines = alcor_tables.TABLES[name](plan)
    rows = [line for line in lines if line.startswith("|")]
    width = rows[0].count("|")
    assert len(rows) >= 4 and all(row.count("|") == width for row in rows)
    assert "nan" not in "".join(rows)


def test_few_channels_allow_table_2_at_once_and_none_allow_table_3():
    found, drawn = alcor_geometric.feasible_channels(alcor_demands.TABLE_2[20], 5, seed=0, most=1000)
    assert len(found) == 5 and 5 < drawn < 500
    assert demands_feasible(found, NOISE_W, 1.0, alcor_demands.TABLE_2[20]).all()
    found, drawn = alcor_geometric.feasible_channels(alcor_demands.TABLE_3[20], 1, seed=0, most=700)
    assert found.shape == (0, 20, 20) and drawn == 700


def test_channels_are_counted_up_to_the_last_one_that_is_taken():
    alone = np.array([0.5])
    found, drawn = alcor_geometric.feasible_channels(alone, 30, seed=0)
    snr = draw_snr("iid", alcor_measures.channels_rng(0), alcor_geometric.CHUNK, 1)
    feasible = np.flatnonzero(np.log2(1.0 + snr[:, 0, 0]) >= 0.5)
    assert drawn == feasible[29] + 1 and np.allclose(found[:, 0, 0] / NOISE_W, snr[feasible[:30], 0, 0])


def test_one_user_is_raised_as_far_as_a_grid_of_powers_allows():
    gain = draw_snr("iid", np.random.default_rng(2), 1, 2)[0] * NOISE_W
    demand = np.array([0.2, 0.3])
    grid = np.stack(np.meshgrid(*2 * [np.geomspace(1e-4, 1.0, 1001)]), -1).reshape(-1, 2)
    rates = rates_bps_hz(gain / NOISE_W, grid)
    at_demand = (np.abs(rates - demand) < 0.004).any(axis=-1) & (rates >= demand - 0.004).all(axis=-1)
    assert alcor_geometric.one_raised(gain, demand) == pytest.approx(rates[at_demand].sum(axis=-1).max(), abs=0.03)


@pytest.mark.parametrize("name", ["fig-2", "fig-3"])
def test_figures_are_drawn(tmp_path, monkeypatch, name):
    monkeypatch.setattr(alcor_plots, "BATCHES", 3)
    assert alcor_plots.draw(name, [PairGreedyUra()], tmp_path, (0,)).stat().st_size > 5000


def test_adaptation_is_drawn_over_all_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(alcor_plots, "BATCHES", 3)
    monkeypatch.setattr(alcor_plots, "META_STEPS", 1)
    panels = alcor_plots.adaptation([PairGreedyUra()], (0, 1, 2))
    assert all(curves.shape == (3, 3, 5) for curves, _ in panels.values())
    assert not np.array_equal(panels["ALCOR"][0][0], panels["ALCOR"][0][1])
    assert alcor_plots.draw("fig-1", [PairGreedyUra()], tmp_path, (0, 1)).stat().st_size > 5000


def test_the_smallest_step_that_is_enough_is_taken(plan, monkeypatch):
    violations = {0.25: 2.0, 0.5: 0.6, 0.75: 0.4, 1.0: 0.0}
    monkeypatch.setattr(alcor_steps, "validation_violation_percent", lambda rule, *_: violations[rule.gamma])
    assert alcor_steps.smallest_enough("ascent", [np.ones(3)], plan) == (0.75, [2.0, 0.6, 0.4])


@pytest.mark.slow
@pytest.mark.parametrize("users", [5, 10, 20])
@pytest.mark.parametrize("rule", ["ascent", "past"])
def test_steps_are_those_that_the_rule_finds(rule, users):
    found, _ = alcor_steps.smallest_enough(rule, alcor_steps.strict_demands()[users], Plan())
    assert alcor_steps.CHOSEN[rule][users] == found


def test_validation_and_test_channels_are_different():
    assert not set(alcor_steps.VALIDATION_SEEDS) & set(Plan().seeds)


def test_each_test_seed_is_played_by_the_policy_of_its_training(monkeypatch):
    played = []

    class Noted:
        def __init__(self, name):
            self.name = name

        def shares(self, snr, active, weight=None):
            played.append(self.name)
            return active

    sum_rates([Noted("a"), Noted("b")], 3, 1.0, Plan(seeds=(0, 1, 2), channels=alcor_measures.CHUNK))
    assert played == ["a", "b", "a"]


def test_multipliers_held_fixed_are_judged_on_channels_of_their_own(plan):
    rule = TimeSharingRule(rule="past", gamma=1.0)
    demand = np.array([0.5, 0.5, 1.0])
    longer = replace(plan, settle=20, iterations=5, held=6000)
    found = alcor_measures.window(PairGreedyUra(), demand, rule, longer, 0)
    assert 0.0 <= alcor_measures.held_violation_percent(PairGreedyUra(), demand, rule, found, longer, 0) < 30.0


def test_a_network_is_trained_once(tmp_path):
    plan = Plan(root=tmp_path)
    first = alcor_networks.kept(plan, "n", lambda: {"w": np.ones((2, 2))})
    again = alcor_networks.kept(plan, "n", lambda: pytest.fail("trained twice"))
    assert np.array_equal(first["w"], again["w"])


def test_users_count_from_one_and_later_parts_win():
    assert alcor_demands.TABLE_3[20][[0, 4, 10, 11, 18]].tolist() == [0.1, 0.4, 0.0, 0.2, 0.8]
    assert alcor_demands.INFEASIBLE[[18, 19, 24, 29, 30]].tolist() == [0.0, 2.0, 3.0, 3.0, 5.0]


def test_the_page_has_a_place_for_every_table():
    page = Path("docs/alcor.md").read_text()
    assert all(f"<!-- table: {name} -->" in page for name in alcor_tables.TABLES)


def test_reward_charges_shortfalls_only():
    rate, demand = torch.tensor([1.0, 2.0]), torch.tensor([1.5, 1.0])
    assert float(demand_networks.reward(rate, demand, 100.0)) == pytest.approx(3.0 - 50.0)


def test_a_network_for_fixed_demands_meets_these_and_not_others():
    shape = PerceptronArchitecture(users=3, hidden=(40, 20))
    demand = np.array([2.0, 0.5, 0.0])
    w = demand_networks.train_fixed(shape, demand, Effort(steps=150, learning_rate=3e-3), 0)
    snr = draw_snr("iid", np.random.default_rng(0), 2000, 3)
    rate = demand_networks.mean_rates(shape, w, snr, demand)
    assert violation_percent(demand, rate) < 5.0
    assert violation_percent(demand[::-1], rate) > 20.0


def test_the_dynamic_network_heeds_its_demands():
    shape = PerceptronArchitecture(users=2, hidden=(30, 20), extra_inputs=2)
    w = demand_networks.train_dynamic(shape, 3.0, Effort(steps=150, learning_rate=3e-3), 0)
    snr = draw_snr("iid", np.random.default_rng(0), 1000, 2)
    favoured = [demand_networks.mean_rates(shape, w, snr, np.array(d)) for d in ([3.0, 0.0], [0.0, 3.0])]
    assert favoured[0][0] > favoured[1][0] + 0.5 and favoured[1][1] > favoured[0][1] + 0.5


def test_the_learnt_inner_step_moves_and_adaptation_yields_rates():
    shape = PerceptronArchitecture(users=2, hidden=(6, 6))
    w, psi = demand_networks.train_meta(shape, 2.5, Effort(steps=3), 0)
    assert psi > 0.0 and psi != 1e-3
    rates = list(islice(demand_networks.adapt(shape, w, np.ones(2), psi, np.random.default_rng(0)), 3))
    assert len(rates) == 3 and all(rate.shape == (2,) and (rate > 0).all() for rate in rates)
