"""The learning half: better than what it imitates, repeatable to the bit, continued where it was cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors import numpy as safetensors
from torch.nn import functional

from oran.errors import ConfigError, ModelError
from xapps.diffusion_ql.experience import gather
from xapps.diffusion_ql.learner import DiffusionQlLearner
from xapps.diffusion_ql.presets import PRESETS, preset
from xapps.ssvae.batches import take


def trained(report, settings, seed=0, **options) -> DiffusionQlLearner:
    learner = DiffusionQlLearner(report, settings, seed=seed, **options)
    while not learner.done:
        learner.run_epoch()
    return learner


@pytest.fixture(scope="module")
def one_epoch(short):
    return short.with_changes({"epochs": 1})


@pytest.fixture(scope="module")
def plain(drops, one_epoch):
    return trained(drops, one_epoch)


def test_its_answers_beat_every_behaviour_policy(whole):
    behaviours = whole.parts[0].reward[:, :2].mean(axis=0)
    assert whole.curves[-1]["own_reward"] > behaviours.max()
    assert whole.result().training["validation_reward"] > behaviours.max()


def test_the_critics_come_to_know_the_rewards(whole):
    assert whole.curves[-1]["critic"] < 0.5 * whole.curves[0]["critic"]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(drops, one_epoch, plain):
    again, other = (trained(drops, one_epoch, seed).result().weights for seed in (0, 1))
    assert again == plain.result().weights
    assert other != again


def test_a_training_that_was_cut_continues_to_the_same_bits(drops, short, whole):
    cut = DiffusionQlLearner(drops, short, seed=0)
    cut.run_epoch()
    checkpoint, curves = cut.checkpoint(), list(cut.curves)
    resumed = DiffusionQlLearner(drops, short, seed=0)
    resumed.restore(checkpoint, curves)
    while not resumed.done:
        resumed.run_epoch()
    assert resumed.result().weights == whole.result().weights
    assert resumed.curves == whole.curves


@pytest.mark.parametrize("changes", [{"width": 12}, {"own_answers": 2}, {"critics": 3}])
def test_a_checkpoint_of_another_training_is_refused(drops, short, changes):
    checkpoint = DiffusionQlLearner(drops, short.with_changes(changes), seed=0).checkpoint()
    with pytest.raises(ModelError):
        DiffusionQlLearner(drops, short, seed=0).restore(checkpoint, [])
    with pytest.raises(ModelError):
        DiffusionQlLearner(drops, short, seed=0).restore(checkpoint[:100], [])


def test_without_guidance_or_own_answers_their_curves_are_absent(drops, one_epoch):
    imitation = trained(drops, one_epoch.with_changes({"guidance": 0.0, "own_answers": 0}))
    assert not {"guidance", "own_reward"} & imitation.curves[0].keys()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_finite_steps(drops, name):
    settings = preset(name).with_changes({"epochs": 1, "width": 8, "batch_size": 32, "perturbed": 0})
    curves = trained(take(drops, slice(0, 20)), settings).curves[0]
    assert all(math.isfinite(value) for value in curves.values())


def test_a_discount_is_learned_with_a_next_state(drops, short):
    """Rewards of one with gamma .5 are worth two in the end; the critics' curve alone cannot tell, their values can."""
    changes = {"discount": 0.5, "own_answers": 0, "guidance": 0.0, "epochs": 12, "learning_rate": 0.01}
    learner = DiffusionQlLearner(drops, short.with_changes(changes), seed=0)
    learner.parts[0].reward[np.isfinite(learner.parts[0].reward)] = 1.0
    while not learner.done:
        learner.run_epoch()
    x = learner.batch(learner.parts[0], np.arange(20)).x
    owner = torch.from_numpy(learner.parts[0].owner[:20, 1].astype(np.int64))
    share = functional.one_hot(owner, 4).permute(0, 2, 1)[..., None, :].float()
    value = torch.stack(learner.objective.values(learner.objective.appraisals(learner.average, x), share)).mean().item()
    assert value == pytest.approx(2.0, abs=0.4)


def test_answers_from_elsewhere_are_learned_from(drops, make_report, one_epoch, plain):
    extra = gather(make_report(n=20, seed=5), ("random",), np.random.default_rng(0), perturbed=0, own=0)
    result = trained(drops, one_epoch, extra=[extra]).result()
    assert result.training["field_drops"] == 20
    assert result.weights != plain.result().weights


def test_validation_drops_are_not_trained_on(whole):
    parts = (whole.parts[0], whole.validation[0])
    training, validation = (np.asarray(part.report.gain_db)[:, 0, 0, 0] for part in parts)
    assert len(training) + len(validation) == 60
    assert not set(training) & set(validation)


def test_a_single_drop_or_a_flat_network_for_several_rus_is_refused(make_report, short):
    with pytest.raises(ConfigError):
        DiffusionQlLearner(make_report(n=1), short, seed=0)
    with pytest.raises(ConfigError):
        DiffusionQlLearner(make_report(n=20, rus=2), preset("paper"), seed=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 0},
        {"validation_share": 1.0},
        {"discount": 1.0},
        {"epcohs": 3},
        {"sampling": {"steps": 21}},
        {"sampling": {"luck": 1}},
    ],
)
def test_a_bad_setting_is_a_config_error(changes):
    with pytest.raises(ConfigError):
        preset("sane").with_changes(changes)


def test_an_unknown_preset_is_a_config_error():
    with pytest.raises(ConfigError):
        preset("fancy")


@pytest.fixture(scope="module")
def with_prior(short):
    return short.with_changes({"prior": True, "denoising": "ranking", "guidance": 0.0, "own_answers": 2, "daring": 0.5})


def test_what_nobody_learned_is_the_first_thing_to_beat(make_report, with_prior):
    """A learning rate that wrecks the network: the policy of before the first epoch is what comes out."""
    drops = make_report(n=60, ues=6, prbs=12)
    wreck = with_prior.with_changes({"learning_rate": 3.0, "averaging": 0.0, "epochs": 1, "validation_share": 0.4})
    wrecked = trained(drops, wreck).result()
    assert wrecked.training["best_epoch"] == 0
    before = DiffusionQlLearner(drops, wreck, seed=0).result()
    found, wanted = (safetensors.load(each.weights) for each in (wrecked, before))
    for name in found:
        assert np.array_equal(found[name], wanted[name]) == name.startswith("policy."), name  # critics go on


def test_with_a_prior_learning_starts_above_the_behaviour_policies(drops, with_prior):
    start = DiffusionQlLearner(drops, with_prior, seed=0).result().training
    assert start["validation_reward"] > max(start["behaviour_rewards"].values())


def test_variety_makes_parts_of_other_sizes_that_are_all_learned_from(drops, with_prior):
    variety = {"parts": 4, "ues": [0.5, 2.0], "noise_db": [0.0, 10.0]}
    learner = trained(drops, with_prior.with_changes({"variety": variety}))
    assert len({part.report.num_ues for part in learner.parts}) > 1
    assert learner.result().training["drops"] == sum(part.size for part in learner.parts) == 54
    again = DiffusionQlLearner(drops, with_prior.with_changes({"variety": variety}), seed=0)
    again.restore(learner.checkpoint(), list(learner.curves))
    assert again.result().weights == learner.result().weights


def test_behaviour_policies_may_be_handed_in(drops, one_epoch):
    settings = one_epoch.with_changes({"behaviours": ["random", "first"]})

    def first(report, rng):
        del rng
        return np.zeros((len(report.gain_db), report.gain_db.shape[-1]), int)

    learner = DiffusionQlLearner(drops, settings, seed=0, trained={"first": first})
    assert not learner.parts[0].owner[:, 1].any()
    with pytest.raises(ConfigError):
        DiffusionQlLearner(drops, settings, seed=0)


def test_without_a_prior_the_policy_still_gets_past_what_it_imitates(drops, short):
    """Nothing is given but random answers, and guidance by critics that are learned as well."""
    narrow = {name: getattr(short, name) for name in ("width", "denoiser_width", "critic_width")}
    plain = preset("plain").with_changes(
        narrow | {"epochs": 4, "behaviours": ["random", "random-repaired"], "perturbed": 1}
    )
    result = trained(drops, plain).result()
    assert result.training["validation_reward"] > max(result.training["behaviour_rewards"].values())
