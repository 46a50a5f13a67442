"""The learners that a run can use: allocator name -> how to start one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from e2sim.scenario import Scenario
from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from rapp.draws import Stream, draw, generator
from rapp.field_answers import field_answers
from rapp.seen import pairs
from rapp.teachers import behaviours_of, taught_by
from xapps.alcor import presets as alcor_presets
from xapps.alcor.learner import AlcorLearner
from xapps.belief import presets as belief_presets
from xapps.belief.learner import BeliefLearner, Pairs
from xapps.coordination import presets as coordination_presets
from xapps.coordination.learner import CoordinationLearner, lesson
from xapps.diffusion_ql import presets as diffusion_presets
from xapps.diffusion_ql.learner import DiffusionQlLearner
from xapps.diffusion_ql.student import STUDENT, StudentLearner, StudentPreset
from xapps.dqn import presets as dqn_presets
from xapps.dqn.learner import DqnLearner
from xapps.runtime.model_file import ModelFile
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae import presets as ssvae_presets
from xapps.ssvae.batches import TrainingSet
from xapps.ssvae.learner import SsvaeLearner


class Learner(Protocol):
    """A training that goes epoch by epoch and can be cut in between."""

    epoch: int
    curves: list[dict[str, float]]

    @property
    def num_epochs(self) -> int: ...

    @property
    def done(self) -> bool: ...

    def run_epoch(self) -> dict[str, float]: ...

    def checkpoint(self) -> bytes: ...

    def restore(self, checkpoint: bytes, curves: list[dict[str, float]]) -> None: ...

    def result(self) -> TrainedModel: ...


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What there is to learn from; each learner takes what it needs."""

    scenario: Scenario
    training_set: TrainingSet | None = None
    """Labelled drops; None in a run without a data set."""
    experience: Path | None = None
    """What xApps sent back from the field; None where nothing was collected."""
    teacher: ModelFile | None = None
    """A finished run's model that is learned from; None where there is none."""

    def draw(self, num_drops: int, *key: int) -> RadioReport:
        """Fresh drops of the scenario without labels, arrays (N, U, R, K); equal keys give equal drops.

        They come from a stream of their own, so that no drop of a data set or of the gate is among them.
        """
        return draw(self.scenario, generator(Stream.TRAINING, *key), num_drops)

    def pairs(self, num_drops: int, reports: int, *key: int) -> Pairs:
        """Reports of fresh drops, newest first, and their true gains; equal keys give equal ones. The same stream."""
        return pairs(self.scenario, generator(Stream.TRAINING, *key), num_drops, reports)


def _dqn(material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    return DqnLearner(material.draw, dqn_presets.preset(preset).with_changes(changes), seed=seed)


def _ssvae(material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    if material.training_set is None:
        raise ConfigError("dataset", "", "ssvae learns from labels: the run needs a data set")
    return SsvaeLearner(material.training_set, ssvae_presets.preset(preset).with_changes(changes), seed=seed)


def _diffusion_ql(material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    if preset == STUDENT:
        student = StudentPreset().with_changes(changes)
        teacher = taught_by(material.teacher, "diffusion-ql")
        return StudentLearner(material.draw(student.drops, seed), teacher, student, seed=seed)
    settings = diffusion_presets.preset(preset).with_changes(changes)
    trained = behaviours_of(material.teacher, settings.behaviours)
    extra = field_answers(material.experience) if material.experience is not None else ()
    return DiffusionQlLearner(material.draw(settings.drops, seed), settings, seed=seed, extra=extra, trained=trained)


def _alcor(material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    """ALCOR draws channels of its own: the scenario only says where the model is judged."""
    return AlcorLearner(alcor_presets.preset(preset).with_changes(changes), seed=seed)


def _belief(material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    settings = belief_presets.preset(preset).with_changes(changes)
    if material.scenario.num_rus != 1:
        raise ConfigError("scenario", material.scenario.name, "belief decides for one RU")
    return BeliefLearner(lambda key: material.pairs(settings.drops, settings.reports, key), settings, seed=seed)


def _coordination(material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    settings = coordination_presets.preset(preset).with_changes(changes)
    if material.scenario.num_rus < 2:
        raise ConfigError("scenario", material.scenario.name, "coordination learns which of several RUs serves")
    report = material.draw(settings.num_drops(material.scenario.num_ues), seed)
    lessons = [lesson(report, settings, generator(Stream.TRAINING, seed, 0))]
    return CoordinationLearner(lessons, settings, seed=seed)


LEARNERS: dict[str, Callable[[Material, str, Mapping[str, Any], int], Learner]] = {
    "alcor": _alcor,
    "belief": _belief,
    "coordination": _coordination,
    "dqn": _dqn,
    "ssvae": _ssvae,
    "diffusion-ql": _diffusion_ql,
}


def start(allocator: str, material: Material, preset: str, changes: Mapping[str, Any], seed: int) -> Learner:
    """A learner at its beginning.

    Raises:
        ConfigError: no such learner or preset, a bad setting, or no labels for a learner that needs them.
    """
    if allocator not in LEARNERS:
        raise ConfigError("allocator", allocator, f"nothing learns it; known are {', '.join(LEARNERS)}")
    return LEARNERS[allocator](material, preset, changes, seed)
