"""What a step of learning lowers: the critics' error, the behaviour term, and less of what the critics value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xapps.diffusion_ql import losses, network
from xapps.diffusion_ql.diffusion import Schedule
from xapps.diffusion_ql.network import Architecture
from xapps.diffusion_ql.presets import Preset
from xapps.diffusion_ql.sampling import answer_of, draw, pessimistic

Weights = Mapping[str, Tensor]

Appraisal = tuple[dict[str, Tensor], network.State]
"""Weights of one member of the ensemble, and what it keeps of a batch of states."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """States and answers to each, with what those were worth."""

    x: Tensor
    """Features, shape (N, U, 1, K, F)."""
    owner: Tensor
    """Position of the UE on each PRB, shape (N, M, K)."""
    reward: Tensor
    """Shape (N, M); not finite where there is no answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """The loss terms of Diffusion-QL (Wang et al. 2023, arXiv:2208.06193, eqs 2-4) for one preset."""

    preset: Preset
    architecture: Architecture
    schedule: Schedule

    def terms(self, weights: Weights, average: Weights, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Scalars by name: ``critic``, ``denoising`` and, with guidance, ``guidance``.

        Args:
            weights: what is learned.
            average: its moving average, which sets the critics' targets.
        """
        appraisals = self.appraisals(weights, batch.x)
        critic = self._critic(average, appraisals, batch, generator)
        return {"critic": critic} | self._policy(weights, appraisals, batch, generator)

    def weighed(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Their sum, guidance times eta."""
        return terms["critic"] + terms["denoising"] + self.preset.guidance * terms.get("guidance", torch.zeros(()))

    def appraisals(self, weights: Weights, x: Tensor) -> list[Appraisal]:
        """What every member of the ensemble keeps of the states ``x``."""
        members = [network.part(weights, f"critic.{member}") for member in range(self.architecture.critics)]
        return [(critic, network.appraise(self.architecture, critic, x, torch)) for critic in members]

    def values(self, appraisals: list[Appraisal], share: Tensor) -> list[Tensor]:
        """Q of shares (..., N, U, 1, K) by every member of the ensemble."""
        return [network.value(self.architecture, critic, state, share, torch) for critic, state in appraisals]

    def _critic(
        self, average: Weights, appraisals: list[Appraisal], batch: Batch, generator: torch.Generator
    ) -> Tensor:
        share = functional.one_hot(batch.owner, batch.x.shape[-4]).permute(1, 0, 3, 2)[..., None, :].float()
        wanted = losses.target(
            batch.reward.T, self.preset.discount, self._next_value(average, batch.x, generator)
        )  # (M, N)
        return losses.regression(self.values(appraisals, share), wanted, self.preset.critic_sharpness)

    @torch.no_grad()
    def _next_value(self, average: Weights, x: Tensor, generator: torch.Generator) -> Tensor | None:
        """Pessimistic value of the averaged policy in the drop that follows, shape (N,): drops follow each other at
        random, so that is any other of the batch."""
        if not self.preset.discount:
            return None
        following = x.roll(1, dims=0)
        policy = network.part(average, "policy")
        state = network.read(self.architecture, policy, following, torch)
        noise = torch.randn(following.shape[:-1], generator=generator)
        logits = draw(self.architecture, self.schedule, policy, state, noise, self.preset.sampling.steps, torch)
        values = self.values(self.appraisals(average, following), network.shares(logits, torch))
        return pessimistic(values, self.preset.pessimism, torch)

    def _policy(
        self, weights: Weights, appraisals: list[Appraisal], batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Behaviour term and Q guidance at random steps of the forward process.

        The critic values the denoiser's estimate of x_0, not the end of a chain (Kang et al. 2023, arXiv:2305.20081):
        one pass instead of T.
        """
        p, a = self.preset, self.architecture
        chosen = self._chosen(batch, generator)  # (N, A)
        index = chosen[..., None].expand(-1, -1, batch.owner.shape[-1])
        answer = batch.owner.gather(1, index).transpose(0, 1)  # (A, N, K)
        x_0 = answer_of(functional.one_hot(answer, batch.x.shape[-4]).transpose(-1, -2)[..., None, :].float())
        t = torch.randint(1, a.steps + 1, answer.shape[:2], generator=generator)
        kept = torch.from_numpy(self.schedule.kept.astype(np.float32))[t][..., None, None, None]
        noise = torch.randn(x_0.shape, generator=generator)
        policy = network.part(weights, "policy")
        state = network.read(a, policy, batch.x, torch)
        logits = network.denoise(a, policy, state, self.schedule.noised(x_0, noise, kept), t, torch)
        if p.denoising == "ranking":
            terms = {"denoising": losses.ranking(logits[..., 0, :], batch.owner, batch.reward, chosen)}
        else:
            terms = {"denoising": losses.denoising(logits[..., 0, :], answer, p.denoising)}
        if p.guidance:
            frozen = [(_detached(critic), _detached(state)) for critic, state in appraisals]
            values = self.values(frozen, losses.straight_through(network.shares(logits, torch)))
            terms["guidance"] = losses.guidance(pessimistic(values, p.pessimism, torch))
        return terms

    def _chosen(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Which answers to denoise, the better ones more often, shape (N, A)."""
        chance = losses.preference(batch.reward, self.preset.behaviour_temperature)
        return torch.multinomial(chance, self.preset.answers, replacement=True, generator=generator)


def _detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in tensors.items()}
