"""Users that walk straight on and are reflected at the edges of the area."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def random_velocity_m_s(rng: np.random.Generator, speed_m_s: float, shape: tuple[int, ...]) -> Array:
    """Velocities of equal speed in uniform directions, shape (*shape, 2)."""
    angle = 2.0 * np.pi * rng.random(shape)
    return speed_m_s * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def walk(position_m: Array, velocity_m_s: Array, interval_s: float, low_m: Array, high_m: Array) -> tuple[Array, Array]:
    """Positions and velocities after an interval within a box with reflecting walls, shapes (..., U, 2) each.

    The unbounded path is folded into the box, so that any number of reflections in one interval is exact.

    Args:
        position_m: positions within the box.
        velocity_m_s: velocities.
        interval_s: time that passes.
        low_m, high_m: opposite corners of the box, shape (2,).
    """
    width_m = high_m - low_m
    phase = (position_m - low_m + velocity_m_s * interval_s) % (2.0 * width_m)
    back = phase > width_m
    return low_m + np.where(back, 2.0 * width_m - phase, phase), np.where(back, -velocity_m_s, velocity_m_s)
