"""Log-normal shadow fading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lognormal_db(rng: np.random.Generator, std_db: float, shape: tuple[int, ...]) -> Array:
    """Independent shadowing S ~ N(0, std^2) in dB, a value a link (paper 1, section 6.1: 8 dB)."""
    return std_db * rng.standard_normal(shape)
