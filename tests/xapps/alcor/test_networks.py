"""The policies: symmetries, twins, and what training gains."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim.physics.interference_links import link_rates_bps_hz
from oran.errors import ConfigError, ModelError, ModelRejected
from xapps.alcor import graph, learned, links, local
from xapps.alcor.channels import draw_snr
from xapps.alcor.graph import GraphArchitecture
from xapps.alcor.learner import AlcorLearner, dead_user_barrier
from xapps.alcor.links import NOISE_W, rates_bps_hz, switched
from xapps.alcor.presets import Preset, preset
from xapps.alcor.ura import BestUserUra, PairGreedyUra, WmmseUra

SHORT = Preset(users=(5, 8), epochs=2, steps_per_epoch=10, links_per_step=2000, width=8, layers=2)


@pytest.fixture(scope="module")
def briefly_trained():
    learner = AlcorLearner(Preset(users=(6,), epochs=6, links_per_step=6000, width=16, layers=2), seed=1)
    while not learner.done:
        learner.run_epoch()
    result = learner.result()
    return learned.from_weights(result.architecture, result.weights)


def some_graph(ranked=False):
    shape = GraphArchitecture(width=8, layers=2)
    return learned.GraphUra(shape, graph.initialise(shape, np.random.default_rng(3)), ranked=ranked)


def test_rates_are_those_of_the_physics():
    rng = np.random.default_rng(0)
    snr, share = draw_snr("iid", rng, 4, 7), rng.random((4, 7))
    assert np.allclose(rates_bps_hz(snr, share), link_rates_bps_hz(snr * NOISE_W, share, NOISE_W), rtol=1e-12)


@given(st.integers(2, 9), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_permuting_the_users_permutes_the_powers(users, seed):
    rng = np.random.default_rng(seed)
    snr, weight, order = draw_snr("iid", rng, 2, users), 1.0 + rng.random((2, users)), rng.permutation(users)
    active = (rng.random((2, users)) < 0.8).astype(float)
    ura = some_graph()
    before = ura.shares(snr, active, weight)
    after = ura.shares(snr[:, order][:, :, order], active[:, order], weight[:, order])
    assert np.allclose(after, before[:, order], atol=1e-4)


def test_weights_count_only_relative_to_each_other():
    rng = np.random.default_rng(1)
    snr, weight, on = draw_snr("iid", rng, 3, 6), 1.0 + rng.random((3, 6)), np.ones((3, 6))
    ura = some_graph()
    assert np.allclose(ura.shares(snr, on, weight), ura.shares(snr, on, 7.0 * weight), atol=1e-4)


def test_an_inactive_user_is_as_good_as_absent():
    rng = np.random.default_rng(2)
    snr = draw_snr("iid", rng, 3, 6)
    active = np.ones((3, 6))
    active[:, 5] = 0.0
    for ura in (some_graph(), WmmseUra(), PairGreedyUra(), BestUserUra()):
        with_silent = ura.shares(snr, active)
        assert (with_silent[:, 5] == 0.0).all()
        assert np.allclose(with_silent[:, :5], ura.shares(snr[:, :5, :5], np.ones((3, 5))), atol=2e-2)


def test_one_code_serves_numpy_and_torch():
    snr = draw_snr("iid", np.random.default_rng(4), 3, 5).astype(np.float32)
    shape = GraphArchitecture(width=8, layers=2)
    w, on = graph.initialise(shape, np.random.default_rng(5)), np.ones((3, 5), np.float32)
    in_torch = graph.logits(
        shape, {k: torch.tensor(v) for k, v in w.items()}, torch.tensor(snr), torch.tensor(on), torch.tensor(on), torch
    )
    assert np.allclose(graph.logits(shape, w, snr, on, on, np), in_torch.numpy(), atol=1e-4)
    memory = local.everybody_on(snr, on, np)
    twin = local.everybody_on(torch.tensor(snr), torch.tensor(on), torch)
    assert np.allclose(
        local.measurements(snr, memory, np), local.measurements(torch.tensor(snr), twin, torch), atol=1e-5
    )


def test_a_short_training_beats_the_best_user_alone(briefly_trained):
    snr, on = draw_snr("iid", np.random.default_rng(9), 500, 6), np.ones((500, 6))
    reached, best = (rates_bps_hz(snr, ura.shares(snr, on)).sum(-1).mean() for ura in (briefly_trained, BestUserUra()))
    assert reached > 1.01 * best


def test_nobody_is_dead_under_the_graph_policy(briefly_trained):
    snr, on = draw_snr("iid", np.random.default_rng(10), 500, 6), np.ones((500, 6))
    assert (briefly_trained.shares(snr, on) > 0.5).any(axis=0).all()


def test_the_measurements_of_a_user_are_those_that_the_paper_lists():
    rng = np.random.default_rng(6)
    snr = draw_snr("iid", rng, 1, 8)[0]
    p1, p2 = rng.random(8), rng.random(8)
    r1, r2 = rates_bps_hz(snr, p1), rates_bps_hz(snr, p2)
    caused = snr * (1 - np.eye(8)) * p1
    memory = local.Memory(snr, p1, p2, r1, r2, caused)
    found = local.measurements(snr, memory, np)
    assert found.shape == (8, 41)
    for i in range(8):
        assert np.allclose(found[i], _listed(snr, p1, p2, r1, r2, i))


def _listed(snr, p1, p2, r1, r2, i):
    """Section IV, item by item, on a held channel whose users were all active at t-1."""
    others = [j for j in range(len(snr)) if j != i]

    def heard(p):
        strong = [j for j in sorted(others, key=lambda j: -snr[i, j] * p[j]) if snr[i, j] * p[j] > 1.0]
        return strong[:5]

    hit = [j for j in sorted(others, key=lambda j: -snr[j, i] * p1[i]) if snr[j, i] * p1[i] > 1.0][:5]
    level = [1.0 + sum(snr[j, k] * p1[k] for k in range(len(snr)) if k != j) for j in range(len(snr))]

    def log(x):
        return np.log1p(x) / 4.0

    def padded(values):
        return [*values, *[0.0] * (5 - len(values))]

    one, two = heard(p1), heard(p2)
    total_1, total_2 = (1.0 + sum(snr[i, j] * p[j] for j in others) for p in (p1, p2))
    listed = [p1[i], r1[i] / 4.0, log(snr[i, i]), log(snr[i, i]), log(total_1), log(total_2)]
    listed += padded([log(snr[i, j] * p1[j]) for j in one]) + padded([log(snr[i, j] * p2[j]) for j in two])
    listed += padded([r1[j] / 4.0 for j in one]) + padded([r2[j] / 4.0 for j in two])
    listed += padded([log(snr[j, i] * p1[i] / level[j]) for j in hit])
    return listed + padded([log(snr[j, j]) for j in hit]) + padded([r1[j] / 4.0 for j in hit])


@pytest.mark.parametrize("name", ["graph", "perceptron", "local"])
def test_a_cut_training_continues_to_the_same_bits(name):
    brief = {"epochs": 2, "steps_per_epoch": 3, "users": (4,), "hidden": (8, 6), "links_per_step": 400}
    small = SHORT if name == "graph" else preset(name).with_changes(brief)
    whole = AlcorLearner(small, seed=5)
    whole.run_epoch()
    kept, curves = whole.checkpoint(), list(whole.curves)
    whole.run_epoch()
    again = AlcorLearner(small, seed=5)
    again.restore(kept, curves)
    again.run_epoch()
    assert again.result().weights == whole.result().weights
    assert again.curves == whole.curves


def test_a_damaged_checkpoint_is_refused():
    with pytest.raises(ModelError):
        AlcorLearner(SHORT, seed=0).restore(b"\x08\0\0\0\0\0\0\0{}      ", [])


@pytest.mark.parametrize("name", ["perceptron", "local", "local-non-diverse"])
def test_every_kind_trains_and_serves(name):
    users = (4,)
    learner = AlcorLearner(
        preset(name).with_changes({"epochs": 1, "steps_per_epoch": 3, "users": users, "hidden": (16, 8)}), seed=0
    )
    learner.run_epoch()
    result = learner.result()
    ura = learned.from_weights(result.architecture, result.weights)
    active = np.array([[1.0, 0.0, 1.0, 1.0]])
    share = ura.shares(draw_snr("iid", np.random.default_rng(0), 1, 4), active)
    assert share.shape == (1, 4) and share[0, 1] == 0.0 and ((share >= 0) & (share <= 1)).all()
    with pytest.raises(ConfigError):
        ura.shares(np.ones((1, 4, 4)), active, np.array([[1.0, 2.0, 1.0, 1.0]]))


def test_folding_the_normalisation_changes_nothing_on_its_own_sample():
    from xapps.alcor import perceptron, trainable

    shape = perceptron.PerceptronArchitecture(users=3, hidden=(8, 6))
    start = perceptron.initialise(shape, np.random.default_rng(0)) | trainable.normalisers(shape)
    w = {name: torch.tensor(value) for name, value in start.items()}
    x = torch.randn(64, 9, generator=torch.Generator().manual_seed(0))
    folded = trainable.folded(shape, w, x)
    assert torch.allclose(perceptron.logits(shape, folded, x), trainable.normalised_logits(shape, w, x), atol=1e-5)


def test_the_barrier_is_zero_for_equal_users_and_grows_with_a_forgotten_one():
    equal, on = torch.full((10, 4), 0.3), torch.ones(10, 4)
    assert dead_user_barrier(equal, on).abs() < 1e-5
    forgotten = equal.clone()
    forgotten[:, 0] = 1e-4
    assert dead_user_barrier(forgotten, on) > 1.0


def test_weights_of_another_network_are_refused():
    shape = GraphArchitecture(width=8, layers=2)
    weights = graph.initialise(shape, np.random.default_rng(0))
    with pytest.raises(ModelRejected):
        learned.GraphUra(GraphArchitecture(width=8, layers=3), weights)
    with pytest.raises(ModelRejected):
        learned.GraphUra(shape, weights | {"out": np.full((8, 1), np.nan, np.float32)})
    with pytest.raises(ModelRejected):
        learned.from_weights({"kind": "oracle"}, b"")


def test_switching_off_zeroes_rows_and_columns():
    off = switched(np.ones((2, 2)), np.array([1.0, 0.0]))
    assert off.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert links.off_diagonal(off, np).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_amplified_inputs_of_training_are_part_of_the_served_first_layer():
    from xapps.alcor import perceptron, trainable

    small = preset("perceptron").with_changes({"users": [4], "hidden": [12, 8], "own_emphasis": 5.0})
    policy = trainable.Perceptron(small)
    w = {name: torch.tensor(value) for name, value in policy.initialise(np.random.default_rng(0)).items()}
    snr, active = (
        torch.tensor(draw_snr("iid", np.random.default_rng(1), 600, 4), dtype=torch.float32),
        torch.ones(600, 4),
    )
    expected = policy.slots(w, snr, active, active, 1.0)[0][0]
    served = policy.served(w, snr, active)
    shape = perceptron.PerceptronArchitecture(users=4, hidden=(12, 8))
    found = perceptron.logits(shape, served, perceptron.inputs(snr.numpy(), active.numpy(), np))
    assert np.allclose(found, expected.numpy(), atol=1e-3)


@given(st.integers(2, 7), st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_first_units_compare_every_ordered_pair_before_they_repeat(users, units):
    from xapps.alcor.trainable import comparisons

    found = comparisons(users, units)
    assert found.shape == (users, units) and set(np.unique(found)) <= {-1.0, 0.0, 1.0}
    assert (found == 1.0).sum(axis=0).tolist() == [1] * units
    pairs = users * (users - 1)
    assert len(np.unique(found, axis=1).T) == min(units, users**2)
    assert (found.sum(axis=0)[: min(units, pairs)] == 0.0).all()


def test_comparing_and_sharpening_are_of_the_perceptron_only():
    for change in ({"comparisons": 3.0}, {"sharpening": 1.0}):
        with pytest.raises(ConfigError):
            preset("graph").with_changes(change)
    with pytest.raises(ConfigError):
        preset("perceptron").with_changes({"sharpening": -0.5})


def test_a_ranked_perceptron_is_binary_and_no_worse_than_its_best_user():
    from xapps.alcor import perceptron

    shape = perceptron.PerceptronArchitecture(users=4, hidden=(12, 8))
    weights = perceptron.initialise(shape, np.random.default_rng(0))
    snr, active = draw_snr("iid", np.random.default_rng(1), 50, 4), np.ones((50, 4))
    ranked = learned.PerceptronUra(shape, weights).shares(snr, active)
    sigmoid = learned.PerceptronUra(shape, weights, ranked=False).shares(snr, active)
    assert set(np.unique(ranked)) == {0.0, 1.0}
    assert not set(np.unique(sigmoid)) <= {0.0, 1.0}
    first = np.arange(4) == sigmoid.argmax(axis=-1)[:, None]
    assert (rates_bps_hz(snr, ranked).sum(-1) >= rates_bps_hz(snr, first * 1.0).sum(-1) - 1e-4).all()
