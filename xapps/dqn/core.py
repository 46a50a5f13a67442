"""Online and target network of a training, with the optimiser: what one gradient step needs and changes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from xapps.dqn import network
from xapps.dqn.network import Architecture
from xapps.dqn.presets import Preset
from xapps.training.epochs import moments, restore_moments

MAX_GRADIENT_NORM = 1.0


class TorchSegments:
    """``network.NumpySegments`` for tensors, differentiable.

    Args:
        counts: rows of each problem, at least one, shape (N,).
    """

    def __init__(self, counts: NDArray[np.integer]) -> None:
        self._counts = torch.from_numpy(counts.astype(np.float32))
        self._problem = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))

    def mean(self, values: Tensor) -> Tensor:
        total = torch.zeros((len(self._counts), *values.shape[1:])).index_add(0, self._problem, values)
        return total / self._counts.reshape(-1, *[1] * (values.ndim - 1))

    def maximum(self, values: Tensor) -> Tensor:
        index = self._problem[:, None].expand_as(values)
        nothing = torch.zeros((len(self._counts), values.shape[1]))
        return nothing.scatter_reduce(0, index, values, "amax", include_self=False)

    def spread(self, values: Tensor) -> Tensor:
        return values[self._problem]


class Core:
    """The networks of one training.

    Args:
        architecture: of both.
        preset: learning rate and how the target network follows.
        rng: draws the initial weights.
    """

    def __init__(self, architecture: Architecture, preset: Preset, rng: np.random.Generator) -> None:
        self.architecture = architecture
        self._preset = preset
        drawn = network.initialise(architecture, rng)
        self.online = {name: torch.from_numpy(values).requires_grad_() for name, values in drawn.items()}
        self.target = {name: weight.detach().clone() for name, weight in self.online.items()}
        self.average = {name: weight.detach().clone() for name, weight in self.online.items()}
        self._optimiser = torch.optim.Adam(self.online.values(), lr=preset.learning_rate)
        self._steps = 0

    def numpy(self) -> dict[str, NDArray[np.float32]]:
        """The online weights as arrays that share their memory."""
        return _arrays(self.online)

    def served_numpy(self) -> dict[str, NDArray[np.float32]]:
        """The weights that are served as arrays that share their memory."""
        return _arrays(self.served)

    @property
    def served(self) -> dict[str, Tensor]:
        """The weights that decide once training is over: averaged over the last gradient steps, or the online ones."""
        return self.average if self._preset.average else self.online

    def set_learning_rate(self, epoch: int) -> None:
        """Half a cosine over the epochs, if the preset says so."""
        share = (epoch - 1) / self._preset.epochs
        factor = 0.5 * (1.0 + math.cos(math.pi * share)) if self._preset.cosine_decay else 1.0
        for group in self._optimiser.param_groups:
            group["lr"] = self._preset.learning_rate * factor

    def descend(self, predicted: Tensor, wanted: NDArray[np.float64]) -> float:
        """One gradient step on the Huber loss of Q against its targets, shapes (B,); returns the loss."""
        loss = functional.smooth_l1_loss(predicted, torch.from_numpy(wanted.astype(np.float32)))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.online.values(), MAX_GRADIENT_NORM)
        self._optimiser.step()
        self._steps += 1
        self._follow()
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        every = self._preset.target_every
        share = self._preset.target_share if not every else float(self._steps % every == 0)
        if share:
            for name, weight in self.target.items():
                weight.lerp_(self.online[name], share)
        forgetting = max(1.0 - self._preset.average, 1.0 / self._steps)  # a plain mean until there are enough of them
        for name, weight in self.average.items():
            weight.lerp_(self.online[name], forgetting)

    def tensors(self) -> dict[str, Tensor]:
        """Everything the next step depends on."""
        found = {f"online/{name}": weight.detach() for name, weight in self.online.items()}
        found |= {f"target/{name}": weight for name, weight in self.target.items()}
        found |= {f"average/{name}": weight for name, weight in self.average.items()}
        return found | moments(self.online, self._optimiser) | {"steps": torch.tensor(self._steps)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what :meth:`tensors` gave.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: one has another shape.
        """
        with torch.no_grad():
            for name, weight in self.online.items():
                weight.copy_(tensors[f"online/{name}"])
                self.target[name].copy_(tensors[f"target/{name}"])
                self.average[name].copy_(tensors[f"average/{name}"])
        restore_moments(tensors, self.online, self._optimiser)
        self._steps = int(tensors["steps"])


def _arrays(weights: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    return {name: weight.detach().numpy() for name, weight in weights.items()}
