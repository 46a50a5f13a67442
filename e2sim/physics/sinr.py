"""Signal to interference and noise at the owner of each PRB (paper 1, eq. 4).

An RU serves at most one UE a PRB, so there is no interference inside a cell; what remains of eq. 4's sums is the power
of the other RUs on the same PRB.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.integer]


def gain_at_owner(gain: Array, prb_owner: Indices) -> Array:
    """Gains from every RU j to the owner of every PRB k of RU r.

    Args:
        gain: linear channel gain, shape (..., U, R, K).
        prb_owner: owner's index, shape (..., R, K), batch axes as in ``gain``; idle PRBs (negative) yield an arbitrary
            UE's gains.

    Returns:
        Shape (..., R, R, K): axes owner's RU r, transmitting RU j, PRB k.
    """
    *batch, ues, rus, prbs = gain.shape
    one_cell = rus * prbs
    first = ues * one_cell * np.arange(math.prod(batch)).reshape(*batch, 1, 1)
    row = first + one_cell * np.maximum(prb_owner, 0).astype(np.intp)  # (..., R, K): where the owner's gains begin
    # One flat look-up: a fancy index over four axes takes three times as long.
    return gain.reshape(-1).take(row[..., :, None, :] + np.arange(one_cell).reshape(rus, prbs), mode="clip")


def interference_w(gain_to_owner: Array, power_w: Array) -> Array:
    """sum over j != r of p[j, k] g[owner(r, k), j, k] in W, shape (..., R, K).

    The diagonal is masked, not subtracted: the owner's own signal may be 10^10 times stronger.

    Args:
        gain_to_owner: from :func:`gain_at_owner`, shape (..., R, R, K).
        power_w: transmit power, shape (..., R, K) [W].
    """
    received_w = gain_to_owner * power_w[..., None, :, :]
    rus = np.arange(power_w.shape[-2])
    received_w[..., rus, rus, :] = 0.0
    total_w: Array = received_w.sum(axis=-2)
    return total_w


def sinr_of_owners(gain: Array, prb_owner: Indices, power_w: Array, noise_w: float) -> Array:
    """SINR of the UE that owns each PRB, linear, shape (..., R, K); zero on idle PRBs.

        eta[r, k] = p[r, k] g[u, r, k] / (sum over j != r of p[j, k] g[u, j, k] + noise),  u = owner(r, k)

    Args:
        gain: linear channel gain, shape (..., U, R, K).
        prb_owner: index of the owner, shape (..., R, K), negative where idle.
        power_w: transmit power [W], shape (..., R, K).
        noise_w: thermal noise in one PRB [W].
    """
    if gain.shape[-3] == 0:
        return np.zeros(power_w.shape)
    if gain.shape[-2] == 1:
        index = np.maximum(prb_owner, 0).astype(np.intp)
        own = np.take_along_axis(gain[..., 0, :], index, axis=-2)
        return np.where(prb_owner >= 0, power_w * own / noise_w, 0.0)
    to_owner = gain_at_owner(gain, prb_owner)
    own = np.einsum("...rrk->...rk", to_owner)
    return np.where(prb_owner >= 0, power_w * own / (interference_w(to_owner, power_w) + noise_w), 0.0)
