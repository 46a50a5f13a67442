"""What an answer is worth: paper 2's reward in words (section IV-3), and one that can be learned from.

No label enters: both are computed from the channel and the answer alone.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from xapps.classic import waterfilling
from xapps.classic.cell import Array, Cell, Indices
from xapps.classic.equal import even_power_w

Kind = Literal["polished", "printed"]

SHORTFALL_PRICE = 2.0
"""What the mean relative shortfall costs in the polished reward: more than any UE's PRBs can earn elsewhere."""

PRINTED_RATE, PRINTED_SHORTFALL, PRINTED_BIAS = 0.1, 1.0, 1.0
"""Theta_r a bps/Hz and UE, Theta_const a bps/Hz missed, Theta_bias: paper 1, (22), which prints no values."""


def rewards(kind: Kind, cell: Cell, owner: Indices, unit_bps_hz: float) -> Array:
    """Rewards of assignments (M, K) in one cell, shape (M,).

    Args:
        unit_bps_hz: weighted throughput that counts as one in the polished reward.
    """
    return polished(cell, owner, unit_bps_hz) if kind == "polished" else printed(cell, owner)


def polished(cell: Cell, owner: Indices, unit_bps_hz: float) -> Array:
    """Weighted throughput at the exact powers in units, less the price of relative shortfalls, (M, K) gives (M,)."""
    power_w = waterfilling.fill(
        cell.gain_of(owner), owner, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w
    )[0]
    rate = cell.rates_bps_hz(owner, power_w)
    return of_rates(rate, cell.weight, cell.min_rate_bps_hz, unit_bps_hz)


def of_rates(rate_bps_hz: Array, weight: Array, min_rate_bps_hz: Array, unit_bps_hz: float | Array) -> Array:
    """The polished reward of rates that were computed or measured, shapes (..., U) give (...)."""
    missed = shortfall_share(rate_bps_hz, min_rate_bps_hz).mean(axis=-1)
    return (rate_bps_hz * weight).sum(axis=-1) / unit_bps_hz - SHORTFALL_PRICE * missed


def shortfall_share(rate_bps_hz: Array, min_rate_bps_hz: Array) -> Array:
    """Share of its minimum that each UE misses, 0 for those without one, any shape."""
    wanted = np.maximum(min_rate_bps_hz, 1e-12)
    return np.where(min_rate_bps_hz > 0, np.maximum(min_rate_bps_hz - rate_bps_hz, 0.0) / wanted, 0.0)


def printed(cell: Cell, owner: Indices) -> Array:
    """Rates at even power, less what is missed, with a bias that is positive only if nobody misses, (M, K) -> (M,)."""
    rate = cell.rates_bps_hz(owner, np.broadcast_to(even_power_w(cell), owner.shape))
    missed = np.maximum(cell.min_rate_bps_hz - rate, 0.0).sum(axis=-1)
    earned = PRINTED_RATE * (rate * cell.weight).mean(axis=-1)
    bias = np.where(missed > 0, -PRINTED_BIAS, PRINTED_BIAS)
    return earned - PRINTED_SHORTFALL * missed + bias
