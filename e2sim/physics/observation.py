"""What a node knows of its channel: estimates that are noisy, coarse or partly missing. Gains in dB, (..., U, R, K)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.fading import rayleigh
from e2sim.physics.units import db_to_linear, linear_to_db

Array = NDArray[np.float64]

LEAST_GAIN_DB = -300.0


def noisy_db(rng: np.random.Generator, gain_db: Array, error_to_gain_db: float) -> Array:
    """Gain of H + epsilon (paper 1, section 4): epsilon ~ CN(0, s), s relative to the link's mean gain over the PRBs.

    The phase of H does not matter, epsilon is circular. ``error_to_gain_db`` -20 is a good estimate, 0 is useless.
    """
    gain = db_to_linear(gain_db)
    error_power = gain.mean(axis=-1, keepdims=True) * db_to_linear(error_to_gain_db)
    estimate = np.sqrt(gain) + np.sqrt(error_power) * rayleigh(rng, gain.shape)
    return np.maximum(linear_to_db(np.abs(estimate) ** 2), LEAST_GAIN_DB)


def quantised_db(gain_db: Array, step_db: float) -> Array:
    """Gains rounded to a grid of ``step_db``."""
    return np.rint(gain_db / step_db) * step_db


def partly_missing_db(rng: np.random.Generator, gain_db: Array, missing_share: float) -> Array:
    """Sub-band reports that got lost, each with a probability, are replaced by the link's mean in dB of what arrived.

    A link of which nothing arrived is known by its mean over all PRBs (its wideband report).
    """
    arrived = rng.random(gain_db.shape) >= missing_share
    count = arrived.sum(axis=-1, keepdims=True)
    known = np.where(arrived, gain_db, 0.0).sum(axis=-1, keepdims=True) / np.maximum(count, 1)
    filling = np.where(count > 0, known, gain_db.mean(axis=-1, keepdims=True))
    return np.where(arrived, gain_db, filling)
