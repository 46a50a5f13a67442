import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2sim.physics import energy, queues, traffic


def offered(source, interval_s, slots=400, ues=500):
    rng = np.random.default_rng(1)
    wait = source.gap_s(rng, (ues,)) * rng.random(ues)
    total = np.zeros(ues)
    for _ in range(slots):
        arrived, wait = traffic.arrivals(rng, source, wait, interval_s)
        total += arrived
    return total.mean() / (slots * interval_s)  # bytes a second


@pytest.mark.parametrize(
    ("source", "bytes_per_s"),
    [
        (traffic.URLLC_CBR, 32e3),
        (traffic.poisson(100.0, 1000.0), 100e3),
        (traffic.VONR, 40 / 0.080),
        (traffic.URLLC_SPORADIC, 32 / 0.180),
        (traffic.MMTC, 125.0),
    ],
)
def test_sources_offer_their_mean_load(source, bytes_per_s):
    assert offered(source, 0.2) == pytest.approx(bytes_per_s, rel=0.05)


def test_urllc_packets_come_one_a_millisecond():
    rng = np.random.default_rng(2)
    arrived, wait = traffic.arrivals(rng, traffic.URLLC_CBR, np.array([0.0, 0.5e-3]), 1e-3)
    np.testing.assert_array_equal(arrived, 32.0)
    np.testing.assert_allclose(wait, [0.0, 0.5e-3], atol=1e-12)


def test_truncated_pareto_gaps_are_as_paper_3_has_them():
    gap = traffic.EMBB_PARETO.gap_s(np.random.default_rng(3), (200_000,))
    assert gap.max() == pytest.approx(12.5e-3) and gap.min() >= 2.5e-3
    exact = 2.5e-3 * (1 + (1 - 5.0**-0.2) / 0.2)  # integral of the tail from the scale to the cut
    assert gap.mean() == pytest.approx(exact, rel=0.01)
    assert gap.mean() == pytest.approx(6e-3, rel=0.05)


def plain_queue(slots, limit):
    """One UE, byte by byte in the order of arrival."""
    waiting, log = [], []
    for arrived, capacity in slots:
        waiting += [0] * arrived
        sent, waiting = waiting[:capacity], waiting[capacity:]
        aged = [age + 1 for age in waiting]
        waiting = [age for age in aged if age < limit]
        log.append((len(sent), len(aged) - len(waiting), sum(sent) / max(len(sent), 1)))
    return log, len(waiting)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=20), st.integers(1, 5))
def test_queues_equal_a_plain_queue_of_single_bytes(slots, limit):
    backlog = queues.empty((2,), 1, 5)
    log, left = plain_queue(slots, limit)
    for (arrived, capacity), (sent, dropped, wait) in zip(slots, log, strict=True):
        backlog, served = queues.serve(
            backlog, np.full((2, 1), float(arrived)), np.full((2, 1), float(capacity)), np.full((2, 1), limit)
        )
        np.testing.assert_allclose(served.delivered_bytes, sent)
        np.testing.assert_allclose(served.dropped_bytes, dropped)
        np.testing.assert_allclose(served.mean_wait_slots, wait)
    np.testing.assert_allclose(backlog.sum(axis=-1), left)


def test_no_byte_is_made_or_lost_unseen():
    rng = np.random.default_rng(4)
    backlog, offered_bytes, gone = queues.empty((), 7, 6), np.zeros(7), np.zeros(7)
    for _ in range(100):
        arrived = rng.exponential(5.0, 7)
        backlog, served = queues.serve(backlog, arrived, rng.exponential(5.0, 7), np.arange(7) % 6 + 1)
        offered_bytes += arrived
        gone += served.delivered_bytes + served.dropped_bytes
    np.testing.assert_allclose(offered_bytes, gone + backlog.sum(axis=-1))


def test_a_silent_radio_unit_draws_less_only_if_it_can_sleep():
    power = np.array([[1.0, 1.0], [0.0, 0.0]])
    awake = energy.consumed_w(power, energy.PowerModel())
    np.testing.assert_allclose(awake, [130 + 4.7 * 2, 130])
    np.testing.assert_allclose(energy.consumed_w(power, energy.PowerModel(can_sleep=True)), [139.4, 75.0])
    assert energy.efficiency_bit_per_j([1e6, 1e6], awake) == pytest.approx(2e6 / 269.4)
