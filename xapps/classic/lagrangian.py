"""Lagrangian dual bound of one cell: an upper bound on what any allocation can earn, thousands of cells a second.

Budget and minimum rates are priced by lambda and nu; what is left falls apart into PRBs:

    g(lambda, nu) = lambda P - sum of nu R + sum over k of max over u, p of (w[u] + nu[u]) log2(1 + c p) - lambda p

Every g with lambda, nu >= 0 is a bound. It is brought down by Polyak's sub-gradient steps towards a known solution's
value. The relaxation has a gap of its own (1-4 % in one cell), so this is a bound, not a certificate of optimality.
"""

from __future__ import annotations

import numpy as np

from xapps.classic.cell import Array
from xapps.classic.waterfilling import LEAST_GAIN_PER_W

ITERATIONS = 150


def dual_bound(
    gain_per_w: Array,
    weight: Array,
    min_rate_bps_hz: Array,
    budget_w: Array | float,
    cap_w: float,
    target: Array | float,
    iterations: int = ITERATIONS,
) -> Array:
    """Upper bounds on the weighted throughput of many cells at once, shape (B,) [bps/Hz].

    Args:
        gain_per_w: c, shape (B, U, K) [1/W].
        weight: shape (B, U).
        min_rate_bps_hz: shape (B, U). If they cannot be met, any number is a bound and the value says nothing.
        budget_w: shape (B,) or a number [W].
        cap_w: cap a PRB [W].
        target: value of a known feasible solution, shape (B,) or a number.
        iterations: sub-gradient steps; the bound is the best of them, valid after any.
    """
    gain = np.maximum(gain_per_w, LEAST_GAIN_PER_W)
    budget = np.broadcast_to(np.asarray(budget_w, np.float64), gain.shape[:1])
    unit = gain.shape[-1] / (budget * np.log(2.0))  # lambda at which the water level is an even share of the budget
    price, nu = np.ones_like(budget), np.zeros(weight.shape)
    best = np.full(budget.shape, np.inf)
    for step in range(iterations):
        value, d_price, d_nu = _dual(gain, weight + nu, min_rate_bps_hz, nu, budget, cap_w, price * unit)
        best = np.minimum(best, value)
        slope = (unit * d_price) ** 2 + (d_nu**2).sum(axis=-1)
        length = np.maximum(value - target, 0.0) / np.maximum(slope, 1e-12) * (1.0 if step < iterations // 2 else 0.5)
        price = np.maximum(price - length * unit * d_price, 1e-6)
        nu = np.maximum(nu - length[:, None] * d_nu, 0.0)
    return best


def _dual(
    gain: Array, value_of_rate: Array, wanted: Array, nu: Array, budget: Array, cap_w: float, price: Array
) -> tuple[Array, Array, Array]:
    """g and its sub-gradient in lambda and nu."""
    worth, per_w = value_of_rate[..., None], price[:, None, None]
    power = np.clip(worth / (per_w * np.log(2.0)) - 1.0 / gain, 0.0, cap_w)  # (B, U, K)
    rate = np.log2(1.0 + gain * power)
    earned = worth * rate - per_w * power
    winner = earned.argmax(axis=1)[:, None, :]
    value = np.take_along_axis(earned, winner, 1).sum(axis=(1, 2)) + price * budget - (nu * wanted).sum(axis=-1)
    owned = winner == np.arange(gain.shape[1])[:, None]
    used = np.take_along_axis(power, winner, 1).sum(axis=(1, 2))
    return value, budget - used, np.where(owned, rate, 0.0).sum(axis=-1) - wanted
