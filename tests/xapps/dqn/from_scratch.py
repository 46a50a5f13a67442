"""The fair variant's process and features counted anew in every state, for all pairs: the slow twin of ``State``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY
from xapps.dqn import assignment
from xapps.dqn.assignment import MISSED_WEIGHT, REWARD_SCALE, SHORTFALL_WEIGHT, TOLERANCE, Problems, owned, price
from xapps.dqn.features import NAMES

Array = NDArray[np.float64]
FAR = 16.0


def lacking(problems: Problems, owner: NDArray) -> Array:
    got = np.where(owned(owner, problems.num_ues), problems.rate, 0.0).sum(axis=-1)
    lack = problems.min_rate_bps_hz - got
    return np.where(lack > TOLERANCE * np.maximum(problems.min_rate_bps_hz, 1e-12), lack, 0.0)


def prbs_missing(problems: Problems, owner: NDArray) -> Array:
    best_free = np.where((owner == NOBODY)[:, None], problems.rate, 0.0).max(axis=-1)
    return lacking(problems, owner) / np.maximum(best_free, 1e-3)


def turn(problems: Problems, owner: NDArray) -> NDArray[np.bool_]:
    missing = prbs_missing(problems, owner)
    return (missing > 0.0) & (missing >= missing.max(axis=-1, keepdims=True))


def actions(problems: Problems, owner: NDArray) -> NDArray[np.bool_]:
    return (owner < 0)[:, None] & (turn(problems, owner)[..., None] | (problems.regret <= 0.0))


def give(owner: NDArray, action: NDArray) -> NDArray:
    after = owner.copy()
    ue, prb = np.divmod(action, owner.shape[-1])
    after[np.arange(len(owner)), prb] = ue
    return after


def potential(problems: Problems, owner: NDArray) -> Array:
    behind = np.where(owned(owner, problems.num_ues), problems.regret, 0.0).sum(axis=(-2, -1))
    return -behind - price(lacking(problems, owner))


def next_gain(problems: Problems, owner: NDArray) -> Array:
    lack = lacking(problems, owner)[..., None]
    met = SHORTFALL_WEIGHT * np.minimum(problems.rate, lack)
    return met + MISSED_WEIGHT * ((lack > 0.0) & (problems.rate >= lack)) - problems.regret


def rewards(problems: Problems, before: NDArray, after: NDArray) -> Array:
    step = potential(problems, after) - potential(problems, before)
    done = (after >= 0).all(axis=-1)
    if done.any():
        last = problems.at(np.flatnonzero(done))
        worth = assignment.worth(last, after[done]).value
        step[done] += worth - last.best_possible - potential(last, after[done])
    return REWARD_SCALE * step


def observe(problems: Problems, owner: NDArray) -> NDArray[np.float32]:
    """Features of every pair, shape (N, U, K, F); those of PRBs that are taken mean nothing."""
    rate, regret = problems.rate, problems.regret
    free = (owner < 0)[:, None, :]
    lack = lacking(problems, owner)
    needy = lack > 0.0
    best_free = np.where(free, rate, 0.0).max(axis=-1)
    missing = np.minimum(lack / np.maximum(best_free, 1e-3), 8.0)
    num_free = np.maximum(free.sum(axis=-1), 1)
    keenness = regret - np.where(free, regret, np.inf).min(axis=-1, keepdims=True, initial=64.0)
    x = np.empty((*rate.shape, len(NAMES)), np.float32)
    x[..., 0] = regret / 8.0
    x[..., 1] = keenness / 8.0
    x[..., 2] = (regret - (np.where(free, regret, 0.0).sum(axis=-1) / num_free)[..., None]) / 8.0
    x[..., 3] = rate / 8.0
    x[..., 4] = (rate - best_free[..., None]) / 8.0
    x[..., 5] = lack[..., None] / 8.0
    x[..., 6] = needy[..., None]
    x[..., 7] = np.log2(1.0 + missing)[..., None]
    x[..., 8] = np.minimum(rate / np.maximum(lack, 1e-9)[..., None], 1.0) * needy[..., None]
    x[..., 9] = _keenest_rival(keenness, needy) / 8.0
    x[..., 10] = (num_free / problems.num_prbs)[..., None]
    x[..., 11] = np.minimum(missing.sum(axis=-1, keepdims=True) / num_free, 4.0)[..., None]
    x[..., 12] = needy.mean(axis=-1)[:, None, None]
    x[..., 13] = _power_for_lack(problems, lack)
    x[..., 14] = np.log2(problems.level)[:, None, None]
    x[..., 15] = problems.weight[..., None] - 1.0
    x[..., 16] = REWARD_SCALE * next_gain(problems, owner)
    x[..., 17] = (REWARD_SCALE / 30.0) * price(lack)[:, None, None]
    x[..., 18] = REWARD_SCALE * _regret_ahead(problems, free, missing)[:, None, None]
    x[..., 19] = _power_ahead(problems, lack, missing, free)[:, None, None]
    return x


def _keenest_rival(keenness: Array, needy: NDArray[np.bool_]) -> Array:
    wanted = np.minimum(np.where(needy[..., None], keenness, FAR), FAR)
    if wanted.shape[1] == 1:
        return np.full_like(wanted, FAR)
    is_least = wanted == (least := wanted.min(axis=1, keepdims=True))
    second = np.where(is_least, np.inf, wanted).min(axis=1, keepdims=True, initial=FAR)
    return np.where(is_least, second, least)


def _power_for_lack(problems: Problems, lack: Array) -> Array:
    share_w = (problems.budget_w / problems.num_prbs)[:, None, None]
    needed_w = np.expm1(np.log(2.0) * np.minimum(lack, 30.0))[..., None] / np.maximum(problems.gain_per_w, 1e-12)
    return np.log2(1.0 + np.minimum(needed_w / share_w, 1e6)) / 5.0


def _regret_ahead(problems: Problems, free: NDArray[np.bool_], missing: Array) -> Array:
    least = np.minimum(np.where(free, problems.regret, np.inf).min(axis=-1), FAR)
    return np.minimum((np.where(missing > 0.0, np.maximum(missing, 1.0), 0.0) * least).sum(axis=-1), 100.0)


def _power_ahead(problems: Problems, lack: Array, missing: Array, free: NDArray[np.bool_]) -> Array:
    best = np.where(free, problems.gain_per_w, 0.0).max(axis=-1)
    prbs = np.maximum(np.rint(missing), 1.0)
    needed_w = prbs * np.expm1(np.log(2.0) * np.minimum(lack / prbs, 30.0)) / np.maximum(best, 1e-12)
    return np.log2(1.0 + np.minimum(needed_w.sum(axis=-1) / problems.budget_w, 1e6)) / 5.0
