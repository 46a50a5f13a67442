"""The moments of a gain of which a part is known."""

import numpy as np
import pytest

from xapps.belief.rice import Belief


def complex_normal(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * np.sqrt(0.5)


@pytest.mark.parametrize("kappa", [0.0, 0.3, 3.0, 30.0, 1000.0])
def test_log_moments_are_those_of_drawn_gains(kappa):
    belief = Belief(np.array(2.0 * kappa), np.array(2.0))
    drawn = np.log(belief.draw(complex_normal(np.random.default_rng(0), 400_000)))
    mean, deviation = belief.log_moments()
    assert mean == pytest.approx(drawn.mean(), abs=0.01)
    assert deviation == pytest.approx(drawn.std(), rel=0.01)


def test_nothing_known_is_rayleigh_fading():
    mean, deviation = Belief(np.array(0.0), np.array(1.0)).log_moments()
    assert mean == pytest.approx(-np.euler_gamma, abs=1e-3)
    assert deviation == pytest.approx(np.pi / np.sqrt(6.0), abs=1e-3)


def test_a_certain_gain_is_itself_at_any_margin():
    belief = Belief(np.array(5.0), np.array(1e-12))
    assert belief.cautious_gain(4.0) == pytest.approx(5.0, rel=1e-4)


def test_beyond_the_table_moments_go_on_smoothly():
    inside, outside = Belief(np.array(np.exp(7.99)), np.array(1.0)), Belief(np.array(np.exp(8.01)), np.array(1.0))
    for one, other in zip(inside.log_moments(), outside.log_moments(), strict=True):
        assert one == pytest.approx(other, rel=0.02)


def test_margins_lower_the_gain_more_the_less_is_known():
    belief = Belief(np.array([9.0, 1.0]), np.array([1.0, 9.0]))
    lost = belief.cautious_gain(2.0) / belief.cautious_gain(0.0)
    assert lost[1] < lost[0] < 1.0
