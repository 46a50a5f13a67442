"""The learning policy's own answers: drawn, decoded and judged, for learning from and for validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xapps.diffusion_ql import network
from xapps.diffusion_ql.diffusion import Schedule
from xapps.diffusion_ql.experience import Experience, decoded_owners
from xapps.diffusion_ql.network import Architecture, Weights
from xapps.diffusion_ql.sampling import draw
from xapps.ssvae.batches import take
from xapps.ssvae.features import Normalisation, observe

DRAWN_AT_ONCE = 64
"""Drops whose answers are drawn in one pass."""


@dataclass(frozen=True, slots=True, eq=False)
class Answerer:
    """A policy as it stands."""

    architecture: Architecture
    schedule: Schedule
    normalisation: Normalisation
    weights: Weights
    steps: int
    """Denoising steps of an answer."""
    raw: bool = True
    """Whether answers are kept undecoded as well, every PRB to its favourite: where guidance asks the critics."""

    def explore(
        self, part: Experience, count: int, temperature: float, daring: float, generator: torch.Generator
    ) -> np.ndarray:
        """Answer every drop anew, ``count`` times, and keep what the answers were worth. The first is never daring.

        Returns:
            Rewards of the decoded ones, shape (N, count).
        """
        worths = []
        for index in _chunks(part.size, DRAWN_AT_ONCE):
            logits = self._drawn(part, index, count, temperature, generator)
            if daring:
                logits[1:] += daring * gumbel(logits[1:].shape, generator)
            for position, drop in enumerate(index):
                decoded = decoded_owners(take(part.report, int(drop)), logits[:, position])
                owner = decoded
                if self.raw:
                    owner = np.concatenate([decoded, logits[:, position].argmax(axis=1)[:, 0]])
                worth = part.judge(int(drop), owner)
                part.keep(int(drop), owner, worth)
                worths.append(worth[: len(decoded)])
        return np.array(worths)

    def rewards(self, part: Experience) -> np.ndarray:
        """What the first answer, from no noise, is worth in every drop, shape (N,)."""
        logits = self._drawn(part, np.arange(part.size), 1, 0.0, torch.Generator())
        owners = [decoded_owners(take(part.report, i), logits[:, i]) for i in range(part.size)]
        return np.array([part.judge(index, owner)[0] for index, owner in enumerate(owners)])

    @torch.no_grad()
    def _drawn(
        self, part: Experience, index: np.ndarray, count: int, temperature: float, generator: torch.Generator
    ) -> np.ndarray:
        """Log-odds of ``count`` answers to each drop, shape (count, N, U, 1, K)."""
        a, policy = self.architecture, network.part(self.weights, "policy")
        x = features(part, index, self.normalisation, a)
        state = network.read(a, policy, x, torch)
        noise = temperature * torch.randn((count, *x.shape[:-1]), generator=generator)
        return draw(a, self.schedule, policy, state, noise, self.steps, torch).double().numpy()


def gumbel(shape: tuple[int, ...], generator: torch.Generator) -> np.ndarray:
    """Noise whose addition makes the largest log-odds a draw by the odds (Gumbel's distribution)."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64).clamp(1e-12, 1.0 - 1e-12)
    return (-(-uniform.log()).log()).numpy()


def features(part: Experience, index: np.ndarray, normalisation: Normalisation, a: Architecture) -> Tensor:
    """What the networks see of some drops, shape (N, U, 1, K, F)."""
    return torch.from_numpy(observe(take(part.report, index), normalisation, a.slices))


def _chunks(count: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
