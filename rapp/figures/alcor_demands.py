"""The demand vectors of paper 5's tables and figures [bps/Hz]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def demands(users: int, *parts: tuple[int, int, float]) -> Array:
    """Zero but for parts (first user, last user, demand), counted from 1 as the paper does; later parts win."""
    vector = np.zeros(users)
    for first, last, rate in parts:
        vector[first - 1 : last] = rate
    return vector


ALGORITHM = np.array([0.5, 0.5, 1.0, 1.0, 2.0])
"""Fig. 1."""
WINDOWS = (
    np.array([0.5, 0.5, 1.0, 1.5, 2.0]),
    np.array([2.0, 1.5, 0.5, 0.5, 1.0]),
    np.array([0.0, 1.0, 1.0, 0.5, 2.5]),
)
"""Fig. 2."""
TABLE_2 = {
    10: demands(10, (1, 10, 0.25)),
    20: demands(20, (1, 12, 0.1)),
    50: demands(50, (1, 15, 0.05)),
}
TABLE_3 = {
    10: demands(10, (1, 10, 0.1), (5, 5, 0.6), (7, 7, 0.8), (9, 9, 1.0)),
    20: demands(20, (1, 10, 0.1), (5, 5, 0.4), (7, 7, 0.6), (12, 12, 0.2), (19, 19, 0.8)),
    50: demands(50, (20, 30, 0.3)),
}
TABLE_4 = {
    "u1": np.full(5, 0.5),
    "u2": np.array([0.0, 1.0, 1.5, 2.0, 0.0]),
    "u3": np.array([0.0, 0.0, 0.0, 1.0, 3.0]),
}
INFEASIBLE = demands(50, (20, 25, 2.0), (25, 30, 3.0), (31, 31, 5.0))
"""Fig. 4."""
