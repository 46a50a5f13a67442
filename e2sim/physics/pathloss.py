"""Path loss, one function a model. Distances in metres, frequencies in GHz, losses in dB (positive), any shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def uma_simplified_db(distance_2d_m: ArrayLike, carrier_ghz: float) -> Array:
    """Urban macro without line of sight as papers 1 and 2 print it (paper 1, section 6.1).

        PL = 13.54 + 39.08 log10(d) + 20 log10(f)

    It is the NLOS row of TR 38.901, Table 7.4.1-1, without its height term and on the two-dimensional distance.
    """
    return 13.54 + 39.08 * np.log10(np.asarray(distance_2d_m, np.float64)) + 20.0 * np.log10(carrier_ghz)


def macro_cell_db(distance_2d_m: ArrayLike) -> Array:
    """PL = 120.9 + 37.6 log10(d / km): papers 3 and 5 (LTE macro model of TR 36.942, 4.5.2, at 900 MHz)."""
    return 120.9 + 37.6 * np.log10(np.asarray(distance_2d_m, np.float64) / 1000.0)
