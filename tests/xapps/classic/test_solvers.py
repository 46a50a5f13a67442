from dataclasses import replace

import numpy as np
import pytest

from oran.errors import ConfigError
from xapps.classic import enumeration, exact, greedy
from xapps.classic.cell import Cell, single_cell
from xapps.classic.certificate import certify
from xapps.classic.lagrangian import Prices, dual_bound
from xapps.classic.level_program import LevelProgram
from xapps.classic.matching import best_of, match, power_need_w


def value(cell, solution):
    return float(cell.rates_bps_hz(solution.owner, solution.power_w) @ cell.weight)


def shortfall(cell, solution):
    return float(np.maximum(cell.min_rate_bps_hz - cell.rates_bps_hz(solution.owner, solution.power_w), 0).sum())


@pytest.mark.parametrize("seed", range(25))
def test_exact_agrees_with_enumeration_and_its_bound_holds(seed, random_cell):
    cell = random_cell(np.random.default_rng(seed), 3, 5, most_wanted=4.0)
    best, found = enumeration.enumerate_all(cell), exact.solve_cell(cell)
    assert found.solution.feasible == best.feasible
    if best.feasible:
        assert value(cell, best) * (1 - exact.MOST_GAP) <= found.value <= value(cell, best) * (1 + 1e-9)
        assert found.bound >= value(cell, best) * (1 - 1e-9)
        assert found.gap <= exact.MOST_GAP
    else:
        assert shortfall(cell, found.solution) >= shortfall(cell, best) - 1e-6
        assert np.isnan(found.bound)


def test_outer_approximation_closes_the_gap_that_the_prices_leave(reports):
    """With the crudest valid prices everything rests on the tangents, and the certificate must still come out."""
    cell = single_cell(reports("tiny", 1, seed=3)[0])
    start = match(cell)
    crude = Prices(cell.num_prbs / cell.budget_w, np.zeros(cell.num_ues))
    at_once = certify(cell, start, crude, most_gap=np.inf)
    closed = certify(cell, start, crude, most_gap=1e-3)
    assert at_once.gap > 0.01
    assert closed.gap <= 1e-3
    best = enumeration.enumerate_all(cell)
    assert closed.value <= value(cell, best) * (1 + 1e-9) <= closed.bound * (1 + 2e-9)


@pytest.mark.parametrize("name", ["cell", "paper2"])
def test_cells_of_paper_size_are_certified_to_a_tenth_of_a_percent(name, reports):
    for report in reports(name, 3, seed=11):
        label = exact.solve(report, most_gap=1e-3)
        assert not label.feasible or label.gap <= 1e-3


def test_nothing_beats_the_enumerated_optimum_and_no_bound_lies_below_it(random_cell):
    rng = np.random.default_rng(5)
    for _ in range(20):
        cell = random_cell(rng, 3, 5, most_wanted=3.0)
        best = enumeration.enumerate_all(cell)
        if not best.feasible:
            continue
        for other in (match(cell), greedy.solve(cell)):
            assert not other.feasible or value(cell, other) <= value(cell, best) * (1 + 1e-9)
        bound = dual_bound(
            cell.gain_per_w[None],
            cell.weight[None],
            cell.min_rate_bps_hz[None],
            cell.budget_w,
            cell.cap_w,
            best.owner[None],
            best.power_w[None],
        )
        assert bound[0] >= value(cell, best) * (1 - 1e-12)


@pytest.mark.parametrize(("name", "least_mean"), [("cell", 0.999), ("edge", 0.998)])
def test_matching_is_next_to_the_exact_optimum(name, least_mean, reports):
    ratio = []
    for report in reports(name, 14, seed=21):
        cell = single_cell(report)
        owner, matched = LevelProgram.of(cell).maximise_throughput(), match(cell)
        assert matched.feasible or owner is None
        if matched.feasible and owner is not None:
            ratio.append(value(cell, matched) / value(cell, best_of(cell, owner[None])))
    assert len(ratio) >= 12
    assert np.mean(ratio) >= least_mean


def bound_of(cells, found, **options):
    return dual_bound(
        np.stack([cell.gain_per_w for cell in cells]),
        np.stack([cell.weight for cell in cells]),
        np.stack([cell.min_rate_bps_hz for cell in cells]),
        np.array([cell.budget_w for cell in cells]),
        cells[0].cap_w,
        np.stack([each.owner for each in found]),
        np.stack([each.power_w for each in found]),
        **options,
    )


def test_the_dual_bound_of_a_cell_is_close_and_more_steps_bring_it_closer(reports):
    cells = [single_cell(report) for report in reports("cell", 16)]
    found = [match(cell) for cell in cells]
    best = np.array([value(cell, each) for cell, each in zip(cells, found, strict=True)])
    quick, patient = (bound_of(cells, found, iterations=steps) / best - 1 for steps in (60, 200))
    assert (patient >= -1e-12).all() and (patient <= quick).all()
    assert quick.mean() < 0.015 and patient.mean() < 0.01


def test_the_dual_bound_of_a_cell_does_not_depend_on_its_company(reports):
    cells = [single_cell(report) for report in reports("edge", 90)]  # more than one block
    found = [match(cell) for cell in cells]
    together = bound_of(cells, found)
    alone = [bound_of([cell], [each])[0] for cell, each in zip(cells[60:70], found[60:70], strict=True)]
    np.testing.assert_allclose(together[60:70], alone, rtol=1e-4)


@pytest.mark.parametrize("steps", [0, 1, 60])
def test_no_dual_bound_lies_below_the_enumerated_optimum_whatever_the_start(steps, random_cell):
    rng = np.random.default_rng(8)
    for _ in range(15):
        cell = random_cell(rng, 3, 4, most_wanted=4.0)
        best = enumeration.enumerate_all(cell)
        nobody = replace(best, owner=np.full(4, -1), power_w=np.zeros(4))
        for start in (best, nobody):
            assert not best.feasible or bound_of([cell], [start], iterations=steps)[0] >= value(cell, best) * (
                1 - 1e-12
            )


def test_exact_labels_carry_value_bound_gap_and_time(reports):
    report = reports("cell", 1)[0]
    label = exact.solve(report)
    assert label.feasible
    assert label.weighted_throughput_bps_hz <= label.bound
    assert 0 <= label.gap <= exact.MOST_GAP
    assert label.allocation.decision_id == report.report_id
    assert label.seconds > 0


def test_the_admission_rule_gives_up_the_neediest_first(random_cell):
    rng = np.random.default_rng(2)
    cell = random_cell(rng, 6, 6)
    cell.gain_per_w[0] *= 1e-6  # hopeless
    cell.min_rate_bps_hz[:] = 1.0
    solution = match(cell)
    rate = cell.rates_bps_hz(solution.owner, solution.power_w)
    assert solution.removed == 1 and not solution.feasible
    assert power_need_w(cell).argmax() == 0
    assert (rate[1:] >= 1.0 - 1e-9).all()


def test_exact_finds_the_least_shortfall_where_enumeration_does(random_cell):
    cell = random_cell(np.random.default_rng(8), 3, 4)
    cell.min_rate_bps_hz[:] = [3.0, 4.0, 30.0]
    best, found = enumeration.enumerate_all(cell), exact.solve_cell(cell).solution
    assert not best.feasible and not found.feasible
    assert shortfall(cell, found) == pytest.approx(shortfall(cell, best), rel=0.02)


def test_enumeration_refuses_what_it_cannot_finish(random_cell):
    with pytest.raises(ConfigError):
        enumeration.enumerate_all(random_cell(np.random.default_rng(0), 10, 10))


def test_exact_refuses_several_rus(reports):
    with pytest.raises(ConfigError):
        exact.solve(reports("interfering", 1)[0])


def test_cells_that_are_feasible_only_between_the_levels_are_certified_too():
    cell = Cell(np.arange(1), np.full((1, 2), 1000.0), np.ones(1), np.array([5.0]), budget_w=0.02, cap_w=1.0)
    assert LevelProgram.of(cell).prices() is None
    found = exact.solve_cell(cell)
    assert found.solution.feasible
    assert found.value == pytest.approx(2 * np.log2(11.0))  # both PRBs at half the budget
    assert found.gap <= exact.MOST_GAP
