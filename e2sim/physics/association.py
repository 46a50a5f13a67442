"""Which RU serves the owner of a PRB (alpha and beta of paper 1, eq. 20)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.integer]


def ru_of_owner(serving_ru: Indices, prb_owner: Indices) -> Indices:
    """RU that serves the UE on each PRB; an arbitrary UE's where idle (negative).

    Args:
        serving_ru: shape (..., U) with at least one UE.
        prb_owner: shape (..., R, K), batch axes as in ``serving_ru``.

    Returns:
        Shape (..., R, K).
    """
    index = np.maximum(prb_owner, 0)
    if serving_ru.ndim == 1:
        return serving_ru.take(index)
    flat = index.reshape(*index.shape[:-2], -1).astype(np.intp)
    return np.take_along_axis(serving_ru, flat, axis=-1).reshape(index.shape)
