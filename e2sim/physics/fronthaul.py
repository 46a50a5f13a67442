"""Fronthaul of a radio unit: power with quantisation noise and capacity (paper 1, eqs 8, 9 and 15).

In print the channel gain multiplies the power before it has been radiated; here P is the transmit power (papers'
README: the budget of eq. 11 is on the sum of p, and eq. 9 is on the ratio of that sum to the quantisation noise).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def fronthaul_power_w(power_w: ArrayLike, quantisation_noise_w: float) -> Array:
    """P_b = sum of p over the PRBs + sigma_1^2 (eq. 8): shape (..., R, K) gives (..., R) [W]."""
    return np.asarray(power_w, np.float64).sum(axis=-1) + quantisation_noise_w


def fronthaul_rate_bps_hz(power_w: ArrayLike, quantisation_noise_w: float) -> Array:
    """C_b = log2(P_b / sigma_1^2) (eq. 9): shape (..., R, K) gives (..., R) [bps/Hz]."""
    return np.log2(fronthaul_power_w(power_w, quantisation_noise_w) / quantisation_noise_w)


def power_within_capacity_w(capacity_bps_hz: ArrayLike, quantisation_noise_w: float) -> Array:
    """Largest sum of p with C_b <= C_max (eq. 15 solved for the power): sigma_1^2 (2^C_max - 1) [W], any shape.

    The fronthaul limit is thus one more budget on the same sum, and every allocator that respects budgets respects it.
    """
    return quantisation_noise_w * np.expm1(np.asarray(capacity_bps_hz, np.float64) * np.log(2.0))
