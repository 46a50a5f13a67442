"""A training cut short as safetensors: weights, their averages, moments, answers and progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor

from xapps.diffusion_ql.experience import Experience
from xapps.training.epochs import moments


def packed(
    groups: Mapping[str, Mapping[str, Tensor]],
    weights: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    parts: Sequence[Experience],
    progress: Sequence[float],
) -> bytes:
    """Everything the next epoch depends on.

    Args:
        groups: sets of tensors under the weights' names, by the name of the set.
        weights: what ``optimiser`` moves; its moments are kept under their names.
        parts: whose answers change as learning goes on.
        progress: numbers.
    """
    tensors = {f"{group}/{name}": tensor.detach() for group, each in groups.items() for name, tensor in each.items()}
    tensors |= moments(weights, optimiser)
    for index, part in enumerate(parts):
        tensors[f"answers/{index}/owner"] = torch.from_numpy(part.owner)
        tensors[f"answers/{index}/reward"] = torch.from_numpy(part.reward)
    tensors["progress"] = torch.tensor(progress, dtype=torch.float64)
    return safetensors.save({name: tensor.contiguous().clone() for name, tensor in tensors.items()})


def restore_weights(tensors: Mapping[str, Tensor], groups: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Puts sets of tensors back where they were; raises ``KeyError``, ``ValueError`` or ``RuntimeError`` if they are
    another network's."""
    for group, each in groups.items():
        found = {name.removeprefix(f"{group}/") for name in tensors if name.startswith(f"{group}/")}
        if odd := sorted(found ^ set(each)):
            raise ValueError(f"{group}s missing or superfluous: {', '.join(odd[:5])}")
    with torch.no_grad():
        for group, each in groups.items():
            for name, tensor in each.items():
                tensor.copy_(tensors[f"{group}/{name}"])


def restore_answers(tensors: Mapping[str, Tensor], parts: Sequence[Experience]) -> None:
    """Puts answers back where they were; raises ``KeyError`` or ``ValueError`` if they are others'."""
    found = [(tensors[f"answers/{i}/owner"].numpy(), tensors[f"answers/{i}/reward"].numpy()) for i in range(len(parts))]
    for part, (owner, reward) in zip(parts, found, strict=True):
        if owner.shape != part.owner.shape or reward.shape != part.reward.shape:
            raise ValueError(f"answers of shape {owner.shape}, expected {part.owner.shape}")
    for part, (owner, reward) in zip(parts, found, strict=True):
        part.owner, part.reward = np.array(owner), np.array(reward)
