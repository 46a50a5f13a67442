"""Bayes' rule on channel reports whose imperfections are known."""

import numpy as np
import pytest

from e2sim.physics import observation
from e2sim.physics.fading import gauss_markov, rayleigh
from xapps.belief.bayes import Imperfection, posterior, tied


def db(gain):
    return 10.0 * np.log10(gain)


def test_a_perfect_report_leaves_no_doubt():
    gain_db = np.array([[-90.0, -95.0, -100.0]])
    belief = posterior([gain_db], Imperfection())
    assert db(belief.mean) == pytest.approx(gain_db, abs=1e-3)
    assert (belief.diffuse < 1e-5 * belief.mean.max()).all()


@pytest.mark.parametrize("delay_slots", [0, 1])
def test_the_expected_gain_is_the_mean_truth_behind_such_reports(delay_slots):
    rng, rho, error = np.random.default_rng(1), 0.9, 0.1
    then = rayleigh(rng, (400, 400))
    now = gauss_markov(rng, then, rho) if delay_slots else then
    seen_db = observation.noisy_db(rng, db(np.abs(then) ** 2), db(error))
    belief = posterior([seen_db], Imperfection(error_to_gain=error, delay_slots=delay_slots, correlation=rho))
    truth = np.abs(now) ** 2
    for low, high in ((0.0, 0.5), (0.5, 1.5), (1.5, 9.0)):
        some = (belief.mean > low) & (belief.mean <= high)
        assert belief.mean[some].mean() == pytest.approx(truth[some].mean(), rel=0.03)


def test_a_lost_report_is_believed_to_be_anything_of_the_links_mean():
    rng = np.random.default_rng(2)
    gain_db = observation.partly_missing_db(rng, db(np.abs(rayleigh(rng, (30, 50))) ** 2), 0.3)
    belief = posterior([gain_db], Imperfection(losses=True))
    lost = belief.known == 0.0
    assert lost.mean() == pytest.approx(0.3, abs=0.05)
    assert (tied(gain_db)[lost] > 1).all()
    assert belief.diffuse[lost].mean() == pytest.approx(1.0, rel=0.1)


def test_an_older_report_takes_the_place_of_a_lost_one():
    older = np.array([[-100.0, -97.0, -93.0, -91.0, -98.0, -95.0]])
    newest = np.array([[-95.0, -95.0, -92.0, -98.0, -97.0, -93.0]])  # the first two are the mean: lost
    belief = posterior([newest, older], Imperfection(losses=True, correlation=0.9))
    assert db(belief.known[0, 0]) == pytest.approx(-100.0 + db(0.81), abs=0.01)
    assert db(belief.known[0, 2]) == pytest.approx(-92.0, abs=0.01)
