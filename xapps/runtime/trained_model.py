"""What every learner ends with: the face between a learner and the run that makes a model file of its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Outcome of a training: what a manifest needs, and the weights."""

    weights: bytes
    """safetensors."""
    architecture: dict[str, Any]
    normalisation: dict[str, float]
    training: dict[str, Any]
    """Preset, seed, numbers of drops, best epoch."""
    curves: list[dict[str, float]]
    """What each epoch measured."""
