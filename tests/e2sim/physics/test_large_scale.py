"""TR 38.901 path loss, correlated shadowing, walking users, imperfect observation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2sim import scenario
from e2sim.channel import Channel
from e2sim.physics import layout, mobility, observation, shadowing
from e2sim.physics.pathloss_38901 import UMA, UMI, break_point_m, line_of_sight_probability, path_loss_db
from oran.errors import ConfigError


def test_uma_and_umi_path_loss_are_those_of_the_table_worked_by_hand():
    # UMa, 3.5 GHz, 100 m: d_3D = sqrt(100^2 + 23.5^2) = 102.724
    assert path_loss_db(UMA, 100.0, 3.5, True) == pytest.approx(28 + 22 * 2.011673 + 20 * 0.544068, abs=1e-3)
    assert path_loss_db(UMA, 100.0, 3.5, False) == pytest.approx(13.54 + 39.08 * 2.011673 + 20 * 0.544068, abs=1e-3)
    # UMi: d_3D = sqrt(100^2 + 8.5^2) = 100.3606
    assert path_loss_db(UMI, 100.0, 3.5, True) == pytest.approx(32.4 + 21 * 2.001564 + 20 * 0.544068, abs=1e-3)
    assert path_loss_db(UMI, 100.0, 3.5, False) == pytest.approx(22.4 + 35.3 * 2.001564 + 21.3 * 0.544068, abs=1e-3)


@pytest.mark.parametrize("environment", [UMA, UMI])
def test_line_of_sight_path_loss_is_continuous_at_the_break_point(environment):
    at = break_point_m(environment, 3.5)
    before, behind = path_loss_db(environment, [at * (1 - 1e-9), at * (1 + 1e-9)], 3.5, True)
    assert before == pytest.approx(behind, abs=0.3)  # the table itself joins on d_3D, not exactly on d_2D
    distance = np.geomspace(10, 5000, 200)
    assert (np.diff(path_loss_db(environment, distance, 3.5, True)) > -0.3).all()
    assert (path_loss_db(environment, distance, 3.5, False) >= path_loss_db(environment, distance, 3.5, True)).all()


def test_line_of_sight_is_certain_nearby_and_rare_far_away():
    assert line_of_sight_probability(UMA, 10.0) == 1.0
    assert line_of_sight_probability(UMI, 100.0) == pytest.approx(0.18 + np.exp(-100 / 36) * 0.82)
    assert line_of_sight_probability(UMA, 5000.0) < 0.01


def test_correlated_shadowing_has_the_covariance_asked_for():
    ue_m = np.array([[0.0, 0.0], [25.0, 0.0], [500.0, 0.0]])
    drawn = shadowing.correlated_db(np.random.default_rng(1), 8.0, np.broadcast_to(ue_m, (40_000, 3, 2)), 1, 50.0)[
        ..., 0
    ]
    covariance = np.cov(drawn.T)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), 8.0, rtol=0.02)
    assert covariance[0, 1] / 64 == pytest.approx(np.exp(-0.5), abs=0.02)
    assert covariance[0, 2] / 64 == pytest.approx(0.0, abs=0.02)


def test_shadowing_along_a_path_forgets_with_distance():
    rng = np.random.default_rng(2)
    before = shadowing.lognormal_db(rng, 8.0, (50_000, 1))
    after = shadowing.moved_db(rng, before, np.full(50_000, 50.0), 8.0, 50.0)
    assert after.std() == pytest.approx(8.0, rel=0.02)
    assert np.corrcoef(before[:, 0], after[:, 0])[0, 1] == pytest.approx(np.exp(-1.0), abs=0.02)
    np.testing.assert_array_equal(shadowing.moved_db(rng, before, np.zeros(50_000), 8.0, 50.0), before)


@given(st.floats(-400, 400), st.floats(0.01, 50), st.integers(0, 2**32 - 1))
def test_walkers_stay_in_the_box_and_keep_their_speed(velocity, interval_s, seed):
    low, high = np.array([-10.0, 0.0]), np.array([30.0, 7.0])
    start = low + np.random.default_rng(seed).random((5, 2)) * (high - low)
    where, speed = mobility.walk(start, np.full((5, 2), velocity), interval_s, low, high)
    assert (where >= low - 1e-9).all() and (where <= high + 1e-9).all()
    np.testing.assert_allclose(np.abs(speed), abs(velocity))


def test_a_walker_that_meets_a_wall_comes_back():
    where, speed = mobility.walk(np.array([[9.0, 5.0]]), np.array([[2.0, 0.0]]), 1.0, np.zeros(2), np.full(2, 10.0))
    np.testing.assert_allclose(where, [[9.0, 5.0]])
    np.testing.assert_allclose(speed, [[-2.0, 0.0]])


def test_many_small_steps_lead_where_one_large_step_does():
    low, high = np.zeros(2), np.array([10.0, 6.0])
    start, velocity = np.array([[3.0, 1.0]]), np.array([[7.0, -4.0]])
    at_once, _ = mobility.walk(start, velocity, 5.0, low, high)
    for _ in range(500):
        start, velocity = mobility.walk(start, velocity, 0.01, low, high)
    np.testing.assert_allclose(start, at_once, atol=1e-9)


def test_estimation_noise_adds_its_power():
    gain_db = np.full((20_000, 1, 1, 10), -90.0)
    seen = observation.noisy_db(np.random.default_rng(3), gain_db, -10.0)
    assert (10 ** (seen / 10)).mean() == pytest.approx(1e-9 * 1.1, rel=0.01)
    good = observation.noisy_db(np.random.default_rng(3), gain_db, -80.0)
    np.testing.assert_allclose(good, gain_db, atol=0.01)


def test_lost_reports_become_the_mean_of_what_arrived():
    gain_db = np.random.default_rng(4).normal(-90, 8, (50, 3, 2, 20))
    seen = observation.partly_missing_db(np.random.default_rng(5), gain_db, 0.3)
    arrived = seen == gain_db
    assert arrived.mean() == pytest.approx(0.7, abs=0.02)
    for link in np.ndindex(50, 3, 2):
        if not arrived[link].all():
            np.testing.assert_allclose(seen[link][~arrived[link]], gain_db[link][arrived[link]].mean())
    np.testing.assert_array_equal(observation.partly_missing_db(np.random.default_rng(6), gain_db, 0.0), gain_db)


def test_coarse_reports_lie_on_their_grid():
    seen = observation.quantised_db(np.random.default_rng(7).normal(-90, 8, 1000), 2.0)
    np.testing.assert_allclose(seen / 2.0, np.rint(seen / 2.0))


def test_shadowing_of_the_table_depends_on_line_of_sight():
    radio = scenario.parse(
        {
            "name": "sight",
            "description": "one drop of many users",
            "layout": {"placement": "uniform-area", "max_distance_m": 300},
            "channel": {"path_loss": "38.901-umi", "shadowing_std_db": "38.901", "fading": "none"},
            "radio": {"num_prbs": 1},
            "slices": [{"name": "all", "num_ues": 1000}],
        }
    )
    channel = Channel(radio, np.random.default_rng(3), (20,), 1000)
    distance_m = np.maximum(layout.distance_m(channel.ue_m, radio.ru_positions_m), 10.0)
    clear_db, blocked_db = (path_loss_db(UMI, distance_m, 2.0, sight) for sight in (True, False))
    shadow_db = -channel.gain_db[..., 0] - np.where(channel.line_of_sight, clear_db, blocked_db)
    assert shadow_db[channel.line_of_sight].std() == pytest.approx(4.0, rel=0.03)
    assert shadow_db[~channel.line_of_sight].std() == pytest.approx(7.82, rel=0.03)


def test_shadowing_of_the_table_needs_its_path_loss():
    with pytest.raises(ConfigError, match=r"38\.901"):
        scenario.varied(scenario.load("cell"), channel__shadowing_std_db="38.901")
