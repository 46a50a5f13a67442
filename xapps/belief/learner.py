"""The learning half: pairs of reports and true gains in, weights out. No labels and no solver, only a likelihood.

-ln f(g) = ln v + (sqrt(g) - m)^2 / v - ln I0e(2 m sqrt(g) / v)      (Rice's density of |h|^2, h ~ CN(m, v))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from e2sim.physics.units import db_to_linear
from xapps.belief.network import Architecture, features, forward, initialise
from xapps.ssvae.learner import torch_threads

Pairs = tuple[list[NDArray[np.float64]], NDArray[np.float64]]
"""Reports newest first, each (N, U, R, K), and the true gains (N, U, R, K) [dB]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings of a training."""

    architecture: Architecture = field(default_factory=Architecture)
    steps: int = 800
    learning_rate: float = 5e-3
    first_report_share: float = 0.4
    """Steps in which the network sees the newest report alone, as when a UE has just come."""


def negative_log_likelihood(ln_known: Tensor, ln_diffuse: Tensor, gain: Tensor) -> Tensor:
    """-ln f of gains relative to the scale of the two parts, any shape."""
    amplitude, root = (0.5 * ln_known).exp(), gain.sqrt()
    inverse = (-ln_diffuse).exp()
    bessel = torch.special.i0e(2.0 * amplitude * root * inverse)
    return ln_diffuse + (root - amplitude).square() * inverse - bessel.log()


def train(
    pairs: Callable[[np.random.Generator], Pairs], preset: Preset, *, seed: int
) -> tuple[dict[str, NDArray[np.float32]], list[float]]:
    """Weights, and the likelihood after every step.

    Args:
        pairs: draws a batch; called once a step.
        preset: settings.
        seed: decides weights and draws.
    """
    rng = np.random.default_rng([seed, 0])
    weights = {
        name: torch.from_numpy(values).requires_grad_() for name, values in initialise(preset.architecture, rng).items()
    }
    optimiser = torch.optim.Adam(weights.values(), preset.learning_rate)
    curve = []
    with torch_threads(1):  # threads that wait for each other cost more than such small tensors gain
        for step in range(preset.steps):
            for group in optimiser.param_groups:
                group["lr"] = preset.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / preset.steps))
            history_db, true_db = pairs(rng)
            if rng.random() < preset.first_report_share:
                history_db = history_db[:1]
            mean_db = history_db[0].mean(axis=-1, keepdims=True)
            gain = torch.from_numpy(db_to_linear(true_db - mean_db).astype(np.float32))
            ln_known, ln_diffuse = forward(weights, torch.from_numpy(features(preset.architecture, history_db)))
            loss = negative_log_likelihood(ln_known, ln_diffuse, gain).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimiser.step()
            curve.append(loss.item())
    return {name: w.detach().numpy() for name, w in weights.items()}, curve
