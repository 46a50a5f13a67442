"""Draws of SNR matrices, for training, references and figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.interference_links import iid_gains, seven_cell_gains
from e2sim.physics.units import dbm_to_w
from oran.errors import ConfigError
from xapps.alcor.links import NOISE_W

Array = NDArray[np.float64]

CELL_POWER_DBM = 38.0
CELL_NOISE_DBM = -114.0
"""Section IV-B."""


def draw_snr(layout: str, rng: np.random.Generator, batch: int, users: int) -> Array:
    """|h_ij|^2 p_max / sigma^2 of independent channels, shape (B, N, N).

    Args:
        layout: ``iid`` (section IV-A) or ``seven-cell`` (IV-B).

    Raises:
        ConfigError: no such layout.
    """
    if layout == "iid":
        return iid_gains(rng, (batch,), users) / NOISE_W
    if layout == "seven-cell":
        scale = float(dbm_to_w(CELL_POWER_DBM) / dbm_to_w(CELL_NOISE_DBM))
        return seven_cell_gains(rng, (batch,), users) * scale
    raise ConfigError("layout", layout, "iid or seven-cell")


def draw_activity(rng: np.random.Generator, probability: Array, batch: int) -> Array:
    """xi, 0 or 1, shape (B, N), of kappa (N,)."""
    return (rng.random((batch, len(probability))) < probability).astype(np.float64)
