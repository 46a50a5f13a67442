"""Both networks, in numpy and torch: the same numbers, and permutations carried through."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import ConfigError
from xapps.ssvae import network
from xapps.ssvae.features import num_features
from xapps.ssvae.network import Architecture

EQUIVARIANT = Architecture(width=8, layers=2, latent=5, rus=2)
INFORMED = Architecture(width=8, layers=2, latent=5, rus=2, prior=True)
FLAT = Architecture(kind="flat", width=8, layers=2, latent=5, ues=4, rus=2, prbs=3)


def features(*lead: int, ues: int = 4, rus: int = 2, prbs: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*lead, ues, rus, prbs, num_features(2))).astype(np.float32)


def outputs(architecture: Architecture, x, xp) -> tuple:
    weights = network.initialise(architecture, np.random.default_rng(1))
    if xp is torch:
        weights = {name: torch.from_numpy(w) for name, w in weights.items()}
        x = torch.from_numpy(x)
    hidden, latent = network.encode(architecture, weights, x, xp)
    heads = network.decide(architecture, weights, x, hidden, latent.mean, xp)
    rebuilt = network.reconstruct(architecture, weights, latent.mean)
    both = (heads.association, heads.owner, heads.power, rebuilt, network.representation(latent, xp))
    return tuple(np.asarray(each) for each in both)


@pytest.mark.parametrize("architecture", [EQUIVARIANT, INFORMED, FLAT], ids=["equivariant", "with prior", "flat"])
def test_numpy_and_torch_give_the_same_numbers(architecture):
    x = features(6)
    for served, learned in zip(outputs(architecture, x, np), outputs(architecture, x, torch), strict=True):
        np.testing.assert_allclose(served, learned, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", [EQUIVARIANT, INFORMED, FLAT], ids=["equivariant", "with prior", "flat"])
def test_heads_have_the_shapes_of_the_decision(architecture):
    association, owner, power, rebuilt, _ = outputs(architecture, features(6), np)
    assert association.shape == (6, 4, 2)
    assert owner.shape == power.shape == rebuilt.shape == (6, 4, 2, 3)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 3), st.integers(1, 5))
def test_permuting_ues_rus_and_prbs_permutes_every_output(seed, ues, rus, prbs):
    x = features(ues=ues, rus=rus, prbs=prbs, seed=seed)
    rng = np.random.default_rng(seed)
    u, r, k = rng.permutation(ues), rng.permutation(rus), rng.permutation(prbs)
    association, owner, power, rebuilt, summary = outputs(INFORMED, x, np)
    permuted = outputs(INFORMED, x[u][:, r][:, :, k], np)
    expected = (association[u][:, r], *(each[u][:, r][:, :, k] for each in (owner, power, rebuilt)), summary)
    for found, wanted in zip(permuted, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_one_equivariant_network_serves_any_number_of_ues_and_prbs():
    for ues, prbs in ((1, 1), (3, 9), (40, 100)):
        assert outputs(EQUIVARIANT, features(ues=ues, prbs=prbs), np)[1].shape == (ues, 2, prbs)


def test_the_flat_network_refuses_another_number_of_ues():
    with pytest.raises(ConfigError, match="takes"):
        outputs(FLAT, features(ues=5), np)


def test_the_decision_depends_on_the_latent():
    weights = network.initialise(EQUIVARIANT, np.random.default_rng(1))
    x = features()
    hidden, latent = network.encode(EQUIVARIANT, weights, x, np)
    at_mean = network.decide(EQUIVARIANT, weights, x, hidden, latent.mean, np).owner
    moved = network.decide(EQUIVARIANT, weights, x, hidden, tuple(mean + 1.0 for mean in latent.mean), np).owner
    assert np.abs(at_mean - moved).max() > 1e-3


def test_latent_draws_may_lead_the_hidden_state():
    weights = network.initialise(EQUIVARIANT, np.random.default_rng(1))
    x = features()
    hidden, latent = network.encode(EQUIVARIANT, weights, x, np)
    z = tuple(np.stack([mean, mean + 1.0]) for mean in latent.mean)
    both = network.decide(EQUIVARIANT, weights, x, hidden, z, np).owner
    one = network.decide(EQUIVARIANT, weights, x, hidden, tuple(each[1] for each in z), np).owner
    np.testing.assert_allclose(both[1], one, rtol=1e-6)


def test_an_architecture_survives_the_manifest():
    assert Architecture.from_dict(FLAT.to_dict()) == FLAT


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "deep"},
        {"width": 0},
        {"kind": "flat"},
        {"depth": 3},
        {"layers": -1},
        {"latent": 0},
        {"kind": "flat", "ues": 4, "prbs": 3, "prior": True},
    ],
)
def test_a_bad_architecture_is_a_config_error(fields):
    with pytest.raises(ConfigError):
        Architecture.from_dict(fields)
