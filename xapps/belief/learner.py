"""The learning half: pairs of reports and true gains in, weights out. No labels and no solver, only a likelihood.

-ln f(g) = ln v + (sqrt(g) - m)^2 / v - ln I0e(2 m sqrt(g) / v)      (Rice's density of |h|^2, h ~ CN(m, v))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from e2sim.physics.units import db_to_linear
from xapps.belief.network import features, forward, initialise
from xapps.belief.presets import Preset
from xapps.training.stepped import Course, SteppedLearner

Pairs = tuple[list[NDArray[np.float64]], NDArray[np.float64]]
"""Reports newest first, each (N, U, R, K), and the true gains (N, U, R, K) [dB]."""

Source = Callable[[int], Pairs]
"""``source(key)``: pairs of fresh drops; equal keys give equal pairs."""

NUM_KEYS = 2**31


class BeliefLearner(SteppedLearner):
    """One training in progress.

    Args:
        source: asked for pairs once a step, with a key that seed and step decide.
        preset: settings.
        seed: decides weights, keys, and which steps see the newest report alone.
    """

    def __init__(self, source: Source, preset: Preset, *, seed: int) -> None:
        self.preset = preset
        self.seed = seed
        rng = np.random.default_rng([seed, 0])
        course = Course(
            steps=preset.steps, epochs=preset.epochs, learning_rate=preset.learning_rate, longest_gradient=1.0
        )
        super().__init__(initialise(preset.architecture, rng), course)
        self._source = source
        self._plan = [(int(rng.integers(NUM_KEYS)), rng.random()) for _ in range(preset.steps)]

    def _loss(self, step: int) -> Tensor:
        key, luck = self._plan[step]
        history_db, true_db = self._source(key)
        if luck < self.preset.first_report_share:
            history_db = history_db[:1]
        mean_db = history_db[0].mean(axis=-1, keepdims=True)
        gain = torch.from_numpy(db_to_linear(true_db - mean_db).astype(np.float32))
        seen = torch.from_numpy(features(self.preset.architecture, history_db))
        return negative_log_likelihood(*forward(self.weights, seen), gain).mean()

    def _architecture(self) -> dict[str, Any]:
        return {"network": self.preset.architecture.to_dict()}

    def _training(self) -> dict[str, Any]:
        drops = self.preset.drops * self.preset.steps * self.epoch // self.preset.epochs
        return {"preset": self.preset.to_dict(), "seed": self.seed, "drops": drops}


def negative_log_likelihood(ln_known: Tensor, ln_diffuse: Tensor, gain: Tensor) -> Tensor:
    """-ln f of gains relative to the scale of the two parts, any shape."""
    amplitude, root = (0.5 * ln_known).exp(), gain.sqrt()
    inverse = (-ln_diffuse).exp()
    bessel = torch.special.i0e(2.0 * amplitude * root * inverse)
    return ln_diffuse + (root - amplitude).square() * inverse - bessel.log()


def train(source: Source, preset: Preset, *, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights at the end of a training. Equal arguments give equal weights."""
    learner = BeliefLearner(source, preset, seed=seed)
    while not learner.done:
        learner.run_epoch()
    return learner.arrays()
