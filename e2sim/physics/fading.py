"""Small-scale fading: complex coefficients g with E|g|^2 = 1, or their power |g|^2 where the phase is of no use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

SPEED_OF_LIGHT_M_S = 299_792_458.0


def rayleigh_power(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """|g|^2 of g ~ CN(0, 1): exponential with mean 1 (paper 1, section 6.1)."""
    return rng.standard_exponential(shape)


def rayleigh(rng: np.random.Generator, shape: tuple[int, ...]) -> ComplexArray:
    """g ~ CN(0, 1)."""
    parts = rng.standard_normal((*shape, 2))
    return (parts * np.sqrt(0.5)).view(np.complex128)[..., 0]


def jakes_correlation(speed_m_s: float, carrier_ghz: float, interval_s: float) -> float:
    """rho = J0(2 pi f_D T), f_D = v f_c / c: correlation of g over an interval (paper 3; Jakes' spectrum)."""
    doppler_hz = speed_m_s * carrier_ghz * 1e9 / SPEED_OF_LIGHT_M_S
    return float(j0(2.0 * np.pi * doppler_hz * interval_s))


def gauss_markov(rng: np.random.Generator, g_tm1: ComplexArray, rho: float) -> ComplexArray:
    """g_t = rho g_tm1 + sqrt(1 - rho^2) e, e ~ CN(0, 1): keeps CN(0, 1), correlation rho a step (paper 3)."""
    return rho * g_tm1 + np.sqrt(1.0 - rho**2) * rayleigh(rng, g_tm1.shape)
