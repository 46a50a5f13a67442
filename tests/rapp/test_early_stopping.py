"""Stopping on the gate's score: when it ends, what it keeps, and that a cut changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from rapp.early_stopping import EarlyStopping, GateWatch, looks
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.runtime.trained_model import TrainedModel

RULES = EarlyStopping(every_epochs=1, patience=2, drops=4)


@dataclass
class Scripted:
    """A training whose weights are names of classic allocators, an epoch each."""

    names: list[str]
    epoch: int = 0

    def result(self) -> TrainedModel:
        return TrainedModel(self.names[self.epoch - 1].encode(), {"of": "a test"}, {}, {"seed": 7}, [])


def watch(folder, scenario, rules=RULES) -> GateWatch:
    return GateWatch(folder, rules, scenario, lambda trained: allocators.build(trained.weights.decode()))


def play(watch: GateWatch, names: list[str]) -> Scripted:
    training = Scripted(names)
    while training.epoch < len(names) and not watch.over:
        training.epoch += 1
        watch.look(training)
    return training


def test_it_ends_when_the_score_has_not_risen_for_as_long_as_the_rules_say(tmp_path, tiny):
    training = play(watch(tmp_path, tiny), ["random", "matching", "greedy", "random", "exact"])
    assert training.epoch == 4
    assert [each["epoch"] for each in looks(tmp_path)] == [1, 2, 3, 4]


def test_what_scored_highest_comes_out_and_says_so(tmp_path, tiny):
    ended = watch(tmp_path, tiny)
    training = play(ended, ["random", "matching", "greedy", "random"])
    best = ended.best(training.result())
    assert best.weights == b"matching"
    assert best.training["seed"] == 7
    shown = best.training["early_stopping"]
    assert (shown["epoch"], shown["looks"], shown["stopped_early"], shown["patience"]) == (2, 4, True, 2)


def test_rising_scores_go_on_to_the_end(tmp_path, tiny):
    ended = watch(tmp_path, tiny)
    training = play(ended, ["random", "random", "matching"])
    assert (training.epoch, ended.over) == (3, False)
    assert ended.best(training.result()).weights == b"matching"


def test_equal_scores_are_no_rise_and_the_first_of_them_is_kept(tmp_path, tiny):
    ended = watch(tmp_path, tiny)
    assert play(ended, ["matching"] * 6).epoch == 3
    assert ended.best(Scripted(["x"], 1).result()).training["early_stopping"]["epoch"] == 1


def test_it_looks_only_every_so_many_epochs(tmp_path, tiny):
    play(watch(tmp_path, tiny, EarlyStopping(every_epochs=3, patience=9, drops=4)), ["random"] * 8)
    assert [each["epoch"] for each in looks(tmp_path)] == [3, 6]


def test_a_training_shorter_than_the_first_look_keeps_its_own_result(tmp_path, tiny):
    ended = watch(tmp_path, tiny, EarlyStopping(every_epochs=5))
    training = play(ended, ["random", "greedy"])
    assert ended.best(training.result()).weights == b"greedy"


def test_after_a_cut_a_look_is_made_up_for_and_none_is_made_twice(tmp_path, tiny):
    names = ["random", "matching", "greedy", "random"]
    play(watch(tmp_path, tiny), names[:2])
    again = watch(tmp_path, tiny)
    for epoch in (2, 3, 4):
        again.look(Scripted(names, epoch))
    assert [each["epoch"] for each in looks(tmp_path)] == [1, 2, 3, 4]
    assert again.over
    assert again.best(Scripted(names, 4).result()).weights == b"matching"


# --- in a run -------------------------------------------------------------------------------------

SHORT = {"epochs": 8, "width": 8, "layers": 1, "batch_size": 8, "unlabelled_batch_size": 4}


@pytest.fixture
def config(tiny_dataset):
    return RunConfig(
        preset="demo", changes=SHORT, dataset=str(tiny_dataset), unlabelled_drops=20,
        early_stopping=EarlyStopping(every_epochs=2, patience=1, drops=6),
    )  # fmt: skip


def test_a_run_stops_early_and_its_manifest_says_which_epoch_it_kept(tmp_path, config):
    run = Run.create(tmp_path, config)
    model = run.execute()
    shown = model.manifest.training["early_stopping"]
    found = run.summary(with_curves=True)["gate"]
    best = max(found, key=lambda each: (each["score"], each["satisfied"], each["throughput"]))
    assert shown["epoch"] == best["epoch"]
    assert shown["stopped_early"] == (run.summary()["epochs_done"] < SHORT["epochs"])
    assert json.loads((run.folder / "config.json").read_text())["early_stopping"]["patience"] == 1


def test_a_run_that_was_cut_stops_at_the_same_epoch_with_the_same_weights(tmp_path, config):
    whole = Run.create(tmp_path / "whole", config)
    expected = whole.execute()

    class Cut(Exception):
        pass

    def pull_the_plug(progress):
        if progress.epoch == 2:
            raise Cut

    with pytest.raises(Cut):
        Run.create(tmp_path / "cut", config).execute(pull_the_plug)
    resumed = Run.create(tmp_path / "cut", config)
    assert resumed.execute().manifest.sha256 == expected.manifest.sha256
    assert looks(resumed.folder) == looks(whole.folder)


def test_runs_without_early_stopping_keep_the_ids_they_had():
    assert RunConfig(dataset="out/cell").run_id == "ssvae-sane-5a6388cb0a"
    assert RunConfig(dataset="out/cell", early_stopping=EarlyStopping()).run_id != "ssvae-sane-5a6388cb0a"
