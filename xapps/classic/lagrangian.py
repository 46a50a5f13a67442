"""Lagrangian dual bound of one cell: an upper bound on what any allocation can earn, thousands of cells a second.

Budget and minimum rates are priced by lambda and nu; what is left falls apart into PRBs:

    g(lambda, nu) = lambda P - sum of nu R + sum over k of max over u, p of w[u] r + nu[u] min(r, R[u]) - lambda p,
    r = log2(1 + c p)

Rates count towards a minimum only up to the minimum, which no allocation loses by and the relaxation does.

Every g with lambda, nu >= 0 is a bound. It is brought down by Polyak's sub-gradient steps towards a known solution's
value. The steps only look for prices and run in single precision, in blocks of cells that stay in the cache; g at the
best prices of each cell is evaluated in double precision, so rounding cannot make it less than a bound. The relaxation
has a gap of its own (1-4 % in one cell), so this is a bound, not a certificate of optimality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xapps.classic.cell import Array, Indices
from xapps.classic.waterfilling import LEAST_GAIN_PER_W, LEAST_WEIGHT

Single = NDArray[np.float32]

ITERATIONS = 60
"""Leaves 1.0 % above matching in "cell" and 4.5 % in "edge"; 200 steps leave 0.6 % and 4.0 % at a third of the rate."""
_BLOCK_PAIRS = 32_000
"""(UE, PRB) pairs searched at once: a few arrays of them fit the second-level cache."""
_STRIDES = (1.5, 0.7)
"""Lengths of the first and the second half of the steps, in Polyak's."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Multipliers of one cell's coupling constraints."""

    per_w: float
    """lambda, of the power budget [bps/Hz/W]."""
    per_rate: Array
    """nu, of each UE's minimum rate, shape (U,)."""


def earned_per_pair(gain_per_w: Array, weight: Array, min_rate_bps_hz: Array, cap_w: float, prices: Prices) -> Array:
    """What each UE would earn on each PRB at given prices: max of w r + nu min(r, R) - lambda p, shape (U, K)."""
    gain = np.maximum(gain_per_w, LEAST_GAIN_PER_W)[None]
    return _earned(gain, weight[None], min_rate_bps_hz[None], prices.per_rate[None], cap_w, np.array([prices.per_w]))[0]


def dual_bound(
    gain_per_w: Array,
    weight: Array,
    min_rate_bps_hz: Array,
    budget_w: Array | float,
    cap_w: float,
    owner: Indices,
    power_w: Array,
    iterations: int = ITERATIONS,
) -> Array:
    """Upper bounds on the weighted throughput of many cells at once, shape (B,) [bps/Hz].

    Args:
        gain_per_w: c, shape (B, U, K) [1/W], with at least one UE.
        weight: shape (B, U).
        min_rate_bps_hz: shape (B, U). If they cannot be met, any number is a bound and the value says nothing.
        budget_w: shape (B,) or a number [W].
        cap_w: cap a PRB [W].
        owner: a good allocation to start the prices from and to aim at, shape (B, K), negative where idle.
        power_w: its powers, shape (B, K).
        iterations: sub-gradient steps; the bound is the best of them, valid after any.
    """
    gain = np.maximum(gain_per_w, LEAST_GAIN_PER_W)
    budget = np.broadcast_to(np.asarray(budget_w, np.float64), gain.shape[:1])
    bounds = np.empty(len(gain))
    cells = max(_BLOCK_PAIRS // gain[0].size, 1) if len(gain) else 1
    for first in range(0, len(gain), cells):
        block = slice(first, first + cells)
        here = (gain[block], weight[block], min_rate_bps_hz[block], budget[block], cap_w)
        price, nu, target = _start(*here[:3], cap_w, owner[block], power_w[block])
        price, nu = _descend(_Search.of(*here), price, nu, target, iterations)
        bounds[block] = _dual(*here[:3], nu, budget[block], cap_w, price)
    return bounds


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What the search for prices needs of B cells at every step, in single precision; rates in nats."""

    gain: Single
    dry_w: Single
    """1 / c, shape (B, U, K)."""
    enough_w: Single
    """Level at which a pair alone meets its UE's minimum, shape (B, U, K)."""
    weight: Single
    """What a nat earns, shape (B, U, 1)."""
    wanted: Single
    """Minimum rates, shape (B, U, 1)."""
    budget_w: Single
    cap_w: np.float32

    @classmethod
    def of(cls, gain: Array, weight: Array, wanted: Array, budget_w: Array, cap_w: float) -> _Search:
        single = gain.astype(np.float32)
        nats = (wanted * np.log(2.0)).astype(np.float32)[..., None]
        with np.errstate(over="ignore"):  # a minimum that no power meets is met at no level
            enough_w = np.asarray(np.exp(nats) / single, np.float32)
        a_nat = (weight / np.log(2.0)).astype(np.float32)[..., None]
        return cls(single, np.reciprocal(single), enough_w, a_nat, nats, budget_w.astype(np.float32), np.float32(cap_w))

    def dual(self, price: Single, nu: Single) -> tuple[Single, Single, Single]:
        """g and its sub-gradient in lambda and nu, like :func:`_dual`, with nu a nat."""
        v, per_w = nu[..., None], price[:, None, None]
        power = np.minimum(self.enough_w, (self.weight + v) / per_w)
        np.maximum(power, self.weight / per_w, out=power)
        power -= self.dry_w
        np.clip(power, 0, self.cap_w, out=power)
        rate = self.gain * power
        rate += 1
        np.log(rate, out=rate)
        counted = np.minimum(rate, self.wanted)
        earned = counted * v
        rate *= self.weight
        earned += rate
        earned -= np.multiply(power, per_w, out=rate)
        winner = earned.argmax(axis=1)[:, None, :]
        value = np.take_along_axis(earned, winner, 1).sum(axis=(1, 2)) + price * self.budget_w
        used_w = np.take_along_axis(power, winner, 1).sum(axis=(1, 2))
        served = self._per_ue(winner[:, 0], np.take_along_axis(counted, winner, 1)[:, 0])
        wanted = self.wanted[..., 0]
        return value - (nu * wanted).sum(axis=-1), self.budget_w - used_w, served - wanted

    def _per_ue(self, winner: Indices, counted: Single) -> Single:
        """Sums of what counts over the PRBs each UE won, shapes (B, K) give (B, U)."""
        cells, ues = self.gain.shape[:2]
        rows = np.arange(cells)[:, None] * ues
        sums = np.bincount((rows + winner).ravel(), counted.ravel(), cells * ues)
        return sums.reshape(cells, ues).astype(np.float32)


def _descend(search: _Search, price: Array, nu: Array, target: Array, iterations: int) -> tuple[Array, Array]:
    """The prices lambda (B,) and nu (B, U) of the lowest g met."""
    nat = np.float32(np.log(2.0))
    scale = price.astype(np.float32)  # lambda is searched in units of its first guess
    per_w, per_nat, aim = scale.copy(), nu.astype(np.float32) / nat, target.astype(np.float32)
    best, best_price, best_nu = np.full(scale.shape, np.inf, np.float32), per_w, per_nat
    for step in range(iterations):
        value, d_price, d_nu = search.dual(per_w, per_nat)
        lower = value < best
        best = np.where(lower, value, best)
        best_price, best_nu = np.where(lower, per_w, best_price), np.where(lower[:, None], per_nat, best_nu)
        slope = (scale * d_price) ** 2 + (d_nu**2).sum(axis=-1)
        stride = np.float32(_STRIDES[2 * step >= iterations])
        length = stride * np.maximum(value - aim, 0) / np.maximum(slope, np.float32(1e-12))
        per_w = np.maximum(per_w - length * scale**2 * d_price, np.float32(1e-3) * scale)
        per_nat = np.maximum(per_nat - length[:, None] * d_nu, 0)
    return best_price.astype(np.float64), best_nu.astype(np.float64) * np.log(2.0)


def _start(
    gain: Array, weight: Array, wanted: Array, cap_w: float, owner: Indices, power_w: Array
) -> tuple[Array, Array, Array]:
    """Prices lambda (B,) and nu (B, U) under which an allocation looks reasonable, and its value (B,).

    lambda from the lowest water level of a PRB below its cap; nu so that the PRBs a UE holds are worth, with it, what
    they would earn in the best hands.
    """
    index = np.maximum(owner, 0)[:, None, :]
    own_gain = np.take_along_axis(gain, index, 1)[:, 0]  # (B, K)
    own_weight = np.maximum(np.take_along_axis(weight, index[:, 0], 1), LEAST_WEIGHT)
    rate = np.log2(1.0 + own_gain * power_w)
    filled = (owner >= 0) & (power_w > 0.0) & (power_w < cap_w)
    level_w = np.where(filled, (power_w + 1.0 / own_gain) / own_weight, cap_w).min(axis=-1)
    price = 1.0 / (level_w * np.log(2.0))
    w, per_w = weight[..., None], price[:, None, None]
    power = np.clip(w * level_w[:, None, None] - 1.0 / gain, 0.0, cap_w)
    in_best_hands = (w * np.log2(1.0 + gain * power) - per_w * power).max(axis=1)  # (B, K)
    forgone = np.maximum(in_best_hands - own_weight * rate + price[:, None] * power_w, 0.0)
    owned = owner[:, None, :] == np.arange(weight.shape[-1])[:, None]
    forgone_by_ue = np.where(owned, forgone[:, None, :], 0.0).sum(axis=-1)
    nu = np.divide(forgone_by_ue, wanted, out=np.zeros_like(forgone_by_ue), where=wanted > 0)
    return price, nu, np.where(owner >= 0, own_weight * rate, 0.0).sum(axis=-1)


def _dual(gain: Array, weight: Array, wanted: Array, nu: Array, budget: Array, cap_w: float, price: Array) -> Array:
    """g in double precision, shape (B,)."""
    earned = _earned(gain, weight, wanted, nu, cap_w, price)
    return earned.max(axis=1).sum(axis=-1) + price * budget - (nu * wanted).sum(axis=-1)


def _earned(gain: Array, weight: Array, wanted: Array, nu: Array, cap_w: float, price: Array) -> Array:
    """What every pair earns at its best power, shape (B, U, K)."""
    w, v, most = weight[..., None], nu[..., None], wanted[..., None]
    level_w = 1.0 / (price * np.log(2.0))[:, None, None]
    level = np.maximum(w * level_w, np.minimum((w + v) * level_w, np.exp2(most) / gain))
    power = np.clip(level - 1.0 / gain, 0.0, cap_w)  # (B, U, K)
    rate = np.log2(1.0 + gain * power)
    counted = np.minimum(rate, most)
    return w * rate + v * counted - price[:, None, None] * power
