"""Rates from SINR (paper 1, eqs 5-7)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.integer]


def shannon_bps_hz(sinr: Array) -> Array:
    """R = log2(1 + eta), any shape (eq. 5)."""
    return np.log1p(sinr) / np.log(2.0)


def sum_over_owned(per_prb: Array, prb_owner: Indices, num_ues: int) -> Array:
    """Sums a quantity of each PRB over the PRBs each UE owns (eqs 6 and 7).

    Args:
        per_prb: shape (..., R, K).
        prb_owner: shape (..., R, K), negative where idle.

    Returns:
        Shape (..., U).
    """
    batch = per_prb.shape[:-2]
    size = math.prod(batch)
    columns = num_ues + 1  # the last one collects idle PRBs
    owner = np.where(prb_owner >= 0, prb_owner, num_ues).reshape(size, -1).astype(np.int64)
    flat = owner + columns * np.arange(size)[:, None]
    total: Array = np.bincount(flat.ravel(), per_prb.ravel(), minlength=size * columns).astype(np.float64, copy=False)
    return total.reshape(*batch, columns)[..., :num_ues]
