"""Pair-greedy: the best link or best pair by all pair rates, then links one by one while the sum rate rises.

Powers are binary. Optima of the sum rate are sparse and almost binary, so this beats WMMSE from one start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pair_greedy(gain: Array, noise_w: float, power_max: float, weight: Array | None = None) -> Array:
    """Powers, shape (B, N), each 0 or ``power_max``.

    Args:
        gain: |h|^2, shape (B, N, N), receiver first.
        noise_w: noise power.
        power_max: limit of each link.
        weight: of the rates, shape (B, N); default 1.
    """
    batch, links = gain.shape[:2]
    a = np.ones((batch, links)) if weight is None else weight
    snr = gain * (power_max / noise_w)
    active = _best_pair(snr, a)
    total = _sum_rate(snr, a, active)
    for _ in range(links - 1):
        with_one_more = _sum_rate_with_each(snr, a, active)
        best = with_one_more.argmax(axis=-1)
        reached = with_one_more[np.arange(batch), best]
        rises = reached > total
        if not rises.any():
            break
        active[np.flatnonzero(rises), best[rises]] = True
        total = np.where(rises, reached, total)
    return np.where(active, power_max, 0.0)


def _best_pair(snr: Array, a: Array) -> NDArray[np.bool_]:
    """Links of the best pair, or the one best link, shape (B, N)."""
    links = snr.shape[-1]
    own = np.einsum("bii->bi", snr)
    rate_beside = a[..., None] * np.log2(1.0 + own[..., None] / (1.0 + snr))  # of i while j sends too
    pair = rate_beside + np.swapaxes(rate_beside, 1, 2)
    diagonal = np.arange(links)
    pair[:, diagonal, diagonal] = a * np.log2(1.0 + own)
    first, second = np.divmod(pair.reshape(len(pair), -1).argmax(axis=-1), links)
    return (diagonal == first[:, None]) | (diagonal == second[:, None])


def _sum_rate(snr: Array, a: Array, active: NDArray[np.bool_]) -> Array:
    own = np.einsum("bii->bi", snr)
    others = np.where(np.eye(snr.shape[-1], dtype=bool), 0.0, snr)
    interference = np.einsum("bij,bj->bi", others, active.astype(np.float64))
    return np.where(active, a * np.log2(1.0 + own / (1.0 + interference)), 0.0).sum(axis=-1)


def _sum_rate_with_each(snr: Array, a: Array, active: NDArray[np.bool_]) -> Array:
    """Sum rate if link j sent as well, shape (B, N); -inf where it sends already."""
    own = np.einsum("bii->bi", snr)
    others = np.where(np.eye(snr.shape[-1], dtype=bool), 0.0, snr)
    interference = np.einsum("bij,bj->bi", others, active.astype(np.float64))
    disturbed = np.log2(1.0 + own[..., None] / (1.0 + interference[..., None] + others))  # i with j on, (B, i, j)
    present = np.where(active[..., None], a[..., None] * disturbed, 0.0).sum(axis=1)
    joined = a * np.log2(1.0 + own / (1.0 + interference))
    return np.where(active, -np.inf, present + joined)
