"""Powers out of a ranking: the policy says in which order users are worth it, the sum rate where to stop.

Optima are almost binary (Gjendemsjo et al. 2008 prove it for two links), and all rates of
a first few users are known from the SNR matrix. So the users of a ranking are switched on from the top, as many as make
the weighted sum rate largest, instead of all whose logit is positive.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def on_from_the_top(snr: Array, worth: Array | None, logit: Array, most: int) -> NDArray[np.float64]:
    """0 or 1 for each user, shape (B, N); at least one is on.

    Args:
        snr: shape (B, N, N), receiver first.
        worth: weights of the rates, 0 for inactive users, shape (B, N); None: all 1.
        logit: what users are ranked by, shape (B, N).
        most: users on at a time, at most.
    """
    batch, users = logit.shape
    most = min(most, users)
    sample = np.arange(batch)[:, None]
    ranked = (-logit).argsort(axis=1)[:, :most]
    among = snr[sample[..., None], ranked[:, :, None], ranked[:, None, :]]
    own = among.reshape(batch, -1)[:, :: most + 1, None].copy()
    among.reshape(batch, -1)[:, :: most + 1] = 1  # noise in the place of the own signal: counted from m = i on
    disturbance = np.add.accumulate(among, axis=2)
    rate = np.log1p(np.divide(own, disturbance, out=disturbance))  # (B, i, m): of the i-th while the first m + 1 are on
    if worth is not None:
        rate *= worth[sample, ranked][..., None]
    rate *= _has_begun(most)
    best = np.add.reduce(rate, axis=1).argmax(axis=1)
    found = np.zeros((batch, users))
    found[sample, ranked] = np.arange(most) <= best[:, None]
    return found


@cache
def _has_begun(most: int) -> Array:
    """1 where m >= i, shape (most, most)."""
    return np.triu(np.ones((most, most), np.float32))
