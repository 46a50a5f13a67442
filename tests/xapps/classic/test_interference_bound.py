import itertools
from dataclasses import replace

import numpy as np
import pytest

from e2sim.physics import objective
from e2sim.physics.units import db_to_linear
from xapps.allocators import build
from xapps.classic import interference_bound
from xapps.classic.interference_bound import upper_bound


def throughput(report, decision):
    rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decision, report.noise_w)
    return float(rate @ report.weight)


def best_of_all(report, levels_w):
    """The best throughput over every owner, power and association on a grid of powers, by plain loops."""
    gain = db_to_linear(report.gain_db) / report.noise_w
    ues, rus, prbs = gain.shape
    best = 0.0
    for serving in itertools.product(range(rus), repeat=ues):
        choices = [[None, *(u for u in range(ues) if serving[u] == r)] for r in range(rus)]
        by_prb = []
        for k in range(prbs):
            values = {}
            for powers in itertools.product(levels_w, repeat=rus):
                total = 0.0
                for owners in itertools.product(*choices):
                    value = 0.0
                    for r, u in enumerate(owners):
                        if u is not None:
                            others = sum(gain[u, j, k] * powers[j] for j in range(rus) if j != r)
                            value += report.weight[u] * np.log2(1.0 + gain[u, r, k] * powers[r] / (1.0 + others))
                    total = max(total, value)
                values[powers] = total
            by_prb.append(values)
        for pick in itertools.product(*by_prb):
            if all(sum(p[r] for p in pick) <= report.ru_power_budget_w[r] for r in range(rus)):
                best = max(best, sum(values[p] for values, p in zip(by_prb, pick, strict=True)))
    return best


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rus", [2, 3])
def test_no_allocation_of_a_tiny_layout_exceeds_the_bound(seed, rus, reports):
    users = [{"name": "all", "num_ues": 3, "weight": 1.0}]
    layout = {"num_rus": rus, "inter_site_m": 120, "max_distance_m": 150, "placement": "uniform-area"}
    drawn = reports("tiny", 1, seed=seed, slices=users, layout=layout, radio__num_prbs=2, radio__ru_power_budget_dbm=31)
    report = replace(drawn[0], weight=np.random.default_rng(seed).uniform(0.5, 2.0, 3))
    levels_w = report.prb_power_cap_w * np.array([0.0, 0.2, 1.0])
    best = best_of_all(report, tuple(levels_w))
    bound = upper_bound(report)
    assert best <= bound * (1 + 1e-9)
    assert bound <= 3.0 * best  # and it says something


@pytest.mark.parametrize(("name", "count"), [("interfering", 8), ("interfering-2", 4), ("interfering-7", 2)])
def test_the_bound_lies_above_what_local_search_and_greedy_reach(name, count, reports):
    for report in reports(name, count, seed=31):
        bound = upper_bound(report)
        for allocator in ("local-search", "greedy", "matching"):
            assert throughput(report, build(allocator).decide(report)) <= bound * (1 + 1e-9)


@pytest.mark.slow
def test_the_bound_holds_for_nineteen_rus(reports):
    report = reports("interfering-19", 1, seed=31)[0]
    assert throughput(report, build("local-search").decide(report)) <= upper_bound(report)


def test_pairs_bring_the_bound_below_what_the_rus_could_do_alone(reports):
    for report in reports("interfering-7", 2, seed=32):
        field = interference_bound._Field.of(report)
        assert upper_bound(report) < 0.9 * sum(field.alone(ru) for ru in range(report.num_rus))


def test_one_ru_is_bounded_by_its_own_lagrangian(reports):
    for report in reports("cell", 4, seed=33):
        decision = build("greedy").decide(report)
        assert throughput(report, decision) <= upper_bound(report) * (1 + 1e-9)
