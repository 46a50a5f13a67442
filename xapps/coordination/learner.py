"""The learning half: what changes of RU turned out to be worth, found by searching with and without each.

Labels need no exact method, so there are some for any number of RUs; a search takes a fraction of a millisecond when
hundreds run side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import gains, strongest_ru
from xapps.coordination.association import changes, even_rates, foresee, initialise
from xapps.coordination.field import Field
from xapps.coordination.presets import Preset
from xapps.coordination.search import Effort, even_start, search
from xapps.ssvae.batches import num_drops, take
from xapps.training.stepped import Course, SteppedLearner

Indices = NDArray[np.integer]

WORTH_SCALE_BPS_HZ = 5.0
MOST_WORTH = 6.0
"""Worths beyond, in either direction, are learned as this: all that matters is that they are large."""

SEARCHES_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Changes and what they were worth."""

    x: NDArray[np.float32]
    """Features, shape (D, U, F)."""
    worth: NDArray[np.float32]
    """Change of the search's value, shape (D, U) [bps/Hz]."""


def lesson(report: RadioReport, preset: Preset, rng: np.random.Generator) -> Lesson:
    """Tries every UE's change to its next RU on a batch of drops, arrays (D, U, R, K)."""
    drops, ues = num_drops(report), report.num_ues
    rate, serving = even_rates(report), strongest_ru(gains(report))
    wandering = (rng.random(serving.shape) < preset.wander) & (np.arange(drops)[:, None] % 2 == 1)
    serving = np.where(wandering, changes(report, rate, serving).to_ru, serving)
    change = changes(report, rate, serving)
    drop, ue = np.divmod(np.arange(drops * ues), ues)
    changed = serving[drop].copy()
    changed[np.arange(drops * ues), ue] = change.to_ru[drop, ue]
    before = _searched(report, np.arange(drops), serving, preset.label_effort)
    after = _searched(report, drop, changed, preset.label_effort).reshape(drops, ues)
    return Lesson(change.x, after - before[:, None])


def _searched(report: RadioReport, drop: NDArray[np.int64], serving: Indices, effort: Effort) -> NDArray[np.float32]:
    """Values of the searches of some drops (B,) under associations (B, U), shape (B,)."""
    values = []
    for first in range(0, len(drop), SEARCHES_AT_ONCE):
        some = slice(first, first + SEARCHES_AT_ONCE)
        cells = Field.of(take(report, drop[some]), serving[some])
        values.append(search(cells, even_start(cells), effort)[:, 0])
    return np.concatenate(values)


class CoordinationLearner(SteppedLearner):
    """One training in progress: robust regression of the worths, lessons in turns.

    Args:
        lessons: what is learned from; cells of one size each.
        preset: settings.
        seed: decides weights and batches.
    """

    def __init__(self, lessons: Sequence[Lesson], preset: Preset, *, seed: int) -> None:
        self.preset = preset
        self.seed = seed
        rng = np.random.default_rng([seed, 0])
        course = Course(
            steps=preset.steps,
            epochs=preset.epochs,
            learning_rate=preset.learning_rate,
            weight_decay=preset.weight_decay,
        )
        super().__init__(initialise(preset.width, rng), course)
        self._sets = [_tensors(each) for each in lessons]
        sizes = [len(self._sets[step % len(self._sets)][0]) for step in range(preset.steps)]
        self._batches = [rng.integers(size, size=preset.batch_size) for size in sizes]

    def _loss(self, step: int) -> torch.Tensor:
        x, worth = self._sets[step % len(self._sets)]
        index = torch.from_numpy(self._batches[step])
        return functional.smooth_l1_loss(foresee(self.weights, x[index]), worth[index])

    def _architecture(self) -> dict[str, Any]:
        p = self.preset
        return {"effort": {"sweeps": p.sweeps, "rounds": p.rounds}, "passes": p.passes, "last_only": p.last_only}

    def _training(self) -> dict[str, Any]:
        tried = sum(len(x) for x, _ in self._sets)
        return {"preset": self.preset.to_dict(), "seed": self.seed, "changes_tried": tried}


def train(lessons: Sequence[Lesson], preset: Preset, *, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights at the end of a training. Equal arguments give equal weights."""
    learner = CoordinationLearner(lessons, preset, seed=seed)
    while not learner.done:
        learner.run_epoch()
    return learner.arrays()


def _tensors(one: Lesson) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(one.x.reshape(-1, one.x.shape[-1]))
    worth = torch.from_numpy(one.worth.reshape(-1).astype(np.float32)) / WORTH_SCALE_BPS_HZ
    return x, worth.clamp(-MOST_WORTH, MOST_WORTH)
