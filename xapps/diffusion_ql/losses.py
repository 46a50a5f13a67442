"""The loss terms of Diffusion-QL (Wang et al. 2023, arXiv:2208.06193, eqs 2-4): pure functions of torch tensors."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def denoising(logits: Tensor, owner: Tensor, kind: Literal["likelihood", "squared"]) -> Tensor:
    """How far the denoiser is from the answer that was noised, a scalar.

    Both kinds are least at the posterior of the owner, whose mean is the denoiser's estimate of x_0.

    Args:
        logits: log-odds of ownership, shape (..., U, K).
        owner: position of the UE on each PRB, shape (..., K).
    """
    flat = logits.transpose(-1, -2).reshape(-1, logits.shape[-2])  # (... K, U)
    if kind == "likelihood":
        return functional.cross_entropy(flat, owner.reshape(-1))
    return 4.0 * (flat.softmax(-1) - functional.one_hot(owner.reshape(-1), logits.shape[-2])).square().mean()


def ranking(logits: Tensor, owner: Tensor, reward: Tensor, chosen: Tensor) -> Tensor:
    """How far the denoiser is from telling the noised answer from the drop's other ones, a scalar.

    An answer's likelihood is the product of its PRBs' odds, normalised over the answers that are known instead of over
    all there could be. So nothing is learned from PRBs on which the answers agree, and a policy whose answers are as
    good as any that it has seen is left alone; plain likelihood would wear a good prior down to the average imitator.

    Args:
        logits: log-odds of ownership, shape (A, N, U, K).
        owner: position of the UE on each PRB in every answer, shape (N, M, K).
        reward: shape (N, M); not finite where there is no answer.
        chosen: which answer was noised, shape (N, A).
    """
    spread = owner[None].expand(len(logits), -1, -1, -1)  # (A, N, M, K)
    likelihood = logits.gather(-2, spread).sum(dim=-1).masked_fill(~torch.isfinite(reward), -torch.inf)
    return functional.cross_entropy(likelihood.flatten(0, 1), chosen.T.reshape(-1))


def guidance(value: Tensor) -> Tensor:
    """What raises the value of the policy's answers, a scalar: less their mean, in units of their mean absolute value.

    The unit carries no gradient, so that eta means the same whatever the scale of rewards.
    """
    return -value.mean() / value.detach().abs().mean().clamp(min=1e-6)


def straight_through(share: Tensor) -> Tensor:
    """The favourites' one-hot answer, with the gradient of the shares (Bengio et al. 2013, arXiv:1308.3432).

    Critics know the worth of whole PRBs only; at mixed shares they guess, and guidance would follow the guess.
    """
    favourite = functional.one_hot(share.argmax(dim=-3), share.shape[-3]).movedim(-1, -3)
    return favourite + share - share.detach()


def target(reward: Tensor, discount: float, next_value: Tensor | None) -> Tensor:
    """r + gamma Q'(s', a'), with the pessimistic value of the ensemble's targets; any shape."""
    return reward if next_value is None else reward + discount * next_value


def regression(values: list[Tensor], wanted: Tensor, sharpness: float) -> Tensor:
    """Squared error of every member of the ensemble at the answers whose reward is known, a scalar.

    Guidance and choice among candidates compare good answers with better ones, so an answer counts the less, down to a
    twentieth, the further it lies below the best known one of its drop.

    Args:
        values: one tensor a member, shape (M, N).
        wanted: targets (M, N), not finite where there is no answer.
        sharpness: distance below the best at which the weight has fallen to 1 / e; 0: all count alike.
    """
    known = torch.isfinite(wanted)
    weight = torch.ones_like(wanted)
    if sharpness:
        weight = 0.05 + 0.95 * ((wanted - wanted.amax(dim=0)) / sharpness).exp()
    return torch.stack([(weight[known] * (each[known] - wanted[known]).square()).mean() for each in values]).sum()


def preference(reward: Tensor, temperature: float) -> Tensor:
    """Probability with which each answer of a drop is denoised, shape (N, M): exp(reward / temperature), normalised.

    Advantage weighting (Peng et al. 2019, arXiv:1910.00177); a drop's answers are each other's baseline. Temperature 0
    stands for no preference. Places without an answer have probability 0.
    """
    known = torch.isfinite(reward)
    if not temperature:
        return known / known.sum(dim=-1, keepdim=True)
    return (reward / temperature).softmax(dim=-1)
