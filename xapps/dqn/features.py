"""What the fair Q-network sees of a pair (UE, PRB): its gain relative to rivals, and what is still lacking.

Nothing names a UE or a PRB, so permuting them permutes the rows, and one network serves any number of either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xapps.dqn.assignment import REWARD_SCALE, Indices, Mask, Problems, lacking, next_gain, price

Array = NDArray[np.float64]

NAMES = (
    "regret",
    "regret_above_own_least",
    "regret_below_own_mean",
    "rate",
    "rate_below_own_best",
    "lack",
    "needy",
    "prbs_missing",
    "share_of_lack_met",
    "keenest_rival",
    "free_share",
    "tightness",
    "needy_share",
    "power_for_lack",
    "level",
    "relative_weight",
    "next_reward",
    "reward_ahead",
    "regret_ahead",
    "power_ahead",
)
"""Features of a pair in their order on the last axis."""

NEXT_REWARD = NAMES.index("next_reward")
"""Its place: what the reward of the step will be, the last step's correction aside."""

REGRET_SCALE = 8.0
RATE_SCALE = 8.0
MOST_PRBS_MISSING = 8.0
AHEAD_SCALE = 30.0
"""Reward that can still be earned at the start of an episode, about: divides the feature."""
MOST_REGRET = 100.0
"""Regret ahead above this is counted as this [bps/Hz]."""
FAR = 16.0
"""Stands for "no rival at all" [bps/Hz]."""


def observe(problems: Problems, owner: Indices) -> NDArray[np.float32]:
    """Features of every pair, shape (N, U, K, F); those of PRBs that are taken mean nothing."""
    rate, regret = problems.rate, problems.regret
    free = (owner < 0)[:, None, :]
    lack = lacking(problems, owner)
    needy = lack > 0.0
    best_free = np.where(free, rate, 0.0).max(axis=-1)  # (N, U)
    missing = np.minimum(lack / np.maximum(best_free, 1e-3), MOST_PRBS_MISSING)
    num_free = np.maximum(free.sum(axis=-1), 1)  # (N, 1)
    keenness = regret - np.where(free, regret, np.inf).min(axis=-1, keepdims=True, initial=FAR * 4)
    x = np.empty((*rate.shape, len(NAMES)), np.float32)
    x[..., 0] = regret / REGRET_SCALE
    x[..., 1] = keenness / REGRET_SCALE
    x[..., 2] = (regret - (np.where(free, regret, 0.0).sum(axis=-1) / num_free)[..., None]) / REGRET_SCALE
    x[..., 3] = rate / RATE_SCALE
    x[..., 4] = (rate - best_free[..., None]) / RATE_SCALE
    x[..., 5] = lack[..., None] / RATE_SCALE
    x[..., 6] = needy[..., None]
    x[..., 7] = np.log2(1.0 + missing)[..., None]
    x[..., 8] = np.minimum(rate / np.maximum(lack, 1e-9)[..., None], 1.0) * needy[..., None]
    x[..., 9] = _keenest_rival(keenness, needy) / REGRET_SCALE
    x[..., 10] = (num_free / problems.num_prbs)[..., None]
    x[..., 11] = np.minimum(missing.sum(axis=-1, keepdims=True) / num_free, 4.0)[..., None]
    x[..., 12] = needy.mean(axis=-1)[:, None, None]
    x[..., 13] = _power_for_lack(problems, lack)
    x[..., 14] = np.log2(problems.level)[:, None, None]
    x[..., 15] = problems.weight[..., None] - 1.0
    x[..., NEXT_REWARD] = REWARD_SCALE * next_gain(problems, owner)
    x[..., 17] = (REWARD_SCALE / AHEAD_SCALE) * price(lack)[:, None, None]
    x[..., 18] = REWARD_SCALE * _regret_ahead(problems, free, missing)[:, None, None]
    x[..., 19] = _power_ahead(problems, lack, missing, free)[:, None, None]
    return x


def _keenest_rival(keenness: Array, needy: Mask) -> Array:
    """Least keenness-regret of the *other* UEs that lack rate, shape (N, U, K): small where somebody else wants it."""
    wanted = np.minimum(np.where(needy[..., None], keenness, FAR), FAR)
    if wanted.shape[1] == 1:
        return np.full_like(wanted, FAR)
    least = wanted.min(axis=1, keepdims=True)
    is_least = wanted == least
    second = np.where(is_least, np.inf, wanted).min(axis=1, keepdims=True, initial=FAR)
    return np.where(is_least, second, least)


def _power_for_lack(problems: Problems, lack: Array) -> Array:
    """log2(1 + power that would meet the lack on this PRB alone, in equal shares) / 5, shape (N, U, K)."""
    share_w = (problems.budget_w / problems.num_prbs)[:, None, None]
    needed_w = np.expm1(np.log(2.0) * np.minimum(lack, 30.0))[..., None] / np.maximum(problems.gain_per_w, 1e-12)
    return np.log2(1.0 + np.minimum(needed_w / share_w, 1e6)) / 5.0


def _regret_ahead(problems: Problems, free: Mask, missing: Array) -> Array:
    """What the PRBs that are still needed will cost, each at its UE's least regret, shape (N,)."""
    least = np.minimum(np.where(free, problems.regret, np.inf).min(axis=-1), FAR)
    return np.minimum((np.where(missing > 0.0, np.maximum(missing, 1.0), 0.0) * least).sum(axis=-1), MOST_REGRET)


def _power_ahead(problems: Problems, lack: Array, missing: Array, free: Mask) -> Array:
    """log2(1 + power that everybody's lack needs on best free PRBs, over the budget) / 5, shape (N,)."""
    best = np.where(free, problems.gain_per_w, 0.0).max(axis=-1)
    prbs = np.maximum(np.rint(missing), 1.0)
    needed_w = prbs * np.expm1(np.log(2.0) * np.minimum(lack / prbs, 30.0)) / np.maximum(best, 1e-12)
    return np.log2(1.0 + np.minimum(needed_w.sum(axis=-1) / problems.budget_w, 1e6)) / 5.0
