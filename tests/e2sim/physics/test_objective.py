import numpy as np
import pytest

from e2sim.physics import objective
from e2sim.physics.sinr import sinr_of_owners
from oran.e2sm.rrm import Allocation


def random_case(rng, batch, ues, rus, prbs):
    gain = rng.exponential(size=(*batch, ues, rus, prbs)) * 10.0 ** rng.uniform(-12, -6, (*batch, ues, rus, 1))
    serving = rng.integers(-1, rus, (*batch, ues)).astype(np.int16)
    owner = rng.integers(-1, ues, (*batch, rus, prbs)).astype(np.int16)
    power = rng.random((*batch, rus, prbs))
    ue_ids = np.broadcast_to(np.arange(ues), (*batch, ues))
    return gain, Allocation(ue_ids, serving, owner, power)


def slow_rates(gain, allocation, noise_w):
    """Equations 4 to 7 of paper 1 by the letter, one index at a time."""
    ues, rus, prbs = gain.shape
    rate = np.zeros(ues)
    for b in range(rus):
        for m in range(prbs):
            u = allocation.prb_owner[b, m]
            if u < 0 or allocation.serving_ru[u] != b:
                continue
            interference = sum(gain[u, j, m] * allocation.power_w[j, m] for j in range(rus) if j != b)
            rate[u] += np.log1p(gain[u, b, m] * allocation.power_w[b, m] / (interference + noise_w)) / np.log(2)
    return rate


@pytest.mark.parametrize("rus", [1, 3])
def test_rates_equal_the_papers_sums_written_as_loops(rus):
    rng = np.random.default_rng(rus)
    gain, allocation = random_case(rng, (5,), 6, rus, 7)
    fast = objective.rates_bps_hz(gain, allocation, 1e-13)
    for index in range(5):
        one = Allocation(
            allocation.ue_ids[index],
            allocation.serving_ru[index],
            allocation.prb_owner[index],
            allocation.power_w[index],
        )
        np.testing.assert_allclose(fast[index], slow_rates(gain[index], one, 1e-13), rtol=1e-12)


def test_a_strong_own_signal_does_not_drown_weak_interference():
    gain = np.array([[[1.0], [1e-17]]])  # one UE, two RUs, one PRB
    sinr = sinr_of_owners(gain, np.array([[0], [-1]]), np.array([[1.0], [1.0]]), 0.0 + 1e-30)
    assert sinr[0, 0] == pytest.approx(1e17, rel=1e-9)
    assert sinr[1, 0] == 0.0


def test_batch_axes_do_not_mix_cells():
    rng = np.random.default_rng(9)
    gain, allocation = random_case(rng, (2, 3), 4, 2, 5)
    whole = objective.rates_bps_hz(gain, allocation, 1e-12)
    assert whole.shape == (2, 3, 4)
    part = Allocation(*(x[1, 2] for x in (allocation.ue_ids, allocation.serving_ru, allocation.prb_owner)),
                      power_w=allocation.power_w[1, 2])  # fmt: skip
    np.testing.assert_array_equal(whole[1, 2], objective.rates_bps_hz(gain[1, 2], part, 1e-12))


def test_nobody_in_the_cell_means_no_rate():
    nobody = Allocation(np.zeros(0, np.int64), np.zeros(0, np.int16), np.full((1, 3), -1, np.int16), np.zeros((1, 3)))
    assert objective.rates_bps_hz(np.zeros((0, 1, 3)), nobody, 1e-12).shape == (0,)


def test_minimum_met_with_equality_counts_as_met():
    assert objective.rate_satisfied(6.0 * (1 - 1e-9), 6.0)
    assert not objective.rate_satisfied(5.999, 6.0)
    assert objective.delay_satisfied(np.inf, np.inf)
    assert objective.shortfall_bps_hz([1.0, 9.0], [2.0, 3.0]) == pytest.approx(1.0)
