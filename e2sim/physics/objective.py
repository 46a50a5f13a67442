"""What an allocation is worth: rates, weighted throughput (paper 1, eq. 10), satisfied UEs (eqs 14 and 16)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from e2sim.physics.association import ru_of_owner
from e2sim.physics.rates import shannon_bps_hz, sum_over_owned
from e2sim.physics.sinr import sinr_of_owners
from oran.e2sm.rrm import NOBODY, Allocation

Array = NDArray[np.float64]

RELATIVE_TOLERANCE = 1e-6
"""A minimum counts as met within this relative distance: solvers meet it with equality, up to rounding."""


def effective_owner(allocation: Allocation) -> NDArray[np.integer]:
    """Owners that are associated with the RU of their PRB (alpha times beta), NOBODY elsewhere, shape (..., R, K)."""
    owner, serving = allocation.prb_owner, allocation.serving_ru
    if serving.shape[-1] == 0:
        return np.full_like(owner, NOBODY)
    return np.where(ru_of_owner(serving, owner) == np.arange(owner.shape[-2])[:, None], owner, NOBODY)


def rates_bps_hz(gain_linear: Array, allocation: Allocation, noise_w: float) -> Array:
    """Rate of each UE summed over its PRBs, shape (..., U) (paper 1, eqs 4-7).

    A PRB given to a UE of another RU carries nothing but still interferes. The UE axis of ``gain_linear``
    (..., U, R, K) must be that of ``allocation.ue_ids``.
    """
    owner = effective_owner(allocation)
    sinr = sinr_of_owners(gain_linear, owner, allocation.power_w, noise_w)
    return sum_over_owned(shannon_bps_hz(sinr), owner, gain_linear.shape[-3])


def weighted_throughput_bps_hz(rate_bps_hz: ArrayLike, weight: ArrayLike) -> Array:
    """sum over u of w_u R_u (eq. 10): shapes (..., U) give (...)."""
    return (np.asarray(rate_bps_hz, np.float64) * np.asarray(weight, np.float64)).sum(axis=-1)


def rate_satisfied(rate_bps_hz: ArrayLike, min_rate_bps_hz: ArrayLike) -> NDArray[np.bool_]:
    """R_u >= R_min (eq. 14), element by element."""
    return np.asarray(rate_bps_hz) >= np.asarray(min_rate_bps_hz) * (1.0 - RELATIVE_TOLERANCE)


def delay_satisfied(delay_s: ArrayLike, max_delay_s: ArrayLike) -> NDArray[np.bool_]:
    """D_u <= D_max (eq. 16), element by element; an infinite bound is always met."""
    return np.asarray(delay_s) <= np.asarray(max_delay_s) * (1.0 + RELATIVE_TOLERANCE)


def shortfall_bps_hz(rate_bps_hz: ArrayLike, min_rate_bps_hz: ArrayLike) -> Array:
    """sum over u of [R_min - R_u]+: what elastic minimum rates give up, shapes (..., U) give (...) [bps/Hz]."""
    return np.maximum(np.asarray(min_rate_bps_hz) - np.asarray(rate_bps_hz), 0.0).sum(axis=-1)
