"""The learned belief and the learned association through the rApp: run, cut, gated, written, read, served."""

from __future__ import annotations

import time

import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.simulator import Simulator
from oran.errors import ConfigError
from rapp import evaluation, learners
from rapp.draws import Stream, generator
from rapp.runs import Run, RunConfig
from rapp.store import DiskStore
from xapps import allocators
from xapps.runtime import shield
from xapps.runtime.model_slot import build, self_test

SCENARIOS = {"belief": "uncertain", "coordination": "interfering"}
SMALL = {
    "belief": {"width": 8, "steps": 12, "epochs": 3, "drops": 2},
    "coordination": {"width": 8, "steps": 30, "epochs": 3, "changes_tried": 36},
}
MADE = {"belief": "drops", "coordination": "changes_tried"}

both = pytest.mark.parametrize("allocator", SCENARIOS)


def config(allocator: str) -> RunConfig:
    return RunConfig(
        allocator=allocator,
        model=allocator,
        preset="demo",
        changes=SMALL[allocator],
        scenario=SCENARIOS[allocator],
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    found = {allocator: Run.create(root, config(allocator)) for allocator in SCENARIOS}
    for run in found.values():
        run.execute()
    return found


class Cut(Exception):
    """Somebody pulls the plug."""


@both
def test_a_run_that_was_cut_continues_to_the_same_weights(tmp_path, runs, allocator):
    def pull_the_plug(progress):
        if progress.epoch == 2:
            raise Cut

    with pytest.raises(Cut):
        Run.create(tmp_path, config(allocator)).execute(pull_the_plug)
    again = Run.create(tmp_path, config(allocator)).execute()
    assert again.manifest.sha256 == runs[allocator].model().manifest.sha256


@both
def test_the_manifest_says_where_the_model_comes_from(runs, allocator):
    manifest = runs[allocator].model().manifest
    assert manifest.scenario.digest == scenarios.load(SCENARIOS[allocator]).digest
    assert manifest.training["seed"] == 0
    assert manifest.training[MADE[allocator]] == {"belief": 24, "coordination": 36}[allocator]


@both
def test_what_was_written_serves_reports_of_its_scenario(runs, allocator):
    policy = build(runs[allocator].model()).allocator
    report = Simulator(scenarios.load(SCENARIOS[allocator]), generator(Stream.HELD_OUT, 5)).observe()
    allocation, corrections = shield.project(policy.decide(report), report)
    assert policy.name == allocator
    assert corrections == 0
    assert (allocation.power_w > 0).any()


@both
def test_it_comes_out_of_the_store_as_it_went_in_and_passes_the_xapps_self_test(tmp_path, runs, allocator):
    model = runs[allocator].model()
    DiskStore(tmp_path).put(model)
    again = build(DiskStore(tmp_path).get(allocator)).allocator
    reports = [Simulator(scenarios.load(SCENARIOS[allocator]), generator(Stream.HELD_OUT, n)).observe() for n in (5, 6)]
    self_test(again, reports, latency_bound_s=1.0, now_s=time.thread_time)
    for report in reports:
        one, other = build(model).allocator.decide(report), again.decide(report)
        np.testing.assert_array_equal(one.prb_owner, other.prb_owner)
        np.testing.assert_array_equal(one.power_w, other.power_w)


@both
def test_the_gate_judges_it(runs, allocator):
    scenario = scenarios.load(SCENARIOS[allocator])
    candidate, matching = build(runs[allocator].model()).allocator, allocators.build("matching")
    verdict = evaluation.gate(candidate, matching, [], scenario, seed=1, num_drops=6)
    assert verdict.rows["candidate"]["infeasible_before_projection"] == 0.0
    assert verdict.gain > 0.0  # the robust decision and the search carry even a network that has hardly learned


@both
def test_a_run_in_a_cell_that_it_cannot_decide_is_refused(tmp_path, allocator):
    [wrong] = {"belief": ["interfering"], "coordination": ["uncertain"]}[allocator]
    with pytest.raises(ConfigError, match="RU"):
        Run.create(tmp_path, config(allocator).model_copy(update={"scenario": wrong})).execute()


def test_pairs_with_equal_keys_are_equal_and_with_others_are_not():
    material = learners.Material(scenarios.load("uncertain"))
    (history_db, true_db), again, other = (material.pairs(2, 3, key) for key in (4, 4, 5))
    assert len(history_db) == 3
    assert all(seen.shape == true_db.shape == (2, 20, 1, 25) for seen in history_db)
    np.testing.assert_array_equal(again[1], true_db)
    assert (other[1] != true_db).any()
    assert (history_db[0] != true_db).any()


def test_the_gate_shows_reports_as_old_as_they_are_in_the_field():
    stale = scenarios.varied(
        scenarios.load("uncertain"),
        observation__error_to_gain_db=None,
        observation__step_db=None,
        observation__missing_share=0.0,
        observation__delay_slots=2,
    )
    perfect = scenarios.varied(stale, observation__delay_slots=0)
    matching = allocators.build("matching")
    old, fresh = (evaluation.trial("m", matching, each, seed=1, num_drops=20).score.mean() for each in (stale, perfect))
    assert old < 0.7 * fresh
