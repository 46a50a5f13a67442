"""Multipliers: one step by hand, where batches are drawn, cells against the centre, and demands met in the end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import ConfigError
from xapps.alcor.cells import CellSharing
from xapps.alcor.channels import draw_snr
from xapps.alcor.time_sharing import (
    RULES,
    WEIGHTING,
    TimeSharing,
    TimeSharingRule,
    activation_probability,
    violation_percent,
)
from xapps.alcor.ura import PairGreedyUra, WmmseUra
from xapps.alcor.window import play

DEMAND = np.array([0.5, 0.5, 1.0, 1.0, 2.0])


def drawn(rng, users=5):
    return lambda batch: draw_snr("iid", rng, batch, users)


def test_activity_is_relative_to_the_largest_multiplier():
    assert activation_probability(np.array([0.0, 1.0, 3.0])).tolist() == [0.25, 0.5, 1.0]
    assert activation_probability(np.array([0.0, 1.0]), highest=3.0).tolist() == [0.25, 0.5]


def test_one_iteration_of_algorithm_1_by_hand():
    sharing = TimeSharing(np.array([1.0, 0.0]), TimeSharingRule(rule="printed", gamma=2.0, alpha=0.5))
    assert not sharing.advance(np.array([0.4, 3.0]))  # F = (.6, -3); h = 0 + 2F + .5 (0 - 0 - 2F) = F
    assert sharing.multiplier == pytest.approx([0.6, 0.0])
    assert sharing.activity.tolist() == [1.0, 1.0]  # the second printed batch is still drawn at kappa^k
    assert sharing.advance(np.array([0.9, 3.0]))  # F = (.1, -3); base = 0 - .5 (h - lambda - 2F) = (.1, -1.5)
    assert sharing.activity == pytest.approx([1.0, 1.0 / 1.6])
    sharing.advance(np.array([1.0, 0.0]))  # F = 0; h = base + .5 (h - base_before) = (.1 + .3, -1.5 - 1.5)
    assert sharing.multiplier == pytest.approx([0.4, 0.0])


def test_the_corrected_rule_draws_at_the_base_and_then_at_the_new_multipliers():
    sharing = TimeSharing(np.array([1.0, 0.0]), TimeSharingRule(rule="corrected", gamma=2.0, alpha=0.5))
    sharing.advance(np.array([0.4, 3.0]))
    assert sharing.activity == pytest.approx([1.0, 1.0 / 1.6])
    sharing.advance(np.array([0.9, 3.0]))
    assert sharing.activity == pytest.approx([1.0, 1.0 / 1.1])


def test_the_past_rule_ends_an_iteration_and_begins_the_next_with_one_batch():
    sharing = TimeSharing(np.array([1.0, 0.0]), TimeSharingRule(rule="past", gamma=2.0, alpha=0.5))
    assert sharing.advance(np.array([0.4, 3.0]))  # F = (.6, -3); h = 0 + 2F + .5 (0 - 0 - 2F) = F
    assert sharing.multiplier == pytest.approx([0.6, 0.0])
    assert sharing.activity == pytest.approx([1.0, 1.0 / 1.6])
    # F = (.1, -3). Step 7: base = 0 - .5 (h - lambda - 2F) = (.1, -1.5). Step 3: h = base + .5 (2F + h - 0) = (.5, -6)
    sharing.advance(np.array([0.9, 3.0]))
    assert sharing.multiplier == pytest.approx([0.5, 0.0])


def test_slots_at_the_base_of_the_corrected_rule_fall_short():
    rng = np.random.default_rng(6)
    found = play(PairGreedyUra(), TimeSharing(DEMAND, TimeSharingRule(rule="corrected")), drawn(rng), rng, 240)
    at_base, ahead = found.rate[40::2].mean(axis=0), found.rate[41::2].mean(axis=0)
    assert violation_percent(DEMAND, at_base) > 10.0
    assert violation_percent(DEMAND, ahead) < 2.0


def test_ascent_rises_for_who_lacks_and_falls_to_zero_for_who_has():
    sharing = TimeSharing(
        np.array([1.0, 1.0]), TimeSharingRule(rule="ascent", gamma=1.0, alpha=1.0), np.array([0.2, 0.2])
    )
    sharing.advance(np.array([0.5, 9.0]))
    assert sharing.multiplier.tolist() == [0.7, 0.0]


def test_the_dead_band_ignores_noise():
    rule = TimeSharingRule(rule="ascent", dead_band_bps_hz=0.1)
    sharing = TimeSharing(np.array([1.0, 1.0]), rule)
    sharing.advance(np.array([0.95, 0.5]))
    assert sharing.multiplier[0] == 0.0 and sharing.multiplier[1] > 0.0


def test_steps_diminish():
    rule = TimeSharingRule(alpha=0.8, alpha_decay=3.0)
    assert rule.alpha_at(0) == 0.8 and rule.alpha_at(1) == pytest.approx(0.4)


def test_new_demands_restart_the_algorithm():
    sharing = TimeSharing(DEMAND, TimeSharingRule())
    sharing.advance(np.zeros(5))
    sharing.restart(DEMAND[::-1])
    assert sharing.iteration == 0 and not sharing.multiplier.any() and (sharing.activity == 1.0).all()


@given(
    st.integers(0, 1000),
    st.sampled_from(RULES),
    st.sampled_from(["silencing", "weighting"]),
)
@settings(max_examples=30, deadline=None)
def test_cells_that_exchange_scalars_equal_the_centre(seed, rule, means):
    rng = np.random.default_rng(seed)
    rule = TimeSharingRule(rule=rule, means=means)
    centre, cells = TimeSharing(DEMAND, rule), CellSharing(DEMAND, np.array([0, 1, 1, 2, 0]), rule)
    for _ in range(6):
        assert np.allclose(centre.activity, cells.activity) and np.allclose(centre.weight, cells.weight)
        rate = 3.0 * rng.random(5)
        assert centre.advance(rate) == cells.advance(rate)
    assert np.allclose(centre.multiplier, cells.multiplier)
    assert cells.messages == 6 * 3 * 2


@pytest.mark.parametrize(
    ("rule", "violation"),
    [
        (WEIGHTING, 1.0),
        (TimeSharingRule(rule="ascent"), 1.5),
        (TimeSharingRule(rule="printed"), 2.0),
        (TimeSharingRule(rule="past"), 1.0),
        (TimeSharingRule(rule="past", gamma=2.0), 0.2),
    ],
)
def test_demands_hold_on_average_after_twenty_iterations(rule, violation):
    rng = np.random.default_rng(3)
    found = play(PairGreedyUra(), TimeSharing(DEMAND, rule), drawn(rng), rng, 200)
    assert found.violation_percent(DEMAND, since=40) <= violation
    assert found.settled_after(DEMAND, tolerance=0.1) <= 40


def test_weighting_keeps_more_of_the_sum_rate_than_silencing():
    rates = {}
    for rule in (WEIGHTING, TimeSharingRule(rule="ascent")):
        rng = np.random.default_rng(4)
        rates[rule.means] = play(PairGreedyUra(), TimeSharing(DEMAND, rule), drawn(rng), rng, 120).mean_rate(20).sum()
    assert rates["weighting"] > rates["silencing"] + 0.2


def test_demands_that_nobody_can_meet_bring_rates_near_them_and_no_error():
    rng = np.random.default_rng(5)
    demand = np.array([6.0, 6.0, 0.0, 0.0, 0.0])
    found = play(WmmseUra(20), TimeSharing(demand, WEIGHTING), drawn(rng), rng, 80)
    assert found.violation_percent(demand, 40) > 10.0
    assert found.mean_rate(40)[:2].sum() > 0.8 * found.mean_rate(40).sum()
    assert found.settled_after(demand) is None


def test_violation_is_the_largest_relative_shortfall():
    assert violation_percent(np.array([1.0, 2.0, 0.0]), np.array([0.9, 1.9, 0.0])) == pytest.approx(10.0)
    assert violation_percent(np.zeros(2), np.zeros(2)) == 0.0


@pytest.mark.parametrize(
    "change", [{"rule": "newton"}, {"means": "luck"}, {"alpha": 0.0}, {"batch": 0}, {"gamma": -1.0}]
)
def test_bad_settings_are_named(change):
    with pytest.raises(ConfigError) as caught:
        TimeSharingRule(**change)
    assert next(iter(change)) in str(caught.value)
