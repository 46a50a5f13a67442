"""Lagrangian dual bound of one cell: an upper bound on what any allocation can earn, thousands of cells a second.

Budget and minimum rates are priced by lambda and nu; what is left falls apart into PRBs:

    g(lambda, nu) = lambda P - sum of nu R + sum over k of max over u, p of w[u] r + nu[u] min(r, R[u]) - lambda p,
    r = log2(1 + c p)

Rates count towards a minimum only up to the minimum, which no allocation loses by and the relaxation does.

Every g with lambda, nu >= 0 is a bound. It is brought down by Polyak's sub-gradient steps towards a known solution's
value. The relaxation has a gap of its own (1-4 % in one cell), so this is a bound, not a certificate of optimality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xapps.classic.cell import Array, Indices
from xapps.classic.waterfilling import LEAST_GAIN_PER_W, LEAST_WEIGHT

ITERATIONS = 200


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
    return _earned(gain, weight[None], min_rate_bps_hz[None], prices.per_rate[None], cap_w, np.array([prices.per_w]))[
        0
    ][0]


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
    price, nu, target = _start(gain, weight, min_rate_bps_hz, cap_w, owner, power_w)
    scale = price.copy()  # lambda is searched in units of its first guess
    best = np.full(budget.shape, np.inf)
    for step in range(iterations):
        value, d_price, d_nu = _dual(gain, weight, min_rate_bps_hz, nu, budget, cap_w, price)
        best = np.minimum(best, value)
        slope = (scale * d_price) ** 2 + (d_nu**2).sum(axis=-1)
        length = np.maximum(value - target, 0.0) / np.maximum(slope, 1e-12) * (1.0 if 2 * step < iterations else 0.5)
        price = np.maximum(price - length * scale**2 * d_price, 1e-3 * scale)
        nu = np.maximum(nu - length[:, None] * d_nu, 0.0)
    return best


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


def _dual(
    gain: Array, weight: Array, wanted: Array, nu: Array, budget: Array, cap_w: float, price: Array
) -> tuple[Array, Array, Array]:
    """g and its sub-gradient in lambda and nu."""
    earned, power, counted = _earned(gain, weight, wanted, nu, cap_w, price)
    winner = earned.argmax(axis=1)[:, None, :]
    value = np.take_along_axis(earned, winner, 1).sum(axis=(1, 2)) + price * budget - (nu * wanted).sum(axis=-1)
    used = np.take_along_axis(power, winner, 1).sum(axis=(1, 2))
    owned = winner == np.arange(gain.shape[1])[:, None]
    return value, budget - used, np.where(owned, counted, 0.0).sum(axis=-1) - wanted


def _earned(
    gain: Array, weight: Array, wanted: Array, nu: Array, cap_w: float, price: Array
) -> tuple[Array, Array, Array]:
    """For every pair at its best power: what is earned, that power, and the rate that counts, shape (B, U, K) each."""
    w, v, most = weight[..., None], nu[..., None], wanted[..., None]
    level_w = 1.0 / (price * np.log(2.0))[:, None, None]
    level = np.maximum(w * level_w, np.minimum((w + v) * level_w, np.exp2(most) / gain))
    power = np.clip(level - 1.0 / gain, 0.0, cap_w)  # (B, U, K)
    rate = np.log2(1.0 + gain * power)
    counted = np.minimum(rate, most)
    return w * rate + v * counted - price[:, None, None] * power, power, counted
