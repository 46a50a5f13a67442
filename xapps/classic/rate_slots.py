"""Minimum rates as slots on PRBs, at many water levels at once: the parts of power-aware matching.

A UE that gets n PRBs for its minimum rate needs the level L at which they carry it. With PRBs sorted best first,
s_i = log2(1 / c_i) and cap rates C_i = log2(1 + cap c_i), the rate at level L is

    f(L) = sum over i <= n of min([log2 L - s_i]+, C_i)
         = min over j, max over m of  C_1 + ... + C_j + sum over j < i <= m of (log2 L - s_i),

since caps are reached from the best PRB on, and PRBs are dry from the worst on. Hence log2 L is the largest over j of
the smallest over m of (R - C_1 - ... - C_j + s_{j+1} + ... + s_m) / (m - j).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from xapps.classic.cell import Array, Cell, Indices
from xapps.classic.waterfilling import LEAST_GAIN_PER_W, LEAST_WEIGHT

MOST_SLOTS = 8
"""Most PRBs that a UE is given for its minimum rate alone."""
_ROUNDING = 1e-12
_FORBIDDEN = 1e6
_SLOT_PRICES = np.concatenate([[0.0], np.geomspace(0.05, 300.0, 40)])
_COARSE = np.array([6, 13, 20, 27, 34, 40])
"""Prices that are tried first,"""
_FINE = np.arange(-6, 1)
"""and those up to the first at which slots fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """What it takes to meet each UE's minimum rate on its 1..N best PRBs; axes of cells that differ in gains lead."""

    dry_w: Array
    """1 / c, shape (..., U, K) [W]."""
    dry: Array
    """log2(1 / c), shape (..., U, K): a PRB at level L below its cap carries log2 L less this."""
    at_cap: Array
    """Rate of a PRB at the cap, shape (..., U, K) [bps/Hz]."""
    best: Indices
    """Its best PRBs, best first, shape (..., U, N)."""
    floor_w: Array
    """Water level that meets the minimum on the first n of them, shape (..., U, N) [W]; the caps' where none does."""
    reachable: NDArray[np.bool_]
    """The caps allow it, shape (..., U, N)."""

    @classmethod
    def of(cls, cell: Cell, gain_per_w: Array | None = None) -> Needs:
        """The needs of a cell, or of several that are alike but for their gains, shape (..., U, K) [1/W]."""
        gain = np.maximum(cell.gain_per_w if gain_per_w is None else gain_per_w, LEAST_GAIN_PER_W)
        dry_w, dry, at_cap = 1.0 / gain, -np.log2(gain), np.log2(1.0 + cell.cap_w * gain)
        best = np.argsort(dry, axis=-1)[..., : min(MOST_SLOTS, cell.num_prbs)]
        dry_best, at_cap_best = (np.take_along_axis(each, best, -1) for each in (dry, at_cap))
        floor_w, reachable = _floors(dry_best, at_cap_best, cell.min_rate_bps_hz)
        floor_w = np.where(reachable, floor_w, cell.cap_w + np.take_along_axis(dry_w, best[..., -1:], -1))
        return cls(dry_w, dry, at_cap, best, floor_w, reachable)

    def each(self, index: Indices) -> Needs:
        """Those of some cells of one leading axis, shape (C,); of the only one, again and again, if there is no such
        axis."""
        names = ("dry_w", "dry", "at_cap", "best", "floor_w", "reachable")
        if self.dry_w.ndim == 2:
            return Needs(**{name: getattr(self, name)[None] for name in names})
        return Needs(**{name: getattr(self, name)[index] for name in names})

    def at(self, slots: Indices) -> Array:
        """Floor of each UE with so many slots, shape (..., U) [W]; 0 without slots."""
        floor_w = np.take_along_axis(self.floor_w, np.maximum(slots - 1, 0)[..., None], -1)[..., 0]
        return np.where(slots > 0, floor_w, 0.0)

    def power_w(self, cell: Cell) -> Array:
        """What each UE's minimum would cost if it had its best PRBs to itself, shape (U,) [W]; inf out of reach."""
        best_dry_w = np.take_along_axis(self.dry_w, self.best, -1)
        alone = np.clip(self.floor_w[..., -1:] - best_dry_w, 0.0, cell.cap_w).sum(axis=-1)
        return np.where(self.reachable[..., -1], alone, np.inf)


def _floors(dry: Array, at_cap: Array, wanted: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Floors and whether the caps allow them, shapes (..., U, N), for PRBs sorted best first."""
    most = dry.shape[-1]
    start, most_rate = np.zeros((2, *dry.shape[:-1], most + 1))
    np.cumsum(dry, axis=-1, out=start[..., 1:])
    np.cumsum(at_cap, axis=-1, out=most_rate[..., 1:])
    capped, used = np.arange(most)[:, None], np.arange(1, most + 1)  # j and m
    rest = wanted[:, None] - most_rate[..., :-1]  # (..., U, j)
    level = (rest[..., None] + start[..., None, 1:] - start[..., :-1, None]) / np.maximum(used - capped, 1)
    level = np.minimum.accumulate(np.where(used > capped, level, np.inf), axis=-1)  # (..., U, j, m)
    level = np.where((used > capped) & (rest[..., None] > 0.0), level, -np.inf).max(axis=-2)
    reachable = most_rate[..., 1:] >= wanted[:, None] * (1.0 - _ROUNDING)
    return np.where(wanted[:, None] > 0.0, np.exp2(level), 0.0), reachable


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Prices, slots and what they would draw at M water levels; turned into assignments level by level."""

    level_w: Array
    """mu, shape (M,)."""
    per_w: Array
    """lambda, the price of power, shape (M,)."""
    prb: Array
    """V0, what a PRB earns if nobody needs it, shape (..., M, K)."""
    winner: Indices
    """The UE that earns V0, shape (..., M, K)."""
    cost: Array
    """What each UE's minimum on its n best PRBs costs, in power and in V0 forgone, less what it earns, shape
    (..., M, U, N)."""
    drawn_w: Array
    """About what the RU would radiate, shape (..., M): slots on their UE's best PRBs, the rest like an average
    winner's."""

    @classmethod
    def of(cls, cell: Cell, needs: Needs, level_w: Array) -> Plan:
        per_w = 1.0 / (level_w * np.log(2.0))
        weight = cell.weight[:, None]
        level = np.maximum(weight, LEAST_WEIGHT) * level_w[:, None, None]  # (M, U, 1)
        power = _clipped(level - needs.dry_w[..., None, :, :], cell.cap_w)  # (..., M, U, K)
        rate = _clipped(np.log2(level) - needs.dry[..., None, :, :], needs.at_cap[..., None, :, :])
        worth = weight * rate - per_w[:, None, None] * power
        winner = worth.argmax(axis=-2)
        at_winner = winner[..., None, :]
        prb = np.take_along_axis(worth, at_winner, -2)[..., 0, :]
        spare_w = np.take_along_axis(power, at_winner, -2).mean(axis=(-2, -1))
        cost, power_w = _costs(cell, needs, level_w, per_w, prb)
        slots = _cheapest(cell, cost)
        slots_w = np.take_along_axis(power_w, np.maximum(slots - 1, 0)[..., None], -1)[..., 0]
        drawn_w = np.where(slots > 0, slots_w, 0.0).sum(axis=-1)
        drawn_w += np.maximum(cell.num_prbs - slots.sum(axis=-1), 0) * spare_w
        return cls(level_w, per_w, prb, winner, cost, drawn_w)

    def owners(self, cell: Cell, needs: Needs, levels: Indices) -> Indices:
        """Assignments at those of some levels at which the slots fit the PRBs, shape (C, K); C may be 0."""
        return self.owners_of_each(cell, needs, levels)[0]

    def owners_of_each(self, cell: Cell, needs: Needs, levels: Indices) -> tuple[Indices, Indices]:
        """Assignments of all cells, shape (C, K), and whose they are: indices into the only leading axis, shape (C,).

        Slots are assigned by least regret, the rest goes to whoever earns most.

        A UE held up by its minimum values rate by w + nu = level / mu, nu being the multiplier of that minimum.
        """
        per_cell = (-1, len(levels))
        slots = _fitting(cell, self.cost[..., levels, :, :].reshape(-1, *self.cost.shape[-2:])).reshape(
            *per_cell, cell.num_ues
        )
        whose, chosen = np.nonzero(slots.sum(axis=-1) <= cell.num_prbs)
        slots, levels = slots[whose, chosen], levels[chosen]
        prb = self.prb.reshape(-1, *self.prb.shape[-2:])[whose, levels]
        regret = prb[:, None] - self._worth(cell, needs.each(whose), levels, slots)  # (C, U, K)
        owner = self.winner.reshape(-1, *self.winner.shape[-2:])[whose, levels]
        for row, count in enumerate(slots):
            ues = np.repeat(np.arange(cell.num_ues), count)
            slot, taken = linear_sum_assignment(regret[row, ues])
            owner[row, taken] = ues[slot]
        return owner, whose

    def _worth(self, cell: Cell, needs: Needs, levels: Indices, slots: Indices) -> Array:
        """What a PRB is worth to each UE that holds so many slots, shape (C, U, K)."""
        mu = self.level_w[levels, None]
        level = np.maximum(needs.at(slots), np.maximum(cell.weight, LEAST_WEIGHT) * mu)[..., None]
        rate = _clipped(np.log2(level) - needs.dry, needs.at_cap)
        power = _clipped(level - needs.dry_w, cell.cap_w)
        worth: Array = level / mu[..., None] * rate - self.per_w[levels, None, None] * power
        return worth


def _costs(cell: Cell, needs: Needs, level_w: Array, per_w: Array, prb: Array) -> tuple[Array, Array]:
    """Cost and power [W] of each UE's minimum rate on its n best PRBs, shapes (..., M, U, N)."""
    dry_w, dry, at_cap = (
        np.take_along_axis(each, needs.best, -1)[..., None, :, None, :]
        for each in (needs.dry_w, needs.dry, needs.at_cap)
    )  # (..., 1, U, 1, N)
    used = np.tri(needs.best.shape[-1])  # the first n PRBs
    weight = np.maximum(cell.weight, LEAST_WEIGHT)[:, None]
    level = np.maximum(needs.floor_w[..., None, :, :], weight * level_w[:, None, None])[..., None]  # (..., M, U, N, 1)
    power_w = (_clipped(level - dry_w, cell.cap_w) * used).sum(axis=-1)  # (..., M, U, N)
    rate = (_clipped(np.log2(level) - dry, at_cap) * used).sum(axis=-1)
    forgone = np.cumsum(np.take_along_axis(prb[..., None, :], needs.best[..., None, :, :], -1), axis=-1)
    cost = forgone - cell.weight[:, None] * rate + per_w[:, None, None] * power_w
    cost += np.where(needs.reachable, 0.0, _FORBIDDEN)[..., None, :, :]
    return cost, power_w


def _fitting(cell: Cell, cost: Array) -> Indices:
    """Slots of each UE, shape (M, U): of least cost, and where they exceed the PRBs at the lowest price that fits."""
    slots = _cheapest(cell, cost)
    crowded = slots.sum(axis=-1) > cell.num_prbs
    if crowded.any():
        slots[crowded] = _cheapest_that_fit(cell, cost[crowded])
    return slots


def _clipped(value: Array, high: Array | float) -> Array:
    """Between 0 and ``high``, in place: np.clip takes twice as long."""
    np.maximum(value, 0.0, out=value)
    return np.minimum(value, high, out=value)


def _cheapest(cell: Cell, cost: Array) -> Indices:
    """n of least cost, shape (..., U, N) gives (..., U); none for UEs without a minimum."""
    return np.where(cell.min_rate_bps_hz > 0, cost.argmin(axis=-1) + 1, 0)


def _cheapest_that_fit(cell: Cell, cost: Array) -> Indices:
    """n of least cost at the lowest price a slot at which the slots fit the PRBs, shape (M, U, N) gives (M, U).

    Slots do not rise with their price, so every seventh price is tried, and then those between; where none fits, the
    highest is left, which the caller sees is too many.
    """
    _, end = _first_that_fits(cell, cost, np.broadcast_to(_COARSE, (len(cost), len(_COARSE))))
    return _first_that_fits(cell, cost, np.maximum(end[:, None] + _FINE, 0))[0]


def _first_that_fits(cell: Cell, cost: Array, tried: Indices) -> tuple[Indices, Indices]:
    """Slots at the first of some prices, (M, T) indices, at which they fit, or at the last, shape (M, U), and which."""
    count = np.arange(1, cost.shape[-1] + 1)
    slots = _cheapest(cell, cost[:, None] + _SLOT_PRICES[tried][..., None, None] * count)  # (M, T, U)
    fits = slots.sum(axis=-1) <= cell.num_prbs
    fits[:, -1] = True
    first, every = fits.argmax(axis=-1), np.arange(len(cost))
    return slots[every, first], tried[every, first]
