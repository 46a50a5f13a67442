"""What the fair Q-network sees of a pair (UE, PRB): its gain relative to rivals, and what is still lacking.

Nothing names a UE or a PRB, so permuting them permutes the rows, and one network serves any number of either.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xapps.classic.waterfilling import LEAST_GAIN_PER_W
from xapps.dqn.assignment import MISSED_WEIGHT, REWARD_SCALE, SHORTFALL_WEIGHT, Array, Indices
from xapps.dqn.state import LN_2, State, gained

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
MOST_LACK = 30.0
"""Lacks above this are counted as this where powers are made of them [bps/Hz]."""
MOST_SHARES = 1e6
"""Powers above so many shares of the budget are counted as so many."""


def observe(state: State, pairs: Indices) -> NDArray[np.float32]:
    """Features of pairs of free PRBs and UEs, shape (M, F); every problem has a free PRB.

    Args:
        pairs: indices into the flattened (N, U, K), shape (M,).
    """
    p = state.problems
    ue, prb = _places(len(p), p.num_ues, p.num_prbs).take(pairs, axis=1)
    rate, regret = p.rate.take(pairs), p.regret.take(pairs)
    least, mean, best, lack, enough, alone_w = _of_ues(state).take(ue, axis=1)
    x: NDArray[np.float32] = _shared(state).take(ue, axis=1)
    x[0], x[1], x[2], x[3], x[4] = regret, regret - least, regret - mean, rate, rate - best
    x[:3] /= REGRET_SCALE
    x[3:5] /= RATE_SCALE
    x[8] = np.minimum(rate / enough, 1.0)
    x[9] = _keenest_rival(state, pairs, prb) / REGRET_SCALE
    x[13] = (
        np.log2(1.0 + np.minimum(alone_w / np.maximum(p.gain_per_w.take(pairs), LEAST_GAIN_PER_W), MOST_SHARES)) / 5.0
    )
    x[NEXT_REWARD] = REWARD_SCALE * gained(rate, regret, lack, enough)
    return x.T


@lru_cache(maxsize=32)
def _places(problems: int, ues: int, prbs: int) -> Indices:
    """Where the pairs of the flattened (N, U, K) stand in the flattened (N, U) and (N, K), shape (2, N * U * K)."""
    n, u, k = np.indices((problems, ues, prbs)).reshape(3, -1)
    return np.stack([n * ues + u, n * prbs + k])


def _of_ues(state: State) -> Array:
    """What a pair's features take from its UE, shape (6, N * U).

    Least and mean regret, best rate, lack, the rate from which on it lacks nothing, and the power that would meet the
    lack on a PRB of gain 1, in equal shares.
    """
    p, lack = state.problems, state.lack
    x = np.empty((6, *lack.shape))
    x[0], x[1], x[2], x[3], x[4] = state.least_regret, state.mean_regret, state.best_rate, lack, state.enough()
    x[5] = np.expm1(LN_2 * np.minimum(lack, MOST_LACK)) / (p.budget_w / p.num_prbs)[:, None]
    return x.reshape(6, -1)


def _shared(state: State) -> NDArray[np.float32]:
    """Features that all pairs of a UE share, and those of the whole problem, shape (F, N * U); the others are left."""
    p, lack, needy = state.problems, state.lack, state.needy
    missing = np.minimum(state.prbs_missing, MOST_PRBS_MISSING)
    of_ues = np.empty((5, *lack.shape))
    of_ues[0], of_ues[1], of_ues[2] = missing, lack, needy
    np.multiply(np.maximum(missing, 1.0) * needy, np.minimum(state.least_regret, FAR), out=of_ues[3])
    of_ues[4] = _power_need_w(state, missing)
    of_all = np.add.reduce(of_ues, axis=-1, keepdims=True)  # (5, N, 1)
    x = np.empty((len(NAMES), *lack.shape), np.float32)
    x[5], x[6], x[7] = lack / RATE_SCALE, needy, np.log2(1.0 + missing)
    x[10] = state.num_free / p.num_prbs
    x[11] = np.minimum(of_all[0] / state.num_free, 4.0)
    x[12] = of_all[2] / p.num_ues
    x[14] = np.log2(p.level)[:, None]
    x[15] = p.weight - 1.0
    x[17] = (REWARD_SCALE / AHEAD_SCALE) * (SHORTFALL_WEIGHT * of_all[1] + MISSED_WEIGHT * of_all[2])
    x[18] = REWARD_SCALE * np.minimum(of_all[3], MOST_REGRET)
    x[19] = np.log2(1.0 + np.minimum(of_all[4] / p.budget_w[:, None], MOST_SHARES)) / 5.0
    return x.reshape(len(NAMES), -1)


def _keenest_rival(state: State, pairs: Indices, prb: Indices) -> Array:
    """Least keenness-regret of the *other* UEs that lack rate, shape (M,): small where somebody else wants the PRB.

    Args:
        state: N problems.
        pairs: indices into the flattened (N, U, K), shape (M,).
        prb: indices of their PRBs into the flattened (N, K), shape (M,).
    """
    if state.problems.num_ues == 1 or not state.needy.any():
        return np.full(pairs.shape, FAR)
    wanted = state.problems.regret - np.where(state.needy, state.least_regret, -np.inf)[..., None]
    np.minimum(wanted, FAR, out=wanted)
    first = np.minimum.reduce(wanted, axis=1)
    own, others = wanted.take(pairs), first.take(prb)
    np.putmask(wanted, wanted == first[:, None], FAR)
    return np.where(own == others, np.minimum.reduce(wanted, axis=1).take(prb), others)


def _power_need_w(state: State, missing: Array) -> Array:
    """Power that each UE's lack needs on as many PRBs like its best free one as it misses, shape (N, U) [W]."""
    prbs = np.maximum(np.rint(missing), 1.0)
    needed_w: Array = prbs * np.expm1(LN_2 * np.minimum(state.lack / prbs, MOST_LACK))
    return needed_w / np.maximum(state.best_gain, LEAST_GAIN_PER_W)
