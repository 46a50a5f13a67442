"""A prior of the physics: what a PRB earns its UE, before anything is learned.

Two terms, each times a scale: the weighted rate at an equal power split, and its logarithm. The rate is what counts
where the budget is ample; its logarithm where power is short. Both are known at every load, so a network far from where
it was trained still has them to fall back on: as one more candidate of the decoder (``Decoding.physics``), or, with
learned scales, as what its own scores start from (``Architecture.prior``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from xapps.ssvae.features import Normalisation, observe, weighted_rate

FIRST_SCALES = (0.0, 4.0)
"""Scales of the weighted rate and of its logarithm before learning."""

LEAST_RATE_BPS_HZ = 1e-3
"""Rates count as this much at least: the logarithm of a dead PRB must stay finite."""


def scores(scales: Any, x: Any, xp: Any) -> Any:
    """Log-odds of ownership by physics alone, from features (..., U, R, K, F), shape (..., U, R, K).

    Args:
        scales: learned, shape (2,).
        x: features, a numpy array or torch tensor.
        xp: its module.
    """
    rate = weighted_rate(x).clip(LEAST_RATE_BPS_HZ)
    return scales[0] * rate + scales[1] * xp.log(rate)


def unlearned_scores(report: RadioReport) -> NDArray[np.float32]:
    """What a decoder can be fed with if nobody has learned anything: the prior at its first scales, (..., U, R, K).

    Raises:
        ConfigError: the report carries no channel.
    """
    x = observe(report, Normalisation(0.0, 1.0), num_slices=0)
    return scores(np.array(FIRST_SCALES, np.float32), x, np)
