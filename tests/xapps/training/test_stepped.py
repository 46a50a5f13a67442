"""Training by steps: the same bits however it is cut, and refusals of what is no checkpoint of it."""

import numpy as np
import pytest

from oran.errors import ConfigError, ModelError
from xapps.belief import presets as belief_presets
from xapps.belief.learner import BeliefLearner
from xapps.coordination import presets as coordination_presets
from xapps.coordination.association import NUM_FEATURES
from xapps.coordination.learner import CoordinationLearner, Lesson


def source(key):
    rng = np.random.default_rng(key)
    true_db = rng.normal(-90.0, 8.0, (3, 2, 1, 5))
    return [true_db + rng.normal(0.0, 2.0, true_db.shape) for _ in range(2)], true_db


def belief(seed=0, **changes):
    small = {"width": 8, "reports": 2, "steps": 14, "epochs": 4}
    return BeliefLearner(source, belief_presets.preset("demo").with_changes(small | changes), seed=seed)


def coordination(seed=0, **changes):
    rng = np.random.default_rng(7)
    sizes = ((5, 4), (3, 6))
    lessons = [
        Lesson(rng.random((*size, NUM_FEATURES), np.float32), rng.normal(0.0, 9.0, size).astype(np.float32))
        for size in sizes
    ]
    small = {"width": 8, "steps": 14, "epochs": 4, "batch_size": 8}
    return CoordinationLearner(lessons, coordination_presets.preset("demo").with_changes(small | changes), seed=seed)


def trained(learner):
    while not learner.done:
        learner.run_epoch()
    return learner.result()


both = pytest.mark.parametrize("make", [belief, coordination])
presets_of_both = pytest.mark.parametrize("presets", [belief_presets, coordination_presets])


@both
def test_a_training_that_was_cut_continues_to_the_same_bits(make):
    whole, cut, resumed = trained(make()), make(), make()
    cut.run_epoch()
    cut.run_epoch()
    resumed.restore(cut.checkpoint(), [*cut.curves, {"epoch": 3.0}])
    assert resumed.epoch == 2
    found = trained(resumed)
    assert found.weights == whole.weights
    assert found.curves == whole.curves
    assert found.training == whole.training


@both
def test_a_checkpoint_of_the_very_beginning_is_one_too(make):
    fresh = make()
    fresh.restore(make().checkpoint(), [])
    assert trained(fresh).weights == trained(make()).weights


@both
def test_epochs_only_cut_the_steps(make):
    one, many = trained(make(epochs=1)), trained(make(epochs=14))
    assert one.weights == many.weights
    assert one.curves[0]["loss"] == pytest.approx(np.mean([row["loss"] for row in many.curves]))


@both
def test_the_seed_decides(make):
    assert trained(make()).weights == trained(make()).weights
    assert trained(make()).weights != trained(make(seed=1)).weights


@both
@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_damaged_checkpoint_is_a_model_error(make, damage):
    with pytest.raises(ModelError):
        make().restore(damage, [])


@both
def test_a_checkpoint_of_a_network_of_another_width_is_a_model_error(make):
    with pytest.raises(ModelError, match="other shapes"):
        make().restore(make(width=9).checkpoint(), [])


def test_a_checkpoint_of_the_other_learner_is_a_model_error():
    with pytest.raises(ModelError):
        belief().restore(coordination().checkpoint(), [])


@presets_of_both
@pytest.mark.parametrize("changes", [{"widht": 3}, {"width": 0}, {"width": "x"}, {"epochs": 0}, {"steps": 1}])
def test_a_bad_setting_is_a_config_error(presets, changes):
    with pytest.raises(ConfigError):
        presets.preset("sane").with_changes(changes)


@pytest.mark.parametrize(
    ("presets", "changes"),
    [
        (belief_presets, {"first_report_share": 1.5}),
        (belief_presets, {"drops": 0}),
        (coordination_presets, {"wander": -0.1}),
        (coordination_presets, {"passes": -1}),
        (coordination_presets, {"changes_tried": 0}),
    ],
)
def test_a_setting_out_of_its_range_is_a_config_error(presets, changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        presets.preset("sane").with_changes(changes)


@presets_of_both
def test_an_unknown_preset_is_a_config_error(presets):
    with pytest.raises(ConfigError, match="known are sane"):
        presets.preset("none")


@pytest.mark.parametrize(("num_ues", "num_drops"), [(9, 400), (56, 65), (152, 24), (0, 3600)])
def test_lessons_take_fewer_drops_where_there_are_more_ues(num_ues, num_drops):
    assert coordination_presets.preset("sane").num_drops(num_ues) == num_drops
