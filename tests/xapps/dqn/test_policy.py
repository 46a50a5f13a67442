"""The acting half: from a model file to decisions that the node obeys."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors import numpy as safetensors

from e2sim.physics.constraints import violations
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.dqn import assignment
from xapps.dqn.policy import DqnPolicy
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile, digest
from xapps.runtime.model_slot import build
from xapps.ssvae.batches import drops

PER_UE = ("ue_ids", "slice_ids", "weight", "min_rate_bps_hz", "max_delay_s", "gain_db")


@pytest.fixture(scope="module")
def policy(fair_model):
    return DqnPolicy.from_model(fair_model)


@pytest.fixture(scope="module")
def paper(paper_model):
    return DqnPolicy.from_model(paper_model)


def decoded(model: ModelFile, **decoding) -> DqnPolicy:
    architecture = model.manifest.architecture
    changed = architecture | {"decoding": architecture["decoding"] | decoding}
    return DqnPolicy.from_model(ModelFile(model.manifest.model_copy(update={"architecture": changed}), model.weights))


def with_weights(model: ModelFile, weights: dict[str, np.ndarray]) -> ModelFile:
    content = safetensors.save(weights)
    return ModelFile(model.manifest.model_copy(update={"sha256": digest(content)}), content)


def test_a_policy_is_an_allocator_that_the_slot_builds(fair_model, policy):
    assert isinstance(policy, Allocator)
    assert build(fair_model).allocator.name == policy.name == "dqn"


def test_the_fair_variant_serves_cells_of_any_size(policy, make_report):
    for ues, rus, prbs in ((1, 1, 1), (4, 1, 6), (9, 1, 4), (20, 1, 25), (6, 3, 5)):
        report = make_report(ues=ues, rus=rus, prbs=prbs)
        allocation = policy.decide(report)
        assert violations(allocation, report) == []
        assert allocation.decision_id == 7


def test_equal_reports_get_equal_decisions(policy, make_report):
    one, again = policy.decide(make_report()), policy.decide(make_report())
    np.testing.assert_array_equal(one.prb_owner, again.prb_owner)
    np.testing.assert_array_equal(one.power_w, again.power_w)


def test_permuting_the_ues_permutes_the_decision(policy, make_report):
    for seed in range(10):
        report = make_report(seed=seed, ues=5, prbs=8)
        order = np.random.default_rng(seed).permutation(5)
        expected, found = policy.decide(report), policy.decide(replace(report, gain_db=report.gain_db[order]))
        np.testing.assert_array_equal(order[found.prb_owner], expected.prb_owner)
        np.testing.assert_allclose(found.power_w, expected.power_w, rtol=1e-6)


def test_more_rollouts_are_never_worse_by_the_models_own_physics(fair_model, make_report):
    one, four = decoded(fair_model, rollouts=1), decoded(fair_model, rollouts=4)
    report = make_report(20, ues=5, prbs=8, min_rate_bps_hz=np.full((20, 5), 4.0), noise_w=3e-11)
    problems = assignment.of_drops(report, np.ones(20))
    few, many = (
        assignment.worth(problems, np.stack([p.decide(drop).prb_owner[0] for drop in drops(report)])).value
        for p in (one, four)
    )
    assert (many >= few - 1e-9).all()
    assert many.sum() > few.sum()


def test_even_power_is_the_same_on_every_prb(fair_model, make_report):
    allocation = decoded(fair_model, power="even").decide(make_report())
    np.testing.assert_allclose(allocation.power_w, 2.0 / 6)


def test_a_cell_without_users_is_silent(policy, make_report):
    report = make_report(ues=1)
    empty = replace(report, **{name: np.asarray(getattr(report, name))[:0] for name in PER_UE})
    allocation = policy.decide(empty)
    assert violations(allocation, empty) == []
    assert (allocation.prb_owner == -1).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gains_that_are_no_numbers_are_refused(policy, make_report, bad):
    report = make_report()
    report.gain_db[1, 0, 2] = bad
    with pytest.raises(DecisionRefused, match="NaN or infinite"):
        policy.decide(report)


def test_a_report_without_a_channel_is_a_config_error(policy, make_report):
    with pytest.raises(ConfigError, match="gain_db"):
        policy.decide(replace(make_report(), gain_db=None))


def test_the_papers_variant_serves_the_size_it_was_made_for_and_no_other(paper, make_report):
    report = make_report(ues=2, prbs=3)
    assert paper.decide(report).prb_owner.shape == (1, 3)
    for other in (make_report(ues=3, prbs=3), make_report(ues=2, prbs=4), make_report(ues=2, prbs=3, rus=2)):
        with pytest.raises(ConfigError):
            paper.decide(other)


def test_exploring_is_decided_by_its_generator_and_stays_feasible(policy, make_report):
    report = make_report(ues=5, prbs=8)
    one, again, other = (policy.explore(report, np.random.default_rng(seed), 0.5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.prb_owner, again.prb_owner)
    assert not np.array_equal(one.prb_owner, other.prb_owner)
    assert violations(one, report) == []


def test_a_batch_is_explored_at_once_with_an_epsilon_for_each_drop(policy, make_report):
    report = make_report(40, ues=5, prbs=8)
    epsilon = np.where(np.arange(40) < 20, 0.0, 1.0)
    found = policy.explore_batch(report, np.random.default_rng(0), epsilon)
    for index, drop in enumerate(drops(report)):
        allocation = type(found)(
            found.ue_ids[index], found.serving_ru[index], found.prb_owner[index], found.power_w[index], 7
        )
        assert violations(allocation, drop) == []
    gain = np.take_along_axis(report.gain_db[:, :, 0], found.prb_owner.astype(int), axis=1)[:, 0]
    assert gain[:20].mean() != gain[20:].mean()


def test_the_papers_variant_does_not_explore_on_its_own(paper, make_report):
    with pytest.raises(ConfigError, match="fair"):
        paper.explore(make_report(ues=2, prbs=3), np.random.default_rng(0), 0.1)


def test_weights_that_do_not_fit_are_rejected(fair_model):
    weights = safetensors.load(fair_model.weights)
    name = next(iter(weights))
    for changed in (
        {key: value for key, value in weights.items() if key != name},
        weights | {"extra": np.zeros(1, np.float32)},
        weights | {name: weights[name][:-1]},
        weights | {name: np.full_like(weights[name], np.nan)},
    ):
        with pytest.raises(ModelRejected):
            DqnPolicy.from_model(with_weights(fair_model, changed))


def test_octets_that_are_no_weights_are_rejected(fair_model):
    with pytest.raises(ModelRejected, match="safetensors"):
        DqnPolicy.from_model(ModelFile(fair_model.manifest, b"garbage"))


@pytest.mark.parametrize(
    "architecture",
    [{}, {"network": {"kind": "deep"}}, {"network": {"depth": 1}}, {"network": {}, "steps": "many"}, {"network": 3}],
)
def test_a_manifest_that_makes_no_network_is_refused(fair_model, architecture):
    manifest = fair_model.manifest.model_copy(update={"architecture": architecture})
    with pytest.raises((ModelRejected, ConfigError)):
        DqnPolicy.from_model(ModelFile(manifest, fair_model.weights))


@pytest.mark.parametrize("decoding", [{"rollouts": 0}, {"rollouts": 5}, {"power": "loud"}, {"candidates": 3}])
def test_a_decoding_that_cannot_be_is_a_config_error(fair_model, decoding):
    with pytest.raises(ConfigError):
        decoded(fair_model, **decoding)


def test_what_serves_imports_no_torch():
    code = "import sys, xapps.dqn.policy; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
