"""The fast forward against the one that learns, and the cut of a ranking against a slow loop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import ConfigError
from xapps.alcor import graph
from xapps.alcor.channels import draw_snr
from xapps.alcor.graph import GraphArchitecture
from xapps.alcor.graph_serving import GraphForward
from xapps.alcor.learned import GraphUra
from xapps.alcor.links import rates_bps_hz
from xapps.alcor.ranking import on_from_the_top


def network(architecture, rng):
    weights = graph.initialise(architecture, rng)
    return {
        name: (value + 0.1 * rng.standard_normal(value.shape)).astype(np.float32) for name, value in weights.items()
    }


def sample(rng, batch, users, share_active, weighted):
    snr = draw_snr("iid", rng, batch, users).astype(np.float32)
    active = (rng.random((batch, users)) < share_active).astype(np.float32)
    weight = rng.uniform(1.0, 5.0, (batch, users)).astype(np.float32) if weighted else None
    return snr, active, weight


@given(
    seed=st.integers(0, 999),
    batch=st.sampled_from([1, 3]),
    users=st.integers(1, 14),
    share_active=st.sampled_from([0.5, 1.0]),
    weighted=st.booleans(),
    candidates=st.sampled_from([0, 4]),
    crowd=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_serving_gives_the_numbers_of_the_network_that_learned(
    seed, batch, users, share_active, weighted, candidates, crowd
):
    rng = np.random.default_rng(seed)
    shape = GraphArchitecture(width=8, layers=2, candidates=candidates, crowd=crowd)
    weights = network(shape, rng)
    snr, active, weight = sample(rng, batch, users, share_active, weighted)
    found = GraphForward(shape, weights).logits(snr, weight, None if active.all() else active)
    ones = np.ones_like(active) if weight is None else weight
    expected = graph.logits(shape, weights, snr, ones, active, np)
    on = active > 0
    if candidates:  # partners of one best pair are worth the same: which of them is cut may differ
        on &= (found > graph.SILENT) & (expected > graph.SILENT)
        on &= (np.sum((found > graph.SILENT) != (expected > graph.SILENT), axis=-1) == 0)[:, None]
    assert np.allclose(found[on], expected[on], rtol=1e-4, atol=1e-4)
    assert on.any() or not active.any() or candidates


def test_torch_and_numpy_choose_the_same_candidates():
    rng = np.random.default_rng(1)
    shape = GraphArchitecture(width=8, layers=1, candidates=5)
    weights = network(shape, rng)
    snr, active, weight = sample(rng, 4, 12, 0.7, True)
    numpy_logits = graph.logits(shape, weights, snr, weight, active, np)
    tensors = {name: torch.tensor(value) for name, value in weights.items()}
    torch_logits = graph.logits(shape, tensors, *(torch.tensor(x) for x in (snr, weight, active)), torch).numpy()
    same = ((numpy_logits > graph.SILENT) == (torch_logits > graph.SILENT)).all(axis=-1)
    assert same.mean() >= 0.5
    assert np.allclose(numpy_logits[same], torch_logits[same], atol=1e-3)


def test_only_candidates_are_switched_on():
    rng = np.random.default_rng(2)
    shape = GraphArchitecture(width=8, layers=1, candidates=3)
    snr, active, _ = sample(rng, 6, 15, 1.0, False)
    share = GraphUra(shape, network(shape, rng)).shares(snr, active)
    assert (share.sum(axis=-1) >= 1).all() and (share.sum(axis=-1) <= 3).all()
    pair = graph.features(snr, active, active, np)[0][..., 1]
    assert (pair[share > 0] >= np.sort(pair, axis=-1)[:, -3].min()).all()


@given(st.integers(0, 999), st.integers(1, 9), st.integers(1, 12), st.booleans())
@settings(max_examples=50, deadline=None)
def test_as_many_are_on_as_make_the_sum_rate_largest(seed, users, most, weighted):
    rng = np.random.default_rng(seed)
    snr, active, weight = sample(rng, 3, users, 0.8, weighted)
    worth = active if weight is None else weight * active
    logit = rng.standard_normal((3, users)).astype(np.float32)
    found = on_from_the_top(snr, worth, logit, most)
    for b in range(3):
        order, best, value = np.argsort(-logit[b]), None, -1.0
        for m in range(1, min(most, users) + 1):
            share = np.zeros(users)
            share[order[:m]] = 1.0
            reached = (worth[b] * rates_bps_hz(snr[b].astype(np.float64), share)).sum()
            if reached > value + 1e-5:
                best, value = share, reached
        reached = (worth[b] * rates_bps_hz(snr[b].astype(np.float64), found[b])).sum()
        assert reached == pytest.approx(value, rel=1e-4, abs=1e-5)
        assert found[b].sum() >= 1 and best is not None


def test_nobody_active_means_nobody_on():
    shape = GraphArchitecture(width=4, layers=1)
    ura = GraphUra(shape, network(shape, np.random.default_rng(0)))
    for batch in (1, 2):
        assert not ura.shares(np.ones((batch, 3, 3)), np.zeros((batch, 3))).any()


def test_a_negative_number_of_candidates_is_named():
    with pytest.raises(ConfigError, match="candidates"):
        GraphArchitecture(candidates=-1)
