"""The problem in its dimensionless form, written once for numpy (serving) and torch (learning).

N links share one carrier (paper 5, section II). With ``snr[i, j] = |h_ij|^2 p_max / sigma^2`` and powers as shares of
p_max, eq. 9 reads R_i = log2(1 + snr[i, i] s_i / (1 + sum over j != i of snr[i, j] s_j)). A user that is switched off
has zero rows and columns (H_xi below eq. 3).
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

Array = Any
"""A numpy array or a torch tensor."""

SNR_DB: Final = 15.0
"""Section IV-A: p_max = 1 and |h|^2 ~ Exp(1), hence sigma^2 = 10^-1.5."""

NOISE_W: Final = 10.0 ** (-SNR_DB / 10.0)

BITS: Final = 1.0 / math.log(2.0)
"""log2(x) = BITS * ln(x)."""


def own_links(snr: Array, xp: Any) -> Array:
    """SNR of each link without interference, shape (..., N)."""
    return xp.diagonal(snr, 0, -2, -1)


def between_links(snr: Array, xp: Any) -> Array:
    """The matrix with its diagonal masked (not subtracted: own signals may be 10^6 times stronger), (..., N, N)."""
    return snr * off_diagonal(snr, xp)


def off_diagonal(snr: Array, xp: Any) -> Array:
    """0 on the diagonal and 1 elsewhere, shape (N, N), in the kind of ``snr``."""
    return 1.0 - xp.eye(snr.shape[-1], dtype=snr.dtype)


def rates_bps_hz(snr: Array, share: Array, xp: Any = np) -> Array:
    """R of eq. 9, shape (..., N).

    Args:
        snr: shape (..., N, N), receiver first.
        share: power over p_max, shape (..., N).
        xp: numpy or torch.
    """
    interference = (between_links(snr, xp) @ share[..., None])[..., 0]
    return BITS * xp.log1p(own_links(snr, xp) * share / (1.0 + interference))


def switched(snr: Array, active: Array) -> Array:
    """H_xi: rows and columns of inactive users are zero, shape (..., N, N)."""
    return snr * active[..., :, None] * active[..., None, :]
