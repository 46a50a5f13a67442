"""Best channel first, repaired towards the minimum rates, with water-filled power.

Each PRB goes to the UE that would earn most on it at even power. While a UE misses its minimum at even power, the one
that misses most takes the PRB whose change of hands costs least, from those whose owners can spare it.
"""

from __future__ import annotations

import numpy as np

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import Cell, Indices, cells, compose
from xapps.classic.equal import even_power_w
from xapps.classic.matching import Solution, best_of


class GreedyAllocator:
    """Best channel, repair, water-filling."""

    name = "greedy"

    def decide(self, report: RadioReport) -> Allocation:
        parts = []
        for cell in cells(report):
            solution = solve(cell)
            parts.append((cell, solution.owner, solution.power_w))
        return compose(report, parts)


def solve(cell: Cell) -> Solution:
    """Owners and powers of one cell."""
    if cell.num_ues == 0:
        return Solution(np.full(cell.num_prbs, NOBODY), np.zeros(cell.num_prbs), feasible=True)
    return best_of(cell, repaired(cell, best_channel(cell))[None])


def best_channel(cell: Cell) -> Indices:
    """The UE that earns most on each PRB at even power, shape (K,)."""
    return (cell.weight[:, None] * _even_rate(cell)).argmax(axis=0)


def repaired(cell: Cell, owner: Indices) -> Indices:
    """Moves PRBs to UEs that miss their minimum at even power while others can spare them, shape (K,)."""
    rate = _even_rate(cell)
    worth = cell.weight[:, None] * rate
    prbs = np.arange(cell.num_prbs)
    owner = owner.copy()
    for _ in prbs:  # every move settles one PRB
        lacking = cell.min_rate_bps_hz - np.where(owner == np.arange(cell.num_ues)[:, None], rate, 0.0).sum(axis=-1)
        poorest = int(lacking.argmax())
        spare = (owner != poorest) & (-lacking[owner] >= rate[owner, prbs])
        if lacking[poorest] <= 0 or not spare.any():
            break
        regret_a_bit = (worth[owner, prbs] - worth[poorest]) / np.maximum(rate[poorest], 1e-12)
        owner[np.where(spare, regret_a_bit, np.inf).argmin()] = poorest
    return owner


def _even_rate(cell: Cell) -> np.ndarray:
    return np.log2(1.0 + cell.gain_per_w * even_power_w(cell))
