"""The loss terms against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xapps.ssvae import losses
from xapps.ssvae.network import Heads, Latent
from xapps.ssvae.views import similar_gain_db


def heads(ues: int = 3, rus: int = 1, prbs: int = 4, n: int = 2, logit: float = 0.0) -> Heads:
    return Heads(
        torch.full((n, ues, rus), logit), torch.full((n, ues, rus, prbs), logit), torch.full((n, ues, rus, prbs), logit)
    )


def test_an_undecided_head_pays_the_logarithm_of_the_number_of_ues():
    owner = torch.zeros((2, 1, 4), dtype=torch.int64)
    loss, power = losses.supervised(
        heads(), torch.zeros((2, 3), dtype=torch.int64), owner, torch.full((2, 1, 4), 0.5), "likelihood"
    )
    assert loss.item() == pytest.approx(np.log(3))
    assert power.item() == pytest.approx(0.0)


def test_idle_prbs_do_not_count():
    owner = torch.tensor([[[0, -1, -1, -1]]])
    sure = heads(n=1)
    sure.owner[:, 0, :, 0] = 100.0  # right where a label is
    loss, _ = losses.supervised(
        sure, torch.zeros((1, 3), dtype=torch.int64), owner, torch.zeros((1, 1, 4)), "likelihood"
    )
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert losses.owner_accuracy(sure, owner).item() == 1.0


def test_the_squared_error_of_undecided_indicators_is_a_quarter_each():
    owner = torch.zeros((2, 1, 4), dtype=torch.int64)
    loss, _ = losses.supervised(
        heads(), torch.zeros((2, 3), dtype=torch.int64), owner, torch.zeros((2, 1, 4)), "squared"
    )
    assert loss.item() == pytest.approx(0.25 + 0.25)


def test_association_counts_where_there_is_a_choice():
    serving = torch.ones((2, 3), dtype=torch.int64)
    owner = torch.full((2, 2, 4), 0)
    args = (owner, torch.zeros((2, 2, 4)), "likelihood")
    undecided, _ = losses.supervised(heads(rus=2), serving, *args)
    right = heads(rus=2)
    right.association[..., 1] = 100.0
    decided, _ = losses.supervised(right, serving, *args)
    assert (undecided - decided).item() == pytest.approx(np.log(2))


def test_expected_power_is_the_owners():
    sure = heads(n=1)
    sure.owner[:, 1] = 100.0
    sure.power[:, 1] = 2.0
    np.testing.assert_allclose(losses.expected_power(sure), 1 / (1 + np.exp(-2.0)), rtol=1e-6)


def test_the_divergence_of_the_prior_from_itself_is_zero_and_grows_with_the_mean():
    zero = torch.zeros(5, 7)
    assert losses.divergence(Latent((zero,), (zero,))).item() == 0.0
    assert losses.divergence(Latent((zero + 2.0,), (zero,))).item() == pytest.approx(2.0)  # mean^2 / 2


def test_samples_have_the_posteriors_moments():
    mean, log_variance = torch.full((20000,), 3.0), torch.full((20000,), np.log(4.0))
    (z,) = losses.sample(Latent((mean,), (log_variance,)), torch.Generator().manual_seed(0))
    assert z.mean().item() == pytest.approx(3.0, abs=0.1)
    assert z.std().item() == pytest.approx(2.0, abs=0.1)


def test_the_contrastive_loss_is_the_logarithm_of_n_without_and_zero_with_perfect_representations():
    alike = torch.ones(8, 3)
    assert losses.contrastive(alike, alike, 0.25).item() == pytest.approx(np.log(8))
    apart = torch.eye(8)
    assert losses.contrastive(apart, apart, 0.01).item() == pytest.approx(0.0, abs=1e-6)


def test_similar_channels_keep_the_local_mean_and_their_correlation():
    rng = np.random.default_rng(0)
    gain_db = -100.0 + 10 * np.log10(rng.exponential(size=(50, 4000)))
    similar = 10 ** (similar_gain_db(gain_db, 0.9, rng) / 10)
    drawn = 10 ** (gain_db / 10)
    np.testing.assert_allclose(similar.mean() / drawn.mean(), 1.0, atol=0.02)
    assert np.corrcoef(similar.ravel(), drawn.ravel())[0, 1] == pytest.approx(0.9, abs=0.02)
    np.testing.assert_allclose(similar_gain_db(gain_db, 1.0, rng), gain_db, atol=1e-9)


def test_the_structured_loss_pulls_the_scores_to_the_labels_matching():
    owner = torch.tensor([[[0, 1, 2, 0]]])
    scores = torch.zeros((1, 3, 1, 4), requires_grad=True)
    rng = np.random.default_rng(0)
    for _ in range(200):
        loss = losses.structured(Heads(scores, scores, scores), owner, rng)
        (gradient,) = torch.autograd.grad(loss, scores)
        scores = (scores - 0.5 * gradient).detach().requires_grad_()
    best = scores.detach()[0, :, 0].argmax(dim=0)
    assert best.tolist() == [0, 1, 2, 0]


def test_the_structured_loss_has_no_gradient_where_the_matching_is_surely_the_labels():
    owner = torch.tensor([[[0, 1, -1]]])
    scores = torch.zeros((1, 2, 1, 3))
    scores[0, 0, 0, 0] = scores[0, 1, 0, 1] = 100.0
    scores.requires_grad_()
    losses.structured(Heads(scores, scores, scores), owner, np.random.default_rng(0)).backward()
    assert scores.grad.abs().max().item() == 0.0
