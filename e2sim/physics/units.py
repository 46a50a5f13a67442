"""Conversions between logarithmic and linear units: the only place where they are made.

Float64 in, float64 out, any shape, element by element.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

THERMAL_NOISE_DBM_HZ = -174.0
"""Thermal noise density at 290 K [dBm/Hz]."""


def db_to_linear(value_db: ArrayLike) -> Array:
    """10^(x/10): a ratio in dB as a linear power ratio."""
    return np.power(10.0, np.asarray(value_db, np.float64) / 10.0)


def linear_to_db(ratio: ArrayLike) -> Array:
    """10 log10(x): a linear power ratio in dB; -inf for zero."""
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(np.asarray(ratio, np.float64))


def dbm_to_w(power_dbm: ArrayLike) -> Array:
    """dBm to W."""
    return db_to_linear(power_dbm) * 1e-3


def w_to_dbm(power_w: ArrayLike) -> Array:
    """W to dBm; -inf for zero."""
    return linear_to_db(power_w) + 30.0


def thermal_noise_w(
    bandwidth_hz: float, noise_figure_db: float = 0.0, density_dbm_hz: float = THERMAL_NOISE_DBM_HZ
) -> float:
    """Noise power in a bandwidth [W]; -121.4 dBm for a PRB of 180 kHz without noise figure."""
    return float(dbm_to_w(density_dbm_hz + noise_figure_db) * bandwidth_hz)
