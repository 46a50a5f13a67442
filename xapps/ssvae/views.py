"""Similar channels for the contrastive loss: the same drop a moment later (paper 1, section 5.3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def similar_gain_db(gain_db: Array, correlation: float, rng: np.random.Generator) -> Array:
    """Channel gains of the same places with part of the fading redrawn, any shape (..., K) [dB].

    With the UE's mean gain over its PRBs as local mean G and the drawn gain as |h|^2,
    |h'|^2 = |sqrt(rho) h + sqrt(1 - rho) sqrt(G) n|^2, n ~ CN(0, 1): Rayleigh again, correlated by rho. The phase of h
    does not matter because n's is uniform.
    """
    gain = 10.0 ** (gain_db / 10.0)
    local_mean = gain.mean(axis=-1, keepdims=True)
    noise = rng.standard_normal((2, *gain.shape)) * np.sqrt(0.5 * (1.0 - correlation) * local_mean)
    redrawn = (np.sqrt(correlation * gain) + noise[0]) ** 2 + noise[1] ** 2
    return 10.0 * np.log10(np.maximum(redrawn, 1e-30))
