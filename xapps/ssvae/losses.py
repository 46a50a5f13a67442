"""The loss terms of SS-VAE: (23), (24) and (26) of paper 1. Pure functions of torch tensors, batch axis N first."""

from __future__ import annotations

from typing import Literal

import torch
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

    Representations are normalised first, as in Chen et al. 2020 (arXiv:2002.05709); without that the scalar product
    of (26) grows without bound.
    """
    one, other = functional.normalize(one, dim=-1), functional.normalize(other, dim=-1)
    similarity = one @ other.T / temperature  # (N, N), siblings on the diagonal
    return functional.cross_entropy(similarity, torch.arange(len(one)))


def owner_accuracy(heads: Heads, prb_owner: Tensor) -> Tensor:
    """Share of the labelled PRBs whose best-scored UE is the label's, a scalar."""
    labelled = prb_owner != NOBODY
    return (heads.owner.argmax(dim=1) == prb_owner)[labelled].float().mean()
