"""Where radio units stand and users are dropped. Positions in metres, last axis (x, y)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def hexagonal_sites_m(num_sites: int, inter_site_m: float) -> Array:
    """The first sites of a hexagonal grid, ring by ring round the origin, shape (num_sites, 2).

    1, 7 and 19 sites fill 0, 1 and 2 rings.
    """
    axis = np.arange(-num_sites, num_sites + 1)
    row, column = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
    xy = np.stack([column + 0.5 * row, np.sqrt(0.75) * row], axis=-1) * inter_site_m
    ring = (np.abs(row) + np.abs(column) + np.abs(row + column)) // 2
    angle = np.round(np.arctan2(xy[:, 1], xy[:, 0]) % (2 * np.pi), 9)
    return xy[np.lexsort((angle, ring))[:num_sites]]


def distance_m(ue_m: ArrayLike, ru_m: ArrayLike) -> Array:
    """Two-dimensional distances; (..., U, 2) and (R, 2) give (..., U, R)."""
    difference = np.asarray(ue_m, np.float64)[..., :, None, :] - np.asarray(ru_m, np.float64)
    return np.hypot(difference[..., 0], difference[..., 1])


def drop_round(
    rng: np.random.Generator, centre_m: Array, min_distance_m: float, max_distance_m: float, uniform_in_area: bool
) -> Array:
    """Users dropped round their centres, shape of ``centre_m`` (..., U, 2).

    Uniform in distance (papers 1 and 2, read so) crowds users near the RU; uniform in area puts half of them beyond
    0.71 of the largest distance.
    """
    shape = centre_m.shape[:-1]
    low, high = (min_distance_m**2, max_distance_m**2) if uniform_in_area else (min_distance_m, max_distance_m)
    radius_m = low + (high - low) * rng.random(shape)
    radius_m = np.sqrt(radius_m) if uniform_in_area else radius_m
    angle = 2.0 * np.pi * rng.random(shape)
    return centre_m + radius_m[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
