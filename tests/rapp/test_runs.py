"""Training runs as job folders: resumable to the bit, and honest about their state."""

from __future__ import annotations

import json

import numpy as np
import pytest

from oran.errors import ConfigError, DigestMismatch, ModelError, ModelNotFound
from rapp import learners
from rapp.draws import Stream, draw, generator
from rapp.journal import Journal
from rapp.runs import Run, RunConfig, list_runs
from xapps.runtime.model_slot import build
from xapps.runtime.trained_model import TrainedModel

SHORT = {"epochs": 4, "width": 8, "layers": 1, "batch_size": 8, "unlabelled_batch_size": 4}


@pytest.fixture
def config(tiny_dataset):
    return RunConfig(preset="demo", changes=SHORT, dataset=str(tiny_dataset), unlabelled_drops=20)


class Cut(Exception):
    """Somebody pulls the plug."""


def test_a_run_ends_with_a_model_that_builds_and_says_where_it_comes_from(tmp_path, config, tiny):
    run = Run.create(tmp_path, config)
    assert run.state == "created"
    model = run.execute()
    assert run.state == "done"
    assert build(model).allocator.name == "ssvae"
    assert model.manifest.scenario.digest == tiny.digest
    assert model.manifest.training["seed"] == 0
    assert model.manifest.training["dataset"]["drops"] == 30


def test_a_run_that_was_cut_continues_to_the_same_weights(tmp_path, config):
    whole = Run.create(tmp_path / "whole", config).execute()

    def pull_the_plug(progress):
        if progress.epoch == 2:
            raise Cut

    with pytest.raises(Cut):
        Run.create(tmp_path / "cut", config).execute(pull_the_plug)
    run = Run.create(tmp_path / "cut", config)
    assert run.state == "running"
    epochs = []
    resumed = run.execute(lambda progress: epochs.append(progress.epoch))
    assert epochs == [3, 4]
    assert resumed.manifest.sha256 == whole.manifest.sha256
    assert [each["epoch"] for each in run.summary(with_curves=True)["curves"]] == [1, 2, 3, 4]


def test_what_a_cut_run_cost_before_the_cut_counts(tmp_path, config, monkeypatch):
    clock = iter(range(0, 1000, 5))  # an epoch takes from one look to the next
    monkeypatch.setattr("rapp.runs.time.process_time", lambda: next(clock))

    def pull_the_plug(progress):
        raise Cut

    with pytest.raises(Cut):
        Run.create(tmp_path, config).execute(pull_the_plug)
    assert Run.create(tmp_path, config).execute().manifest.training["cpu_seconds"] == 4 * 5


def test_a_finished_run_returns_its_result_without_training(tmp_path, config):
    model = Run.create(tmp_path, config).execute()
    called = []
    assert Run.create(tmp_path, config).execute(called.append).weights == model.weights
    assert called == []
    assert [entry["event"] for entry in Journal(tmp_path).entries()] == ["trained"]


def test_weights_changed_behind_a_runs_back_are_noticed(tmp_path, config):
    run = Run.create(tmp_path, config)
    run.execute()
    path = run.folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DigestMismatch):
        run.model()


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_damaged_checkpoint_is_a_model_error(tmp_path, config, damage):
    run = Run.create(tmp_path, config)
    (run.folder / "checkpoint.safetensors").write_bytes(damage)
    with pytest.raises(ModelError):
        run.execute()


def test_runs_are_found_by_name_and_listed(tmp_path, config):
    run = Run.create(tmp_path, config)
    assert Run.named(tmp_path, run.folder.name).config == config
    assert [each.folder for each in list_runs(tmp_path)] == [run.folder]
    assert list_runs(tmp_path / "nowhere") == []
    for name in ("other", "..", "../.."):
        with pytest.raises(ModelNotFound):
            Run.named(tmp_path, name)
    with pytest.raises(ModelNotFound, match="not finished"):
        run.model()


def test_another_configuration_is_another_run(config):
    assert config.run_id != config.model_copy(update={"seed": 1}).run_id


@pytest.mark.parametrize("changes", [{"preset": "none"}, {"changes": {"widht": 3}}, {"allocator": "oracle"}])
def test_a_bad_setting_is_a_config_error(tmp_path, config, changes):
    with pytest.raises(ConfigError):
        Run.create(tmp_path, config.model_copy(update=changes)).execute()


def test_an_unreadable_configuration_is_a_config_error(tmp_path, config):
    run = Run.create(tmp_path, config)
    (run.folder / "config.json").write_text(json.dumps({"seed": "x"}))
    with pytest.raises(ConfigError):
        Run.named(tmp_path, run.folder.name)


class Counting:
    """A learner without labels: its weights are the mean gain of fresh drops, one batch an epoch."""

    num_epochs = 2

    def __init__(self, material, preset, changes, seed):
        self.material, self.seed, self.epoch, self.total = material, seed, 0, 0.0
        self.curves = []

    @property
    def done(self):
        return self.epoch == self.num_epochs

    def run_epoch(self):
        self.epoch += 1
        self.total += float(self.material.draw(3, self.seed, self.epoch).gain_db.mean())
        self.curves.append({"epoch": float(self.epoch)})
        return self.curves[-1]

    def checkpoint(self):
        return json.dumps([self.epoch, self.total]).encode()

    def restore(self, checkpoint, curves):
        self.epoch, self.total = json.loads(checkpoint)
        self.curves = curves[: self.epoch]

    def result(self):
        return TrainedModel(json.dumps(self.total).encode(), {}, {}, {}, self.curves)


def test_a_learner_without_labels_runs_in_a_scenario_and_says_which(tmp_path, monkeypatch, tiny):
    monkeypatch.setitem(learners.LEARNERS, "counting", Counting)
    model = Run.create(tmp_path, RunConfig(allocator="counting", scenario="tiny", seed=3)).execute()
    assert model.manifest.scenario.digest == tiny.digest
    assert model.manifest.training["seed"] == 3
    assert set(model.manifest.training["software"]) == {"torch", "numpy", "python"}
    assert "dataset" not in model.manifest.training


def test_a_run_without_labels_that_was_cut_draws_the_same_drops_again(tmp_path, monkeypatch):
    monkeypatch.setitem(learners.LEARNERS, "counting", Counting)
    config = RunConfig(allocator="counting", scenario="tiny")

    def pull_the_plug(progress):
        raise Cut

    with pytest.raises(Cut):
        Run.create(tmp_path / "cut", config).execute(pull_the_plug)
    resumed = Run.create(tmp_path / "cut", config).execute()
    assert resumed.weights == Run.create(tmp_path / "whole", config).execute().weights


def test_a_learner_that_needs_labels_and_gets_none_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="needs a data set"):
        Run.create(tmp_path, RunConfig(scenario="tiny")).execute()


@pytest.mark.parametrize("source", [{}, {"dataset": "here", "scenario": "tiny"}])
def test_a_run_has_exactly_one_source_of_drops(source):
    with pytest.raises(ConfigError, match="dataset"):
        RunConfig(**source)


def test_runs_without_labels_draw_from_a_stream_of_their_own(tiny):
    fresh = learners.Material(tiny).draw(2, 0, 1).gain_db
    for stream in (Stream.LABELLED, Stream.UNLABELLED, Stream.HELD_OUT):
        assert not np.array_equal(fresh, draw(tiny, generator(stream, 0, 1), 2).gain_db)


def test_ids_of_runs_on_data_sets_are_those_of_before_there_were_others():
    assert RunConfig(dataset="out/cell").run_id == "ssvae-sane-5a6388cb0a"
