"""What trainings that go epoch by epoch share: progress, curves, torch's threads, the optimiser's moments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from oran.errors import ModelError

EpochCurves = dict[str, float]
"""What one epoch measured: losses by term, and the validation score."""


class EpochLearner(ABC):
    """Counts epochs and keeps their curves; what an epoch does is its subclass's.

    Args:
        epochs: after so many it is done.
        threads: of torch, during an epoch.
    """

    def __init__(self, *, epochs: int, threads: int) -> None:
        self.num_epochs = epochs
        self.epoch = 0
        self.curves: list[EpochCurves] = []
        self._threads = threads

    @property
    def done(self) -> bool:
        return self.epoch >= self.num_epochs

    def run_epoch(self) -> EpochCurves:
        """The next epoch; returns and records what it measured."""
        with torch_threads(self._threads):
            self.epoch += 1
            curves = self._run_epoch()
        self.curves.append(curves)
        return curves

    @abstractmethod
    def _run_epoch(self) -> EpochCurves:
        """Epoch number ``epoch``, counted from 1."""


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """torch with so many threads, for a while.

    Sums are split by threads, so the count is part of what makes a training repeatable; and threads that wait for each
    other on a busy machine cost more than these small tensors gain by them.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def moments(weights: Mapping[str, Tensor], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each weight, for a checkpoint; nothing before its first step."""
    return {
        f"moment/{name}/{key}": torch.as_tensor(value)
        for name, weight in weights.items()
        for key, value in optimiser.state.get(weight, {}).items()
    }


def restore_moments(
    tensors: Mapping[str, Tensor], weights: Mapping[str, Tensor], optimiser: torch.optim.Optimizer
) -> None:
    """Gives the optimiser what :func:`moments` found."""
    for name, weight in weights.items():
        prefix = f"moment/{name}/"
        found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if found:
            optimiser.state[weight] = found


@contextmanager
def checkpoint_tensors(checkpoint: bytes) -> Iterator[dict[str, Tensor]]:
    """The tensors of a checkpoint, while a training takes them over.

    Raises:
        ModelError: damaged, or what is missing or of another shape in the block shows that it is another training's.
    """
    try:
        yield safetensors.load(checkpoint)
    except (KeyError, RuntimeError, ValueError, SafetensorError) as error:
        raise ModelError(f"the checkpoint is damaged or of another training: {error}") from error
