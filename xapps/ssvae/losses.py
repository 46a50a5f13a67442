"""The loss terms of SS-VAE: (23), (24) and (26) of paper 1. Pure functions of torch tensors, batch axis N first."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from oran.e2sm.rrm import NOBODY
from xapps.ssvae.network import Heads, Latent


def expected_power(heads: Heads) -> Tensor:
    """Power of each PRB as a fraction of the cap, shape (N, R, K): the owner's, in expectation over who owns it."""
    return (heads.owner.softmax(dim=1) * heads.power.sigmoid()).sum(dim=1)


def supervised(
    heads: Heads,
    serving_ru: Tensor,
    prb_owner: Tensor,
    power: Tensor,
    kind: Literal["likelihood", "squared"],
) -> tuple[Tensor, Tensor]:
    """Loss (24) of the indicators and of the power.

    Args:
        serving_ru: alpha as RU index, shape (N, U), NOBODY where unserved.
        prb_owner: beta as UE index, shape (N, R, K), NOBODY where idle.
        power: p as a fraction of the PRB cap, shape (N, R, K).
        kind: cross-entropy of the indicators, or their squared error as printed.

    Returns:
        Two scalars; PRBs and UEs without a label do not count.
    """
    power_error = functional.mse_loss(expected_power(heads), power)
    if kind == "squared":
        return _indicator_error(heads.owner, prb_owner) + _indicator_error(
            heads.association, serving_ru, 2
        ), power_error
    owner = functional.cross_entropy(heads.owner, prb_owner, ignore_index=NOBODY)
    if heads.association.shape[-1] == 1:  # with one RU alpha is constant
        return owner, power_error
    association = functional.cross_entropy(heads.association.transpose(1, 2), serving_ru, ignore_index=NOBODY)
    return owner + association, power_error


def _indicator_error(logits: Tensor, index: Tensor, axis: int = 1) -> Tensor:
    """Squared error of sigmoid(logits) against the one-hot of ``index`` along ``axis``; NOBODY is all zeros."""
    target = torch.zeros_like(logits)
    target.scatter_(axis, index.clamp(min=0).unsqueeze(axis), (index != NOBODY).unsqueeze(axis).to(logits.dtype))
    return functional.mse_loss(logits.sigmoid(), target)


def structured(heads: Heads, prb_owner: Tensor, rng: np.random.Generator) -> Tensor:
    """How far the best matching by the scores is from the label's, a scalar (beyond the paper).

    Perturbed Fenchel-Young loss (Berthet et al. 2020, arXiv:2002.08676, eq. 9): its gradient in the scores is the
    matching found under perturbed scores less the label. Each UE keeps the label's number of PRBs, so only *which* ones
    is learned. Unlike cross-entropy, which asks every PRB by itself, it stops pushing where the decoder is right. The
    constant that would make it zero at best is left out.
    """
    ues = heads.owner.shape[1]
    scores = heads.owner.permute(0, 2, 3, 1).reshape(-1, heads.owner.shape[3], ues)  # (N R, K, U)
    owner = prb_owner.reshape(len(scores), -1)  # (N R, K)
    with torch.no_grad():
        noisy = scores.numpy() + rng.standard_normal(scores.shape, np.float32)
        found = torch.from_numpy(np.stack([_rematched(*pair) for pair in zip(noisy, owner.numpy(), strict=True)]))
    labelled = owner != NOBODY
    difference = _score_of(scores, found) - _score_of(scores, owner)
    return difference[labelled].mean()


def _score_of(scores: Tensor, owner: Tensor) -> Tensor:
    return scores.gather(-1, owner.clamp(min=0).unsqueeze(-1)).squeeze(-1)


def _rematched(scores: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Owners of the same number of PRBs each, matched anew by ``scores`` (K, U); idle PRBs stay idle, shape (K,)."""
    matched = owner.copy()
    busy = np.flatnonzero(owner != NOBODY)
    row, slot = linear_sum_assignment(scores[busy][:, owner[busy]], maximize=True)
    matched[busy[row]] = owner[busy][slot]
    return matched


def sample(latent: Latent, generator: torch.Generator) -> tuple[Tensor, ...]:
    """z = mean + deviation * noise, the reparametrisation of Kingma and Welling 2014 (arXiv:1312.6114), section 2.4."""
    return tuple(
        mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=generator)
        for mean, log_variance in zip(latent.mean, latent.log_variance, strict=True)
    )


def divergence(latent: Latent) -> Tensor:
    """D_KL(q(z|x) || N(0, 1)) of (23), a scalar: mean over the batch and over every latent dimension."""
    terms = [
        (mean.square() + log_variance.exp() - 1.0 - log_variance).mean() * 0.5
        for mean, log_variance in zip(latent.mean, latent.log_variance, strict=True)
    ]
    return torch.stack(terms).mean()


def contrastive(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Loss (26): each row of ``one`` should find its sibling among the rows of ``other``, both shape (N, D).

    Representations are centred over the batch and normalised first (the latter as Chen et al. 2020, arXiv:2002.05709):
    the scalar product of (26) grows without bound otherwise, and what all cells share drowns what tells them apart.
    """
    centre = 0.5 * (one.mean(dim=0) + other.mean(dim=0))
    one, other = functional.normalize(one - centre, dim=-1), functional.normalize(other - centre, dim=-1)
    similarity = one @ other.T / temperature  # (N, N), siblings on the diagonal
    return functional.cross_entropy(similarity, torch.arange(len(one)))


def owner_accuracy(heads: Heads, prb_owner: Tensor) -> Tensor:
    """Share of the labelled PRBs whose best-scored UE is the label's, a scalar."""
    labelled = prb_owner != NOBODY
    return (heads.owner.argmax(dim=1) == prb_owner)[labelled].float().mean()
