"""Gaussian diffusion: the forward process that drowns an answer in noise, and the ways back. No network, no state.

    q(x_t | x_0) = N(sqrt(abar_t) x_0, 1 - abar_t)

A denoiser estimates x_0 from x_t. From that estimate one step back is either drawn (DDPM, Ho et al. 2020,
arXiv:2006.11239) or computed (DDIM, Song et al. 2021, arXiv:2010.02502), and DDIM may leave steps out. Paper 2 names
twenty steps (Table I) and no schedule; the schedule is that of Diffusion-QL (Wang et al. 2023, arXiv:2208.06193).

All functions take numpy arrays or torch tensors of any shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.errors import ConfigError

Array = Any
"""A numpy array or a torch tensor."""

Denoiser = Callable[[Array, int], Array]
"""Estimate of x_0 from x_t and t."""

BETA_MIN, BETA_MAX = 0.1, 10.0
"""Ends of the variance-preserving schedule: Wang et al. 2023, appendix D."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """How much of x_0 is left after each step."""

    kept: NDArray[np.float64]
    """abar_t for t = 0 to T: 1 at first, close to 0 at last, shape (T + 1,)."""

    @classmethod
    def variance_preserving(cls, steps: int) -> Schedule:
        """beta_t = 1 - exp(-beta_min / T - (beta_max - beta_min) (2 t - 1) / (2 T^2)), whose abar telescopes.

        Raises:
            ConfigError: no step at all.
        """
        if steps < 1:
            raise ConfigError("steps", steps, "at least 1")
        share = np.arange(steps + 1) / steps
        return cls(np.exp(-BETA_MIN * share - 0.5 * (BETA_MAX - BETA_MIN) * share**2))

    @property
    def steps(self) -> int:
        return len(self.kept) - 1

    def noised(self, x_0: Array, noise: Array, kept: Array) -> Array:
        """x_t of x_0 for standard normal ``noise``; ``kept`` is abar_t, in a shape that broadcasts."""
        return kept**0.5 * x_0 + (1.0 - kept) ** 0.5 * noise

    def posterior(self, x_t: Array, x_0: Array, t: int) -> tuple[Array, float]:
        """Mean and variance of q(x_{t-1} | x_t, x_0): Ho et al. 2020, (7)."""
        now, before = float(self.kept[t]), float(self.kept[t - 1])
        alpha = now / before
        from_x_0 = before**0.5 * (1.0 - alpha) / (1.0 - now)
        from_x_t = alpha**0.5 * (1.0 - before) / (1.0 - now)
        return from_x_0 * x_0 + from_x_t * x_t, (1.0 - before) / (1.0 - now) * (1.0 - alpha)

    def jumped(self, x_t: Array, x_0: Array, t: int, to: int) -> Array:
        """x_to from x_t without new noise: Song et al. 2021, (12) with sigma 0."""
        now, then = float(self.kept[t]), float(self.kept[to])
        noise = (x_t - now**0.5 * x_0) / (1.0 - now) ** 0.5
        return then**0.5 * x_0 + (1.0 - then) ** 0.5 * noise


def sub_steps(steps: int, count: int) -> tuple[int, ...]:
    """``count`` of the times T to 1, evenly spaced from T on ("trailing": Lin et al. 2024, arXiv:2305.08891, table 2).

    The last of few steps then still sees noise, so its estimate weighs alternatives; at time 1 it would only repeat the
    answer that it is shown.

    Raises:
        ConfigError: fewer than one, or more than there are.
    """
    if not 1 <= count <= steps:
        raise ConfigError("steps", count, f"1 to {steps}")
    return tuple(int(t) for t in np.rint(np.linspace(steps, 0, count + 1)[:-1]))


def implicit(schedule: Schedule, denoise: Denoiser, x: Array, times: Sequence[int]) -> Array:
    """The answer that DDIM reaches from the noise ``x`` by way of ``times``: the denoiser's last estimate of x_0."""
    for t, to in zip(times, (*times[1:], 0), strict=True):
        x_0 = denoise(x, t)
        x = schedule.jumped(x, x_0, t, to)
    return x_0


def ancestral(schedule: Schedule, denoise: Denoiser, x: Array, fresh_noise: Callable[[], Array]) -> Array:
    """The answer that DDPM draws from the noise ``x`` in all T steps; no noise is added after the last."""
    for t in range(schedule.steps, 0, -1):
        mean, variance = schedule.posterior(x, denoise(x, t), t)
        x = mean + variance**0.5 * fresh_noise() if t > 1 else mean
    return x
