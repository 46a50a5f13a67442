"""Moves of one RU at a time, valued by what they do to everybody: what sweeps under linear prices leave to be mended.

A move changes one PRB of one RU: another owner, another power within the remaining budget, or silence. Minimum rates
count by their shortfall, so a move sees exactly when a UE has enough. All RUs take turns, all drops and candidates move
at once; a move that does not help is not made, so the value never sinks.
"""

from __future__ import annotations

import numpy as np

from xapps.coordination.field import Field, Single, State, member_rates
from xapps.coordination.response import worth_of_rate

POWER_SHARES = np.array([0.0, 0.1, 0.3, 1.0], np.float32)
"""Powers tried, as shares of the most that cap and remaining budget allow; the first is silence."""


def move_round(field: Field, state: State, rounds: int = 1) -> None:
    """So many turns of every RU, in place."""
    total = member_rates(field, state)
    for _ in range(rounds):
        for ru in range(len(field.budget_w)):
            total = best_move(field, state, ru, total)


def best_move(field: Field, state: State, ru: int, total: Single) -> Single:
    """Makes one RU's best move in every drop and candidate, in place, and returns the members' new rates.

    Args:
        total: rates of the members, shape (D, C, R, N).
    """
    power_w = _powers(field, state, ru)  # (D, C, K, P)
    own = _own_change(field, state, ru, total, power_w)  # (D, C, K, P, N)
    change = own.max(axis=-1) + _change_of_others(field, state, ru, total, power_w)
    flat = change.reshape(*change.shape[:2], -1)
    best = flat.argmax(axis=-1)  # (D, C)
    helps = np.take_along_axis(flat, best[..., None], -1)[..., 0] > 1e-4
    if not helps.any():
        return total
    prb, level = np.divmod(best, len(POWER_SHARES))
    drop, candidate = np.nonzero(helps)
    at = (drop, candidate, prb[helps])
    owner, power = state.owner[:, :, ru].copy(), state.power_w[:, :, ru].copy()
    owner[at] = own[(*at, level[helps])].argmax(axis=-1)
    power[at] = power_w[(*at, level[helps])]
    state.assign(field, ru, owner, power)
    return member_rates(field, state)


def _powers(field: Field, state: State, ru: int) -> Single:
    """Powers that each PRB may get, shape (D, C, K, P)."""
    now_w = state.power_w[:, :, ru]
    left_w = np.maximum(field.budget_w[ru] - now_w.sum(axis=-1, keepdims=True), 0.0)
    return np.minimum(field.cap_w, now_w + left_w)[..., None].astype(np.float32) * POWER_SHARES


def _own_change(field: Field, state: State, ru: int, total: Single, power_w: Single) -> Single:
    """What the RU's own members win and lose if a PRB goes to each of them at each power, shape (D, C, K, P, N)."""
    members = field.shape[2]
    interference = np.einsum("dnik,dcik->dckn", field.foreign[:, ru], state.power_w)
    sinr_per_w = np.moveaxis(field.own[:, ru], 1, 2)[:, None] / (1.0 + interference)  # (D, C, K, N)
    rate = np.log2(1.0 + power_w[..., None] * sinr_per_w[..., None, :])  # (D, C, K, P, N)
    old = state.owner[:, :, ru]  # (D, C, K)
    holds = old[..., None] == np.arange(members)  # (D, C, K, N)
    now = np.log2(1.0 + state.power_w[:, :, ru, :, None] * sinr_per_w) * holds
    weight, wanted = field.weight[:, None, None, ru], field.wanted[:, None, None, ru]
    rest = total[:, :, None, ru] - now  # of each member without the PRB, (D, C, K, N)
    before = worth_of_rate(total[:, :, None, ru], weight, wanted)
    without = worth_of_rate(rest, weight, wanted)
    lost = (without - before).sum(axis=-1)[..., None, None]  # only the old owner's differs
    gained = (
        worth_of_rate(rest[..., None, :] + rate, weight[..., None, :], wanted[..., None, :]) - without[..., None, :]
    )
    return np.asarray(lost + gained)


def _change_of_others(field: Field, state: State, ru: int, total: Single, power_w: Single) -> Single:
    """What the owners at the other RUs win and lose at each power, shape (D, C, K, P)."""
    others = [other for other in range(len(field.budget_w)) if other != ru]
    if not others:
        return np.zeros(power_w.shape, np.float32)
    owner = state.owner[:, :, others]
    busy, member = owner >= 0, np.maximum(owner, 0)

    def of_owner(per_member: Single) -> Single:
        return np.take_along_axis(np.broadcast_to(per_member, total.shape)[:, :, others], member, -1)

    mine = state.heard[:, :, others, ru]  # (D, C, R', K)
    signal = state.own[:, :, others] * state.power_w[:, :, others]
    everyone = 1.0 + state.interference()[:, :, others]
    now = np.log2(1.0 + signal / everyone)
    extra = mine[..., None] * (power_w[:, :, None] - state.power_w[:, :, None, ru, :, None])
    then = np.log2(1.0 + signal[..., None] / np.maximum(everyone[..., None] + extra, 1.0))
    weight, wanted, rate = of_owner(field.weight[:, None]), of_owner(field.wanted[:, None]), of_owner(total)
    after = worth_of_rate(rate[..., None] + then - now[..., None], weight[..., None], wanted[..., None])
    change = np.where(busy[..., None], after - worth_of_rate(rate, weight, wanted)[..., None], 0.0)
    return np.asarray(change.sum(axis=2))
