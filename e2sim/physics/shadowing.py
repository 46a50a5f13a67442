"""Log-normal shadow fading: independent, correlated in space, and along a path."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def lognormal_db(rng: np.random.Generator, std_db: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Independent shadowing S ~ N(0, std^2) in dB, a value a link (paper 1, section 6.1: 8 dB); std broadcasts."""
    return np.asarray(std_db, np.float64) * rng.standard_normal(shape)


def correlated_db(
    rng: np.random.Generator, std_db: ArrayLike, ue_m: Array, num_rus: int, correlation_distance_m: float
) -> Array:
    """Shadowing of neighbours that resembles: E[S_u S_v] = std^2 exp(-|u - v| / d_corr) (TR 38.901 V16.1.0, 7.4.4).

    Args:
        rng: source of the draws.
        std_db: standard deviation, a number or shape (..., U, R) [dB].
        ue_m: positions, shape (..., U, 2) [m].
        num_rus: R; shadowing towards different RUs is independent.
        correlation_distance_m: d_corr: 37 m (UMa LOS), 50 m (UMa NLOS), Table 7.5-6.

    Returns:
        Shape (..., U, R) [dB].
    """
    difference = ue_m[..., :, None, :] - ue_m[..., None, :, :]
    covariance = np.exp(-np.hypot(difference[..., 0], difference[..., 1]) / correlation_distance_m)
    jitter = 1e-10 * np.eye(ue_m.shape[-2])  # two users on one spot make the matrix singular
    root = np.linalg.cholesky(covariance + jitter)
    return np.asarray(std_db, np.float64) * (root @ rng.standard_normal((*ue_m.shape[:-1], num_rus)))


def moved_db(
    rng: np.random.Generator, shadow_tm1_db: Array, moved_m: ArrayLike, std_db: ArrayLike, correlation_distance_m: float
) -> Array:
    """Shadowing after a UE has moved: S_t = rho S_tm1 + sqrt(1 - rho^2) N(0, std^2), rho = exp(-moved / d_corr).

    Shapes: ``shadow_tm1_db`` (..., U, R), ``moved_m`` (..., U) (Gudmundson 1991).
    """
    rho = np.exp(-np.asarray(moved_m, np.float64) / correlation_distance_m)[..., None]
    innovation_db = lognormal_db(rng, std_db, shadow_tm1_db.shape)
    return rho * shadow_tm1_db + np.sqrt(1.0 - rho**2) * innovation_db
