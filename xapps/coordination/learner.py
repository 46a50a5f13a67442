"""The learning half: what changes of RU turned out to be worth, found by searching with and without each.

Labels need no exact method, so there are some for any number of RUs; a search takes a fraction of a millisecond when
hundreds run side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import gains, strongest_ru
from xapps.coordination.association import changes, even_rates, foresee, initialise
from xapps.coordination.field import Field
from xapps.coordination.search import Effort, even_start, search
from xapps.ssvae.batches import num_drops, take
from xapps.ssvae.learner import torch_threads

Indices = NDArray[np.integer]

WORTH_SCALE_BPS_HZ = 5.0
MOST_WORTH = 6.0
"""Worths beyond, in either direction, are learned as this: all that matters is that they are large."""

SEARCHES_AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings of a training."""

    width: int = 32
    steps: int = 4000
    batch_size: int = 256
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    effort: Effort = field(default_factory=lambda: Effort(sweeps=3, rounds=2))
    """Of the searches that make labels."""
    wander: float = 0.06
    """Share of UEs that every other drop starts away from their strongest RU, so that later passes are learned too."""


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
    before = _searched(report, np.arange(drops), serving, preset.effort)
    after = _searched(report, drop, changed, preset.effort).reshape(drops, ues)
    return Lesson(change.x, after - before[:, None])


def _searched(report: RadioReport, drop: NDArray[np.int64], serving: Indices, effort: Effort) -> NDArray[np.float32]:
    """Values of the searches of some drops (B,) under associations (B, U), shape (B,)."""
    values = []
    for first in range(0, len(drop), SEARCHES_AT_ONCE):
        some = slice(first, first + SEARCHES_AT_ONCE)
        cells = Field.of(take(report, drop[some]), serving[some])
        values.append(search(cells, even_start(cells), effort)[:, 0])
    return np.concatenate(values)


def train(lessons: Sequence[Lesson], preset: Preset, *, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights after robust regression of the worths, lessons in turns. Equal arguments give equal weights."""
    rng = np.random.default_rng([seed, 0])
    weights = {
        name: torch.from_numpy(values).requires_grad_() for name, values in initialise(preset.width, rng).items()
    }
    optimiser = torch.optim.AdamW(weights.values(), preset.learning_rate, weight_decay=preset.weight_decay)
    sets = [_tensors(each) for each in lessons]
    with torch_threads(1):  # threads that wait for each other cost more than such small tensors gain
        for step in range(preset.steps):
            for group in optimiser.param_groups:
                group["lr"] = preset.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / preset.steps))
            x, worth = sets[step % len(sets)]
            index = torch.from_numpy(rng.integers(len(x), size=preset.batch_size))
            loss = functional.smooth_l1_loss(foresee(weights, x[index]), worth[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return {name: w.detach().numpy() for name, w in weights.items()}


def _tensors(one: Lesson) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(one.x.reshape(-1, one.x.shape[-1]))
    worth = torch.from_numpy(one.worth.reshape(-1).astype(np.float32)) / WORTH_SCALE_BPS_HZ
    return x, worth.clamp(-MOST_WORTH, MOST_WORTH)
