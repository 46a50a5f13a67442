"""Power-aware matching: near-optimal in one cell, in about a millisecond.

For a grid of water levels mu (prices of power lambda = 1 / (mu ln 2)), all at once:

1. what a PRB earns if nobody needs it, V0[k] = max over u of w log2(1 + c p) - lambda p;
2. for every UE, what meeting its minimum rate on its n best PRBs costs against that, in power and in forgone V0, and
   the n that costs least; if the slots exceed the PRBs, a price a slot rises until they fit;
3. the power that all this would draw, and thereby the level at which the budget is just spent.

At the levels around that one, a Hungarian assignment of the rate slots to PRBs on regret; spare PRBs go to whoever
earns V0. The powers of all candidates are then set exactly by :mod:`~xapps.classic.waterfilling`, and the best is kept.
Slots are valued by the Lagrangian of the exact problem, so what is lost is only the integrality that the levels miss.
Where few of the candidates meet every minimum rate, a finer grid of levels is tried too.

If no candidate meets every minimum rate, the UE with the largest power need loses its claim, until one does; it may
still be given spare PRBs. The number of such UEs is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.classic import waterfilling
from xapps.classic.cell import Array, Cell, Indices, cells, compose
from xapps.classic.rate_slots import Needs, Plan

LEVEL_SHARES = np.geomspace(0.005, 2.0, 18)
"""Water levels, as shares of the level at which the budget is spread evenly over the PRBs."""
TRIED = np.arange(-3, 2)
"""Levels tried, counted from the lowest that draws more than the budget."""
FINE_LEVEL_SHARES = np.geomspace(0.002, 2.0, 40)
"""Water levels tried as well where most of those do not meet every minimum rate."""
LEAST_FEASIBLE = 3
"""Where fewer of the levels tried meet every minimum rate, the fine ones are tried too."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Owners and powers of one cell."""

    owner: Indices
    """Index of the UE on each PRB within the cell, NOBODY where idle, shape (K,)."""
    power_w: Array
    """Shape (K,)."""
    feasible: bool
    """Every minimum rate that was asked for is met."""
    removed: int = 0
    """UEs whose minimum rate was given up by the admission rule."""


class MatchingAllocator:
    """Power-aware matching in every cell, each UE at its strongest RU."""

    name = "matching"

    def __init__(self) -> None:
        self.removed_ues = 0
        """Minimum rates given up so far by the admission rule."""

    def decide(self, report: RadioReport) -> Allocation:
        parts = []
        for cell in cells(report):
            solution = match(cell)
            self.removed_ues += solution.removed
            parts.append((cell, solution.owner, solution.power_w))
        return compose(report, parts)


def match(cell: Cell) -> Solution:
    """Power-aware matching with the admission rule. An empty cell stays silent."""
    if cell.num_ues == 0:
        return Solution(np.full(cell.num_prbs, -1), np.zeros(cell.num_prbs), feasible=True)
    admitted, removed = _within_prbs(cell)
    while True:
        found = _best(admitted)
        if found.feasible or not admitted.min_rate_bps_hz.any():
            return replace(found, feasible=found.feasible and removed == 0, removed=removed)
        admitted, removed = _without_neediest(admitted, 1), removed + 1


def _best(cell: Cell) -> Solution:
    """The best over the levels at which the budget is about spent, and over the fine ones where few are feasible."""
    needs = Needs.of(cell)
    plan = _plan(cell, needs, LEVEL_SHARES)
    spent = np.count_nonzero(plan.drawn_w <= cell.budget_w)
    levels = np.unique(np.clip(spent + TRIED, 0, len(plan.level_w) - 1))
    owners = _with_winners(plan, plan.owners(cell, needs, levels))
    found, feasible = _best_and_count(cell, owners)
    if feasible >= LEAST_FEASIBLE or not cell.min_rate_bps_hz.any():
        return found
    return best_of(cell, np.concatenate([owners, candidates(cell, FINE_LEVEL_SHARES)]))


def best_of(cell: Cell, owners: Indices) -> Solution:
    """The best of several assignments, shape (C, K), each with its exact powers: least shortfall, then throughput."""
    return _best_and_count(cell, owners)[0]


def _best_and_count(cell: Cell, owners: Indices) -> tuple[Solution, int]:
    """The best assignment, and how many meet every minimum rate."""
    gain = cell.gain_of(owners)
    power_w, feasible = waterfilling.fill(gain, owners, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)
    rate = cell.rates_bps_hz(owners, power_w)
    shortfall = np.where(feasible, 0.0, np.maximum(cell.min_rate_bps_hz - rate, 0.0).sum(axis=-1))
    best = np.lexsort((-(rate @ cell.weight), np.round(shortfall, 9)))[0]
    return Solution(owners[best], power_w[best], bool(feasible[best])), int(np.count_nonzero(feasible))


def _with_winners(plan: Plan, owners: Indices) -> Indices:
    """The assignments, or what is best without minimum rates where there is none."""
    return owners if len(owners) else plan.winner[-1:]


def _plan(cell: Cell, needs: Needs, level_shares: Sequence[float] | Array) -> Plan:
    even_w = cell.budget_w / cell.num_prbs / max(float(cell.weight.max()), waterfilling.LEAST_WEIGHT)
    return Plan.of(cell, needs, np.asarray(level_shares) * even_w)


def candidates(cell: Cell, level_shares: Sequence[float] | Array = LEVEL_SHARES) -> Indices:
    """Distinct assignments, one a water level that leaves room for all slots, shape (C, K); C may be small, not 0.

    Args:
        cell: the problem.
        level_shares: water levels, as shares of the level at which the budget is spread evenly over the PRBs.
    """
    needs = Needs.of(cell)
    plan = _plan(cell, needs, level_shares)
    owners = _with_winners(plan, plan.owners(cell, needs, np.arange(len(plan.level_w))))
    return _distinct(owners)


def candidates_of_each(cell: Cell, gain_per_w: Array, level_shares: Sequence[float] | Array) -> list[Indices]:
    """:func:`candidates` of several cells that are alike but for their gains, at once.

    Args:
        cell: all but the gains.
        gain_per_w: shape (Z, U, K) [1/W].
        level_shares: as there.
    """
    needs = Needs.of(cell, gain_per_w)
    plan = _plan(cell, needs, level_shares)
    owners, whose = plan.owners_of_each(cell, needs, np.arange(len(plan.level_w)))
    return [
        _distinct(owners[whose == z]) if (whose == z).any() else plan.winner[z, -1:] for z in range(len(gain_per_w))
    ]


def _distinct(owners: Indices) -> Indices:
    return np.stack(list({owner.tobytes(): owner for owner in owners}.values()))


def power_need_w(cell: Cell) -> Array:
    """What each UE's minimum rate would cost if it had its best PRBs to itself, shape (U,); inf if out of reach."""
    return Needs.of(cell).power_w(cell)


def _within_prbs(cell: Cell) -> tuple[Cell, int]:
    """No more UEs with a claim than there are PRBs."""
    excess = max(int(np.count_nonzero(cell.min_rate_bps_hz)) - cell.num_prbs, 0)
    return (_without_neediest(cell, excess), excess) if excess else (cell, 0)


def _without_neediest(cell: Cell, count: int) -> Cell:
    need = np.where(cell.min_rate_bps_hz > 0, power_need_w(cell), -1.0)
    wanted = cell.min_rate_bps_hz.copy()
    wanted[np.argsort(-need, kind="stable")[:count]] = 0.0
    return replace(cell, min_rate_bps_hz=wanted)
