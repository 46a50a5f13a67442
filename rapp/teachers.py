"""What a finished run can teach another: a DQN its answers as behaviour, a Diffusion-QL where its chains end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.diffusion_ql.experience import Behaviour
from xapps.dqn.policy import DqnPolicy
from xapps.runtime.model_file import ModelFile
from xapps.ssvae.batches import num_drops, take

EPSILON = 0.1
"""Share of random actions of a DQN that others learn from: paper 2, Table I."""

PLAYED_AT_ONCE = 64
"""Drops that a DQN plays side by side."""


def behaviours_of(teacher: ModelFile | None, wanted: tuple[str, ...]) -> Mapping[str, Behaviour]:
    """The behaviour policies that a teacher brings, of those that a preset asks for.

    Raises:
        ConfigError: a DQN's answers are wanted without one, or a teacher is given whom nobody asks.
        ModelRejected: the model makes no network.
    """
    if "dqn" not in wanted:
        if teacher is not None:
            raise ConfigError("teacher", teacher.manifest.name, "the preset learns from none")
        return {}
    return {"dqn": explored_by(DqnPolicy.from_model(taught_by(teacher, "dqn")))}


def taught_by(teacher: ModelFile | None, allocator: str) -> ModelFile:
    """The teacher, if it is a model of ``allocator``.

    Raises:
        ConfigError: it is not, or there is none.
    """
    found = "none" if teacher is None else teacher.manifest.allocator
    if teacher is None or found != allocator:
        raise ConfigError("teacher", found, f"name the folder of a finished run of {allocator}")
    return teacher


def explored_by(policy: DqnPolicy) -> Behaviour:
    """A DQN as behaviour policy: epsilon-greedy from action to action, owners (N, K) of drops (N, U, 1, K)."""

    def answers(report: RadioReport, rng: np.random.Generator) -> NDArray[np.integer]:
        parts = np.array_split(np.arange(num_drops(report)), -(-num_drops(report) // PLAYED_AT_ONCE))
        played = [policy.explore_batch(take(report, part), rng, EPSILON).prb_owner[:, 0] for part in parts]
        return np.concatenate(played)

    return answers


def provenance(teacher: ModelFile | None) -> dict[str, dict[str, str]]:
    """Whom a model learned from, for its manifest."""
    if teacher is None:
        return {}
    manifest = teacher.manifest
    return {"teacher": {"allocator": manifest.allocator, "name": manifest.name, "sha256": manifest.sha256}}
