"""Diffusion-QL through the rApp: runs without labels, and with what the field sent back."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from e2sim.scenario import Scenario, load, varied
from e2sim.simulator import Simulator
from oran.errors import ConfigError, DigestMismatch
from rapp.draws import Stream, generator
from rapp.evaluation import trial
from rapp.experience import ExperienceFolder, StreamSpan
from rapp.experience.steps import Step
from rapp.field_answers import field_answers
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.diffusion_ql.policy import with_sampling
from xapps.diffusion_ql.reward import SHORTFALL_PRICE
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build

SMALL = {"width": 8, "denoiser_width": 8, "critic_width": 8, "drops": 40, "epochs": 2, "perturbed": 1}


@pytest.fixture(scope="module")
def steps(tiny: Scenario) -> list[Step]:
    """Ten slots of a node that greedy serves; the node ignored the last decision."""
    simulator, greedy, found = Simulator(tiny, generator(Stream.TRAINING, 9)), allocators.build("greedy"), []
    for number in range(1, 11):
        report = simulator.observe()
        decision = greedy.decide(report)
        outcome = simulator.step(decision)
        found.append(
            Step(
                stream_id="s",
                sequence=number,
                meid="node",
                report=report,
                decision=decision,
                outcome=outcome,
                outcome_report_id=number + 1,
                obeyed=number < 10,
                allocator="greedy",
                model="",
                version=0,
                corrections=0,
            )
        )
    return found


@pytest.fixture
def folder(tmp_path, steps):
    span = StreamSpan(stream_id="s", xapp="x", first=1, through=10, stored=10, dropped=0, lost=0)
    ExperienceFolder(tmp_path / "experience", max_bytes=10**8).write(steps, span)
    return tmp_path / "experience"


def test_the_fields_answers_are_the_obeyed_decisions_with_what_they_brought(folder, steps):
    (answers,) = field_answers(folder)
    assert answers.size == 9
    for index, step in enumerate(steps[:9]):
        np.testing.assert_array_equal(answers.owner[index, 0], step.decision.prb_owner[0])
        rate, wanted = step.outcome.rate_bps_hz, step.report.min_rate_bps_hz
        missed = np.maximum(1.0 - rate / np.where(wanted > 0, wanted, np.inf), 0.0) * (wanted > 0)
        expected = (rate * step.report.weight).sum() / answers.unit_bps_hz[index] - SHORTFALL_PRICE * missed.mean()
        assert answers.reward[index, 0] == pytest.approx(expected, rel=1e-6)
        assert answers.reward[index, 0] < 1.01  # matching is the unit


def test_experience_without_an_obeyed_decision_is_a_config_error(tmp_path, steps):
    span = StreamSpan(stream_id="s", xapp="x", first=10, through=10, stored=1, dropped=0, lost=0)
    ExperienceFolder(tmp_path / "e", max_bytes=10**8).write(steps[9:], span)
    with pytest.raises(ConfigError, match="obeyed"):
        field_answers(tmp_path / "e")


def test_a_run_without_labels_ends_in_a_model_that_serves(tmp_path, tiny, folder):
    common = {"allocator": "diffusion-ql", "model": "diffusion-ql", "changes": SMALL, "scenario": "tiny"}
    plain = Run.create(tmp_path, RunConfig(**common)).execute()
    told = Run.create(tmp_path, RunConfig(**common, experience=str(folder))).execute()
    assert plain.manifest.training["field_drops"] == 0
    assert told.manifest.training["field_drops"] == 9
    assert told.manifest.sha256 != plain.manifest.sha256
    found = trial("diffusion-ql", build(told).allocator, tiny, seed=0, num_drops=20)
    random = trial("random", allocators.build("random"), tiny, seed=0, num_drops=20)
    assert found.score.mean() > random.score.mean()


# --- the page's claims, in short --------------------------------------------------------------------------------------

SHORT = {"drops": 160, "epochs": 3}


def claimed(root, scenario: str, **changes) -> ModelFile:
    config = RunConfig(
        allocator="diffusion-ql", model="diffusion-ql", changes=SHORT | changes, scenario=scenario, preset="sane"
    )
    return Run.create(root, config).execute()


def share(model: ModelFile, scenario: Scenario, num_drops: int = 50, **sampling) -> float:
    """Score relative to matching's."""
    learned = trial("learned", build(with_sampling(model, **sampling)).allocator, scenario, seed=0, num_drops=num_drops)
    matching = trial("matching", allocators.build("matching"), scenario, seed=0, num_drops=num_drops)
    return float(learned.score.mean() / matching.score.mean())


@pytest.fixture(scope="module")
def in_cell(tmp_path_factory) -> ModelFile:
    return claimed(tmp_path_factory.mktemp("claims"), "cell")


@pytest.mark.slow
@pytest.mark.parametrize("way", [{"steps": 1}, {"steps": 5}, {"steps": 1, "candidates": 8, "choose": "physics"}])
def test_without_labels_99_percent_in_cell_in_one_step_in_five_and_as_the_best_of_eight(in_cell, way):
    assert share(in_cell, load("cell"), **way) > 0.99


@pytest.mark.slow
def test_the_policy_is_above_its_behaviour_policies_in_reward_and_after_projection(in_cell):
    training = in_cell.manifest.training
    assert training["validation_reward"] > max(training["behaviour_rewards"].values())
    greedy = trial("greedy", allocators.build("greedy"), load("cell"), seed=0, num_drops=50)
    learned = trial("learned", build(in_cell).allocator, load("cell"), seed=0, num_drops=50)
    assert learned.score.mean() > greedy.score.mean()


@pytest.mark.slow
def test_one_network_holds_at_a_third_of_the_load_and_at_a_tenth_of_the_power(in_cell):
    cell = load("cell")
    light = varied(cell, slices__0__num_ues=3, slices__1__num_ues=3)
    assert share(in_cell, light) > 0.98
    assert share(in_cell, varied(cell, radio__ru_power_budget_dbm=30.0)) > 0.95


@pytest.mark.slow
def test_ranking_leaves_a_good_prior_alone_where_imitation_wears_it_down(in_cell, tmp_path):
    imitated = claimed(tmp_path, "cell", denoising="likelihood", learning_rate=3e-3)
    assert imitated.manifest.training["validation_reward"] <= in_cell.manifest.training["validation_reward"]
    epochs = Run.named(tmp_path, next(tmp_path.iterdir()).name).curves()
    assert max(row["validation_reward"] for row in epochs) < in_cell.manifest.training["validation_reward"]


@pytest.mark.slow
def test_without_labels_99_percent_in_paper2(tmp_path):
    assert share(claimed(tmp_path, "paper2"), load("paper2")) > 0.99


# --- teachers ---------------------------------------------------------------------------------------------------------

COMMON = {"allocator": "diffusion-ql", "model": "diffusion-ql", "scenario": "tiny"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def dqn(runs) -> Run:
    run = Run.create(runs, RunConfig(allocator="dqn", model="dqn", preset="demo", scenario="tiny"))
    run.execute()
    return run


@pytest.fixture(scope="module")
def plain(runs) -> Run:
    run = Run.create(runs, RunConfig(**COMMON, changes=SMALL))
    run.execute()
    return run


def test_a_trained_dqn_is_a_behaviour_policy(runs, dqn):
    changes = SMALL | {"behaviours": ["random", "dqn"]}
    model = Run.create(runs, RunConfig(**COMMON, changes=changes, teacher=str(dqn.folder))).execute()
    rewards = model.manifest.training["behaviour_rewards"]
    assert rewards["dqn"] > rewards["random"]
    assert model.manifest.training["teacher"]["sha256"] == dqn.model().manifest.sha256


def test_a_student_learns_from_a_finished_run(runs, plain):
    config = RunConfig(**COMMON, preset="student", changes={"drops": 40, "epochs": 2}, teacher=str(plain.folder))
    model = Run.create(runs, config).execute()
    assert build(model).allocator.sampling.steps == 1
    assert model.manifest.training["teacher"]["sha256"] == plain.model().manifest.sha256


def test_a_missing_or_unsuitable_teacher_is_a_config_error(runs, plain, dqn):
    wants_dqn = {"changes": SMALL | {"behaviours": ["dqn"]}}
    for config in (
        wants_dqn,
        wants_dqn | {"teacher": str(runs / "nobody")},
        wants_dqn | {"teacher": str(plain.folder)},
        {"changes": SMALL, "teacher": str(dqn.folder)},
        {"preset": "student"},
        {"preset": "student", "teacher": str(dqn.folder)},
    ):
        with pytest.raises(ConfigError):
            Run.create(runs, RunConfig(**COMMON, **config)).execute()


def test_a_teacher_whose_weights_have_changed_is_refused(runs, tmp_path, plain):
    folder = tmp_path / plain.folder.name
    shutil.copytree(plain.folder, folder)
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(weights)
    with pytest.raises(DigestMismatch):
        Run.create(tmp_path, RunConfig(**COMMON, preset="student", teacher=str(folder))).execute()


def test_a_run_without_a_teacher_keeps_the_id_that_it_had():
    assert RunConfig(**COMMON).run_id == RunConfig(**COMMON, teacher="").run_id
    assert RunConfig(**COMMON).run_id != RunConfig(**COMMON, teacher="somewhere").run_id
