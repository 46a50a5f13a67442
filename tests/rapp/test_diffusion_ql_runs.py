"""Diffusion-QL through the rApp: runs without labels, and with what the field sent back."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim.scenario import Scenario, load
from e2sim.simulator import Simulator
from oran.errors import ConfigError
from rapp.draws import Stream, generator
from rapp.evaluation import trial
from rapp.experience import ExperienceFolder, StreamSpan
from rapp.experience.steps import Step
from rapp.field_answers import field_answers
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.diffusion_ql.reward import SHORTFALL_PRICE
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


@pytest.mark.slow
def test_the_pages_claim_holds_in_short_without_labels_above_greedy_and_96_percent_in_paper2(tmp_path):
    paper2 = load("paper2")
    changes = {"drops": 200, "epochs": 3}
    config = RunConfig(allocator="diffusion-ql", model="diffusion-ql", changes=changes, scenario="paper2")
    run = Run.create(tmp_path, config)
    named = {"learned": build(run.execute()).allocator}
    named |= {name: allocators.build(name) for name in ("greedy", "matching")}
    score = {name: trial(name, each, paper2, seed=0, num_drops=50).score.mean() for name, each in named.items()}
    assert score["learned"] > 0.96 * score["matching"]
    assert score["learned"] > score["greedy"]
    behaviours = run.model().manifest.training["behaviour_rewards"]
    assert run.model().manifest.training["validation_reward"] > max(behaviours.values())
