"""Distillation: a student that reaches in one step what its teacher's chain reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors import numpy as safetensors

from oran.errors import ConfigError, ModelError
from xapps.diffusion_ql import network
from xapps.diffusion_ql.diffusion import Schedule
from xapps.diffusion_ql.policy import DiffusionQlPolicy, with_sampling
from xapps.diffusion_ql.sampling import draw
from xapps.diffusion_ql.student import StudentLearner, StudentPreset

SETTINGS = StudentPreset(drops=80, epochs=8, batch_size=8, learning_rate=3e-3)


def taught(learner: StudentLearner) -> StudentLearner:
    while not learner.done:
        learner.run_epoch()
    return learner


@pytest.fixture(scope="module")
def report(make_report):
    return make_report(n=80, seed=3)


@pytest.fixture(scope="module")
def student(report, model) -> StudentLearner:
    return taught(StudentLearner(report, model, SETTINGS, seed=0))


def shares(model, x: np.ndarray, noise: np.ndarray, steps: int) -> np.ndarray:
    policy = DiffusionQlPolicy.from_model(with_sampling(model, steps=steps))
    return network.shares(policy._networks.answers(x, noise, steps)[:, :, None], np)[:, :, 0]


def test_one_step_comes_closer_to_the_teachers_twenty_than_its_own_one_step(student, model, make_report, as_model):
    made = as_model(student.result())
    distance = {"student": [], "teacher": []}
    for seed in range(20, 40):
        policy = DiffusionQlPolicy.from_model(model)
        x = policy.observe(make_report(seed=seed))
        noise = 0.5 * np.random.default_rng(seed).standard_normal((4, *x.shape[:-1]), dtype=np.float32)
        end = shares(model, x, noise, 20)
        for name, each in (("student", made), ("teacher", model)):
            distance[name].append(np.abs(shares(each, x, noise, 1) - end).mean())
    assert np.mean(distance["student"]) < 0.8 * np.mean(distance["teacher"])


def test_the_validation_distance_falls(student):
    found = [row["validation"] for row in student.curves]
    assert found[-1] < found[0]


def test_the_student_is_a_model_of_the_same_kind_with_the_teachers_critics(student, model, as_model):
    made = as_model(student.result())
    mine, teachers = safetensors.load(made.weights), safetensors.load(model.weights)
    assert mine.keys() == teachers.keys()
    for name in mine:
        assert np.array_equal(mine[name], teachers[name]) == name.startswith("critic.")
    assert DiffusionQlPolicy.from_model(made).sampling.steps == 1
    assert student.result().training["teacher"] == model.manifest.sha256


def test_targets_are_the_ends_of_the_teachers_chains(report, model):
    learner = StudentLearner(report, model, SETTINGS, seed=0)
    x = learner._observe(report, np.arange(5))
    points, end = learner._chains(x, torch.Generator().manual_seed(1))
    policy = network.part(learner._all, "policy")
    state = network.read(learner.architecture, policy, x, torch)
    schedule = Schedule.variance_preserving(learner.architecture.steps)
    logits = draw(learner.architecture, schedule, policy, state, points[0], 20, torch)
    torch.testing.assert_close(end, network.shares(logits, torch))


def test_a_distillation_that_was_cut_continues_to_the_same_bits(report, model):
    settings = StudentPreset(drops=80, epochs=2, batch_size=40)
    whole = taught(StudentLearner(report, model, settings, seed=0)).result()
    cut = StudentLearner(report, model, settings, seed=0)
    cut.run_epoch()
    resumed = StudentLearner(report, model, settings, seed=0)
    resumed.restore(cut.checkpoint(), list(cut.curves))
    assert taught(resumed).result().weights == whole.weights
    with pytest.raises(ModelError):
        resumed.restore(b"no checkpoint", [])


@pytest.mark.parametrize("changes", [{"steps": 0}, {"validation_share": 0.0}, {"patience": 3}])
def test_a_bad_setting_is_a_config_error(changes):
    with pytest.raises(ConfigError):
        StudentPreset().with_changes(changes)


def test_a_chain_longer_than_the_teachers_is_refused(report, model):
    with pytest.raises(ConfigError):
        StudentLearner(report, model, StudentPreset(teacher_steps=21), seed=0)
