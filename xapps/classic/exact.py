"""The optimum of one cell, with a certificate.

Power-aware matching gives the start, the linear relaxation over power levels the prices, and outer approximation closes
what is left between the solution and its bound (:mod:`~xapps.classic.certificate`). Where matching finds no point that
meets every minimum rate, the mixed-integer program over power levels (:mod:`~xapps.classic.level_program`) looks for
one; if there is none either, minimum rates are elastic: least sum of shortfalls first, then throughput.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.classic import matching
from xapps.classic.cell import Cell, compose, single_cell
from xapps.classic.certificate import Certificate, certify
from xapps.classic.lagrangian import Prices
from xapps.classic.level_program import LevelProgram

MOST_GAP = 5e-4
"""Relative gap at which a solution counts as optimal."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """An allocation and what is known about its distance from the optimum."""

    allocation: Allocation
    weighted_throughput_bps_hz: float
    bound: float
    """No allocation that meets every minimum rate earns more [bps/Hz]; NaN where none was found that meets them."""
    gap: float
    """(bound - value) / value; NaN without bound."""
    seconds: float
    """CPU time."""
    feasible: bool
    """Every minimum rate is met."""


class ExactAllocator:
    """Certified optimum of one RU; with several RUs it raises ConfigError."""

    name = "exact"

    def __init__(self, most_gap: float = MOST_GAP) -> None:
        self._most_gap = most_gap

    def decide(self, report: RadioReport) -> Allocation:
        cell = single_cell(report)
        solution = solve_cell(cell, self._most_gap).solution
        return compose(report, [(cell, solution.owner, solution.power_w)])


def solve(report: RadioReport, most_gap: float = MOST_GAP) -> Solution:
    """The optimum with its bound, as a label for learning and a reference for tables.

    Raises:
        ConfigError: several RUs, or a report without channel.
    """
    started = time.process_time()
    cell = single_cell(report)
    found = solve_cell(cell, most_gap)
    return Solution(
        allocation=compose(report, [(cell, found.solution.owner, found.solution.power_w)]),
        weighted_throughput_bps_hz=found.value,
        bound=found.bound,
        gap=found.gap,
        seconds=time.process_time() - started,
        feasible=found.solution.feasible,
    )


def solve_cell(cell: Cell, most_gap: float = MOST_GAP) -> Certificate:
    """The best solution found and its bound; the bound is NaN where no solution meets every minimum rate."""
    start = matching.match(cell)
    if cell.num_ues == 0:
        return Certificate(start, 0.0, 0.0)
    program = LevelProgram.of(cell)
    if not start.feasible:
        start = _by_levels(cell, program, start)
    if not start.feasible:
        return Certificate(start, _value(cell, start), math.nan)
    # A cell may be feasible between the levels only; any prices then give a valid bound, if a less tight one.
    prices = program.prices() or Prices(cell.num_prbs / (cell.budget_w * math.log(2.0)), np.zeros(cell.num_ues))
    return certify(cell, start, prices, most_gap)


def _by_levels(cell: Cell, program: LevelProgram, start: matching.Solution) -> matching.Solution:
    """The mixed-integer optimum over levels, or the least shortfall, or the start if that is better."""
    owner = program.maximise_throughput()
    if owner is None:
        owner = program.maximise_throughput(program.least_shortfall())
    owners = start.owner[None] if owner is None else np.stack([start.owner, owner])
    return matching.best_of(cell, owners)


def _value(cell: Cell, solution: matching.Solution) -> float:
    return float(cell.rates_bps_hz(solution.owner, solution.power_w) @ cell.weight)
