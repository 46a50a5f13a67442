import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2sim.physics import delay, fading, fronthaul, layout, pathloss, shadowing, units


@given(st.floats(-200, 200))
def test_decibels_and_back_are_the_same(value_db):
    assert units.linear_to_db(units.db_to_linear(value_db)) == pytest.approx(value_db, abs=1e-9)
    assert units.w_to_dbm(units.dbm_to_w(value_db)) == pytest.approx(value_db, abs=1e-9)


def test_noise_in_a_prb_and_in_ten_megahertz_is_as_the_papers_have_it():
    assert units.w_to_dbm(units.thermal_noise_w(180e3)) == pytest.approx(-121.447, abs=1e-3)
    assert units.w_to_dbm(units.thermal_noise_w(10e6)) == pytest.approx(-104.0, abs=1e-9)
    assert units.w_to_dbm(units.thermal_noise_w(180e3, noise_figure_db=9.0)) == pytest.approx(-112.447, abs=1e-3)


def test_path_loss_at_2_ghz_is_that_of_paper_1_with_its_constant_of_6_02():
    assert pathloss.uma_simplified_db(100.0, 2.0) == pytest.approx(13.54 + 39.08 * 2 + 6.02, abs=1e-3)
    assert pathloss.macro_cell_db(1000.0) == pytest.approx(120.9)
    assert pathloss.macro_cell_db(100.0) == pytest.approx(120.9 - 37.6)


def test_shadowing_has_the_standard_deviation_asked_for():
    drawn = shadowing.lognormal_db(np.random.default_rng(1), 8.0, (200_000,))
    assert drawn.std() == pytest.approx(8.0, rel=0.01)
    assert drawn.mean() == pytest.approx(0.0, abs=0.06)


def test_rayleigh_power_is_exponential_with_mean_one():
    power = fading.rayleigh_power(np.random.default_rng(2), (200_000,))
    assert power.mean() == pytest.approx(1.0, rel=0.01)
    assert np.mean(power > 2.0) == pytest.approx(np.exp(-2.0), rel=0.02)


def test_gauss_markov_keeps_unit_power_and_has_the_correlation_asked_for():
    rng = np.random.default_rng(3)
    before = fading.rayleigh(rng, (400_000,))
    after = fading.gauss_markov(rng, before, 0.7)
    assert np.mean(np.abs(after) ** 2) == pytest.approx(1.0, rel=0.01)
    assert np.mean(after * before.conj()).real == pytest.approx(0.7, abs=0.01)


def test_jakes_correlation_is_one_at_rest_and_zero_at_the_first_root_of_j0():
    assert fading.jakes_correlation(0.0, 3.5, 1e-3) == 1.0
    doppler_hz = 3.0 * 3.5e9 / fading.SPEED_OF_LIGHT_M_S
    root_s = 2.404825557695773 / (2 * np.pi * doppler_hz)
    assert fading.jakes_correlation(3.0, 3.5, root_s) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("sites", "neighbours_of_centre"), [(1, 0), (7, 6), (19, 6)])
def test_hexagonal_sites_are_distinct_and_the_centre_has_six_neighbours(sites, neighbours_of_centre):
    xy = layout.hexagonal_sites_m(sites, 500.0)
    distance = layout.distance_m(xy, xy) + 1e9 * np.eye(sites)
    assert distance.min() == pytest.approx(500.0) or sites == 1
    assert np.sum(np.isclose(distance[0], 500.0)) == neighbours_of_centre
    np.testing.assert_allclose(xy.mean(axis=0), 0.0, atol=1e-9)


def test_users_uniform_in_area_have_half_of_them_beyond_0_71_of_the_radius():
    rng = np.random.default_rng(4)
    centre = np.zeros((100_000, 2))
    in_area = np.hypot(*layout.drop_round(rng, centre, 1e-6, 500.0, True).T)
    in_distance = np.hypot(*layout.drop_round(rng, centre, 10.0, 500.0, False).T)
    assert np.mean(in_area > 500.0 / np.sqrt(2)) == pytest.approx(0.5, abs=0.01)
    assert in_distance.mean() == pytest.approx(255.0, rel=0.01)
    assert in_distance.min() >= 10.0 and in_distance.max() <= 500.0


@given(st.floats(0.1, 60.0), st.floats(1e-6, 1.0))
def test_the_power_within_a_fronthaul_capacity_uses_it_exactly(capacity, noise_w):
    power = fronthaul.power_within_capacity_w(capacity, noise_w)
    assert fronthaul.fronthaul_rate_bps_hz(np.array([[power]]), noise_w)[0] == pytest.approx(capacity, rel=1e-9)


def test_delay_is_propagation_plus_transmission_and_the_rate_for_a_delay_meets_it():
    propagation = delay.propagation_delay_s(10_000.0, 2e8)
    assert propagation == pytest.approx(50e-6)
    assert delay.transport_delay_s(256e3, 256.0, propagation) == pytest.approx(1.05e-3)
    assert delay.transport_delay_s(0.0, 256.0, propagation) == np.inf
    rate = delay.rate_for_delay_bps(1e-3, 256.0, propagation)
    assert delay.transport_delay_s(rate, 256.0, propagation) == pytest.approx(1e-3)
    assert delay.rate_for_delay_bps(40e-6, 256.0, propagation) == np.inf
    assert delay.rate_for_delay_bps(np.inf, 256.0, propagation) == 0.0
