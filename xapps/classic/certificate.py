"""A certified bound on one cell by outer approximation, tight enough to prove solutions optimal to 0.1 %.

1. Prices of power and minimum rates come from the linear relaxation over power levels; the Lagrangian at these prices
   (:mod:`~xapps.classic.lagrangian`) is a bound for continuous powers as well. Where it is close enough, that is all.
2. A (UE, PRB) pair whose Lagrangian, with the pair forced, does not exceed the value to be proved by more than the
   wanted gap, cannot lead to anything better: it is struck out. Few pairs remain.
3. Over these, a mixed-integer program whose rates are bounded from above by tangents of log2(1 + c p):

       t <= y (log2(1 + c q) - c q s) + c s p,   s = 1 / ((1 + c q) ln 2)        (tangent at q, in perspective form)

   Its bound is valid for every set of tangents. Tangents at the solution are added until the bound is close enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from xapps.classic.cell import Array, Cell, Indices
from xapps.classic.lagrangian import Prices, earned_per_pair
from xapps.classic.matching import Solution, best_of
from xapps.classic.mixed_integer import Program, Start, minimise
from xapps.classic.waterfilling import LEAST_GAIN_PER_W

MOST_ROUNDS = 12
TIME_LIMIT_S = 60.0
"""Of one program, by the clock on the wall: on a busy machine a short one would end it before its time."""
SHARED_BY = (1, 2, 3)
"""Tangents lie where a PRB carries a minimum rate alone, and where it shares it with one or two others."""
SOLVER_SHARE = 0.4
"""Share of the wanted gap that is left to the solver of one program; the rest is for tangents and struck pairs."""
LEAST_TOUCH = 1e-3
"""Share of the cap below which no tangent is laid."""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A solution and a bound that no allocation meeting every minimum rate exceeds."""

    solution: Solution
    value: float
    bound: float

    @property
    def gap(self) -> float:
        return (self.bound - self.value) / max(self.value, 1e-12)


def certify(cell: Cell, start: Solution, prices: Prices, most_gap: float = 1e-3) -> Certificate:
    """Bounds the optimum of a cell, improving the solution on the way where it can be.

    Args:
        cell: the problem, with at least one UE.
        start: a solution that meets every minimum rate.
        prices: of power and minimum rates; any are valid, good ones are quick.
        most_gap: relative gap at which to stop.
    """
    earned = earned_per_pair(cell.gain_per_w, cell.weight, cell.min_rate_bps_hz, cell.cap_w, prices)  # (U, K)
    rest = prices.per_w * cell.budget_w - float(prices.per_rate @ cell.min_rate_bps_hz)
    lagrangian = rest + float(earned.max(axis=0).sum())
    found = _certificate(cell, start, lagrangian)
    if found.gap <= most_gap:
        return found
    struck_below = found.value * (1.0 + 0.5 * most_gap)
    if_forced = lagrangian - earned.max(axis=0) + earned  # (U, K)
    program = _Tangents.of(cell, if_forced > struck_below, prices)
    program.add_tangents_at(found.solution.owner, found.solution.power_w)
    for _ in range(MOST_ROUNDS):
        answer = program.solve(found.solution.owner, SOLVER_SHARE * most_gap)
        if answer is None:  # no point left among the pairs that could be better
            return replace(found, bound=min(found.bound, struck_below))
        bound, owner, power_w = answer
        found = _better(cell, found, best_of(cell, owner[None]), max(bound, struck_below))
        if found.gap <= most_gap:
            break
        program.add_tangents_at(owner, power_w)
    return found


def _certificate(cell: Cell, solution: Solution, bound: float) -> Certificate:
    value = float(cell.rates_bps_hz(solution.owner, solution.power_w) @ cell.weight)
    return Certificate(solution, value, max(bound, value))


def _better(cell: Cell, known: Certificate, candidate: Solution, bound: float) -> Certificate:
    bound = min(bound, known.bound)
    other = _certificate(cell, candidate, bound)
    return other if candidate.feasible and other.value > known.value else replace(known, bound=max(bound, known.value))


@dataclass(slots=True, eq=False)
class _Tangents:
    """The mixed-integer program over the remaining pairs; columns y, p, t and the truncated rate, one each a pair."""

    cell: Cell
    ue: Indices
    prb: Indices
    gain: Array
    cuts: list[tuple[Indices, Array]] = field(default_factory=list)
    """Tangents: pairs and the powers at which they touch."""

    @classmethod
    def of(cls, cell: Cell, remaining: NDArray[np.bool_], prices: Prices) -> _Tangents:
        ue, prb = np.nonzero(remaining)
        gain = np.maximum(cell.gain_per_w[ue, prb], LEAST_GAIN_PER_W)
        program = cls(cell, ue, prb, gain)
        level_w = 1.0 / (prices.per_w * np.log(2.0))
        weight, wanted = cell.weight[ue], cell.min_rate_bps_hz[ue]
        shared = [np.exp2(wanted / prbs) / gain for prbs in SHARED_BY]
        for level in (weight * level_w, (weight + prices.per_rate[ue]) * level_w, 0.5 * weight * level_w, *shared):
            program._touch(np.arange(len(ue)), np.clip(level - 1.0 / gain, 0.0, cell.cap_w))
        for share in (0.03, 0.15, 0.5, 1.0):
            program._touch(np.arange(len(ue)), np.full(len(ue), share * cell.cap_w))
        return program

    def add_tangents_at(self, owner: Indices, power_w: Array) -> None:
        """Tangents where the last solution was too hopeful: at its powers, and at the exact ones of its assignment.

        The latter for all pairs of a UE at its water level, for the next assignment differs little in levels.
        """
        exact = best_of(self.cell, owner[None])
        pair = np.flatnonzero(owner[self.prb] == self.ue)
        self._touch(pair, np.clip(power_w[self.prb[pair]], 0.0, self.cell.cap_w))
        dry_w = 1.0 / self.gain
        level_w = np.zeros(self.cell.num_ues)
        np.maximum.at(level_w, self.ue[pair], exact.power_w[self.prb[pair]] + dry_w[pair])
        own_w = np.minimum(level_w[self.ue] - dry_w, self.cell.cap_w)
        wet = np.flatnonzero(own_w > LEAST_TOUCH * self.cell.cap_w)
        self._touch(wet, own_w[wet])

    def solve(self, owner: Indices, relative_gap: float) -> tuple[float, Indices, Array] | None:
        """Bound, owners (K,) and powers (K,) of the best point; None if no pair set meets the minimum rates.

        Args:
            owner: a known assignment to start from.
            relative_gap: at which the solver may stop; the bound is valid at any.
        """
        cell, pairs = self.cell, len(self.ue)
        wanted = cell.min_rate_bps_hz[self.ue]
        rate_at_cap = np.log2(1.0 + self.gain * cell.cap_w)
        rows, low, high = self._structure()
        tangents = self._tangent_rows()
        program = Program(
            cost=np.concatenate([np.zeros(2 * pairs), -cell.weight[self.ue], np.zeros(pairs)]),
            rows=sparse.vstack([rows, tangents]).tocsr(),
            low=np.concatenate([low, np.full(tangents.shape[0], -np.inf)]),
            high=np.concatenate([high, np.zeros(tangents.shape[0])]),
            upper=np.concatenate(
                [np.ones(pairs), np.full(pairs, cell.cap_w), rate_at_cap, np.minimum(rate_at_cap, wanted)]
            ),
            integral=np.arange(4 * pairs) < pairs,
        )
        taken = (owner[self.prb] == self.ue).astype(np.float64)
        answer = minimise(program, relative_gap, TIME_LIMIT_S, Start(np.arange(pairs), taken))
        if answer.x is None:
            return None if answer.bound == np.inf else (np.inf, np.full(cell.num_prbs, -1), np.zeros(cell.num_prbs))
        chosen = answer.x[:pairs] > 0.5
        owner, power_w = np.full(cell.num_prbs, -1), np.zeros(cell.num_prbs)
        owner[self.prb[chosen]] = self.ue[chosen]
        power_w[self.prb[chosen]] = answer.x[pairs : 2 * pairs][chosen]
        return -answer.bound, owner, power_w

    def _touch(self, pair: Indices, power_w: Array) -> None:
        # A tangent near zero has a slope near c, which may be 10^8 times that of the others: numerically worthless.
        self.cuts.append((pair, np.maximum(power_w, LEAST_TOUCH * self.cell.cap_w)))

    def _structure(self) -> tuple[sparse.csr_matrix, Array, Array]:
        """One owner a PRB, the budget, p <= cap y, minimum rates on truncated rates, and those below t and R y."""
        cell, pairs = self.cell, len(self.ue)
        index, one = np.arange(pairs), sparse.identity(pairs, format="csr")
        by_prb = sparse.csr_matrix((np.ones(pairs), (self.prb, index)), shape=(cell.num_prbs, pairs))
        by_ue = sparse.csr_matrix((np.ones(pairs), (self.ue, index)), shape=(cell.num_ues, pairs))
        all_pairs = sparse.csr_matrix(np.ones((1, pairs)))
        wanted = sparse.diags(cell.min_rate_bps_hz[self.ue])
        rows = sparse.bmat(
            [
                [by_prb, None, None, None],
                [None, all_pairs, None, None],
                [-cell.cap_w * one, one, None, None],
                [None, None, None, by_ue],
                [None, None, -one, one],
                [-wanted, None, None, one],
            ]
        )
        low = np.full(rows.shape[0], -np.inf)
        high = np.concatenate(
            [
                np.ones(cell.num_prbs),
                [cell.budget_w],
                np.zeros(pairs),
                np.full(cell.num_ues, np.inf),
                np.zeros(2 * pairs),
            ]
        )
        first = cell.num_prbs + 1 + pairs
        low[first : first + cell.num_ues] = cell.min_rate_bps_hz
        return rows.tocsr(), low, high

    def _tangent_rows(self) -> sparse.csr_matrix:
        """t - y (log2(1 + c q) - c q s) - c s p <= 0."""
        pairs = len(self.ue)
        pair = np.concatenate([cut[0] for cut in self.cuts])
        touch_w = np.concatenate([cut[1] for cut in self.cuts])
        gain = self.gain[pair]
        slope = gain / ((1.0 + gain * touch_w) * np.log(2.0))
        offset = np.log2(1.0 + gain * touch_w) - slope * touch_w
        row = np.arange(len(pair))
        data = np.concatenate([-offset, -slope, np.ones(len(pair))])
        columns = np.concatenate([pair, pairs + pair, 2 * pairs + pair])
        return sparse.csr_matrix((data, (np.tile(row, 3), columns)), shape=(len(pair), 4 * pairs))
