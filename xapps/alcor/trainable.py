"""What the learner trains, one class a kind of policy: weights, powers as torch sees them, and what is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from xapps.alcor import graph, local, perceptron
from xapps.alcor.graph import GraphArchitecture
from xapps.alcor.links import rates_bps_hz, switched
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.presets import Preset

Weights = Mapping[str, Tensor]

NORM_EPSILON = 1e-5


class Trainable(Protocol):
    """A policy under training."""

    architecture: dict[str, Any]
    """Goes into the manifest."""

    def initialise(self, rng: np.random.Generator) -> dict[str, np.ndarray]: ...

    def slots(
        self, w: Weights, snr: Tensor, weight: Tensor, active: Tensor, progress: float
    ) -> list[tuple[Tensor, float]]:
        """Logits (B, N) of one or more slots on the same channel, each with its share in the reward.

        ``progress`` is the share of the training that is over.
        """
        ...

    def served(self, w: Weights, snr: Tensor, active: Tensor) -> dict[str, np.ndarray]:
        """Weights of the acting half, given a large sample of channels."""
        ...


class Graph:
    """The permutation-equivariant policy."""

    def __init__(self, preset: Preset) -> None:
        self._shape = GraphArchitecture(
            width=preset.width, layers=preset.layers, candidates=preset.candidates, crowd=preset.crowd
        )
        self.architecture = {"kind": "graph", "graph": self._shape.to_dict()}

    def initialise(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        weights = graph.initialise(self._shape, rng)
        weights["out"] *= 0.1
        weights["out.bias"] -= 1.0  # optima are sparse
        return weights

    def slots(
        self, w: Weights, snr: Tensor, weight: Tensor, active: Tensor, progress: float
    ) -> list[tuple[Tensor, float]]:
        return [(graph.logits(self._shape, w, snr, weight, active, torch), 1.0)]

    def served(self, w: Weights, snr: Tensor, active: Tensor) -> dict[str, np.ndarray]:
        return _plain(w)


class Perceptron:
    """The centralised policy; batch normalisation in front of every rectifier, folded away for serving.

    Who is worth sending shows in the N own gains first, and in how they compare. Among N^2 alike inputs they take long
    to be found, and users whose own gain no unit has found are the dead ones. So own gains enter amplified, and units
    of the first layer begin as comparisons of two users. Logits count more and more as training goes on: powers that
    are half on are what keeps a sigmoid behind "only the best user". The served layers keep both factors.
    """

    def __init__(self, preset: Preset) -> None:
        self._shape = PerceptronArchitecture(users=preset.users[0], hidden=preset.hidden)
        self.architecture = {"kind": "perceptron", "perceptron": self._shape.to_dict()}
        self._emphasis = (1.0 + (preset.own_emphasis - 1.0) * torch.eye(self._shape.users)).reshape(-1)
        self._comparisons, self._sharpening = preset.comparisons, preset.sharpening

    def initialise(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        weights = comparing(perceptron.initialise(self._shape, rng), self._shape, self._comparisons)
        return weights | normalisers(self._shape)

    def slots(
        self, w: Weights, snr: Tensor, weight: Tensor, active: Tensor, progress: float
    ) -> list[tuple[Tensor, float]]:
        sharp = 1.0 + self._sharpening * progress
        return [(sharp * normalised_logits(self._shape, w, self._inputs(snr, active)), 1.0)]

    def served(self, w: Weights, snr: Tensor, active: Tensor) -> dict[str, np.ndarray]:
        found = folded(self._shape, w, self._inputs(snr, active))
        found["0.weight"] = found["0.weight"] * self._emphasis[:, None]
        last = len(self._shape.hidden)
        found |= {name: (1.0 + self._sharpening) * found[name] for name in (f"{last}.weight", f"{last}.bias")}
        return _plain(found)

    def _inputs(self, snr: Tensor, active: Tensor) -> Tensor:
        return perceptron.inputs(snr, active, torch) * self._emphasis


class Local:
    """The distributed policy, iterated on a held channel; no batch normalisation, which would tie users together."""

    def __init__(self, preset: Preset) -> None:
        self._inner_slots = preset.inner_slots
        self.architecture = {"kind": "local", "local": {"inner_slots": preset.inner_slots}}

    def initialise(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return local.initialise(rng)

    def slots(
        self, w: Weights, snr: Tensor, weight: Tensor, active: Tensor, progress: float
    ) -> list[tuple[Tensor, float]]:
        snr = switched(snr, active)
        memory = local.everybody_on(snr, active, torch)
        found = []
        for slot in range(self._inner_slots):
            logit = local.logits(w, local.measurements(snr, memory, torch))
            found.append((logit, (slot + 1.0) / self._inner_slots))
            memory = local.remembered(snr, torch.sigmoid(logit) * active, memory, torch)
        return found

    def served(self, w: Weights, snr: Tensor, active: Tensor) -> dict[str, np.ndarray]:
        return _plain(w)


def trainable(preset: Preset) -> Trainable:
    """What a preset trains."""
    kinds: dict[str, type[Graph] | type[Perceptron] | type[Local]] = {
        "graph": Graph,
        "perceptron": Perceptron,
        "local": Local,
    }
    return kinds[preset.kind](preset)


def comparing(weights: dict[str, np.ndarray], a: PerceptronArchitecture, factor: float) -> dict[str, np.ndarray]:
    """Fresh weights whose first layer compares own gains, each unit those of two users; as they are where 0."""
    if factor:
        own = np.arange(a.users) * (a.users + 1)
        weights["0.weight"][own] = factor * comparisons(a.users, a.hidden[0])
    return weights


def comparisons(users: int, units: int) -> np.ndarray:
    """Who is compared by each unit, shape (users, units): +1 and -1, every ordered pair, then each user alone (+1)."""
    first, second = np.nonzero(~np.eye(users, dtype=bool))
    plus, minus = np.append(first, np.arange(users)), np.append(second, np.full(users, -1))
    unit = np.arange(units)
    order = np.resize(np.arange(len(plus)), units)
    found = np.zeros((users, units), np.float32)
    found[plus[order], unit] = 1.0
    pair = minus[order] >= 0
    found[minus[order][pair], unit[pair]] = -1.0
    return found


def normalisers(a: PerceptronArchitecture) -> dict[str, np.ndarray]:
    """Gains and shifts of the batch normalisation of every hidden layer."""
    weights: dict[str, np.ndarray] = {}
    for layer, width in enumerate(a.hidden):
        weights |= {f"{layer}.gain": np.ones(width, np.float32), f"{layer}.shift": np.zeros(width, np.float32)}
    return weights


def normalised_logits(a: PerceptronArchitecture, w: Weights, x: Tensor) -> Tensor:
    """Logits with every hidden layer normalised over the batch, shape (B, N)."""
    for layer in range(len(a.hidden)):
        y = x @ w[f"{layer}.weight"]
        x = ((y - y.mean(0)) * torch.rsqrt(y.var(0) + NORM_EPSILON) * w[f"{layer}.gain"] + w[f"{layer}.shift"]).clip(0)
    last = len(a.hidden)
    return x @ w[f"{last}.weight"] + w[f"{last}.bias"]


def folded(a: PerceptronArchitecture, w: Weights, x: Tensor) -> dict[str, Tensor]:
    """The layers with the statistics of a large sample of inputs folded in, layer by layer."""
    found: dict[str, Tensor] = {}
    for layer in range(len(a.hidden)):
        y = x @ w[f"{layer}.weight"]
        scale = torch.rsqrt(y.var(0) + NORM_EPSILON) * w[f"{layer}.gain"]
        found[f"{layer}.weight"] = w[f"{layer}.weight"] * scale
        found[f"{layer}.bias"] = w[f"{layer}.shift"] - y.mean(0) * scale
        x = (x @ found[f"{layer}.weight"] + found[f"{layer}.bias"]).clip(0)
    last = len(a.hidden)
    return found | {name: w[name] for name in (f"{last}.weight", f"{last}.bias")}


def sum_rate(snr: Tensor, share: Tensor, weight: Tensor, active: Tensor) -> Tensor:
    """Weighted sum rate of each sample, shape (B,) [bps/Hz] (the reward of eq. 3)."""
    return (weight * rates_bps_hz(switched(snr, active), share, torch)).sum(-1)


def _plain(w: Weights) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(value.detach().numpy(), np.float32) for name, value in w.items()}
