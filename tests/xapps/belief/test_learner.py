"""Learning a belief: the likelihood, and that it finds what Bayes' rule knows."""

import numpy as np
import pytest
import torch
from scipy import stats

from e2sim.physics import observation
from e2sim.physics.fading import rayleigh_power
from xapps.belief import bayes
from xapps.belief.learner import negative_log_likelihood, train
from xapps.belief.network import believe
from xapps.belief.presets import Preset
from xapps.belief.rice import Belief

SMALL = Preset(width=16, reports=1, steps=200, learning_rate=1e-2)


def noisy_pairs(key):
    rng = np.random.default_rng(key)
    true_db = 10.0 * np.log10(rayleigh_power(rng, (16, 4, 1, 12))) - 90.0
    return [observation.noisy_db(rng, true_db, -5.0)], true_db


def test_the_likelihood_is_rices():
    gain, known, diffuse = 1.7, 2.0, 0.6
    amplitude = stats.rice(np.sqrt(2.0 * known / diffuse), scale=np.sqrt(diffuse / 2.0))
    density = amplitude.pdf(np.sqrt(gain)) / (2.0 * np.sqrt(gain))
    found = negative_log_likelihood(*(torch.tensor(np.log(part)) for part in (known, diffuse)), torch.tensor(gain))
    assert found.item() == pytest.approx(-np.log(density), rel=1e-6)


def test_training_comes_close_to_bayes_rule_without_being_told_the_error():
    weights = train(noisy_pairs, SMALL, seed=0)
    history_db, true_db = noisy_pairs(9)
    learned = believe(SMALL.architecture, weights, history_db)
    told = bayes.posterior(history_db, bayes.Imperfection(error_to_gain=10**-0.5))
    naive = Belief(10.0 ** (history_db[0] / 10.0), np.full(true_db.shape, 1e-13))

    def error(belief):
        return np.mean((np.log(10.0) / 10.0 * true_db - belief.log_moments()[0]) ** 2)

    assert error(learned) < 1.15 * error(told)
    assert error(learned) < 0.8 * error(naive)


def test_equal_seeds_give_equal_weights():
    preset = Preset(width=4, reports=1, steps=3, epochs=2)
    one, other = (train(noisy_pairs, preset, seed=5) for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)
