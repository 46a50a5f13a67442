"""Forward and reverse process: closed forms, a slow twin, and a distribution whose exact denoiser is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.errors import ConfigError
from xapps.diffusion_ql.diffusion import BETA_MAX, BETA_MIN, Schedule, ancestral, implicit, sub_steps

TWENTY = Schedule.variance_preserving(20)
MEAN, DEVIATION = 0.7, 0.4


def exact_denoiser(schedule: Schedule):
    """E[x_0 | x_t] where x_0 ~ N(MEAN, DEVIATION^2): the regression line of two jointly normal variables."""

    def denoise(x_t, t):
        kept = schedule.kept[t]
        variance = kept * DEVIATION**2 + 1.0 - kept
        return MEAN + np.sqrt(kept) * DEVIATION**2 / variance * (x_t - np.sqrt(kept) * MEAN)

    return denoise


def test_what_is_kept_is_the_product_of_one_less_the_printed_betas():
    kept, T = 1.0, 20
    for t in range(1, T + 1):
        beta = 1.0 - math.exp(-BETA_MIN / T - (BETA_MAX - BETA_MIN) * (2 * t - 1) / (2 * T**2))
        kept *= 1.0 - beta
        assert TWENTY.kept[t] == pytest.approx(kept, rel=1e-12)
    assert TWENTY.kept[0] == 1.0
    assert TWENTY.kept[-1] < 0.01


@pytest.mark.parametrize("t", [1, 5, 20])
def test_the_forward_process_has_the_moments_of_its_closed_form(t):
    rng = np.random.default_rng(0)
    x = TWENTY.noised(np.full(200_000, 1.5), rng.standard_normal(200_000), TWENTY.kept[t])
    assert x.mean() == pytest.approx(1.5 * math.sqrt(TWENTY.kept[t]), abs=0.01)
    assert x.var() == pytest.approx(1.0 - TWENTY.kept[t], abs=0.01)


def test_noising_step_by_step_is_noising_at_once():
    rng = np.random.default_rng(1)
    x = np.full(200_000, -0.5)
    for t in range(1, 8):
        alpha = TWENTY.kept[t] / TWENTY.kept[t - 1]
        x = math.sqrt(alpha) * x + math.sqrt(1.0 - alpha) * rng.standard_normal(x.shape)
    assert x.mean() == pytest.approx(-0.5 * math.sqrt(TWENTY.kept[7]), abs=0.01)
    assert x.std() == pytest.approx(math.sqrt(1.0 - TWENTY.kept[7]), abs=0.01)


@given(st.integers(1, 20), st.floats(-3, 3), st.floats(-1, 1))
def test_a_reverse_step_is_bayes_rule_for_two_normal_densities(t, x_t, x_0):
    before, alpha = float(TWENTY.kept[t - 1]), float(TWENTY.kept[t] / TWENTY.kept[t - 1])
    mean, variance = TWENTY.posterior(x_t, x_0, t)
    if t == 1:  # nothing is left to be drawn
        assert variance == pytest.approx(0.0, abs=1e-12)
        assert mean == pytest.approx(x_0, abs=1e-9)
        return
    prior_precision, likelihood_precision = 1.0 / (1.0 - before), alpha / (1.0 - alpha)
    precision = prior_precision + likelihood_precision
    slow = (math.sqrt(before) * x_0 * prior_precision + x_t / math.sqrt(alpha) * likelihood_precision) / precision
    assert variance == pytest.approx(1.0 / precision, rel=1e-9)
    assert mean == pytest.approx(slow, rel=1e-9, abs=1e-9)


@given(st.integers(2, 20), st.floats(-1, 1), st.floats(-3, 3))
def test_a_jump_keeps_the_noise_that_leads_to_the_estimate(t, x_0, noise):
    x_t = TWENTY.noised(x_0, noise, TWENTY.kept[t])
    assert TWENTY.jumped(x_t, x_0, t, t - 2) == pytest.approx(TWENTY.noised(x_0, noise, TWENTY.kept[t - 2]), abs=1e-9)
    assert TWENTY.jumped(x_t, x_0, t, 0) == pytest.approx(x_0, abs=1e-9)


def test_with_the_exact_denoiser_of_a_normal_law_the_drawn_chain_ends_in_that_law():
    fine = Schedule.variance_preserving(200)
    rng = np.random.default_rng(2)
    drawn = ancestral(fine, exact_denoiser(fine), rng.standard_normal(40_000), lambda: rng.standard_normal(40_000))
    assert drawn.mean() == pytest.approx(MEAN, abs=0.02)
    assert drawn.std() == pytest.approx(DEVIATION, abs=0.02)


def test_with_the_exact_denoiser_of_a_normal_law_the_computed_chain_ends_in_that_law():
    fine = Schedule.variance_preserving(200)
    reached = implicit(
        fine, exact_denoiser(fine), np.random.default_rng(3).standard_normal(40_000), sub_steps(200, 200)
    )
    assert reached.mean() == pytest.approx(MEAN, abs=0.02)
    assert reached.std() == pytest.approx(DEVIATION, abs=0.02)


def test_fewer_steps_lose_spread_but_not_the_mean():
    fine = Schedule.variance_preserving(200)
    noise = np.random.default_rng(4).standard_normal(40_000)
    few = {n: implicit(fine, exact_denoiser(fine), noise, sub_steps(200, n)) for n in (1, 5, 50)}
    assert all(each.mean() == pytest.approx(MEAN, abs=0.06) for each in few.values())
    assert few[1].std() < few[5].std() < few[50].std() < DEVIATION + 0.02


def test_sub_steps_begin_at_the_last_step_and_are_evenly_spaced():
    assert sub_steps(20, 20) == tuple(range(20, 0, -1))
    assert sub_steps(20, 1) == (20,)
    assert sub_steps(20, 5) == (20, 16, 12, 8, 4)


@pytest.mark.parametrize("count", [0, 21, -1])
def test_more_or_fewer_steps_than_there_are_is_a_config_error(count):
    with pytest.raises(ConfigError):
        sub_steps(20, count)
    with pytest.raises(ConfigError):
        Schedule.variance_preserving(0)
