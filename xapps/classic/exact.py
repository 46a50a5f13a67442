"""The optimum of one cell by mixed-integer programming (HiGHS), polished to exact powers.

    maximise  sum of w[u] r[u, k, l] x[u, k, l]     r = log2(1 + c[u, k] p_l),  p_l = l / L cap
    subject to  one (u, l) a PRB,  sum of p_l x <= P,  sum of min(r, R[u]) x >= R[u]

Truncating r at R[u] in the rows of the minimum rates leaves the integer points as they are and tightens the relaxation.
The levels only serve to find the assignment: its powers are then set exactly (:mod:`~xapps.classic.waterfilling`).

Minimum rates are elastic: where the levels admit no point, the least sum of shortfalls is found first and the
throughput is maximised at that shortfall.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.classic.cell import Array, Cell, Indices, compose, single_cell
from xapps.classic.lagrangian import dual_bound
from xapps.classic.matching import Solution as CellSolution
from xapps.classic.matching import best_of, match

LEVELS = 8
RELATIVE_GAP = 1e-4
TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """An allocation and what is known about its distance from the optimum."""

    allocation: Allocation
    weighted_throughput_bps_hz: float
    bound: float
    """No allocation that meets every minimum rate earns more [bps/Hz]; NaN where none can meet them."""
    gap: float
    """(bound - value) / value."""
    seconds: float
    """CPU time."""
    feasible: bool
    """Every minimum rate is met."""


class ExactAllocator:
    """Mixed-integer optimum of one RU; with several RUs it raises ConfigError."""

    name = "exact"

    def decide(self, report: RadioReport) -> Allocation:
        cell = single_cell(report)
        solution = solve_cell(cell)
        return compose(report, [(cell, solution.owner, solution.power_w)])


def solve(report: RadioReport) -> Solution:
    """The optimum with its bound, as a label for learning and a reference for tables.

    Raises:
        ConfigError: several RUs, or a report without channel.
    """
    started = time.process_time()
    cell = single_cell(report)
    found = solve_cell(cell)
    value = float(cell.rates_bps_hz(found.owner, found.power_w) @ cell.weight)
    bound = _bound(cell, found) if found.feasible else float("nan")
    return Solution(
        allocation=compose(report, [(cell, found.owner, found.power_w)]),
        weighted_throughput_bps_hz=value,
        bound=bound,
        gap=(bound - value) / max(value, 1e-12),
        seconds=time.process_time() - started,
        feasible=found.feasible,
    )


def solve_cell(cell: Cell, levels: int = LEVELS) -> CellSolution:
    """The best of the mixed-integer optimum and the matching, with exact powers: least shortfall, then throughput."""
    matched = match(cell)
    if cell.num_ues == 0:
        return matched
    owners = [matched.owner]
    program = _Program.of(cell, levels)
    owner = program.maximise_throughput()
    if owner is None and not matched.feasible:
        owner = program.maximise_throughput(program.least_shortfall())
    if owner is not None:
        owners.append(owner)
    return best_of(cell, np.stack(owners))


def _bound(cell: Cell, found: CellSolution) -> float:
    if cell.num_ues == 0:
        return 0.0
    return float(
        dual_bound(
            cell.gain_per_w[None],
            cell.weight[None],
            cell.min_rate_bps_hz[None],
            cell.budget_w,
            cell.cap_w,
            found.owner[None],
            found.power_w[None],
        )[0]
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Program:
    """The mixed-integer program: columns x[u, k, l], then a shortfall s[u] for each UE."""

    shape: tuple[int, int, int]
    earned: Array
    """w r, shape (U K L,)."""
    rows: sparse.csc_matrix
    """One row a PRB, one for the budget, one a UE."""
    lower: Array
    upper: Array

    @classmethod
    def of(cls, cell: Cell, levels: int) -> _Program:
        shape = (cell.num_ues, cell.num_prbs, levels)
        level_w = cell.cap_w * np.arange(1, levels + 1) / levels
        rate = np.log2(1.0 + cell.gain_per_w[..., None] * level_w)  # (U, K, L)
        ue, prb, level = (index.ravel() for index in np.indices(shape))
        column = np.arange(rate.size)
        wanted = cell.min_rate_bps_hz
        one_a_prb = sparse.csc_matrix((np.ones(rate.size), (prb, column)))
        budget = sparse.csc_matrix(level_w[level][None])
        truncated = np.minimum(rate, wanted[:, None, None]).ravel()
        minimum = sparse.csc_matrix((truncated, (ue, column)), shape=(shape[0], rate.size))
        shortfall = sparse.vstack([sparse.csc_matrix((cell.num_prbs + 1, shape[0])), sparse.eye(shape[0])])
        return cls(
            shape=shape,
            earned=(cell.weight[:, None, None] * rate).ravel(),
            rows=sparse.hstack([sparse.vstack([one_a_prb, budget, minimum]), shortfall]).tocsc(),
            lower=np.concatenate([np.zeros(cell.num_prbs + 1), wanted]),
            upper=np.concatenate([np.ones(cell.num_prbs), [cell.budget_w], np.full(shape[0], np.inf)]),
        )

    def maximise_throughput(self, shortfall: float = 0.0) -> Indices | None:
        """Owners of the best point within a sum of shortfalls, shape (K,); None if there is no such point."""
        cost = np.concatenate([-self.earned, np.zeros(self.shape[0])])
        # A little room, so that the least shortfall itself is not lost to the solver's tolerances.
        result = self._solve(cost, shortfall * (1.0 + 1e-6) + 1e-6 if shortfall else 0.0)
        if result.x is None:
            return None
        chosen = result.x[: self.earned.size].reshape(self.shape).sum(axis=-1)  # (U, K)
        return np.where(chosen.max(axis=0) > 0.5, chosen.argmax(axis=0), -1)

    def least_shortfall(self) -> float:
        """Smallest sum of shortfalls that the levels allow [bps/Hz]."""
        cost = np.concatenate([np.zeros(self.earned.size), np.ones(self.shape[0])])
        return float(self._solve(cost, np.inf).fun)

    def _solve(self, cost: Array, most_shortfall: float) -> OptimizeResult:
        num_ues, columns = self.shape[0], self.earned.size
        total = sparse.csr_matrix((np.ones(num_ues), (np.zeros(num_ues, int), columns + np.arange(num_ues))))
        return milp(
            cost,
            constraints=[
                LinearConstraint(self.rows, self.lower, self.upper),
                LinearConstraint(total, -np.inf, most_shortfall),
            ],
            integrality=np.concatenate([np.ones(columns), np.zeros(num_ues)]),
            bounds=Bounds(0.0, np.concatenate([np.ones(columns), np.full(num_ues, most_shortfall)])),
            options={"mip_rel_gap": RELATIVE_GAP, "time_limit": TIME_LIMIT_S},
        )
