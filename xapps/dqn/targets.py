"""What a Q-network is taught: the target of Q-learning, plain or double."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def targets(reward: Array, discount: Array, online: Array, target: Array, *, double: bool) -> NDArray[np.float64]:
    """r + discount * Q_target(s', a'), shape (B,).

    Args:
        reward: shape (B,).
        discount: gamma to the number of steps between s and s', 0 where s' is the end, shape (B,).
        online: values of the online network in s', shape (B, A); -inf where an action is not allowed.
        target: values of the target network in s', likewise.
        double: a' is the online network's choice (van Hasselt et al. 2016); otherwise the target network's own.
    """
    chosen = (online if double else target).argmax(axis=-1)
    value = target[np.arange(len(target)), chosen]
    return np.asarray(reward + discount * np.where(discount > 0.0, value, 0.0), np.float64)
