"""Drawing answers from the trained networks; numpy or torch, for one state or a batch of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from oran.errors import ConfigError
from xapps.diffusion_ql import network
from xapps.diffusion_ql.diffusion import Schedule, implicit, sub_steps
from xapps.diffusion_ql.network import Architecture, State, Weights
from xapps.runtime.manifest_entry import ManifestEntry

Array = Any
"""A numpy array or a torch tensor."""

Pessimism = Literal["min", "deviation"]

DEVIATIONS = 1.0
"""Standard deviations that are taken off the ensemble's mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(ManifestEntry):
    """How a model answers; stands in the manifest beside the network."""

    entry: ClassVar[str] = "sampling"

    steps: int = 5
    """Denoising steps: all T, or an evenly spaced choice of them."""
    candidates: int = 1
    """Answers drawn, of which one is taken."""
    choose: Literal["q", "physics"] = "q"
    """By the learned Q before any is decoded, or by decoding all and computing what each earns."""
    temperature: float = 0.5
    """Standard deviation of the noise that the candidates behind the first start from; the first starts from zero."""
    daring: float = 0.0
    """Scale of the Gumbel noise on the log-odds that those end with: at 1 every owner is drawn by its odds."""

    def __post_init__(self) -> None:
        if self.choose not in ("q", "physics"):
            raise ConfigError("choose", self.choose, "q or physics")
        if not 1 <= self.candidates <= 256:
            raise ConfigError("candidates", self.candidates, "1 to 256")
        if self.steps < 1:
            raise ConfigError("steps", self.steps, "at least 1")
        for name in ("temperature", "daring"):
            if not 0.0 <= getattr(self, name) <= 10.0:
                raise ConfigError(name, getattr(self, name), "0 to 10")


def draw(
    a: Architecture, schedule: Schedule, policy: Weights, state: State, noise: Array, steps: int, xp: Any
) -> Array:
    """Log-odds of ownership that DDIM reaches from ``noise``, both of shape (..., U, R, K).

    The last step's logits are the answer: their softmax is its estimate of x_0, and being log-odds they are what the
    decoder reads.
    """
    latest = noise

    def estimate(x_t: Array, t: int) -> Array:
        nonlocal latest
        latest = network.denoise(a, policy, state, x_t, t, xp)
        return answer_of(network.shares(latest, xp))

    implicit(schedule, estimate, noise, sub_steps(a.steps, steps))
    return latest


def answer_of(share: Array) -> Array:
    """Shares as an answer: +1 is ownership, -1 its absence."""
    return 2.0 * share - 1.0


def pessimistic(values: list[Array], pessimism: Pessimism, xp: Any) -> Array:
    """One value of the ensemble's, from arrays of one shape (...): the least, or the mean less the deviation."""
    stacked = xp.stack(values)
    if pessimism == "min":
        return xp.amin(stacked, axis=0)
    mean = stacked.mean(axis=0)
    spread = ((stacked - mean) ** 2).mean(axis=0)
    return mean - DEVIATIONS * (spread + 1e-12) ** 0.5


def starting_noise(shape: tuple[int, ...], sampling: Sampling, rng: np.random.Generator) -> np.ndarray:
    """Noise of the candidates, shape (C, *shape); zero for the first, the same for the others however many follow."""
    noise = rng.standard_normal((sampling.candidates, *shape), dtype=np.float32)
    noise *= np.float32(sampling.temperature)
    noise[0] = 0.0
    return noise
