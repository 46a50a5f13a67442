"""The networks: the same on numpy and torch, and dueling as it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oran.errors import ConfigError
from xapps.dqn import network
from xapps.dqn.assignment import REWARD_SCALE
from xapps.dqn.core import TorchSegments
from xapps.dqn.features import observe
from xapps.dqn.network import Architecture, NumpySegments, initialise
from xapps.dqn.rollout import scattered
from xapps.dqn.state import State

from . import from_scratch


@pytest.fixture
def allowed(problems):
    return State(problems).actions().reshape(len(problems), -1)


@pytest.fixture
def values(fair, problems, allowed):
    """Q of the allowed pairs by weights, on numpy."""
    x, counts = observe(State(problems), np.flatnonzero(allowed)), np.count_nonzero(allowed, axis=-1)
    return lambda w: network.pair_values(fair, w, x, NumpySegments(counts), np)


def test_what_serves_computes_what_was_trained(fair, weights, problems, allowed, values):
    x = torch.from_numpy(observe(State(problems), np.flatnonzero(allowed)))
    w = {name: torch.from_numpy(each) for name, each in weights.items()}
    trained = network.pair_values(fair, w, x, TorchSegments(np.count_nonzero(allowed, axis=-1)), torch)
    np.testing.assert_allclose(values(weights), trained.numpy(), rtol=1e-4, atol=1e-4)


def test_the_papers_network_is_the_same_on_numpy_and_torch():
    a = Architecture(kind="paper", width=8, layers=2, ues=3, prbs=4, power_levels=2)
    w = initialise(a, np.random.default_rng(0))
    bits = np.random.default_rng(1).integers(2, size=(6, 3)).astype(np.float32)
    torch_w = {name: torch.from_numpy(each) for name, each in w.items()}
    served, trained = network.action_values(a, w, bits), network.action_values(a, torch_w, torch.from_numpy(bits))
    assert served.shape == (6, 24)
    np.testing.assert_allclose(served, trained.numpy(), rtol=1e-5, atol=1e-6)


def test_gradients_of_the_pools_are_those_of_dense_ones():
    counts = np.array([2, 3])
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).relu().requires_grad_()
    segments = TorchSegments(counts)
    (segments.mean(x).sum() * 2 + (segments.maximum(x) ** 2).sum()).backward()
    found, x.grad = x.grad.clone(), None
    parts = x.split([2, 3])
    sum(2 * part.mean(0).sum() + (part.amax(0) ** 2).sum() for part in parts).backward()
    np.testing.assert_allclose(found.numpy(), x.grad.numpy(), rtol=1e-5)


def test_what_a_network_of_zeros_says_is_the_known_reward(fair, weights, problems, allowed, values):
    """Dueling: Q = V + A - mean A; with nothing learned V is 0 and A the next reward."""
    nothing = {name: np.zeros_like(w) for name, w in weights.items()}
    q = scattered(values(nothing), np.flatnonzero(allowed), allowed.shape)
    gain = REWARD_SCALE * from_scratch.next_gain(problems, problems.unassigned()).reshape(allowed.shape)
    for row in range(len(problems)):
        chosen = allowed[row]
        expected = gain[row, chosen] - gain[row, chosen].mean()
        np.testing.assert_allclose(q[row, chosen], expected, rtol=1e-4, atol=1e-4)


def test_a_constant_added_to_every_advantage_counts_for_nothing(weights, values):
    shifted = {name: w.copy() for name, w in weights.items()}
    last = max(name for name in weights if name.endswith(".bias") and name[0].isdigit())
    raised = {name: w.copy() for name, w in shifted.items()}
    for each, change in ((shifted, 0.0), (raised, 5.0)):
        each["advantage"][:-1] = 0.0
        each[last.removesuffix(".bias")][:, -1] = 0.0
        each[last][-1] = 1.0 + change  # the last hidden unit is this constant for every pair
        each["value"][:] = 0.0
    np.testing.assert_allclose(values(shifted), values(raised), rtol=1e-4, atol=1e-4)


def test_values_return_to_the_pairs_they_belong_to(allowed, weights, values):
    q = values(weights)
    placed = scattered(q, np.flatnonzero(allowed), allowed.shape)
    assert placed.shape == allowed.shape
    np.testing.assert_array_equal(placed[allowed], q)
    assert np.isneginf(placed[~allowed]).all()


def test_a_problem_is_judged_by_itself_whatever_is_in_its_batch(fair, weights, problems, values, allowed):
    together = scattered(values(weights), np.flatnonzero(allowed), allowed.shape)
    for i in range(len(problems)):
        one = problems.at(np.array([i]))
        x, count = observe(State(one), np.flatnonzero(allowed[i])), np.array([allowed[i].sum()])
        alone = network.pair_values(fair, weights, x, NumpySegments(count), np)
        np.testing.assert_allclose(alone, together[i][allowed[i]], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fields", [{"kind": "deep"}, {"width": 0}, {"layers": 10**9}, {"kind": "paper", "ues": 3}])
def test_an_architecture_that_cannot_be_is_a_config_error(fields):
    with pytest.raises(ConfigError):
        Architecture.from_dict(fields)


def test_an_unknown_field_is_a_config_error():
    with pytest.raises(ConfigError):
        Architecture.from_dict({"depth": 3})
