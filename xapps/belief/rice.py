"""Belief of a channel gain: |h|^2 with h ~ CN(m, v), a known part m and a diffuse one v (Rice's distribution).

Error, age and loss of a report all leave h complex normal: m shrinks and v grows. kappa = |m|^2 / v tells how much is
known; 0 is Rayleigh fading of known mean, infinity a known gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

Array = NDArray[np.float64]

LEAST_POWER = 1e-30
"""Keeps logarithms finite; far below any channel gain."""

_LN_KAPPA = np.linspace(-8.0, 8.0, 161)


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What is known of gains, any shape (...)."""

    known: Array
    """|m|^2."""
    diffuse: Array
    """v, positive."""

    @property
    def mean(self) -> Array:
        """E|h|^2 = |m|^2 + v."""
        return self.known + self.diffuse

    def log_moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of ln |h|^2, shape (...).

        |h|^2 / v is Gamma(1 + J) with J ~ Poisson(kappa); the moments are read from a table over ln kappa.
        """
        ln_kappa = np.log(np.maximum(self.known, LEAST_POWER) / self.diffuse)
        inside = np.clip(ln_kappa, _LN_KAPPA[0], _LN_KAPPA[-1])
        mean = np.interp(inside, _LN_KAPPA, _MEAN_LN) + np.maximum(ln_kappa - _LN_KAPPA[-1], 0.0)
        deviation = np.interp(inside, _LN_KAPPA, _STD_LN) * np.exp(-0.5 * np.maximum(ln_kappa - _LN_KAPPA[-1], 0.0))
        return mean + np.log(self.diffuse), deviation

    def cautious_gain(self, margin: Array | float) -> Array:
        """exp(E ln g - margin * deviation): the gain whose log-rate is ``margin`` deviations below the expected one."""
        mean, deviation = self.log_moments()
        return np.exp(mean - margin * deviation)

    def draw(self, noise: NDArray[np.complexfloating]) -> NDArray[np.floating]:
        """|m + sqrt(v) n|^2 for n ~ CN(0, 1), whose shape broadcasts with (...), in the noise's precision."""
        power = noise.real**2 + noise.imag**2
        known, diffuse = self.known.astype(power.dtype), self.diffuse.astype(power.dtype)
        drawn: NDArray[np.floating] = 2.0 * np.sqrt(known * diffuse) * noise.real
        drawn += diffuse * power
        drawn += known
        return np.maximum(drawn, 0.0, out=drawn)  # rounding alone makes it negative


def _log_moments_of_unit(kappa: float) -> tuple[float, float]:
    """Mean and deviation of ln |h|^2 for v = 1, by summing over Poisson's J."""
    spread = 12.0 * np.sqrt(kappa) + 30.0
    j = np.arange(max(int(kappa - spread), 0), int(kappa + spread) + 1)
    ln_share = j * np.log(kappa) - kappa - np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, j[-1] + 1)))])[j]
    share = np.exp(ln_share)
    mean = float(share @ digamma(1.0 + j))
    square = float(share @ (polygamma(1, 1.0 + j) + (digamma(1.0 + j) - mean) ** 2))
    return mean, float(np.sqrt(square))


_MEAN_LN, _STD_LN = np.array([_log_moments_of_unit(float(np.exp(x))) for x in _LN_KAPPA]).T
