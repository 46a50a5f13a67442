"""The forward pass of serving is the network's, for every size of cell and number of candidates."""

from __future__ import annotations

import numpy as np
import pytest

from xapps.ssvae import network
from xapps.ssvae.decoder import Decoding, decode
from xapps.ssvae.features import Normalisation
from xapps.ssvae.network import Architecture
from xapps.ssvae.policy import SsvaePolicy
from xapps.ssvae.serving import serves

NORMALISATION = Normalisation(20.0, 10.0)


def policy(seed: int = 0, *, candidates: int = 1, spread: float = 1.0, **shape) -> SsvaePolicy:
    architecture = Architecture(**({"width": 12, "layers": 3} | shape))
    rng = np.random.default_rng(seed)
    weights = network.initialise(architecture, rng)
    weights = {name: (w + 0.1 * rng.standard_normal(w.shape)).astype(np.float32) for name, w in weights.items()}
    return SsvaePolicy(architecture, weights, NORMALISATION, Decoding(candidates=candidates, spread=spread))


@pytest.mark.parametrize(("ues", "prbs"), [(1, 1), (1, 6), (7, 1), (20, 25)])
@pytest.mark.parametrize("candidates", [1, 8])
@pytest.mark.parametrize("prior", [False, True])
def test_scores_are_the_networks(make_report, ues, prbs, candidates, prior):
    for seed in range(5):
        acting = policy(seed, candidates=candidates, spread=3.0, prior=prior)
        x = acting.observe(make_report(ues=ues, prbs=prbs, seed=seed))
        association, owner = acting._scores(x)
        heads = acting.heads(x)
        np.testing.assert_allclose(owner, heads.owner, rtol=1e-4, atol=1e-4)
        assert association.shape == heads.association.shape


def test_a_latent_variance_at_its_limit_is_limited_in_serving_too(make_report):
    acting = policy(candidates=4)
    acting._weights["latent.ue.bias"][20:] = 50.0
    acting._weights["latent.prb.bias"][20:] = -50.0
    x = acting.observe(make_report())
    np.testing.assert_allclose(acting._scores(x)[1], acting.heads(x).owner, rtol=1e-3, atol=1e-3)


def test_decisions_are_those_of_the_networks_heads(make_report):
    acting = policy(candidates=4, spread=2.0)
    for seed in range(30):
        report = make_report(ues=6, prbs=10, seed=seed)
        heads = acting.heads(acting.observe(report))
        expected = decode(report, heads.association, heads.owner, acting.decoding)
        np.testing.assert_array_equal(acting.decide(report).prb_owner, expected.prb_owner)


def test_reports_do_not_disturb_each_other(make_report):
    acting = policy(candidates=2)
    reports = [make_report(ues=ues, prbs=prbs) for ues, prbs in ((4, 6), (6, 4), (4, 6), (9, 3), (4, 6))]
    owners = [acting.decide(report).prb_owner for report in reports]
    np.testing.assert_array_equal(owners[0], owners[2])
    np.testing.assert_array_equal(owners[0], owners[4])


def test_only_equivariant_networks_of_one_ru_are_served_here():
    assert serves(Architecture())
    assert not serves(Architecture(rus=3))
    assert not serves(Architecture(kind="flat", ues=4, prbs=6))
