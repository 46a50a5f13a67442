"""The two trivial answers: everybody at full power, and only the best link."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def max_power(gain: Array, power_max: float) -> Array:
    """Full power on every link, shape (B, N)."""
    return np.full(gain.shape[:-1], power_max)


def best_link(gain: Array, power_max: float) -> Array:
    """Full power on the link of the largest own gain, silence elsewhere, shape (B, N)."""
    own = np.einsum("bii->bi", gain)
    return np.where(np.arange(own.shape[-1]) == own.argmax(axis=-1, keepdims=True), power_max, 0.0)
