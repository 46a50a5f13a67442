"""The acting half: from a model file to decisions that the node obeys."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors import numpy as safetensors

from e2sim.physics.constraints import violations
from e2sim.physics.objective import rates_bps_hz
from e2sim.physics.units import db_to_linear
from oran.errors import ConfigError, DigestMismatch, ModelRejected, SuiteError
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile, digest
from xapps.runtime.model_slot import build
from xapps.ssvae import network, prior
from xapps.ssvae.decoder import Decoding, decode
from xapps.ssvae.features import Normalisation
from xapps.ssvae.learner import train
from xapps.ssvae.network import Architecture
from xapps.ssvae.policy import SsvaePolicy
from xapps.ssvae.presets import preset


@pytest.fixture(scope="module")
def model(toy, as_model):
    return as_model(train(toy, preset("demo").with_changes({"width": 12, "epochs": 5}), seed=0))


@pytest.fixture(scope="module")
def policy(model):
    return SsvaePolicy.from_model(model)


def rejected(model: ModelFile, weights: dict[str, np.ndarray]) -> ModelFile:
    content = safetensors.save(weights)
    return ModelFile(model.manifest.model_copy(update={"sha256": digest(content)}), content)


def test_a_policy_is_an_allocator(policy):
    assert isinstance(policy, Allocator)
    assert policy.name == "ssvae"


def test_decisions_are_obeyed_and_serve_everybody(policy, make_report):
    for seed in range(10):
        report = make_report(seed=seed)
        allocation = policy.decide(report)
        assert violations(allocation, report) == []
        assert set(allocation.prb_owner.ravel()) == {0, 1, 2, 3}
        assert allocation.decision_id == 7


def test_equal_reports_get_equal_decisions(policy, make_report):
    one, again = policy.decide(make_report()), policy.decide(make_report())
    np.testing.assert_array_equal(one.prb_owner, again.prb_owner)
    np.testing.assert_array_equal(one.power_w, again.power_w)


def test_permuting_the_ues_permutes_the_decision(policy, make_report):
    for seed in range(20):
        report = make_report(seed=seed, ues=5, prbs=8)
        order = np.random.default_rng(seed).permutation(5)
        shuffled = replace(report, gain_db=report.gain_db[order], slice_ids=report.slice_ids[order])
        expected, found = policy.decide(report), policy.decide(shuffled)
        np.testing.assert_array_equal(order[found.prb_owner], expected.prb_owner)
        np.testing.assert_allclose(found.power_w, expected.power_w, rtol=1e-6)


def test_cells_of_any_size_are_served_by_one_model(policy, make_report):
    for ues, rus, prbs in ((1, 1, 1), (9, 1, 4), (20, 1, 25), (6, 3, 5)):
        report = make_report(ues=ues, rus=rus, prbs=prbs)
        assert violations(policy.decide(report), report) == []


def test_a_cell_without_users_is_silent(policy, make_report):
    report = make_report(ues=1)
    names = ("ue_ids", "slice_ids", "weight", "min_rate_bps_hz", "max_delay_s", "gain_db")
    empty = replace(report, **{name: np.asarray(getattr(report, name))[:0] for name in names})
    allocation = policy.decide(empty)
    assert violations(allocation, empty) == []
    assert (allocation.prb_owner == -1).all()
    assert not allocation.power_w.any()
    with pytest.raises(SuiteError):
        policy.decide(replace(empty, gain_db=None))


def test_more_candidates_are_never_worse_in_one_cell(model, make_report):
    architecture = model.manifest.architecture
    decoding = architecture["decoding"] | {"candidates": 8, "spread": 2.0}
    manifest = model.manifest.model_copy(update={"architecture": architecture | {"decoding": decoding}})
    many, one = SsvaePolicy.from_model(ModelFile(manifest, model.weights)), SsvaePolicy.from_model(model)

    def worth(policy, report):
        allocation = policy.decide(report)
        gain = 10 ** (report.gain_db[allocation.prb_owner[0], 0, np.arange(6)] / 10)
        return np.log2(1 + gain * allocation.power_w[0] / report.noise_w).sum()

    reports = [make_report(seed=seed, min_rate_bps_hz=np.zeros(4)) for seed in range(20)]
    gains = [worth(many, report) - worth(one, report) for report in reports]
    assert min(gains) >= -1e-9
    assert max(gains) > 0


def test_serving_needs_no_torch(model):
    code = "import sys; from xapps.ssvae.policy import SsvaePolicy; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_flat_model_refuses_a_cell_of_another_size(toy, as_model, make_report):
    settings = preset("flat").with_changes({"width": 8, "epochs": 1, "unlabelled_batch_size": 0})
    flat = SsvaePolicy.from_model(as_model(train(toy, settings, seed=0)))
    report = make_report()
    assert violations(flat.decide(report), report) == []
    with pytest.raises(ConfigError):
        flat.decide(make_report(ues=5))


def test_weights_that_do_not_fit_the_architecture_are_rejected(model):
    weights = safetensors.load(model.weights)
    first = next(iter(weights))
    for wrong in (
        {name: w for name, w in weights.items() if name != first},
        weights | {"surplus": np.zeros(1, np.float32)},
        weights | {first: weights[first][..., :-1].copy()},
        weights | {first: weights[first] * np.nan},
    ):
        with pytest.raises(ModelRejected):
            SsvaePolicy.from_model(rejected(model, wrong))


@pytest.mark.parametrize(
    "changes",
    [
        {"normalisation": {}},
        {"normalisation": {"snr_mean_db": 0.0, "snr_std_db": 0.0}},
        {"normalisation": {"snr_mean_db": "x", "snr_std_db": 1.0}},
        {"architecture": {}},
        {"architecture": {"network": {"width": "wide"}}},
        {"architecture": {"network": 3}},
    ],
)
def test_a_manifest_that_makes_no_network_is_an_error_of_the_suite(model, changes):
    with pytest.raises(SuiteError):
        SsvaePolicy.from_model(ModelFile(model.manifest.model_copy(update=changes), model.weights))


def test_bytes_that_are_no_safetensors_are_rejected(model):
    with pytest.raises(ModelRejected):
        SsvaePolicy.from_model(ModelFile(model.manifest, b"garbage"))


def test_the_slot_refuses_a_model_whose_bytes_were_changed(model):
    tampered = bytearray(model.weights)
    tampered[-1] ^= 1
    with pytest.raises((DigestMismatch, ModelRejected)):
        build(ModelFile(model.manifest, bytes(tampered)))


def test_with_physics_beside_it_even_a_poor_network_is_no_worse_than_physics(make_report):
    architecture = Architecture(width=8, layers=1)
    poor = network.initialise(architecture, np.random.default_rng(0))
    physics = Decoding(physics=True)
    for seed in range(10):
        report = make_report(ues=5, prbs=12, seed=seed)
        alone = decode(report, np.zeros((1, 5, 1)), prior.unlearned_scores(report)[None], Decoding())
        together = SsvaePolicy(architecture, poor, Normalisation(20.0, 10.0), physics).decide(report)
        assert worth(report, together) >= worth(report, alone) - 1e-6


def worth(report, allocation) -> float:
    rate = rates_bps_hz(db_to_linear(report.gain_db), allocation, report.noise_w)
    missed = np.maximum(report.min_rate_bps_hz - rate, 0.0).sum()
    return float(rate @ report.weight - 1e3 * missed)
