"""Denoiser and critic, in numpy, in torch and in the serving form: the same numbers; permutations carried through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import ConfigError
from xapps.diffusion_ql import network
from xapps.diffusion_ql.diffusion import Schedule
from xapps.diffusion_ql.network import Architecture
from xapps.diffusion_ql.sampling import Sampling, draw, pessimistic, starting_noise
from xapps.diffusion_ql.serving import FlatCell, OneCell
from xapps.ssvae import prior
from xapps.ssvae.features import num_features

EQUIVARIANT = Architecture(width=8, layers=2, denoiser_width=6, critic_width=7, critic_layers=1, steps=6)
FLAT = Architecture(kind="flat", width=8, layers=3, ues=4, prbs=3, steps=6)
PRIOR = replace(EQUIVARIANT, prior=True)
BOTH = pytest.mark.parametrize("architecture", [EQUIVARIANT, PRIOR, FLAT], ids=["equivariant", "prior", "flat"])


def features(*lead: int, ues: int = 4, prbs: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*lead, ues, 1, prbs, num_features(2))).astype(np.float32)


def weights(architecture: Architecture) -> dict[str, np.ndarray]:
    return network.initialise(architecture, np.random.default_rng(1))


def outputs(architecture: Architecture, x: np.ndarray, answer: np.ndarray, t: int, xp) -> tuple:
    """Log-odds of a noisy answer, and the critics' values of its softmax."""
    w = weights(architecture)
    if xp is torch:
        w = {name: torch.from_numpy(each) for name, each in w.items()}
        x, answer = torch.from_numpy(x), torch.from_numpy(answer)
    policy = network.part(w, "policy")
    logits = network.denoise(architecture, policy, network.read(architecture, policy, x, xp), answer, t, xp)
    share = network.shares(answer, xp)
    critics = [network.part(w, f"critic.{member}") for member in range(architecture.critics)]
    values = [network.value(architecture, c, network.appraise(architecture, c, x, xp), share, xp) for c in critics]
    return np.asarray(logits), np.stack([np.asarray(value) for value in values])


@BOTH
def test_numpy_and_torch_give_the_same_numbers(architecture):
    x, answer = features(5), np.random.default_rng(2).standard_normal((3, 5, 4, 1, 3)).astype(np.float32)
    for served, learned in zip(
        outputs(architecture, x, answer, 4, np), outputs(architecture, x, answer, 4, torch), strict=True
    ):
        np.testing.assert_allclose(served, learned, rtol=1e-4, atol=1e-5)


@BOTH
def test_a_step_for_every_entry_of_the_batch_is_that_step_by_itself(architecture):
    x, answer = features(5), np.random.default_rng(2).standard_normal((5, 4, 1, 3)).astype(np.float32)
    steps = np.array([1, 6, 3, 2, 5])
    together = outputs(architecture, x, answer, steps, np)[0]
    for index, t in enumerate(steps):
        alone = outputs(architecture, x[index], answer[index], int(t), np)[0]
        np.testing.assert_allclose(together[index], alone, rtol=1e-4, atol=1e-5)


@BOTH
def test_the_serving_form_gives_the_numbers_of_the_learning_form(architecture):
    x, w = features(), weights(architecture)
    noise = np.random.default_rng(2).standard_normal((3, 4, 1, 3)).astype(np.float32)
    policy, schedule = network.part(w, "policy"), Schedule.variance_preserving(6)
    slow = draw(architecture, schedule, policy, network.read(architecture, policy, x, np), noise, 4, np)
    served = (FlatCell if architecture.kind == "flat" else OneCell)(architecture, w)
    np.testing.assert_allclose(served.answers(x[:, 0], noise[:, :, 0], 4), slow[:, :, 0], rtol=1e-3, atol=1e-4)
    owner = np.random.default_rng(3).integers(4, size=(5, 3))
    share = (owner[:, None, None, :] == np.arange(4)[:, None, None]).astype(np.float32)
    for member, found in enumerate(served.values(x[:, 0], owner)):
        critic = network.part(w, f"critic.{member}")
        expected = network.value(architecture, critic, network.appraise(architecture, critic, x, np), share, np)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5))
def test_permuting_ues_and_prbs_permutes_answers_and_leaves_their_value_alone(seed, ues, prbs):
    rng = np.random.default_rng(seed)
    x = features(ues=ues, prbs=prbs, seed=seed)
    answer = rng.standard_normal((2, ues, 1, prbs)).astype(np.float32)
    u, k = rng.permutation(ues), rng.permutation(prbs)
    logits, values = outputs(EQUIVARIANT, x, answer, 3, np)
    permuted, revalued = outputs(EQUIVARIANT, x[u][..., k, :], answer[:, u][..., k], 3, np)
    np.testing.assert_allclose(permuted, logits[:, u][..., k], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(revalued, values, rtol=1e-3, atol=1e-4)


def test_one_equivariant_network_serves_any_number_of_ues_and_prbs():
    for ues, prbs in ((1, 1), (3, 9), (40, 60)):
        answer = np.zeros((ues, 1, prbs), np.float32)
        logits, values = outputs(EQUIVARIANT, features(ues=ues, prbs=prbs), answer, 1, np)
        assert logits.shape == (ues, 1, prbs)
        assert values.shape == (2,)


def test_the_flat_network_refuses_a_cell_of_another_size():
    with pytest.raises(ConfigError, match="takes"):
        outputs(FLAT, features(ues=5), np.zeros((5, 1, 3), np.float32), 1, np)


def test_the_answer_depends_on_the_noise_the_step_and_the_state():
    x, answer = features(), np.ones((4, 1, 3), np.float32)
    base = outputs(EQUIVARIANT, x, answer, 3, np)[0]
    noisier = answer + np.eye(4, 3, dtype=np.float32)[:, None]
    for other in (
        outputs(EQUIVARIANT, x, noisier, 3, np)[0],
        outputs(EQUIVARIANT, x, answer, 4, np)[0],
        outputs(EQUIVARIANT, features(seed=9), answer, 3, np)[0],
    ):
        assert np.abs(other - base).max() > 1e-4


def test_the_critics_of_an_ensemble_differ():
    values = outputs(EQUIVARIANT, features(), np.zeros((4, 1, 3), np.float32), 1, np)[1]
    assert abs(values[0] - values[1]) > 1e-6


def test_pessimism_is_below_the_mean_and_both_kinds_agree_where_members_do():
    values = [np.array([1.0, 2.0]), np.array([3.0, 2.0])]
    np.testing.assert_allclose(pessimistic(values, "min", np), [1.0, 2.0])
    np.testing.assert_allclose(pessimistic(values, "deviation", np), [1.0, 2.0], atol=1e-5)
    three = [np.array([0.0]), np.array([3.0]), np.array([6.0])]
    assert pessimistic(three, "min", np) < pessimistic(three, "deviation", np) < 3.0


def test_candidates_keep_their_noise_however_many_follow():
    one, many = (starting_noise((4, 3), Sampling(candidates=n), np.random.default_rng(0)) for n in (2, 5))
    np.testing.assert_array_equal(one, many[:2])
    assert not one[0].any()
    assert one[1].any()


@pytest.mark.parametrize("fields", [{"kind": "deep"}, {"width": 0}, {"kind": "flat"}, {"depth": 3}, {"steps": 0}])
def test_a_bad_architecture_is_a_config_error(fields):
    with pytest.raises(ConfigError):
        Architecture.from_dict(fields)


@pytest.mark.parametrize(
    "fields", [{"choose": "luck"}, {"candidates": 0}, {"steps": 0}, {"temperature": -1.0}, {"k": 1}]
)
def test_a_bad_way_of_sampling_is_a_config_error(fields):
    with pytest.raises(ConfigError):
        Sampling.from_dict(fields)


def test_architecture_and_sampling_survive_the_manifest():
    assert Architecture.from_dict(FLAT.to_dict()) == FLAT
    assert Sampling.from_dict(Sampling(candidates=8).to_dict()) == Sampling(candidates=8)


def test_before_learning_the_log_odds_are_those_of_the_physics_and_little_else():
    x = features(ues=6, prbs=8)
    policy = network.part(weights(PRIOR), "policy")
    answer = np.zeros(x.shape[:-1], np.float32)
    found = network.denoise(PRIOR, policy, network.read(PRIOR, policy, x, np), answer, 6, np)
    physics = prior.scores(np.array(prior.FIRST_SCALES), x, np)
    assert np.corrcoef(found.ravel(), physics.ravel())[0, 1] > 0.95
    without = weights(EQUIVARIANT)
    assert "policy.prior" not in without
    assert without.keys() | {"policy.prior"} == weights(PRIOR).keys()


def test_a_stored_architecture_without_the_field_has_no_prior():
    stored = {name: value for name, value in EQUIVARIANT.to_dict().items() if name != "prior"}
    assert not Architecture.from_dict(stored).prior


def test_a_flat_network_has_no_prior():
    with pytest.raises(ConfigError):
        replace(FLAT, prior=True)
