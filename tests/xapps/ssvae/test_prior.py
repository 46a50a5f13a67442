"""The prior of the physics: closed form, scales, and what it does to a fresh network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oran.errors import ModelRejected
from xapps.ssvae import network, prior
from xapps.ssvae.features import Normalisation, equal_power_snr_db, observe, weighted_rate
from xapps.ssvae.network import Architecture
from xapps.ssvae.policy import SsvaePolicy

NORMALISATION = Normalisation(20.0, 10.0)
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0])


def rates(report) -> np.ndarray:
    return np.log2(1.0 + 10.0 ** (equal_power_snr_db(report) / 10.0))


def test_the_weighted_rate_is_read_back_from_the_features(make_report):
    report = make_report(weight=WEIGHTS)
    found = weighted_rate(observe(report, NORMALISATION, 2))
    np.testing.assert_allclose(found, rates(report) * (WEIGHTS / WEIGHTS.mean())[:, None, None], rtol=1e-5)


@pytest.mark.parametrize("xp", [np, torch])
def test_scores_are_scaled_rates_and_their_logarithms(make_report, xp):
    report = make_report()
    x, scales = observe(report, NORMALISATION, 2), np.array([0.5, 3.0], np.float32)
    convert = torch.from_numpy if xp is torch else np.asarray
    found = prior.scores(convert(scales), convert(x), xp)
    np.testing.assert_allclose(found, 0.5 * rates(report) + 3.0 * np.log(rates(report)), rtol=1e-4, atol=1e-5)


def test_a_dead_prb_has_a_finite_score(make_report):
    report = make_report()
    report.gain_db[:, :, 0] = -400.0
    assert np.isfinite(prior.unlearned_scores(report)).all()


def test_a_fresh_network_follows_its_prior(make_report):
    architecture = Architecture(width=12, layers=2, prior=True)
    weights = network.initialise(architecture, np.random.default_rng(0))
    for seed in range(5):
        report = make_report(ues=6, prbs=12, seed=seed)
        owner = SsvaePolicy(architecture, weights, NORMALISATION).heads(observe(report, NORMALISATION, 2)).owner[0]
        agreement = np.corrcoef(owner.ravel(), prior.unlearned_scores(report).ravel())[0, 1]
        assert agreement > 0.95


def test_a_manifest_from_before_the_prior_means_a_network_without_one():
    stored = Architecture().to_dict()
    del stored["prior"]
    assert not Architecture.from_dict(stored).prior


def test_weights_without_the_priors_scales_are_rejected():
    weights = network.initialise(Architecture(), np.random.default_rng(0))
    with pytest.raises(ModelRejected, match="prior"):
        SsvaePolicy(Architecture(prior=True), weights, NORMALISATION)
