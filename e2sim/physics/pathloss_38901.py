"""Path loss and line-of-sight probability of 3GPP TR 38.901 V16.1.0, Tables 7.4.1-1 and 7.4.2-1, outdoors.

Valid for 0.5 to 100 GHz and 10 m <= d_2D <= 5 km (UMa, UMi). Heights in metres, losses in dB, any shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SPEED_OF_LIGHT_M_S = 3.0e8
"""As the note to Table 7.4.1-1 has it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One pair of rows of Table 7.4.1-1."""

    name: str
    bs_height_m: float
    los_slope_db: float
    """Before the break point, per decade of d_3D."""
    los_constant_db: float
    break_point_db: float
    """Factor of log10(d_BP^2 + (h_BS - h_UT)^2) behind the break point."""
    nlos_constant_db: float
    nlos_slope_db: float
    nlos_frequency_db: float
    nlos_height_db: float
    """Per metre of h_UT above 1.5 m."""
    los_shadowing_std_db: float
    nlos_shadowing_std_db: float


UMA = Environment("UMa", 25.0, 22.0, 28.0, 9.0, 13.54, 39.08, 20.0, 0.6, 4.0, 6.0)
UMI = Environment("UMi", 10.0, 21.0, 32.4, 9.5, 22.4, 35.3, 21.3, 0.3, 4.0, 7.82)


def path_loss_db(
    environment: Environment,
    distance_2d_m: ArrayLike,
    carrier_ghz: float,
    line_of_sight: ArrayLike,
    ut_height_m: float = 1.5,
) -> Array:
    """Path loss of links with and without line of sight, shapes broadcast."""
    distance = np.asarray(distance_2d_m, np.float64)
    clear = _los_db(environment, distance, carrier_ghz, ut_height_m)
    return np.where(line_of_sight, clear, np.maximum(clear, _nlos_db(environment, distance, carrier_ghz, ut_height_m)))


def shadowing_std_db(environment: Environment, line_of_sight: ArrayLike) -> Array:
    """sigma_SF of links with and without line of sight, any shape (Table 7.4.1-1, last column but one)."""
    return np.where(line_of_sight, environment.los_shadowing_std_db, environment.nlos_shadowing_std_db)


def break_point_m(environment: Environment, carrier_ghz: float, ut_height_m: float = 1.5) -> float:
    """d'_BP = 4 h'_BS h'_UT f / c with effective heights one metre lower (note 1)."""
    return 4.0 * (environment.bs_height_m - 1.0) * (ut_height_m - 1.0) * carrier_ghz * 1e9 / SPEED_OF_LIGHT_M_S


def line_of_sight_probability(environment: Environment, distance_2d_m: ArrayLike) -> Array:
    """Table 7.4.2-1 for UTs at 1.5 m, any shape; 1 within 18 m."""
    distance = np.maximum(np.asarray(distance_2d_m, np.float64), 18.0)
    reach_m = 63.0 if environment is UMA else 36.0
    near = 18.0 / distance
    return near + np.exp(-distance / reach_m) * (1.0 - near)


def _distance_3d_m(environment: Environment, distance_2d_m: Array, ut_height_m: float) -> Array:
    return np.hypot(distance_2d_m, environment.bs_height_m - ut_height_m)


def _los_db(environment: Environment, distance_2d_m: Array, carrier_ghz: float, ut_height_m: float) -> Array:
    decades = np.log10(_distance_3d_m(environment, distance_2d_m, ut_height_m))
    frequency_db = environment.los_constant_db + 20.0 * np.log10(carrier_ghz)
    break_m = break_point_m(environment, carrier_ghz, ut_height_m)
    height_m = environment.bs_height_m - ut_height_m
    beyond_db = 40.0 * decades - environment.break_point_db * np.log10(break_m**2 + height_m**2)
    return frequency_db + np.where(distance_2d_m <= break_m, environment.los_slope_db * decades, beyond_db)


def _nlos_db(environment: Environment, distance_2d_m: Array, carrier_ghz: float, ut_height_m: float) -> Array:
    decades = np.log10(_distance_3d_m(environment, distance_2d_m, ut_height_m))
    fixed_db = environment.nlos_constant_db + environment.nlos_frequency_db * np.log10(carrier_ghz)
    return fixed_db + environment.nlos_slope_db * decades - environment.nlos_height_db * (ut_height_m - 1.5)
