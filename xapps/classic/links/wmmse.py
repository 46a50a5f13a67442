"""WMMSE: weighted sum rate by block-coordinate descent on the equivalent mean-square-error problem.

Shi, Razaviyayn, Luo and He 2011 (IEEE Trans. Signal Process. 59(9)), real scalar form with amplitudes v:

    u_i = |h_ii| v_i / (sum over j of |h_ij|^2 v_j^2 + noise)
    w_i = 1 / (1 - u_i |h_ii| v_i)
    v_i = a_i w_i u_i |h_ii| / (sum over j of a_j w_j u_j^2 |h_ji|^2),  clipped to 0..sqrt(p_max)

Every round raises the weighted sum rate; the end is a stationary point that depends on the start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ITERATIONS = 100


def wmmse(
    gain: Array,
    noise_w: float,
    power_max: float,
    weight: Array | None = None,
    start: Array | None = None,
    iterations: int = ITERATIONS,
) -> Array:
    """Powers of a stationary point, shape (B, N).

    Args:
        gain: |h|^2, shape (B, N, N), receiver first.
        noise_w: noise power.
        power_max: limit of each link.
        weight: a, shape (B, N); default 1.
        start: first powers, shape (B, N), none of them 0 for good; default full power.
        iterations: rounds.
    """
    own = np.sqrt(np.einsum("bii->bi", gain))
    a = np.ones_like(own) if weight is None else weight
    amplitude = np.full_like(own, np.sqrt(power_max)) if start is None else np.sqrt(start)
    for _ in range(iterations):
        received = np.einsum("bij,bj->bi", gain, amplitude**2) + noise_w
        u = own * amplitude / received
        w = a / (1.0 - u * own * amplitude)
        cost = np.einsum("bi,bij->bj", w * u**2, gain)
        amplitude = np.clip(
            np.divide(w * u * own, cost, out=np.zeros_like(own), where=cost > 0), 0.0, np.sqrt(power_max)
        )
    return amplitude**2
