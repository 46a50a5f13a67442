"""The benchmarks that put demands into the training instead of into time sharing (paper 5, benchmarks i, ii and v).

All climb eq. 10, reward = sum of E[R_i] - L sum of max(0, u_i - E[R_i]), whose expectations are means over a batch.

- *fixed*: one demand vector for good.
- *dynamic*: the demands are inputs. Fairly trained: many demand vectors a batch, each with channels of its own, and no
  batch normalisation, which would tell samples apart by whoever shares their batch.
- *vanilla* re-training: a fresh network for every new demand vector.
- *meta*: MAML (Finn et al. 2017) with a learnt inner step psi (eq. 11); adapts by a few updates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xapps.alcor import perceptron
from xapps.alcor.channels import draw_snr
from xapps.alcor.links import rates_bps_hz
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.trainable import comparing, folded, normalised_logits, normalisers

Array = NDArray[np.float64]
Weights = dict[str, Tensor]

PENALTY = 100.0
"""L of eq. 10."""
BATCH = 1000
INFERENCE_BATCH = 50
"""Channels of one update while a network adapts to new demands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long a benchmark is trained."""

    steps: int = 2000
    learning_rate: float = 1e-3
    demand_vectors: int = 20
    """Of the dynamic network: demand vectors a batch."""
    penalty: float = PENALTY
    batch: int = BATCH
    own_emphasis: float = 1.0
    comparisons: float = 0.0
    """Of the fixed network: both as in the presets of the perceptron."""


def reward(rate: Tensor, demand: Tensor, penalty: float = PENALTY) -> Tensor:
    """Eq. 10 of mean rates and demands, each (..., N), shape (...) [bps/Hz]."""
    return rate.sum(-1) - penalty * (demand - rate).clip(0).sum(-1)


def train_fixed(shape: PerceptronArchitecture, demand: Array, effort: Effort, seed: int) -> dict[str, np.ndarray]:
    """A network for one demand vector (N,), normalisation folded in; weights as ``perceptron`` serves them."""
    rng = np.random.default_rng([seed, 1])
    w = _tensors(comparing(perceptron.initialise(shape, rng), shape, effort.comparisons) | normalisers(shape))
    wanted = torch.tensor(demand, dtype=torch.float32)
    emphasis = (1.0 + (effort.own_emphasis - 1.0) * torch.eye(shape.users)).reshape(-1)

    def climb() -> Tensor:
        snr = _channels(rng, effort.batch, shape.users)
        share = torch.sigmoid(normalised_logits(shape, w, _inputs(snr) * emphasis))
        return reward(rates_bps_hz(snr, share, torch).mean(0), wanted, effort.penalty)

    _ascend(list(w.values()), climb, effort)
    with torch.no_grad():
        found = folded(shape, w, _inputs(_channels(rng, 4 * effort.batch, shape.users)) * emphasis)
        found["0.weight"] = found["0.weight"] * emphasis[:, None]
        return _arrays(found)


def train_dynamic(
    shape: PerceptronArchitecture, largest_demand: float, effort: Effort, seed: int
) -> dict[str, np.ndarray]:
    """A network with N demands as further inputs, demands uniform in [0, largest_demand]^N while it learns."""
    rng = np.random.default_rng([seed, 2])
    w = _tensors(perceptron.initialise(shape, rng))
    groups, users = effort.demand_vectors, shape.users
    size = max(1, BATCH // groups)

    def climb() -> Tensor:
        snr = _channels(rng, groups * size, users)
        demand = torch.tensor(rng.uniform(0.0, largest_demand, (groups, users)), dtype=torch.float32)
        x = torch.cat([_inputs(snr), demand.repeat_interleave(size, 0)], -1)
        share = torch.sigmoid(perceptron.logits(shape, w, x))
        rate = rates_bps_hz(snr, share, torch).reshape(groups, size, users).mean(1)
        return reward(rate, demand, effort.penalty).mean()

    _ascend(list(w.values()), climb, effort)
    return _arrays(w)


def mean_rates(shape: PerceptronArchitecture, w: dict[str, np.ndarray], snr: Array, demand: Array) -> Array:
    """What a network delivers on channels (B, N, N) under demands (N,), shape (N,) [bps/Hz]."""
    x = perceptron.inputs(snr, np.ones(snr.shape[:-1]), np)
    if shape.extra_inputs:
        x = np.concatenate([x, np.broadcast_to(demand, (len(x), len(demand)))], -1)
    share = 1.0 / (1.0 + np.exp(-perceptron.logits(shape, w, x)))
    rate: Array = rates_bps_hz(snr, share, np).mean(axis=0)
    return rate


def fresh(shape: PerceptronArchitecture, seed: int) -> dict[str, np.ndarray]:
    """Where vanilla re-training begins."""
    return perceptron.initialise(shape, np.random.default_rng([seed, 3]))


def train_meta(
    shape: PerceptronArchitecture, largest_demand: float, effort: Effort, seed: int
) -> tuple[dict[str, np.ndarray], float]:
    """Eq. 11: weights, and the step psi, from which one update serves a new demand vector best in expectation.

    The update differentiates through the inner gradient (the Hessian that makes meta-learning dear).
    """
    rng = np.random.default_rng([seed, 4])
    w = _tensors(perceptron.initialise(shape, rng))
    psi = torch.tensor(0.0, requires_grad=True)  # a tenth of its logarithm over 10^-3: it has far to go at Adam's pace

    def climb() -> Tensor:
        demand = torch.tensor(rng.uniform(0.0, largest_demand, shape.users), dtype=torch.float32)
        inner = _batch_reward(shape, w, _channels(rng, BATCH, shape.users), demand, effort.penalty)
        gradient = torch.autograd.grad(inner, list(w.values()), create_graph=True)
        step = 1e-3 * (10.0 * psi).exp()
        moved = {name: value + step * slope for (name, value), slope in zip(w.items(), gradient, strict=True)}
        return _batch_reward(shape, moved, _channels(rng, BATCH, shape.users), demand, effort.penalty)

    _ascend([*w.values(), psi], climb, effort)
    return _arrays(w), float(1e-3 * (10.0 * psi.detach()).exp())


def adapt(
    shape: PerceptronArchitecture,
    start: dict[str, np.ndarray],
    demand: Array,
    psi: float,
    rng: np.random.Generator,
    penalty: float = PENALTY,
) -> Iterator[Array]:
    """Re-train for new demands with step psi / (1 + k), as Fig. 1 does; yields each batch's mean rates, shape (N,)."""
    w = _tensors(start)
    wanted = torch.tensor(demand, dtype=torch.float32)
    epoch = 0
    while True:
        snr = _channels(rng, INFERENCE_BATCH, shape.users)
        share = torch.sigmoid(perceptron.logits(shape, w, _inputs(snr)))
        rate = rates_bps_hz(snr, share, torch).mean(0)
        yield rate.detach().numpy().astype(np.float64)
        gradient = torch.autograd.grad(reward(rate, wanted, penalty), list(w.values()))
        with torch.no_grad():
            for value, slope in zip(w.values(), gradient, strict=True):
                value += psi / (1.0 + epoch) * slope
        epoch += 1


def _batch_reward(shape: PerceptronArchitecture, w: Weights, snr: Tensor, demand: Tensor, penalty: float) -> Tensor:
    share = torch.sigmoid(perceptron.logits(shape, w, _inputs(snr)))
    return reward(rates_bps_hz(snr, share, torch).mean(0), demand, penalty)


def _ascend(parameters: list[Tensor], climb: Callable[[], Tensor], effort: Effort) -> None:
    optimiser = torch.optim.Adam(parameters, lr=effort.learning_rate)
    for step in range(effort.steps):
        for group in optimiser.param_groups:
            group["lr"] = effort.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / effort.steps))
        optimiser.zero_grad()
        (-climb()).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 10.0)
        optimiser.step()


def _channels(rng: np.random.Generator, batch: int, users: int) -> Tensor:
    return torch.tensor(draw_snr("iid", rng, batch, users), dtype=torch.float32)


def _inputs(snr: Tensor) -> Tensor:
    return perceptron.inputs(snr, torch.ones(snr.shape[:-1]), torch)


def _tensors(weights: dict[str, np.ndarray]) -> Weights:
    return {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}


def _arrays(weights: Weights) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in weights.items()}
