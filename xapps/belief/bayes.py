"""The belief of one who knows the imperfections: Bayes' rule in closed form, the classical rival of the learned belief.

With a prior h ~ CN(0, G) a PRB and an estimate h' = h + epsilon, epsilon ~ CN(0, s G), an age of d slots and a fading
correlation rho a slot,

    h | h' ~ CN(rho^d h' / (1 + s), G (1 - rho^2d / (1 + s))).

G is the link's mean over the PRBs. A loss cannot be told from a report for certain; PRBs that share
the mean of their link are taken to be lost, and an older report takes their place if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.units import db_to_linear
from xapps.belief.rice import Belief

Array = NDArray[np.float64]

LEAST_TIED = 2
"""PRBs of a link that share its mean from which on they are taken to be lost reports."""

SMALLEST_DIFFUSE = 1e-6
"""Of v over G: the grid of the wire is about as coarse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imperfection:
    """What is known of how the report came about."""

    error_to_gain: float = 0.0
    """s, linear."""
    delay_slots: int = 0
    step_db: float = 0.0
    losses: bool = False
    correlation: float = 1.0
    """rho of the fading coefficient from slot to slot."""


def tied(gain_db: Array) -> NDArray[np.integer]:
    """How many PRBs of its link show the same gain as this one, itself included, shape (..., K)."""
    return (np.abs(gain_db[..., :, None] - gain_db[..., None, :]) < 5e-3).sum(axis=-1)


def posterior(history_db: Sequence[Array], model: Imperfection) -> Belief:
    """The belief after reports of shape (..., K) each, newest first [dB]."""
    newest = history_db[0]
    arrived = _arrived(newest, model)
    mean = _link_mean(newest, arrived) / (1.0 + model.error_to_gain)
    known, diffuse = np.zeros(newest.shape), np.broadcast_to(mean, newest.shape).copy()
    pending = np.ones(newest.shape, bool)
    for age, gain_db in enumerate(history_db):
        use = pending & _arrived(gain_db, model)
        pending &= ~use
        kept = model.correlation ** (2 * (age + model.delay_slots))
        share = kept / (1.0 + model.error_to_gain)
        part = share / (1.0 + model.error_to_gain) * db_to_linear(gain_db)
        rounding = 0.5 * (np.log(10.0) / 10.0 * model.step_db) ** 2 / 12.0  # of the amplitude, both quadratures
        known = np.where(use, part, known)
        diffuse = np.where(use, mean * max(1.0 - share, SMALLEST_DIFFUSE) + rounding * part, diffuse)
    return Belief(known, diffuse)


def _arrived(gain_db: Array, model: Imperfection) -> NDArray[np.bool_]:
    if not model.losses:
        return np.ones(gain_db.shape, bool)
    off_mean_db = np.abs(gain_db - gain_db.mean(axis=-1, keepdims=True))  # the filling is the mean, rounded
    return (off_mean_db > 0.5 * model.step_db + 0.05) | (tied(gain_db) < LEAST_TIED)


def _link_mean(gain_db: Array, arrived: NDArray[np.bool_]) -> Array:
    """Mean gain over the PRBs that arrived, or over all where none did, shape (..., 1)."""
    gain = db_to_linear(gain_db)
    count = arrived.sum(axis=-1, keepdims=True)
    known = np.where(arrived, gain, 0.0).sum(axis=-1, keepdims=True) / np.maximum(count, 1)
    return np.where(count > 0, known, gain.mean(axis=-1, keepdims=True))
