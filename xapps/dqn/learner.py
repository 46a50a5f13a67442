"""The learning half of DQN: drops without labels in, safetensors and manifest fields out.

An epoch is a pure function of (networks, optimiser, replay memory, seed, epoch number), so a training that was cut
continues from its checkpoint with the very numbers it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors
from torch import Tensor

from oran.e2sm.rrm import RadioReport
from xapps.dqn.core import Core
from xapps.dqn.fair import FairPractice
from xapps.dqn.network import Architecture
from xapps.dqn.presets import Preset
from xapps.dqn.printed import PaperPractice
from xapps.runtime.trained_model import TrainedModel
from xapps.training.epochs import EpochCurves, EpochLearner, checkpoint_tensors

Draw = Callable[..., RadioReport]
"""``draw(num_drops, *key)``: independent drops, arrays (N, U, R, K); equal keys give equal drops."""

VALIDATION_EPOCH = 0
"""Stands for the validation drops where the number of an epoch stands for those that it learns from."""


class Practice(Protocol):
    """What tells the two variants apart."""

    architecture: Architecture

    def run(self, core: Core, report: RadioReport, epoch: int, rng: np.random.Generator) -> EpochCurves: ...

    def score(self, core: Core) -> float: ...

    def arrays(self) -> dict[str, NDArray]: ...

    def restore(self, arrays: Mapping[str, NDArray]) -> None: ...


class DqnLearner(EpochLearner):
    """One training in progress.

    Args:
        draw: source of drops; each call is given the seed and the number of the epoch as its key.
        preset: settings.
        seed: decides the initial weights, the drops, every exploration and every draw from the memory.

    Raises:
        ConfigError: the drops have several RUs or no channel.
    """

    def __init__(self, draw: Draw, preset: Preset, *, seed: int) -> None:
        super().__init__(epochs=preset.epochs, threads=preset.threads)
        self.preset = preset
        self.seed = seed
        self._draw = draw
        validation = draw(preset.validation_drops, seed, VALIDATION_EPOCH)
        self._practice: Practice = (FairPractice if preset.kind == "fair" else PaperPractice)(preset, validation)
        self._core = Core(self._practice.architecture, preset, np.random.default_rng([seed, 0]))
        self._best_score = -math.inf
        self._best_epoch = 0
        self._best = self._weights()

    def _run_epoch(self) -> EpochCurves:
        self._core.set_learning_rate(self.epoch)
        report = self._draw(self.preset.episodes, self.seed, self.epoch)
        rng = np.random.default_rng([self.seed, self.epoch])
        curves = self._practice.run(self._core, report, self.epoch, rng)
        curves |= {"epoch": float(self.epoch), "validation": self._practice.score(self._core)}
        if curves["validation"] > self._best_score:
            self._best_score, self._best_epoch, self._best = curves["validation"], self.epoch, self._weights()
        return curves

    def result(self) -> TrainedModel:
        """The weights of the best epoch by validation, with what the manifest says about them."""
        return TrainedModel(
            weights=safetensors.save(self._best),
            architecture={
                "network": self._core.architecture.to_dict(),
                "decoding": asdict(self.preset.decoding),
                "steps": self.preset.steps,
            },
            normalisation={},
            training={
                "preset": self.preset.to_dict(),
                "seed": self.seed,
                "episodes": self.epoch * self.preset.episodes,
                "best_epoch": self._best_epoch,
                "validation": self._best_score,
            },
            curves=self.curves,
        )

    def checkpoint(self) -> bytes:
        """Everything the next epoch depends on, as safetensors."""
        tensors = self._core.tensors() | {f"best/{name}": weight for name, weight in self._best.items()}
        for name, array in self._practice.arrays().items():
            tensors[f"replay/{name}"] = torch.from_numpy(np.ascontiguousarray(array))
        tensors["progress"] = torch.tensor([self.epoch, self._best_epoch, self._best_score], dtype=torch.float64)
        return safetensors.save({name: tensor.contiguous() for name, tensor in tensors.items()})

    def restore(self, checkpoint: bytes, curves: list[EpochCurves]) -> None:
        """Continue from a checkpoint of a training with the same drops, preset and seed.

        Raises:
            ModelError: the checkpoint is of another network, or damaged.
        """
        with checkpoint_tensors(checkpoint) as tensors:
            self._core.restore(tensors)
            self._best = {name: tensors[f"best/{name}"] for name in self._best}
            replay = {name: value.numpy() for name, value in tensors.items() if name.startswith("replay/")}
            self._practice.restore({name.removeprefix("replay/"): array for name, array in replay.items()})
            epoch, best_epoch, self._best_score = tensors["progress"].tolist()
        self.epoch, self._best_epoch = int(epoch), int(best_epoch)
        self.curves = curves[: self.epoch]  # curves are written first: one more epoch may stand there

    def _weights(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in self._core.served.items()}
