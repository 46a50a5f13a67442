"""Power drawn by radio units and the energy efficiency of what they deliver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PowerModel:
    """Linear model of a radio unit (Auer et al. 2011, EARTH): P = P_0 + slope P_radiated, or P_sleep when silent."""

    static_w: float = 130.0
    """P_0 of a macro unit's transceiver chain."""
    slope: float = 4.7
    sleep_w: float = 75.0
    can_sleep: bool = False


def consumed_w(power_w: ArrayLike, model: PowerModel) -> Array:
    """Power drawn by each RU, radiated power a PRB (..., R, K) gives (..., R) [W]."""
    radiated_w = np.asarray(power_w, np.float64).sum(axis=-1)
    silent_w = model.sleep_w if model.can_sleep else model.static_w
    return np.where(radiated_w > 0, model.static_w + model.slope * radiated_w, silent_w)


def efficiency_bit_per_j(rate_bps: ArrayLike, consumed: ArrayLike) -> Array:
    """Delivered bits an energy: sums over UEs (..., U) and RUs (..., R) give (...) [bit/J]."""
    return np.asarray(rate_bps, np.float64).sum(axis=-1) / np.asarray(consumed, np.float64).sum(axis=-1)
