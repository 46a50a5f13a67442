"""What is stored and trained shows up as metrics."""

from __future__ import annotations

import json

import pytest
from prometheus_client import CollectorRegistry

from rapp.lineage import NEWEST_RUNS, LineageCollector
from rapp.runs import Run, RunConfig


@pytest.fixture
def registry(store, tmp_path):
    registry = CollectorRegistry()
    registry.register(LineageCollector(store, tmp_path))
    return registry


def test_a_stored_version_shows_its_origin_and_what_the_gate_measured(store, make_model, registry):
    stored = store.put(make_model(metrics={"score": 1.5}))
    labels = {"name": stored.name, "version": "1"}
    assert registry.get_sample_value("rapp_model_size_bytes", labels) == stored.size_bytes
    assert registry.get_sample_value("rapp_model_evaluation", labels | {"figure": "score"}) == 1.5
    info = next(family for family in registry.collect() if family.name == "rapp_model_info")
    assert info.samples[0].labels["sha256"] == stored.sha256


def test_a_running_training_shows_its_newest_figures(tmp_path, registry):
    run = Run.create(tmp_path, RunConfig(dataset="nowhere"))
    (run.folder / "curves.json").write_text(json.dumps([{"loss": 2.0}, {"loss": 1.0}]))
    name = run.folder.name
    assert registry.get_sample_value("rapp_run_epochs", {"run": name}) == 2
    assert registry.get_sample_value("rapp_run_curve", {"run": name, "curve": "loss"}) == 1.0
    assert registry.get_sample_value("rapp_runs", {"state": "created"}) == 1
    assert registry.get_sample_value("rapp_run_accepted", {"run": name}) is None


def test_a_refusal_by_the_gate_shows_as_zero(tmp_path, registry):
    run = Run.create(tmp_path, RunConfig(dataset="nowhere"))
    run.keep_verdict({"accepted": False, "gain": -0.5, "gain_low": -1.0, "gain_high": 0.1})
    name = run.folder.name
    assert registry.get_sample_value("rapp_run_accepted", {"run": name}) == 0.0
    assert registry.get_sample_value("rapp_run_gain_bps_hz", {"run": name, "bound": "low"}) == -1.0


def test_old_runs_are_no_labels_any_more(tmp_path, registry):
    for seed in range(NEWEST_RUNS + 3):
        Run.create(tmp_path, RunConfig(dataset="nowhere", seed=seed))
    epochs = next(family for family in registry.collect() if family.name == "rapp_run_epochs")
    assert len(epochs.samples) == NEWEST_RUNS
    assert registry.get_sample_value("rapp_runs", {"state": "created"}) == NEWEST_RUNS + 3
