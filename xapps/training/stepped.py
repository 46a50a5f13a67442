"""A training of so many gradient steps, cut into epochs; what it learns is its subclass's.

An epoch is a pure function of (weights, moments, seed, epoch number), so a training that was cut continues from its
checkpoint with the very numbers it would have had. How the steps are cut into epochs changes no weight.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors
from torch import Tensor

from xapps.runtime.trained_model import TrainedModel
from xapps.training.epochs import EpochCurves, EpochLearner, checkpoint_tensors, moments, restore_moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How to descend: AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), its rate falling to zero along a cosine."""

    steps: int
    epochs: int
    learning_rate: float
    weight_decay: float = 0.0
    longest_gradient: float = math.inf
    """Longer ones are shortened to this norm."""


class SteppedLearner(EpochLearner):
    """One training in progress.

    Args:
        weights: initial tensors by name.
        course: how to descend.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], course: Course) -> None:
        super().__init__(epochs=course.epochs, threads=1)  # more wait for each other longer than such tensors take
        self.weights = {name: torch.from_numpy(values).requires_grad_() for name, values in weights.items()}
        self._course = course
        self._optimiser = torch.optim.AdamW(
            list(self.weights.values()), course.learning_rate, weight_decay=course.weight_decay
        )

    def _run_epoch(self) -> EpochCurves:
        steps, epochs = self._course.steps, self._course.epochs
        share = range(steps * (self.epoch - 1) // epochs, steps * self.epoch // epochs)
        return {"epoch": float(self.epoch), "loss": float(np.mean([self._descend(step) for step in share]))}

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights as they are."""
        return {name: weight.detach().numpy().copy() for name, weight in self.weights.items()}

    def result(self) -> TrainedModel:
        """The weights as they are, with what the manifest says about them."""
        return TrainedModel(
            weights=safetensors.save({name: weight.detach() for name, weight in self.weights.items()}),
            architecture=self._architecture(),
            normalisation={},
            training=self._training(),
            curves=self.curves,
        )

    def checkpoint(self) -> bytes:
        """Everything the next epoch depends on, as safetensors."""
        tensors = {f"weight/{name}": weight.detach() for name, weight in self.weights.items()}
        tensors |= moments(self.weights, self._optimiser)
        tensors["progress"] = torch.tensor([self.epoch])
        return safetensors.save({name: tensor.contiguous() for name, tensor in tensors.items()})

    def restore(self, checkpoint: bytes, curves: list[EpochCurves]) -> None:
        """Continue from a checkpoint of a training with the same drops, preset and seed.

        Raises:
            ModelError: the checkpoint is of another network, or damaged.
        """
        with checkpoint_tensors(checkpoint) as tensors:
            self._restore_weights(tensors)
            [epoch] = tensors["progress"].tolist()
        restore_moments(tensors, self.weights, self._optimiser)
        self.epoch = int(epoch)
        self.curves = curves[: self.epoch]  # curves are written first: one more epoch may stand there

    @abstractmethod
    def _loss(self, step: int) -> Tensor:
        """What a step descends on; a function of the weights and the number of the step."""

    @abstractmethod
    def _architecture(self) -> dict[str, Any]:
        """What the policy needs to know beside the weights."""

    @abstractmethod
    def _training(self) -> dict[str, Any]:
        """What the manifest says of the training."""

    def _descend(self, step: int) -> float:
        for group in self._optimiser.param_groups:
            group["lr"] = self._course.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / self._course.steps))
        loss = self._loss(step)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if math.isfinite(self._course.longest_gradient):
            torch.nn.utils.clip_grad_norm_(self.weights.values(), self._course.longest_gradient)
        self._optimiser.step()
        return loss.item()

    def _restore_weights(self, tensors: Mapping[str, Tensor]) -> None:
        kept = {name: tensors[f"weight/{name}"] for name in self.weights}
        if wrong := [name for name, weight in self.weights.items() if weight.shape != kept[name].shape]:
            raise ValueError(f"weights of other shapes: {', '.join(wrong)}")
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(kept[name])
