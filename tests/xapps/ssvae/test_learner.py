"""The learning half: solves the toy, repeats itself to the bit, continues where it was cut."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from safetensors import torch as safetensors

from oran.e2sm.rrm import Allocation
from oran.errors import ConfigError, ModelError
from xapps.ssvae.batches import TrainingSet, take, take_labels
from xapps.ssvae.learner import SsvaeLearner, train
from xapps.ssvae.presets import PRESETS, preset

SHORT = preset("demo").with_changes({"width": 12, "layers": 1, "epochs": 3, "unlabelled_batch_size": 8})


def test_it_learns_that_every_prb_belongs_to_whoever_hears_it_best(toy):
    trained = train(toy, SHORT.with_changes({"epochs": 12}), seed=0)
    assert trained.training["validation_accuracy"] > 0.9  # guessing: 0.25


def test_a_flat_network_learns_more_than_guessing(toy):
    settings = preset("flat").with_changes({"width": 64, "epochs": 25, "unlabelled_batch_size": 0})
    assert train(toy, settings, seed=0).training["validation_accuracy"] > 0.4


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(toy):
    one, again, other = (train(toy, SHORT, seed=seed).weights for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_a_training_that_was_cut_continues_to_the_same_weights(toy):
    whole = train(toy, SHORT, seed=0)
    cut = SsvaeLearner(toy, SHORT, seed=0)
    cut.run_epoch()
    checkpoint, curves = cut.checkpoint(), list(cut.curves)
    resumed = SsvaeLearner(toy, SHORT, seed=0)
    resumed.restore(checkpoint, curves)
    while not resumed.done:
        resumed.run_epoch()
    assert resumed.result().weights == whole.weights
    assert resumed.curves == whole.curves


def small_cells(make_report, n: int = 40) -> TrainingSet:
    """Two UEs on three PRBs, where the opposite of the toy holds: a PRB belongs to whoever hears it worst."""
    report = make_report(n=n, ues=2, prbs=3, seed=5)
    owner = np.asarray(report.gain_db).argmin(axis=1).astype(np.int16)
    return TrainingSet(report, Allocation(report.ue_ids, np.zeros((n, 2), np.int16), owner, np.full(owner.shape, 0.3)))


def test_cells_of_other_sizes_are_learned_from_beside(toy, make_report):
    mixed = replace(toy, more=(small_cells(make_report),))
    trained = train(mixed, SHORT, seed=0)
    assert trained.training["labelled_drops_of_other_sizes"] == 40
    assert trained.weights != train(toy, SHORT, seed=0).weights
    assert trained.curves[-1]["indicators"] > train(toy, SHORT, seed=0).curves[-1]["indicators"]  # they contradict
    assert trained.weights == train(mixed, SHORT, seed=0).weights


def test_a_flat_network_learns_cells_of_one_size_only(toy, make_report):
    with pytest.raises(ConfigError, match="one size"):
        SsvaeLearner(replace(toy, more=(small_cells(make_report),)), preset("flat"), seed=0)


def test_a_checkpoint_of_another_network_is_refused(toy):
    checkpoint = SsvaeLearner(toy, SHORT.with_changes({"width": 16}), seed=0).checkpoint()
    with pytest.raises(ModelError):
        SsvaeLearner(toy, SHORT, seed=0).restore(checkpoint, [])


@pytest.mark.parametrize("missing", ["progress", "weight/", "best/"])
def test_a_checkpoint_that_lacks_a_part_is_refused(toy, missing):
    tensors = safetensors.load(SsvaeLearner(toy, SHORT, seed=0).checkpoint())
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(missing)}
    with pytest.raises(ModelError, match="damaged or of another training"):
        SsvaeLearner(toy, SHORT, seed=0).restore(safetensors.save(kept), [])


def test_the_progress_callback_hears_of_every_epoch(toy):
    heard = []
    train(toy, SHORT, seed=0, on_progress=lambda progress: heard.append((progress.epoch, progress.epochs)))
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_terms_that_are_switched_off_do_not_appear_in_the_curves(toy):
    curves = train(toy, SHORT.with_changes({"vae_weight": 0.0, "contrastive_weight": 0.0}), seed=0).curves[-1]
    assert not {"reconstruction", "divergence", "contrastive"} & curves.keys()
    curves = train(toy, SHORT, seed=0).curves[-1]
    assert {"reconstruction", "unlabelled_reconstruction", "divergence", "contrastive"} <= curves.keys()


def test_without_unlabelled_drops_there_is_no_unsupervised_term(toy):
    curves = train(TrainingSet(toy.report, toy.label), SHORT, seed=0).curves[-1]
    assert not any(name.startswith("unlabelled") or name == "contrastive" for name in curves)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_finite_steps(toy, name):
    small = TrainingSet(take(toy.report, slice(0, 20)), take_labels(toy.label, slice(0, 20)), toy.unlabelled)
    trained = train(small, preset(name).with_changes({"epochs": 1, "width": 8}), seed=0)
    assert all(math.isfinite(value) for value in trained.curves[0].values())


def test_validation_drops_are_not_trained_on(toy):
    learner = SsvaeLearner(toy, SHORT, seed=0)
    training, validation = (np.asarray(part.report.gain_db) for part in (learner._training, learner._validation))
    assert len(training) + len(validation) == 300
    assert not set(training[:, 0, 0, 0]) & set(validation[:, 0, 0, 0])


def test_a_training_set_whose_labels_do_not_match_is_refused(toy):
    with pytest.raises(ConfigError):
        TrainingSet(toy.report, take_labels(toy.label, slice(0, 5)))
    with pytest.raises(ConfigError):
        SsvaeLearner(TrainingSet(take(toy.report, slice(0, 1)), take_labels(toy.label, slice(0, 1))), SHORT, seed=0)


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"validation_share": 1.0}, {"epcohs": 3}])
def test_a_bad_setting_is_a_config_error(changes):
    with pytest.raises(ConfigError):
        preset("sane").with_changes(changes)
