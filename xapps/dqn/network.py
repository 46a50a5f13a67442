"""The Q-networks, written once for numpy (serving) and torch (learning).

- *fair*: one shared network for every pair of UE and PRB; the value of the state comes from what is pooled over all
  pairs (Dueling: Wang et al. 2016, arXiv:1511.06581), so any number of UEs and PRBs will do.
- *paper*: paper 1, section 5.2: one bit a UE in, one value for every (UE, PRB, power level) out; one size only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from oran.errors import ConfigError
from xapps.dqn import features
from xapps.runtime.manifest_entry import ManifestEntry

Array = Any
"""A numpy array or a torch tensor."""

Weights = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(ManifestEntry):
    """Shape of a network; goes into the model's manifest."""

    kind: Literal["fair", "paper"] = "fair"
    width: int = 32
    layers: int = 2
    ues: int = 0
    """Number of UEs of the paper's network; 0 for the fair one, which takes any."""
    prbs: int = 0
    power_levels: int = 0
    """Power levels an action of the paper's network can name."""

    def __post_init__(self) -> None:
        if self.kind not in ("fair", "paper"):
            raise ConfigError("kind", self.kind, "fair or paper")
        for field in ("width", "layers"):
            if not 1 <= getattr(self, field) <= 4096:
                raise ConfigError(field, getattr(self, field), "1 to 4096")
        if self.kind == "paper" and min(self.ues, self.prbs, self.power_levels) < 1:
            raise ConfigError("ues", self.ues, "the paper's network has a fixed number of UEs, PRBs and power levels")


class Segments(Protocol):
    """Rows that belong together, as numpy or torch sees them."""

    def mean(self, values: Array) -> Array:
        """Mean over the rows of each problem, (M, ...) -> (N, ...)."""
        ...

    def maximum(self, values: Array) -> Array:
        """Maximum over the rows of each problem, (M, C) -> (N, C)."""
        ...

    def spread(self, values: Array) -> Array:
        """Each problem's value to all its rows, (N,) -> (M,)."""
        ...


class NumpySegments:
    """Segments of arrays.

    Args:
        counts: rows of each problem, at least one, shape (N,).
    """

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts
        self._starts = np.cumsum(counts) - counts

    def mean(self, values: Array) -> Array:
        total = np.add.reduceat(values, self._starts, axis=0)
        return total / self._counts.astype(values.dtype).reshape(-1, *[1] * (values.ndim - 1))

    def maximum(self, values: Array) -> Array:
        return np.maximum.reduceat(values, self._starts, axis=0)

    def spread(self, values: Array) -> Array:
        return np.repeat(values, self._counts)


def weight_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every weight, in the order of initialisation."""
    c = a.width
    inputs = len(features.NAMES) if a.kind == "fair" else a.ues
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(a.layers):
        shapes |= {f"{layer}": (c if layer else inputs, c), f"{layer}.bias": (c,)}
    if a.kind == "paper":
        actions = a.ues * a.prbs * a.power_levels
        return shapes | {"actions": (c, actions), "actions.bias": (actions,)}
    return shapes | {"advantage": (c, 1), "value": (2 * c, c), "value.bias": (c,), "value.out": (c, 1)}


def initialise(architecture: Architecture, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fresh weights: normal with variance 2 / fan-in (He et al. 2015), biases zero, outputs near zero."""
    weights = {}
    for name, shape in weight_shapes(architecture).items():
        scale = np.sqrt(2.0 / shape[0]) * (0.1 if name in ("actions", "advantage", "value.out") else 1.0)
        drawn = rng.standard_normal(shape) * scale if len(shape) == 2 else np.zeros(shape)
        weights[name] = drawn.astype(np.float32)
    return weights


def pair_values(a: Architecture, w: Weights, rows: Array, segments: Segments, xp: Any) -> Array:
    """Q of pairs, shape (M,), from the features (M, F) of the allowed pairs of all problems, one problem after another.

    Args:
        segments: which rows make up a problem.
        xp: numpy or torch.
    """
    hidden = _layers(a, w, rows)
    advantage = _advantage(w, rows, hidden)
    pooled = xp.concatenate([segments.mean(hidden), segments.maximum(hidden)], axis=-1)
    value = (pooled @ w["value"] + w["value.bias"]).clip(0) @ w["value.out"]
    return advantage + segments.spread(value[..., 0] - segments.mean(advantage))


def pair_advantages(a: Architecture, w: Weights, rows: np.ndarray) -> np.ndarray:
    """Q of pairs but for what all pairs of a problem share, shape (M,), from their features (M, F); numpy only.

    It ranks the pairs of a problem as Q does, and who only wants the best one is spared the value of the state.
    """
    hidden = rows
    for layer in range(a.layers):
        hidden = hidden @ w[f"{layer}"]
        hidden += w[f"{layer}.bias"]
        np.maximum(hidden, 0.0, out=hidden)
    advantage: np.ndarray = _advantage(w, rows, hidden)
    return advantage


def _advantage(w: Weights, rows: Array, hidden: Array) -> Array:
    """The reward of the step is one of the features and is added as it is: what is left to learn is what follows it."""
    return (hidden @ w["advantage"])[..., 0] + rows[..., features.NEXT_REWARD]


def action_values(a: Architecture, w: Weights, satisfied: Array) -> Array:
    """Q of the paper's actions, shape (N, U * K * L), from one bit a UE, shape (N, U)."""
    return _layers(a, w, satisfied) @ w["actions"] + w["actions.bias"]


def _layers(a: Architecture, w: Weights, x: Array) -> Array:
    for layer in range(a.layers):
        x = (x @ w[f"{layer}"] + w[f"{layer}.bias"]).clip(0)
    return x
