"""What the node can report of the channel: late, noisy, with holes, coarse, in this order; by default perfect."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import observation
from e2sim.scenario import ObservationConfig
from oran.e2sm.rrm import quantise_gain_db

Array = NDArray[np.float64]


class Observer:
    """Turns true gains into reported ones, once a slot.

    Args:
        config: imperfections.
        rng: source of noise and losses.
    """

    def __init__(self, config: ObservationConfig, rng: np.random.Generator) -> None:
        self._config = config
        self._noise_rng, self._loss_rng = rng.spawn(2)
        self._history: deque[Array] = deque(maxlen=config.delay_slots + 1)
        self._perfect = config.error_to_gain_db is None and config.missing_share == 0 and config.step_db is None

    def see(self, gain_db: Array) -> Array:
        """The reported gains of a new slot, shape (..., U, R, K) [dB]; before enough slots have passed, the oldest."""
        config = self._config
        self._history.append(gain_db)
        seen = self._history[0]
        if self._perfect:  # true gains live on the grid of the wire
            return seen
        if config.error_to_gain_db is not None:
            seen = observation.noisy_db(self._noise_rng, seen, config.error_to_gain_db)
        if config.missing_share > 0:
            seen = observation.partly_missing_db(self._loss_rng, seen, config.missing_share)
        if config.step_db is not None:
            seen = observation.quantised_db(seen, config.step_db)
        return quantise_gain_db(seen)

    def add_ue(self, gain_db: Array) -> None:
        """A UE has entered: of it, the past is what is true now, shape (..., 1, R, K)."""
        self._replace([np.concatenate([past, gain_db], axis=-3) for past in self._history])

    def remove_ue(self, index: int) -> None:
        self._replace([np.delete(past, index, axis=-3) for past in self._history])

    def _replace(self, history: list[Array]) -> None:
        self._history = deque(history, maxlen=self._history.maxlen)
