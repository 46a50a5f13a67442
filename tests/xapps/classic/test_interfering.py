import itertools

import numpy as np
import pytest

from e2sim.physics import constraints, objective
from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import Allocation
from oran.errors import ConfigError
from xapps.allocators import build
from xapps.classic import joint
from xapps.classic.cell import strongest_ru
from xapps.classic.local_search import improve, penalised


def worth(report, decision):
    rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decision, report.noise_w)
    return float(penalised(rate, report.weight, report.min_rate_bps_hz).sum())


def test_local_search_only_improves_and_stays_within_the_limits(reports):
    for report in reports("interfering", 5):
        start = build("equal").decide(report)
        values = [worth(report, improve(report, start, moves)) for moves in (0, 1, 5, 30)]
        assert values[0] == pytest.approx(worth(report, start))
        assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(values))
        assert values[-1] > values[0]
        assert constraints.violations(improve(report, start, 30), report) == []


def test_one_move_of_the_search_is_the_best_single_change_found_by_plain_trial(reports):
    report = reports("interfering", 1, radio__num_prbs=3)[0]
    start = build("equal").decide(report)
    serving = start.serving_ru
    best = worth(report, start)
    left = report.ru_power_budget_w - start.power_w.sum(axis=-1)
    for ru, prb in np.ndindex(start.prb_owner.shape):
        most = min(report.prb_power_cap_w, start.power_w[ru, prb] + max(left[ru], 0.0))
        for ue, share in [(-1, 0.0), *itertools.product(np.flatnonzero(serving == ru), (0.1, 0.3, 1.0))]:
            owner, power = start.prb_owner.copy(), start.power_w.copy()
            owner[ru, prb], power[ru, prb] = ue, share * most
            best = max(best, worth(report, Allocation(start.ue_ids, serving, owner, power)))
    assert worth(report, improve(report, start, 1)) == pytest.approx(best, rel=1e-9)


def test_the_joint_program_equals_trying_every_configuration(reports):
    report = reports("interfering", 1, seed=2, radio__num_prbs=2, layout__num_rus=2, slices=[
        {"name": "eMBB", "num_ues": 3, "min_rate_bps_hz": 1.0}])[0]  # fmt: skip
    serving = strongest_ru(db_to_linear(report.gain_db)).astype(np.int16)
    options = [[(-1, 0.0)] + [(u, s * report.prb_power_cap_w) for u in np.flatnonzero(serving == ru)
                              for s in joint.LEVEL_SHARES] for ru in range(2)]  # fmt: skip
    best = -np.inf
    for picks in itertools.product(*options, *options):
        owner = np.array([[picks[0][0], picks[2][0]], [picks[1][0], picks[3][0]]], np.int16)
        power = np.array([[picks[0][1], picks[2][1]], [picks[1][1], picks[3][1]]])
        if (power.sum(axis=-1) <= report.ru_power_budget_w).all():
            best = max(best, worth(report, Allocation(np.asarray(report.ue_ids), serving, owner, power)))
    found = joint.solve(report)
    assert worth(report, found.allocation) >= best * (1 - 2 * joint.RELATIVE_GAP)
    assert found.bound >= best * (1 - 1e-9)


def test_joint_is_the_best_and_local_search_close_behind_matching_is_not(reports):
    total = dict.fromkeys(("matching", "local-search", "joint"), 0.0)
    for report in reports("interfering", 4, seed=1, radio__num_prbs=6):
        for name in total:
            total[name] += worth(report, build(name).decide(report))
    assert total["joint"] >= total["local-search"] * 0.999
    assert total["local-search"] > 0.95 * total["joint"]
    assert total["matching"] < total["local-search"]


def test_local_search_scales_to_seven_rus_and_meets_every_minimum(reports):
    for report in reports("interfering-7", 2, seed=1):
        decision = build("local-search").decide(report)
        assert constraints.violations(decision, report) == []
        rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decision, report.noise_w)
        assert objective.rate_satisfied(rate, report.min_rate_bps_hz).mean() > 0.95


def test_too_many_joint_configurations_are_refused(reports):
    with pytest.raises(ConfigError):
        joint.solve(reports("interfering-7", 1)[0])


def test_round_robin_serves_everyone_alike_over_the_slots(reports):
    allocator, served = build("round-robin"), np.zeros(20)
    for report in reports("cell", 8):
        served += np.bincount(allocator.decide(report).prb_owner[0], minlength=20)
    assert served.max() - served.min() <= 1


def test_proportional_fair_shares_more_evenly_than_best_channel(reports):
    rates = {}
    for name in ("proportional-fair", "greedy"):
        allocator = build(name)
        rates[name] = np.mean(
            [
                objective.rates_bps_hz(db_to_linear(r.gain_db), allocator.decide(r), r.noise_w)
                for r in reports("cell", 60, channel__drop_every_slots=0)
            ],
            axis=0,
        )

    def jain(rate):
        return rate.sum() ** 2 / (len(rate) * (rate**2).sum())

    assert jain(rates["proportional-fair"]) > 1.5 * jain(rates["greedy"])
