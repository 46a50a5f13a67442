"""Learning: repeatable, resumable to the bit, and able to find an optimum that is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from oran.errors import ConfigError, ModelError
from xapps.classic.cell import single_cell
from xapps.dqn import assignment
from xapps.dqn.bits import Plan
from xapps.dqn.core import Core
from xapps.dqn.learner import DqnLearner
from xapps.dqn.network import Architecture
from xapps.dqn.policy import DqnPolicy
from xapps.dqn.presets import preset
from xapps.ssvae.batches import drops

from .conftest import drawn, packed, report_of

SHORT = {
    "fair": {"epochs": 4, "episodes": 8, "updates": 5, "replay": 20, "validation_drops": 5, "width": 8},
    "paper": {"epochs": 4, "episodes": 2, "steps": 8, "replay": 30, "validation_drops": 3, "width": 8},
}


def learner(kind: str, seed: int = 0) -> DqnLearner:
    return DqnLearner(drawn, preset(kind).with_changes(SHORT[kind]), seed=seed)


def trained(each: DqnLearner):
    while not each.done:
        each.run_epoch()
    return each.result()


@pytest.mark.parametrize("kind", ["fair", "paper"])
def test_a_training_that_was_cut_continues_to_the_same_bits(kind):
    whole = trained(learner(kind))
    cut = learner(kind)
    cut.run_epoch()
    cut.run_epoch()
    resumed = learner(kind)
    resumed.restore(cut.checkpoint(), [*cut.curves, {"epoch": 3.0}])
    assert resumed.epoch == 2
    found = trained(resumed)
    assert found.weights == whole.weights
    assert found.curves == whole.curves
    assert found.training == whole.training


@pytest.mark.parametrize("kind", ["fair", "paper"])
def test_the_seed_decides(kind):
    assert trained(learner(kind)).weights == trained(learner(kind)).weights
    assert trained(learner(kind)).weights != trained(learner(kind, seed=1)).weights


@pytest.mark.parametrize(("average", "kept"), [(0.99, 5), (0.0, 1)])
def test_what_is_served_is_the_mean_over_the_first_gradient_steps_or_the_last_weights(average, kept):
    core = Core(Architecture(width=4), preset("fair").with_changes({"average": average}), np.random.default_rng(0))
    steps = []
    for step in range(5):
        predicted = sum((w.square().sum() for w in core.online.values()), torch.zeros(1))
        core.descend(predicted, np.array([float(step)]))
        steps.append({name: w.copy() for name, w in core.numpy().items()})
    for name, served in core.served_numpy().items():
        np.testing.assert_allclose(served, np.mean([w[name] for w in steps[-kept:]], axis=0), rtol=1e-5, atol=1e-7)
    assert not np.array_equal(steps[-1]["0"], steps[0]["0"])


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_damaged_checkpoint_is_a_model_error(damage):
    with pytest.raises(ModelError):
        learner("fair").restore(damage, [])


def test_a_checkpoint_of_the_other_variant_is_a_model_error():
    other = learner("paper")
    other.run_epoch()
    with pytest.raises(ModelError):
        learner("fair").restore(other.checkpoint(), [])


def test_the_fair_variant_finds_the_optimum_of_small_cells():
    """Two UEs, three PRBs, binding minimum rates: eight assignments, the best of which is known by trying all."""

    def source(num_drops: int, *key: int):
        return drawn(num_drops, *key, min_rate_bps_hz=np.tile([4.0, 2.0], (num_drops, 1)))

    changes = {"epochs": 12, "episodes": 32, "updates": 30, "replay": 300, "validation_drops": 20, "lookahead": 3}
    model = trained(DqnLearner(source, preset("demo").with_changes(changes), seed=0))
    policy = DqnPolicy.from_model(packed(model))
    report = source(100, 77)
    problems = assignment.of_drops(report, np.ones(100))
    every = [np.tile(np.array(owner, np.int16), (100, 1)) for owner in product(range(2), repeat=3)]
    best = np.max([assignment.worth(problems, owner).value for owner in every], axis=0)
    decided = np.stack([policy.decide(drop).prb_owner[0] for drop in drops(report)])
    found = assignment.worth(problems, decided).value
    random = assignment.worth(problems, every[int(np.random.default_rng(0).integers(8))]).value
    assert (found >= best - 1e-6).mean() > 0.9
    assert (best - found).mean() < 0.02 * (best - random).mean()


def test_the_papers_variant_finds_the_best_power_where_its_state_is_enough():
    """One UE on one PRB: the reward (22) alone decides which of four power levels is best."""

    def same(num_drops: int, *key: int):
        del key
        return report_of(num_drops, ues=1, prbs=1, ru_power_budget_w=np.array([0.6]), gain_db=_same_gain(num_drops))

    changes = {"epochs": 6, "steps": 20, "validation_drops": 1, "width": 16, "epsilon_decay": 0.99}
    decided = DqnPolicy.from_model(packed(trained(DqnLearner(same, preset("paper").with_changes(changes), seed=0))))
    cell = single_cell(next(drops(same(1))))
    earned = []
    for level in range(4):
        plan = Plan.empty(cell)
        plan.put(level, power_levels=4)
        earned.append(plan.reward(preset("paper").reward))
    assert int(np.argmax(earned)) == 1  # half a watt: the next level breaks the budget
    assert decided.decide(next(drops(same(1)))).power_w == pytest.approx(0.5)


def _same_gain(num_drops: int) -> np.ndarray:
    return np.full((num_drops, 1, 1, 1), -95.0)


def test_epsilon_follows_table_4():
    paper = learner("paper")
    practice = paper._practice
    assert practice.epsilon(0) == 1.0
    assert practice.epsilon(1000) == pytest.approx(0.9995**1000)
    assert practice.epsilon(12_499) == 0.1


def test_the_papers_preset_is_table_4():
    paper = preset("paper")
    assert (paper.epochs * paper.episodes, paper.steps) == (250, 50)
    assert (paper.gamma, paper.epsilon_last, paper.epsilon_decay, paper.replay) == (0.9, 0.1, 0.9995, 400)
    assert not paper.double


@pytest.mark.parametrize(
    "changes", [{"widht": 3}, {"epochs": 0}, {"gamma": 1.5}, {"replay": 0}, {"kind": "paper", "steps": 0}]
)
def test_a_bad_setting_is_a_config_error(changes):
    with pytest.raises(ConfigError):
        preset("fair").with_changes(changes)


def test_an_unknown_preset_is_a_config_error():
    with pytest.raises(ConfigError):
        preset("none")


@pytest.mark.parametrize("kind", ["fair", "paper"])
def test_several_rus_cannot_be_learned_from(kind):
    with pytest.raises(ConfigError):
        DqnLearner(lambda n, *key: drawn(n, *key, rus=2, ru_power_budget_w=np.ones(2)), preset(kind), seed=0)
