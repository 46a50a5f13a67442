"""Delay of a UE: propagation and transmission (paper 1, section 4 and eq. 16)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def propagation_delay_s(length_m: float, speed_m_s: float) -> float:
    """L / C of the fibre [s]."""
    return length_m / speed_m_s


def transport_delay_s(rate_bps: ArrayLike, packet_bits: ArrayLike, propagation_s: float) -> Array:
    """D = L / C + mu / R [s], inf where the rate is zero; shapes broadcast.

    Args:
        rate_bps: R in bit/s (bps/Hz times the PRB bandwidth), shape (..., U).
        packet_bits: mean packet size mu [bit], shape (..., U).
        propagation_s: L / C [s].
    """
    rate = np.asarray(rate_bps, np.float64)
    with np.errstate(divide="ignore"):
        return propagation_s + np.asarray(packet_bits, np.float64) / rate


def rate_for_delay_bps(max_delay_s: ArrayLike, packet_bits: ArrayLike, propagation_s: float) -> Array:
    """Smallest rate that meets the bound (eq. 16 solved for R): mu / (D_max - L / C) [bit/s]; inf where none does."""
    slack_s = np.asarray(max_delay_s, np.float64) - propagation_s
    with np.errstate(divide="ignore"):
        return np.where(slack_s > 0, np.asarray(packet_bits, np.float64) / np.maximum(slack_s, 0.0), np.inf)
