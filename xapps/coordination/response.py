"""Best responses: one RU chooses owners and powers of all its PRBs, knowing what it does to the others.

With all other RUs as they are, UE n on PRB k at power p is worth

    W[n, k, p] = w[n] log2(1 + p q[n, k]) - lambda p
               + sum over the owners v at other RUs of w[v] log2(1 + s[v] / (1 + I[v] + x[v] p))

lambda is the lowest price of power on a grid at which the budget suffices. UEs with a minimum rate get slots, as many
as they need on their best PRBs, by a Hungarian assignment on regret against the best use of each PRB; all other PRBs go
to whoever is worth most, or fall silent. Repeated in turns by all RUs this is the classical "sweep".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from xapps.coordination.field import Field, Indices, Single, State, member_rates

LEVEL_SHARES = np.array([0.0, 0.05, 0.12, 0.25, 0.5, 1.0], np.float32)
"""Powers tried, as shares of the cap; the first is silence."""

PRICE_FACTORS = np.array([0.05, 0.25, 0.5, 1.0, 2.0, 4.0, 16.0], np.float32)
"""Prices of power tried, in shares of the one at which an even split over the PRBs is right."""

SHORTFALL_PRICE = 100.0
"""What a missed bps/Hz of a minimum rate costs; that of the classical search."""

MISS_PRICE = 20.0
"""What it costs to miss a minimum rate at all: a drop in which one UE misses it counts for nothing."""

ROUNDING = 3e-6
"""Minimum rates are aimed at from this much above: single precision must not miss what double precision checks."""

MOST_SLOTS = 3
BUDGET_TOLERANCE = 1.05


def sweep(field: Field, state: State, order: NDArray[np.intp] | None = None) -> None:
    """Every RU once, in place."""
    for ru in range(len(field.budget_w)) if order is None else order:
        respond(field, state, int(ru))


def respond(field: Field, state: State, ru: int) -> None:
    """One RU's best response in every drop and candidate, in place; within its budget."""
    power_w = LEVEL_SHARES * np.float32(field.cap_w)  # (L,)
    rate = _rates(field, state, ru, power_w)  # (D, C, N, K, L)
    gross = field.weight[:, None, ru, :, None, None] * rate
    gross += worth_of_others(field, state, ru, power_w)[:, :, None]
    price = _price(field, ru, gross.max(axis=2), power_w)  # (D, C)
    worth = gross - price[..., None, None, None] * power_w
    level = worth.argmax(axis=-1)  # (D, C, N, K)
    each = np.take_along_axis(worth, level[..., None], -1)[..., 0]
    owner = each.argmax(axis=2)  # (D, C, K)
    spare = np.take_along_axis(each, owner[:, :, None], 2)[:, :, 0]
    chosen = np.take_along_axis(level, owner[:, :, None], 2)[:, :, 0]
    _fill_slots(field, ru, rate, worth, spare, owner, chosen)
    granted_w = power_w[chosen]
    total_w = granted_w.sum(axis=-1, keepdims=True)
    granted_w = granted_w * np.minimum(1.0, field.budget_w[ru] / np.maximum(total_w, 1e-30))
    state.assign(field, ru, owner, granted_w.astype(np.float32))


def worth_of_others(field: Field, state: State, ru: int, power_w: Single) -> Single:
    """Weighted rates of the owners at the other RUs at each power of this one, shape (D, C, K, L)."""
    others = [other for other in range(len(field.budget_w)) if other != ru]
    if not others:
        return np.zeros((*state.power_w.shape[:2], field.shape[-1], len(power_w)), np.float32)
    owner = state.owner[:, :, others]
    weight = np.broadcast_to(field.weight[:, None], (*owner.shape[:2], *field.weight.shape[1:]))[:, :, others]
    weight = np.take_along_axis(weight, np.maximum(owner, 0), -1)  # (D, C, R', K)
    mine = state.heard[:, :, others, ru]
    signal = state.own[:, :, others] * state.power_w[:, :, others]
    without = 1.0 + state.interference()[:, :, others] - mine * state.power_w[:, :, None, ru]
    sinr = signal[..., None] / np.maximum(without[..., None] + mine[..., None] * power_w, 1.0)
    return np.einsum("dcrkl,dcrk->dckl", np.log2(1.0 + sinr), weight)


def _rates(field: Field, state: State, ru: int, power_w: Single) -> Single:
    """Rate of every member on every PRB at every power, shape (D, C, N, K, L)."""
    interference = np.einsum("dnik,dcik->dcnk", field.foreign[:, ru], state.power_w)
    sinr_per_w = field.own[:, None, ru] / (1.0 + interference)
    return np.asarray(np.log2(1.0 + sinr_per_w[..., None] * power_w))


def _price(field: Field, ru: int, best: Single, power_w: Single) -> Single:
    """Lowest price of power on the grid at which the budget suffices if nobody had a minimum rate, shape (D, C)."""
    even_w = min(float(field.budget_w[ru]) / best.shape[2], field.cap_w)
    prices = (PRICE_FACTORS / (even_w * np.log(2.0))).astype(np.float32)
    level = (best[..., None, :] - prices[:, None] * power_w).argmax(axis=-1)  # (D, C, K, prices)
    within = power_w[level].sum(axis=2) <= field.budget_w[ru] * BUDGET_TOLERANCE
    within[..., -1] = True
    return np.asarray(prices[within.argmax(axis=-1)])


def _fill_slots(
    field: Field, ru: int, rate: Single, worth: Single, spare: Single, owner: Indices, chosen: Indices
) -> None:
    """Gives UEs with a minimum rate the PRBs they need, in ``owner`` and ``chosen`` (D, C, K)."""
    wanted = field.wanted[:, ru]  # (D, N)
    slots = _slots_needed(rate[..., -1], wanted)  # (D, C, N)
    share = (wanted[:, None] / np.maximum(slots, 1))[..., None, None]
    strict = worth - SHORTFALL_PRICE * np.maximum(share - rate, 0.0)
    level = strict.argmax(axis=-1)  # (D, C, N, K)
    regret = spare[:, :, None] - np.take_along_axis(strict, level[..., None], -1)[..., 0]
    members = np.arange(slots.shape[-1])
    for at in np.ndindex(slots.shape[:2]):
        rows = np.repeat(members, slots[at])
        row, prb = linear_sum_assignment(regret[at][rows])
        owner[at][prb] = rows[row]
        chosen[at][prb] = level[at][rows[row], prb]


def _slots_needed(rate_at_cap: Single, wanted: Single) -> Indices:
    """PRBs that each member needs on its best ones at most power, at most ``MOST_SLOTS`` and never more than there are.

    Shapes (D, C, N, K), (D, N) give (D, C, N).
    """
    best = -np.sort(-rate_at_cap, axis=-1)[..., :MOST_SLOTS].cumsum(axis=-1)
    short = (best < wanted[:, None, :, None]).sum(axis=-1)
    slots = np.where(wanted[:, None] > 0, np.minimum(short + 1, best.shape[-1]), 0)
    while (crowded := slots.sum(axis=-1) > rate_at_cap.shape[-1]).any():
        largest = slots == slots.max(axis=-1, keepdims=True)
        first = largest & (largest.cumsum(axis=-1) == 1)
        slots = slots - (first & crowded[..., None])
    return np.asarray(slots)


def worth_of_rate(rate: Single, weight: Single, wanted: Single) -> Single:
    """Weighted rate less the price of what a minimum rate lacks, and of lacking it at all, element by element."""
    lacking = wanted * (1.0 + ROUNDING) - rate
    return np.asarray(weight * rate - np.where(lacking > 0.0, MISS_PRICE + SHORTFALL_PRICE * lacking, 0.0))


def value(field: Field, rate: Single) -> Single:
    """What rates (D, C, R, N) are worth, shape (D, C): throughput, less what missed minimum rates cost."""
    return np.asarray(worth_of_rate(rate, field.weight[:, None], field.wanted[:, None]).sum(axis=(-2, -1)))


def state_value(field: Field, state: State) -> Single:
    """The value of a state, shape (D, C)."""
    return value(field, member_rates(field, state))
