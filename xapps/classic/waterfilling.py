"""Exact power for a fixed assignment: multi-level water-filling under a budget, a cap a PRB and minimum rates.

    maximise    sum over k of w[o(k)] log2(1 + c[k] p[k])
    subject to  sum of p <= P,  0 <= p <= cap,  sum over k of UE u of log2(1 + c[k] p[k]) >= R[u]

Its KKT conditions say p[k] = [level(u) - 1/c[k]] clipped to 0..cap, where level(u) = max(w[u] mu, floor(u)): one common
water level mu, scaled by the weights, and for each UE the floor below which its minimum rate would be missed. The floor
does not depend on mu, so both are found by inverting one piecewise linear function each, exactly and without iterating.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.integer]
BoolArray = NDArray[np.bool_]

LEAST_GAIN_PER_W = 1e-12
"""Gains below this are treated as this: such a PRB carries nothing at any power."""
LEAST_WEIGHT = 1e-9
"""Weights below this are treated as this: such UEs are served with what nobody else can use."""
_KEY_SPAN = 4096.0
"""Wider than any span of log2 levels, so that keys of different UEs never mix in a sort."""
_ROUNDING = 1e-12


def fill(
    gain_per_w: Array, owner: Indices, weight: Array, min_rate_bps_hz: Array, budget_w: Array | float, cap_w: float
) -> tuple[Array, BoolArray]:
    """The best powers for an assignment; batch axes lead and are solved at once.

    Where the minimum rates cannot be met, the powers minimise the sum of shortfalls instead (elastic minimum rates):
    UEs out of reach go to their caps; if the budget is what lacks, every UE stops at its own minimum.

    Args:
        gain_per_w: channel gain over noise and interference of each PRB's owner, shape (..., K) [1/W].
        owner: index of the UE on each PRB, negative where idle, shape (..., K).
        weight: w, shape (..., U).
        min_rate_bps_hz: R, shape (..., U) [bps/Hz].
        budget_w: P, shape (...) [W].
        cap_w: cap a PRB [W].

    Returns:
        Powers, shape (..., K) [W], and whether every minimum rate is met, shape (...).
    """
    batch, num_prbs = owner.shape[:-1], owner.shape[-1]
    num_ues = weight.shape[-1]
    rows = (-1, num_prbs)
    owner_ = np.where(owner < 0, num_ues, owner).reshape(rows)  # idle PRBs belong to UE number U, which wants nothing
    gain = np.maximum(gain_per_w.reshape(rows), LEAST_GAIN_PER_W)
    wanted = _with_nobody(np.broadcast_to(min_rate_bps_hz, (*batch, num_ues)), 0.0)
    weights = _with_nobody(np.broadcast_to(np.maximum(weight, LEAST_WEIGHT), (*batch, num_ues)), LEAST_WEIGHT)
    budget = np.broadcast_to(np.asarray(budget_w, np.float64), batch).reshape(-1)
    floor_w = level_floors(gain, owner_, wanted, cap_w)
    power, feasible = _fill_rows(gain, owner_, weights, floor_w, budget, cap_w)
    reachable = np.isfinite(floor_w).all(axis=-1)
    return power.reshape(owner.shape), (feasible & reachable).reshape(batch)


def level_floors(gain: Array, owner: Indices, wanted: Array, cap_w: float) -> Array:
    """Smallest water level at which each UE has its minimum rate on the PRBs it owns.

    The rate of a UE is piecewise linear in log2 of its level: every PRB adds a slope of one from 1/c on, until its cap.
    All UEs of a row are inverted in one sorted sweep, because each UE's slopes return to zero before the next begins.

    Args:
        gain: shape (B, K) [1/W].
        owner: shape (B, K), from 0 to U.
        wanted: minimum rates, shape (B, U + 1) [bps/Hz].
        cap_w: cap a PRB [W].

    Returns:
        Shape (B, U + 1) [W]: 0 where nothing is wanted, inf where the caps forbid it.
    """
    start = -np.log2(gain)
    level = np.concatenate([start, start + np.log2(1.0 + cap_w * gain)], axis=-1)  # (B, 2K)
    who = np.concatenate([owner, owner], axis=-1)
    order = np.argsort(who * _KEY_SPAN + level, axis=-1, kind="stable")
    rises = np.where(order < owner.shape[-1], 1.0, -1.0)
    level, who = np.take_along_axis(level, order, -1), np.take_along_axis(who, order, -1)
    slope = np.cumsum(rises, axis=-1) - rises  # before each event
    rate = np.cumsum(slope * np.diff(level, axis=-1, prepend=0.0), axis=-1)
    first = np.diff(who, axis=-1, prepend=-1) > 0
    rate -= np.maximum.accumulate(np.where(first, rate, 0.0), axis=-1)  # of this UE alone
    target = np.take_along_axis(wanted, who, -1)
    met = (rate >= target * (1.0 - _ROUNDING)) & (target > 0)
    crossing = met & ~np.concatenate([np.zeros_like(met[:, :1]), met[:, :-1] & ~first[:, 1:]], axis=-1)
    floors = np.where(wanted > 0, np.inf, 0.0)
    row, event = np.nonzero(crossing)
    excess = (rate - target)[row, event] / slope[row, event]
    floors[row, who[row, event]] = np.exp2(level[row, event] - excess)
    return floors


def _fill_rows(
    gain: Array, owner: Indices, weights: Array, floors: Array, budget: Array, cap_w: float
) -> tuple[Array, BoolArray]:
    floor = np.take_along_axis(floors, owner, -1)
    weight = np.take_along_axis(weights, owner, -1)
    dry = 1.0 / gain
    served = owner < weights.shape[-1] - 1
    cap = np.where(served, cap_w, 0.0)
    base = np.clip(floor - dry, 0.0, cap)
    affordable = base.sum(axis=-1) <= budget * (1.0 + _ROUNDING)
    enough = affordable[:, None]
    # Affordable: everyone has the minimum, the rest goes by weight. Otherwise: fill evenly, nobody above the minimum.
    start = np.where(enough, np.maximum(floor, dry) / weight, dry)
    stop = np.where(enough, (cap + dry) / weight, np.minimum(floor, cap + dry))
    start = np.where(np.isfinite(start), start, stop)
    stop = np.maximum(stop, start)
    slope = np.where(enough, weight, 1.0)
    base = np.where(enough, base, 0.0)
    level = _common_level(start, stop, slope, np.maximum(budget - base.sum(axis=-1), 0.0))
    power = np.minimum(base + slope * np.clip(level[:, None] - start, 0.0, stop - start), cap)
    return power * np.minimum(1.0, budget / np.maximum(power.sum(axis=-1), 1e-300))[:, None], affordable


def _common_level(start: Array, stop: Array, slope: Array, budget: Array) -> Array:
    """mu with sum of slope (clip(mu, start, stop) - start) = budget, shape (B,); inf if all can be filled."""
    event = np.concatenate([start, stop], axis=-1)
    change = np.concatenate([slope, -slope], axis=-1)
    order = np.argsort(event, axis=-1)
    event, change = np.take_along_axis(event, order, -1), np.take_along_axis(change, order, -1)
    before = np.cumsum(change, axis=-1) - change
    spent = np.cumsum(before * np.diff(event, axis=-1, prepend=event[:, :1]), axis=-1)
    index = (spent < budget[:, None]).sum(axis=-1)
    filled = index == event.shape[-1]
    high = np.take_along_axis(event, np.minimum(index, event.shape[-1] - 1)[:, None], -1)
    low = np.take_along_axis(event, np.maximum(index - 1, 0)[:, None], -1)
    # Within the bracket the sum is redone from its definition: the running one has lost digits to far-away events.
    active = (start <= low) & (stop >= high)
    settled = np.where(active, 0.0, slope * (np.clip(low, start, stop) - start)).sum(axis=-1)
    slopes = np.where(active, slope, 0.0).sum(axis=-1)
    need = budget - settled + np.where(active, slope * start, 0.0).sum(axis=-1)
    level = np.divide(need, slopes, out=high[:, 0].copy(), where=slopes > 0)
    return np.where(filled, np.inf, np.clip(level, low[:, 0], high[:, 0]))


def _with_nobody(per_ue: Array, value: float) -> Array:
    """Flattens the batch axes and appends the entry of the UE that stands for idle PRBs."""
    flat = per_ue.reshape(-1, per_ue.shape[-1]) if per_ue.shape[-1] else np.zeros((int(np.prod(per_ue.shape[:-1])), 0))
    return np.concatenate([flat, np.full((len(flat), 1), value)], axis=-1)
