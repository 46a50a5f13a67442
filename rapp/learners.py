"""The learners that a run can use: allocator name -> how to start one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from oran.errors import ConfigError
from xapps.ssvae import presets as ssvae_presets
from xapps.ssvae.batches import TrainingSet
from xapps.ssvae.learner import SsvaeLearner, TrainedModel


class Learner(Protocol):
    """A training that goes epoch by epoch and can be cut in between."""

    epoch: int
    curves: list[dict[str, float]]

    @property
    def num_epochs(self) -> int: ...

    @property
    def done(self) -> bool: ...

    def run_epoch(self) -> dict[str, float]: ...

    def checkpoint(self) -> bytes: ...

    def restore(self, checkpoint: bytes, curves: list[dict[str, float]]) -> None: ...

    def result(self) -> TrainedModel: ...


def _ssvae(training_set: TrainingSet, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    return SsvaeLearner(training_set, ssvae_presets.preset(preset).with_changes(changes), seed=seed)


LEARNERS: dict[str, Callable[[TrainingSet, str, Mapping[str, Any], int], Learner]] = {"ssvae": _ssvae}


def start(allocator: str, training_set: TrainingSet, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    """A learner at its beginning.

    Raises:
        ConfigError: no such learner or preset, or a bad setting.
    """
    if allocator not in LEARNERS:
        raise ConfigError("allocator", allocator, f"nothing learns it; known are {', '.join(LEARNERS)}")
    return LEARNERS[allocator](training_set, preset, changes, seed)
