"""One cell over power levels, as a linear and as a mixed-integer program (HiGHS).

    maximise  sum of w[u] r[u, k, l] x[u, k, l]     r = log2(1 + c[u, k] p_l),  p_l = l / L cap
    subject to  one (u, l) a PRB,  sum of p_l x <= P,  sum of min(r, R[u]) x + s[u] >= R[u]

Truncating r at R[u] in the rows of the minimum rates leaves the integer points as they are and tightens the relaxation.
The shortfalls s make minimum rates elastic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from xapps.classic.cell import Array, Cell, Indices
from xapps.classic.lagrangian import Prices
from xapps.classic.mixed_integer import Program, minimise

LEVELS = 8
RELATIVE_GAP = 1e-4
TIME_LIMIT_S = 60.0
LEAST_PRICE_PER_W = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class LevelProgram:
    """The mixed-integer program: columns x[u, k, l], then a shortfall s[u] for each UE."""

    shape: tuple[int, int, int]
    earned: Array
    """w r, shape (U K L,)."""
    rows: sparse.csc_matrix
    """One row a PRB, one for the budget, one a UE."""
    lower: Array
    upper: Array

    @classmethod
    def of(cls, cell: Cell, levels: int = LEVELS) -> LevelProgram:
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

    def prices(self) -> Prices | None:
        """Multipliers of budget and minimum rates in the linear relaxation; None if not even that has a point."""
        num_prbs = self.shape[1]
        rows = self.rows[:, : self.earned.size]
        above = num_prbs + 1
        result = linprog(
            -self.earned,
            A_ub=sparse.vstack([rows[:above], -rows[above:]]),
            b_ub=np.concatenate([self.upper[:above], -self.lower[above:]]),
            method="highs-ds",
        )
        if result.x is None:
            return None
        multipliers = -result.ineqlin.marginals
        return Prices(max(float(multipliers[num_prbs]), LEAST_PRICE_PER_W), multipliers[above:])

    def maximise_throughput(self, shortfall: float = 0.0) -> Indices | None:
        """Owners of the best point within a sum of shortfalls, shape (K,); None if there is no such point."""
        cost = np.concatenate([-self.earned, np.zeros(self.shape[0])])
        # A little room, so that the least shortfall itself is not lost to the solver's tolerances.
        result = self._solve(cost, shortfall * (1.0 + 1e-6) + 1e-6 if shortfall else 0.0)
        if result is None:
            return None
        chosen = result[: self.earned.size].reshape(self.shape).sum(axis=-1)  # (U, K)
        return np.where(chosen.max(axis=0) > 0.5, chosen.argmax(axis=0), -1)

    def least_shortfall(self) -> float:
        """Smallest sum of shortfalls that the levels allow [bps/Hz]."""
        cost = np.concatenate([np.zeros(self.earned.size), np.ones(self.shape[0])])
        found = self._solve(cost, np.inf)
        return np.inf if found is None else float(cost @ found)

    def _solve(self, cost: Array, most_shortfall: float) -> Array | None:
        num_ues, columns = self.shape[0], self.earned.size
        total = sparse.csr_matrix((np.ones(num_ues), (np.zeros(num_ues, int), columns + np.arange(num_ues))))
        program = Program(
            cost=cost,
            rows=sparse.vstack([self.rows, total]).tocsr(),
            low=np.append(self.lower, -np.inf),
            high=np.append(self.upper, most_shortfall),
            upper=np.concatenate([np.ones(columns), np.full(num_ues, most_shortfall)]),
            integral=np.arange(columns + num_ues) < columns,
        )
        return minimise(program, RELATIVE_GAP, TIME_LIMIT_S).x
