"""Power-aware matching: near-optimal in one cell, in about a millisecond.

For a few water levels mu (prices of power lambda = 1 / (mu ln 2)):

1. what a PRB earns if nobody needs it, V0[k] = max over u of w log2(1 + c p) - lambda p;
2. for every UE, what meeting its minimum rate on its n best PRBs costs against that, in power and in forgone V0, and
   the n that costs least; if the slots exceed the PRBs, a price a slot rises until they fit;
3. a Hungarian assignment of those rate slots to PRBs on regret; spare PRBs go to whoever earns V0.

The powers of all candidates are then set exactly by :mod:`~xapps.classic.waterfilling`, and the best is kept. Slots are
valued by the Lagrangian of the exact problem, so what is lost is only the integrality that the grid of levels misses.
Where the best assignment is far ahead of the second, the grid was too coarse to be trusted, and a finer one is tried.

If no candidate meets every minimum rate, the UE with the largest power need loses its claim, until one does; it may
still be given spare PRBs. The number of such UEs is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.classic import waterfilling
from xapps.classic.cell import Array, Cell, Indices, cells, compose

LEVEL_SHARES = (0.02, 0.07, 0.2, 0.45, 0.8, 1.2)
"""Water levels tried, as shares of the level at which the budget is spread evenly over the PRBs."""
FINE_LEVEL_SHARES = tuple(np.geomspace(0.01, 1.4, 16))
"""Water levels tried as well where the choice of the level matters."""
CONTESTED_SHARE = 0.03
"""The level matters where the second-best assignment earns this much less than the best, or none is second."""
MOST_SLOTS = 8
"""Most PRBs that a UE is given for its minimum rate alone."""
_SLOT_PRICES = np.concatenate([[0.0], np.geomspace(0.05, 300.0, 40)])
_FORBIDDEN = 1e6


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
    """The best over the coarse grid of levels, or over the fine one where the coarse one leaves it in doubt."""
    owners = candidates(cell)
    found, second = _first_two(cell, owners)
    first = float(cell.rates_bps_hz(found.owner, found.power_w) @ cell.weight)
    if not found.feasible or second > (1.0 - CONTESTED_SHARE) * first:
        return found
    return best_of(cell, np.concatenate([owners, candidates(cell, FINE_LEVEL_SHARES)]))


def best_of(cell: Cell, owners: Indices) -> Solution:
    """The best of several assignments, shape (C, K), each with its exact powers: least shortfall, then throughput."""
    return _first_two(cell, owners)[0]


def _first_two(cell: Cell, owners: Indices) -> tuple[Solution, float]:
    """The best assignment, and the throughput of the next that meets every minimum rate (-inf if there is none)."""
    gain = cell.gain_of(owners)
    power_w, feasible = waterfilling.fill(gain, owners, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)
    rate = cell.rates_bps_hz(owners, power_w)
    shortfall = np.where(feasible, 0.0, np.maximum(cell.min_rate_bps_hz - rate, 0.0).sum(axis=-1))
    value = rate @ cell.weight
    order = np.lexsort((-value, np.round(shortfall, 9)))
    best, following = order[0], order[1:2]
    second = value[following][feasible[following]].max(initial=-np.inf)
    return Solution(owners[best], power_w[best], bool(feasible[best])), float(second)


def candidates(cell: Cell, level_shares: Sequence[float] = LEVEL_SHARES) -> Indices:
    """Distinct assignments, one a water level that leaves room for all slots, shape (C, K); C may be small, not 0."""
    shares = np.asarray(level_shares)
    level_w = shares * cell.budget_w / cell.num_prbs / max(float(cell.weight.max()), waterfilling.LEAST_WEIGHT)
    prices = _Prices.at(cell, level_w)
    needs = _Needs.of(cell)
    slots, fits = _slots(cell, prices, needs)
    owners = [_assign(cell, prices, needs, int(index), slots[index]) for index in np.flatnonzero(fits)]
    return np.unique(np.stack([*owners, prices.winner[-1]]), axis=0)


def power_need_w(cell: Cell) -> Array:
    """What each UE's minimum rate would cost if it had its best PRBs to itself, shape (U,); inf if out of reach."""
    needs = _Needs.of(cell)
    floor_w = needs.floor_w[:, -1]
    alone = np.clip(floor_w[:, None] - 1.0 / needs.best_gain, 0.0, cell.cap_w).sum(axis=-1)
    return np.where(needs.reachable[:, -1], alone, np.inf)


def _within_prbs(cell: Cell) -> tuple[Cell, int]:
    """No more UEs with a claim than there are PRBs."""
    excess = max(int(np.count_nonzero(cell.min_rate_bps_hz)) - cell.num_prbs, 0)
    return (_without_neediest(cell, excess), excess) if excess else (cell, 0)


def _without_neediest(cell: Cell, count: int) -> Cell:
    need = np.where(cell.min_rate_bps_hz > 0, power_need_w(cell), -1.0)
    wanted = cell.min_rate_bps_hz.copy()
    wanted[np.argsort(-need, kind="stable")[:count]] = 0.0
    return replace(cell, min_rate_bps_hz=wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Prices:
    """What power and PRBs are worth at M water levels."""

    level_w: Array
    """mu, shape (M,)."""
    per_w: Array
    """lambda, shape (M,)."""
    prb: Array
    """V0, shape (M, K)."""
    winner: Indices
    """The UE that earns V0, shape (M, K)."""

    @classmethod
    def at(cls, cell: Cell, level_w: Array) -> _Prices:
        per_w = 1.0 / (level_w * np.log(2.0))
        gain, weight = np.maximum(cell.gain_per_w, waterfilling.LEAST_GAIN_PER_W), cell.weight[:, None]
        power = np.clip(weight * level_w[:, None, None] - 1.0 / gain, 0.0, cell.cap_w)  # (M, U, K)
        worth = weight * np.log2(1.0 + gain * power) - per_w[:, None, None] * power
        return cls(level_w, per_w, worth.max(axis=1), worth.argmax(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Needs:
    """What it takes to meet each UE's minimum rate on its 1..N best PRBs."""

    best: Indices
    """Its best PRBs, best first, shape (U, N)."""
    best_gain: Array
    """c on them, shape (U, N) [1/W]."""
    floor_w: Array
    """Water level that meets the minimum on the first n of them, shape (U, N) [W]."""
    reachable: NDArray[np.bool_]
    """The caps allow it, shape (U, N)."""

    @classmethod
    def of(cls, cell: Cell) -> _Needs:
        most = min(MOST_SLOTS, cell.num_prbs)
        gain = np.maximum(cell.gain_per_w, waterfilling.LEAST_GAIN_PER_W)
        best = np.argsort(-gain, axis=-1)[:, :most]
        best_gain = np.take_along_axis(gain, best, -1)
        rows = (cell.num_ues * most, most)
        beyond = ~np.tri(most, dtype=bool)  # row n: PRBs behind the first n + 1
        owner = np.broadcast_to(beyond, (cell.num_ues, most, most)).reshape(rows).astype(np.intp)
        wanted = np.zeros((rows[0], 2))
        wanted[:, 0] = np.repeat(cell.min_rate_bps_hz, most)
        floor_w = waterfilling.level_floors(np.repeat(best_gain, most, axis=0), owner, wanted, cell.cap_w)[:, 0]
        floor_w = floor_w.reshape(cell.num_ues, most)
        reachable = np.isfinite(floor_w)
        at_cap = cell.cap_w + 1.0 / best_gain[:, -1:]
        return cls(best, best_gain, np.where(reachable, floor_w, at_cap), reachable)


def _slots(cell: Cell, prices: _Prices, needs: _Needs) -> tuple[Indices, NDArray[np.bool_]]:
    """How many PRBs each UE is given for its minimum rate, shape (M, U), and where that leaves none too few, (M,)."""
    most = needs.best.shape[-1]
    weight = cell.weight[:, None, None]
    level = np.maximum(needs.floor_w, cell.weight[:, None] * prices.level_w[:, None, None])  # (M, U, N)
    power = np.clip(level[..., None] - 1.0 / needs.best_gain[:, None, :], 0.0, cell.cap_w)  # (M, U, N, N)
    earned = weight * np.log2(1.0 + power * needs.best_gain[:, None, :]) - prices.per_w[:, None, None, None] * power
    regret = prices.prb[:, needs.best][:, :, None, :] - earned
    cost = np.where(np.tri(most, dtype=bool), regret, 0.0).sum(axis=-1) + np.where(needs.reachable, 0.0, _FORBIDDEN)
    slots = _cheapest(cell, cost)
    crowded = slots.sum(axis=-1) > cell.num_prbs
    if crowded.any():
        slots[crowded] = _cheapest_that_fit(cell, cost[crowded])
    return slots, slots.sum(axis=-1) <= cell.num_prbs


def _cheapest(cell: Cell, cost: Array) -> Indices:
    """n of least cost, shape (..., U, N) gives (..., U); none for UEs without a minimum."""
    return np.where(cell.min_rate_bps_hz > 0, cost.argmin(axis=-1) + 1, 0)


def _cheapest_that_fit(cell: Cell, cost: Array) -> Indices:
    """n of least cost at the lowest price a slot at which the slots fit the PRBs, shape (M, U, N) gives (M, U)."""
    count = np.arange(1, cost.shape[-1] + 1)
    slots = _cheapest(cell, cost[:, None] + _SLOT_PRICES[:, None, None] * count)  # (M, prices, U)
    fits = slots.sum(axis=-1) <= cell.num_prbs
    fits[:, -1] = True  # none fits: leave the last, which the caller sees is too many
    return slots[np.arange(len(slots)), fits.argmax(axis=-1)]


def _assign(cell: Cell, prices: _Prices, needs: _Needs, index: int, slots: Indices) -> Indices:
    """Owners at one water level, shape (K,): slots by least regret, the rest to whoever earns most."""
    floor_w = needs.floor_w[np.arange(cell.num_ues), np.maximum(slots - 1, 0)]
    level = np.where(slots > 0, np.maximum(floor_w, cell.weight * prices.level_w[index]), 0.0)[:, None]
    gain = np.maximum(cell.gain_per_w, waterfilling.LEAST_GAIN_PER_W)
    power = np.clip(level - 1.0 / gain, 0.0, cell.cap_w)
    # A UE held up by its minimum values rate by w + nu = level / mu, nu being the multiplier of that minimum.
    worth = level / prices.level_w[index] * np.log2(1.0 + gain * power) - prices.per_w[index] * power
    rows = np.repeat(np.arange(cell.num_ues), slots)
    slot, prb = linear_sum_assignment((prices.prb[index] - worth)[rows])
    owner = prices.winner[index].copy()
    owner[prb] = rows[slot]
    return owner
