"""The acting half: from a model file to decisions that the node obeys."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors import numpy as safetensors

from e2sim.physics.constraints import violations
from oran.errors import ConfigError, DecisionRefused, DigestMismatch, ModelRejected, SuiteError
from xapps.classic.cell import single_cell
from xapps.classic.matching import Solution, match
from xapps.diffusion_ql import network
from xapps.diffusion_ql.experience import throughput_bps_hz
from xapps.diffusion_ql.learner import DiffusionQlLearner
from xapps.diffusion_ql.network import Architecture
from xapps.diffusion_ql.policy import DiffusionQlPolicy, with_sampling
from xapps.diffusion_ql.presets import preset
from xapps.diffusion_ql.sampling import Sampling
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build

WAYS = [
    {"candidates": 1},
    {"candidates": 8, "choose": "q"},
    {"candidates": 8, "choose": "physics"},
    {"candidates": 3, "steps": 20},
    {"steps": 1},
    {"candidates": 4, "choose": "physics", "daring": 1.0},
]


@pytest.fixture(scope="module")
def policy(model):
    return DiffusionQlPolicy.from_model(model)


def worth(allocation, report) -> float:
    cell = single_cell(report)
    return throughput_bps_hz(cell, Solution(allocation.prb_owner[0].astype(int), allocation.power_w[0], feasible=True))


def test_a_policy_is_an_allocator_that_the_slot_builds(model):
    allocator = build(model).allocator
    assert isinstance(allocator, Allocator)
    assert allocator.name == "diffusion-ql"


@pytest.mark.parametrize("way", WAYS)
def test_decisions_are_obeyed_and_serve_everybody(model, make_report, way):
    policy = DiffusionQlPolicy.from_model(with_sampling(model, **way))
    for seed in range(6):
        report = make_report(seed=seed)
        allocation = policy.decide(report)
        assert violations(allocation, report) == []
        assert set(allocation.prb_owner.ravel()) == {0, 1, 2, 3}
        assert allocation.decision_id == 7


def test_a_few_seconds_of_training_on_random_answers_come_within_reach_of_matching(policy, make_report):
    reports = [make_report(seed=seed) for seed in range(40)]
    found = sum(worth(policy.decide(report), report) for report in reports)
    best = sum(throughput_bps_hz(cell, match(cell)) for cell in map(single_cell, reports))
    assert found > 0.85 * best


def test_equal_reports_get_equal_decisions_from_every_copy_of_the_model(model, make_report):
    way = {"candidates": 8, "temperature": 2.0}
    one, other = (DiffusionQlPolicy.from_model(with_sampling(model, **way)) for _ in range(2))
    for seed in range(5):
        first, again = one.decide(make_report(seed=seed)), other.decide(make_report(seed=seed))
        np.testing.assert_array_equal(first.prb_owner, again.prb_owner)
        np.testing.assert_array_equal(first.power_w, again.power_w)


def test_another_report_or_another_model_gets_other_noise(model, make_report):
    policy = DiffusionQlPolicy.from_model(with_sampling(model, candidates=2))
    x = policy.observe(make_report())
    assert np.abs(policy.answers(x, 1) - policy.answers(x, 2))[1].max() > 1e-3
    np.testing.assert_array_equal(policy.answers(x, 1)[0], policy.answers(x, 2)[0])
    other = DiffusionQlPolicy(
        policy.architecture, safetensors.load(model.weights), policy.normalisation, policy.sampling
    )
    assert np.abs(policy.answers(x, 1) - other.answers(x, 1))[1].max() > 1e-3


def test_best_of_k_by_physics_never_falls_as_k_grows(model, make_report):
    """Of a network that has learned nothing, whose first answer leaves something to gain."""
    architecture = Architecture(width=8, denoiser_width=8, critic_width=8)
    weights = network.initialise(architecture, np.random.default_rng(0))
    normalisation = DiffusionQlPolicy.from_model(model).normalisation
    policies = [
        DiffusionQlPolicy(
            architecture,
            weights,
            normalisation,
            Sampling(steps=1, candidates=k, choose="physics", temperature=2.0, daring=1.0),
        )
        for k in (1, 2, 4, 8, 16)
    ]
    gained = []
    for seed in range(15):
        report = make_report(seed=seed, ues=5, prbs=9, min_rate_bps_hz=np.zeros(5))
        worths = [worth(policy.decide(report), report) for policy in policies]
        assert np.diff(worths).min() >= -1e-9
        gained.append(worths[-1] - worths[0])
    assert max(gained) > 0


def test_best_of_k_by_q_never_falls_in_q_as_k_grows(model, make_report):
    policies = [
        DiffusionQlPolicy.from_model(with_sampling(model, candidates=k, temperature=2.0)) for k in (2, 4, 8, 16)
    ]
    for seed in range(10):
        report = make_report(seed=seed, ues=5, prbs=9, min_rate_bps_hz=np.full(5, 0.1))
        chosen = [policy.decide(report).prb_owner for policy in policies]
        x = policies[0].observe(report)
        values = [policy.values(x, owner.astype(int))[0] for policy, owner in zip(policies, chosen, strict=True)]
        assert np.diff(values).min() >= -1e-5


def test_permuting_the_ues_permutes_the_first_candidates_decision(policy, make_report):
    for seed in range(10):
        report = make_report(seed=seed, ues=5, prbs=8)
        order = np.random.default_rng(seed).permutation(5)
        shuffled = replace(report, gain_db=report.gain_db[order], slice_ids=report.slice_ids[order])
        expected, found = policy.decide(report), policy.decide(shuffled)
        np.testing.assert_array_equal(order[found.prb_owner], expected.prb_owner)


def test_cells_of_any_size_are_served_by_one_model(model, make_report):
    for way in WAYS[:3]:
        policy = DiffusionQlPolicy.from_model(with_sampling(model, **way))
        for ues, prbs in ((1, 1), (9, 4), (20, 25), (3, 40)):
            report = make_report(ues=ues, prbs=prbs)
            assert violations(policy.decide(report), report) == []


def test_a_cell_without_users_is_silent(policy, make_report):
    allocation = policy.decide(make_report(ues=0))
    assert (allocation.prb_owner == -1).all()
    assert not allocation.power_w.any()


@pytest.mark.parametrize("way", WAYS[:3])
def test_gains_that_are_not_numbers_are_refused(model, make_report, way):
    report = make_report()
    report.gain_db[1, 0, 2] = np.nan
    with pytest.raises(DecisionRefused):
        DiffusionQlPolicy.from_model(with_sampling(model, **way)).decide(report)


def test_no_channel_is_a_config_error(policy, make_report):
    with pytest.raises(ConfigError):
        policy.decide(make_report(gain_db=None))


def test_a_flat_model_refuses_a_cell_of_another_size(make_report, as_model):
    learner = DiffusionQlLearner(make_report(n=40), preset("paper").with_changes({"epochs": 1, "width": 8}), seed=0)
    learner.run_epoch()
    flat = DiffusionQlPolicy.from_model(with_sampling(as_model(learner.result()), candidates=4))
    assert violations(flat.decide(make_report()), make_report()) == []
    with pytest.raises(ConfigError):
        flat.decide(make_report(ues=5))


def test_serving_needs_no_torch():
    code = "import sys; from xapps.diffusion_ql.policy import DiffusionQlPolicy; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_that_do_not_fit_the_architecture_are_rejected(model):
    weights = safetensors.load(model.weights)
    first = next(iter(weights))
    for wrong in (
        {name: w for name, w in weights.items() if name != first},
        weights | {"surplus": np.zeros(1, np.float32)},
        weights | {first: weights[first][..., :-1].copy()},
        weights | {first: weights[first] * np.nan},
    ):
        fields = {"architecture": model.manifest.architecture, "normalisation": model.manifest.normalisation}
        with pytest.raises(ModelRejected):
            DiffusionQlPolicy.from_model(
                ModelFile.pack(safetensors.save(wrong), name="x", allocator="diffusion-ql", **fields)
            )


@pytest.mark.parametrize(
    "changes",
    [
        {"normalisation": {}},
        {"normalisation": {"snr_mean_db": "x", "snr_std_db": 1.0}},
        {"architecture": {}},
        {"architecture": {"network": {"width": "wide"}}},
        {"architecture": {"network": 3}},
    ],
)
def test_a_manifest_that_makes_no_network_is_an_error_of_the_suite(model, changes):
    with pytest.raises(SuiteError):
        DiffusionQlPolicy.from_model(ModelFile(model.manifest.model_copy(update=changes), model.weights))


def test_more_steps_than_were_trained_are_refused(model):
    with pytest.raises(ConfigError):
        DiffusionQlPolicy.from_model(with_sampling(model, steps=21))


def test_the_slot_refuses_a_model_whose_bytes_were_changed(model):
    tampered = bytearray(model.weights)
    tampered[-1] ^= 1
    with pytest.raises((DigestMismatch, ModelRejected)):
        build(ModelFile(model.manifest, bytes(tampered)))
