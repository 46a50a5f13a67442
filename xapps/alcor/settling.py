"""When demands have settled, batch by batch: the mean of some batches is near all of them."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TOLERANCE = 0.05
LENGTH = 10


class Settling:
    """Watches the batches of one window of demands.

    Args:
        demand_bps_hz: shape (N,).
        tolerance: share by which the mean may fall short.
        length: batches averaged.
    """

    def __init__(self, demand_bps_hz: Array, tolerance: float = TOLERANCE, length: int = LENGTH) -> None:
        self._least = (1.0 - tolerance) * demand_bps_hz
        self._last: deque[Array] = deque(maxlen=length)
        self.batches = 0
        """Batches so far."""
        self.after: int | None = None
        """Batches before the first run of ``length`` whose mean meets the demands; None until there is one."""

    def add(self, rate_bps_hz: Array) -> None:
        """Take the mean rates of a batch, shape (N,)."""
        self.batches += 1
        if self.after is not None:
            return
        self._last.append(rate_bps_hz)
        if len(self._last) == self._last.maxlen and (np.mean(self._last, axis=0) >= self._least).all():
            self.after = self.batches - len(self._last)
