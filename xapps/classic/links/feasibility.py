"""Whether constant powers meet minimum rates on interfering links, in closed form (Perron; paper 5's benchmark GP).

Demands R ask for SINR of at least s = 2^R - 1. With D = diag(s / |h_ii|^2) and F the cross gains, the least powers that
meet them are p = (I - D F)^-1 D noise, which exist if the Perron root of D F is below one and are usable if p <= p_max.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def least_powers(gain: Array, noise_w: float, min_rate_bps_hz: Array) -> Array:
    """Smallest powers that meet the demands, shape (B, N); inf where no powers do. Links without demand stay silent.

    Args:
        gain: |h|^2, shape (B, N, N), receiver first.
        noise_w: noise power.
        min_rate_bps_hz: R, shape (B, N) or (N,).
    """
    links = gain.shape[-1]
    own = np.einsum("bii->bi", gain)
    d = np.expm1(np.broadcast_to(min_rate_bps_hz, own.shape) * np.log(2.0)) / own
    coupling = d[..., None] * np.where(np.eye(links, dtype=bool), 0.0, gain)  # D F; silent links have zero rows
    perron = np.abs(np.linalg.eigvals(coupling)).max(axis=-1)
    stable = perron < 1.0 - 1e-12
    safe = np.where(stable[:, None, None], coupling, 0.0)
    power = np.linalg.solve(np.eye(links) - safe, (d * noise_w)[..., None])[..., 0]
    needed = np.where(d > 0, np.maximum(power, 0.0), 0.0)  # solving leaves silent links at 1e-18 instead of 0
    return np.where(stable[:, None], needed, np.inf)


def demands_feasible(gain: Array, noise_w: float, power_max: float, min_rate_bps_hz: Array) -> NDArray[np.bool_]:
    """Whether any powers meet the demands, shape (B,)."""
    return np.all(least_powers(gain, noise_w, min_rate_bps_hz) <= power_max * (1.0 + 1e-9), axis=-1)
