import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim.physics.interference_links import iid_gains, link_rates_bps_hz, link_sinr, seven_cell_gains
from e2sim.physics.units import dbm_to_w
from xapps.classic.links.feasibility import demands_feasible, least_powers
from xapps.classic.links.geometric import geometric_program
from xapps.classic.links.max_power import best_link, max_power
from xapps.classic.links.pair_greedy import pair_greedy
from xapps.classic.links.wmmse import wmmse

NOISE = 10**-1.5  # SNR of 15 dB at full power


def mean_sum_rate(gain, power, noise=NOISE):
    return float(link_rates_bps_hz(gain, power, noise).sum(axis=-1).mean())


def sum_rates(draw, count, *policies, chunk=1000):
    """Mean sum rate of every policy over the same channels, drawn in chunks."""
    rates = []
    for _ in range(count // chunk):
        gain, noise = draw(chunk)
        rates.append([mean_sum_rate(gain, policy(gain), noise) for policy in policies])
    return np.mean(rates, axis=0)


@pytest.mark.parametrize(
    ("links", "count", "by_wmmse", "by_pairs"),
    [
        (5, 10_000, 5.95, 6.30),
        (10, 10_000, 6.80, 7.22),
        (20, 6_000, 7.74, 8.44),
        pytest.param(50, 8_000, 9.05, 9.97, marks=pytest.mark.slow),
    ],
)
def test_sum_rates_on_independent_channels_are_the_known_ones(links, count, by_wmmse, by_pairs):
    """Within 0.05; the standard error of the means is 0.012 to 0.018."""
    rng = np.random.default_rng(links)
    found = sum_rates(
        lambda chunk: (iid_gains(rng, (chunk,), links), NOISE),
        count,
        lambda gain: wmmse(gain, NOISE, 1.0),
        lambda gain: pair_greedy(gain, NOISE, 1.0),
    )
    np.testing.assert_allclose(found, [by_wmmse, by_pairs], rtol=0, atol=0.05)


@pytest.mark.parametrize(("links", "by_best"), [(5, 5.90), (10, 6.39), (20, 6.62), (50, 6.76)])
def test_the_best_link_alone_is_the_papers_trained_network(links, by_best):
    gain = iid_gains(np.random.default_rng(links), (1000,), links)
    assert mean_sum_rate(gain, best_link(gain, 1.0)) == pytest.approx(by_best, abs=0.4)


@pytest.mark.parametrize(("activity", "expected"), [(0.25, 5.88), (0.5, 6.74), (0.75, 7.33), (1.0, 7.74)])
def test_wmmse_under_random_activity_gives_the_known_sum_rates(activity, expected):
    """The same channels and draws for all activities; the standard error of a mean is 0.021."""
    gain, draw = iid_gains(np.random.default_rng(1), (4000,), 20), np.random.default_rng(2).random((4000, 20))
    power = wmmse(gain, NOISE, 1.0, start=(draw < activity).astype(float))
    assert (power[draw >= activity] == 0).all()
    assert mean_sum_rate(gain, power) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("links", "count", "known", "ours"),
    [
        (7, 6_000, 28.9, 28.76),
        (14, 4_000, 35.6, 34.93),
        (21, 3_000, 39.1, 38.58),
        (35, 2_000, 43.2, 43.33),
        (49, 1_000, 46.6, 46.50),
    ],
)
def test_seven_cells_give_the_known_sum_rates(links, count, known, ours):
    """``known`` rests on one seed and few channels; ``ours`` on 3 000 to 20 000, standard errors 0.04 to 0.12."""
    noise, power_max, rng = float(dbm_to_w(-114.0)), float(dbm_to_w(38.0)), np.random.default_rng(100 + links)
    (found,) = sum_rates(
        lambda chunk: (seven_cell_gains(rng, (chunk,), links), noise),
        count,
        lambda gain: wmmse(gain, noise, power_max),
    )
    assert found == pytest.approx(ours, rel=0.01)
    assert found == pytest.approx(known, rel=0.025)


def test_wmmse_never_loses_by_another_round():
    gain = iid_gains(np.random.default_rng(3), (200,), 8)
    rounds = [link_rates_bps_hz(gain, wmmse(gain, NOISE, 1.0, iterations=n), NOISE).sum(-1) for n in (1, 2, 5, 20, 60)]
    for earlier, later in itertools.pairwise(rounds):
        assert (later >= earlier - 1e-9).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_pair_greedy_equals_its_plain_loops(seed):
    gain = iid_gains(np.random.default_rng(seed), (1,), 5)

    def total(on):
        return link_rates_bps_hz(gain, np.array([[1.0 if i in on else 0.0 for i in range(5)]]), NOISE).sum()

    best = max(({i, j} for i in range(5) for j in range(5)), key=total)
    while len(best) < 5:
        wider = max((best | {i} for i in range(5) if i not in best), key=total)
        if total(wider) <= total(best):
            break
        best = wider
    found = pair_greedy(gain, NOISE, 1.0)
    assert link_rates_bps_hz(gain, found, NOISE).sum() == pytest.approx(total(best), rel=1e-12)


def test_everything_stays_between_silence_and_full_power():
    gain = iid_gains(np.random.default_rng(4), (50,), 6)
    for power in (max_power(gain, 2.0), best_link(gain, 2.0), wmmse(gain, NOISE, 2.0), pair_greedy(gain, NOISE, 2.0)):
        assert power.shape == (50, 6) and (power >= 0).all() and (power <= 2.0 * (1 + 1e-12)).all()


def test_sinr_equals_its_definition_written_as_loops():
    gain = iid_gains(np.random.default_rng(5), (2,), 4)
    power = np.random.default_rng(6).random((2, 4))
    fast = link_sinr(gain, power, 0.1)
    for b in range(2):
        for i in range(4):
            others = sum(power[b, j] * gain[b, i, j] for j in range(4) if j != i)
            assert fast[b, i] == pytest.approx(power[b, i] * gain[b, i, i] / (others + 0.1))


def test_least_powers_meet_the_demands_with_equality():
    gain = iid_gains(np.random.default_rng(7), (200,), 4, cross_gain=0.05)
    wanted = np.array([1.0, 0.5, 0.0, 2.0])
    power = least_powers(gain, NOISE, wanted)
    exist = np.isfinite(power).all(axis=-1)
    assert exist.any()
    np.testing.assert_allclose(link_rates_bps_hz(gain[exist], power[exist], NOISE) - wanted, 0.0, atol=1e-9)
    assert (power[exist, 2] == 0).all()


def test_demands_beyond_the_perron_root_are_told_infeasible():
    strong = np.full((1, 2, 2), 1.0)  # cross gains as large as own ones
    assert demands_feasible(strong, 1e-9, 1.0, np.array([0.9, 0.9]))[0]
    assert not demands_feasible(strong, 1e-9, 1e9, np.array([1.0, 1.01]))[0]
    assert geometric_program(strong[0], 1e-9, 1.0, np.array([1.0, 1.01])) is None


def test_the_geometric_program_meets_demands_and_beats_the_least_powers():
    gain = iid_gains(np.random.default_rng(8), (30,), 3, cross_gain=0.2)
    wanted = np.array([1.0, 1.0, 0.0])
    feasible = np.flatnonzero(demands_feasible(gain, NOISE, 1.0, wanted))[:3]
    assert len(feasible) == 3
    for index in feasible:
        power = geometric_program(gain[index], NOISE, 1.0, wanted, condensations=2)
        rate = link_rates_bps_hz(gain[index], power, NOISE)
        assert (rate >= wanted - 1e-5).all()
        least = least_powers(gain[index][None], NOISE, wanted)[0]
        scaled = least * (1.0 / least.max())
        assert rate.sum() >= link_rates_bps_hz(gain[index], scaled, NOISE).sum() - 1e-6
