"""Bounds against searched powers; proofs that never contradict what time sharing reached; hints that are none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim import scenario as scenarios
from e2sim.simulator import Simulator
from xapps import allocators
from xapps.alcor.channels import draw_snr
from xapps.alcor.feasibility import Bounds, constant_service_ratio, shortfalls
from xapps.alcor.links import rates_bps_hz
from xapps.alcor.settling import Settling
from xapps.alcor.time_sharing import WEIGHTING, TimeSharing
from xapps.alcor.ura import PairGreedyUra
from xapps.alcor.window import play

EACH_ITS_OWN = np.arange(5)


def channels(seed, count=40, users=5):
    return draw_snr("iid", np.random.default_rng(seed), count, users)[:, None]


@given(st.integers(0, 500))
@settings(max_examples=30, deadline=None)
def test_no_searched_powers_exceed_a_bound(seed):
    rng = np.random.default_rng(seed)
    snr = channels(seed, count=3)
    bounds = Bounds(snr, EACH_ITS_OWN)
    share = rng.random((200, 1, 1, 5)) * (rng.random((200, 1, 1, 5)) < 0.6)
    rate = rates_bps_hz(snr, share).sum(axis=2).mean(axis=1)  # (200, 5)
    assert (rate <= bounds.alone_bps_hz + 1e-9).all()
    assert (rate[:, :, None] + rate[:, None, :] <= bounds.pair_bps_hz + 1e-9).all()


def test_the_bound_of_a_pair_is_tight_for_two_links():
    snr = channels(1, count=4000, users=2)
    bound = Bounds(snr, np.arange(2)).pair_bps_hz[0, 1]
    reached = rates_bps_hz(snr[:, 0], PairGreedyUra().shares(snr[:, 0], np.ones((4000, 2)))).sum(axis=-1).mean()
    assert reached <= bound <= 1.03 * reached  # the rest is the margin for a mean over 4000 channels


def test_links_of_one_ru_have_one_rate_together():
    snr = channels(2, users=2)
    apart, together = (Bounds(snr, np.array(rus)).pair_bps_hz[0, 1] for rus in ([0, 1], [0, 0]))
    assert together < apart


def test_demands_that_time_sharing_met_are_never_called_impossible():
    rng = np.random.default_rng(3)
    demand = np.array([0.5, 0.5, 1.0, 1.0, 2.0])
    played = play(PairGreedyUra(), TimeSharing(demand, WEIGHTING), lambda b: draw_snr("iid", rng, b, 5), rng, 120)
    met = played.mean_rate(20)
    for seed in range(20):
        assert (Bounds(channels(seed, count=8), EACH_ITS_OWN).closest(met) == met).all()


def test_two_users_who_ask_for_more_than_their_pair_has_are_lowered_in_proportion():
    bounds = Bounds(channels(4, count=400), EACH_ITS_OWN)
    demand = np.array([4.0, 4.0, 0.1, 0.0, 0.0])
    assert (demand < bounds.alone_bps_hz).all()
    closest = bounds.closest(demand)
    assert closest[0] == pytest.approx(closest[1]) and closest[:2].sum() == pytest.approx(bounds.pair_bps_hz[0, 1])
    assert closest[2] == 0.1
    assert [text.split(":")[0] for text in shortfalls(np.arange(10, 15), demand, closest)] == ["UE 10", "UE 11"]


def test_few_channels_leave_room_for_doubt():
    few, many = (Bounds(channels(5, count=count), EACH_ITS_OWN).alone_bps_hz for count in (2, 2000))
    assert (few > many).mean() >= 0.8


def test_demands_that_no_constant_power_meets_are_met_by_taking_turns():
    snr = np.full((1, 1, 2, 2), 30.0)  # cross gains as strong as own ones
    demand = np.array([1.5, 1.5])
    assert constant_service_ratio(snr, demand) == 0.0
    alternating = 0.5 * np.log2(31.0)
    assert alternating > 1.5
    assert (Bounds(snr, np.arange(2)).closest(demand) == demand).all()


def test_constant_service_is_counted_channel_by_channel():
    snr = np.concatenate([np.full((1, 1, 2, 2), 30.0), np.diag([30.0, 30.0])[None, None]])
    assert constant_service_ratio(snr, np.array([1.5, 1.5])) == 0.5
    assert constant_service_ratio(snr[:, :, :0, :0], np.zeros(0)) == 1.0


def test_the_policy_refuses_a_pair_and_hints_at_constant_service():
    sim, reports = Simulator(scenarios.load("links"), np.random.default_rng(0)), []
    policy = allocators.build("alcor-pair-greedy")
    for _ in range(60):
        reports.append(sim.observe())
        sim.step(None)
    demand = np.zeros(20)
    demand[[2, 7]] = 4.0

    def asking(rates):
        return [replace(report, min_rate_bps_hz=rates) for report in reports]

    reason = policy.refusal(asking(demand))
    assert f"UE {reports[0].ue_ids[2]}: " in reason and f"UE {reports[0].ue_ids[7]}: " in reason
    assert policy.refusal(asking(demand / 4.0)) == ""
    assert policy.constant_service_ratio(asking(np.zeros(20))) == 1.0
    assert policy.constant_service_ratio(asking(np.full(20, 0.5))) == 0.0


@given(st.integers(0, 200), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_settling_is_seen_batch_by_batch_as_afterwards(seed, length):
    rng = np.random.default_rng(seed)
    demand = np.array([0.5, 1.0])
    rates = demand * rng.uniform(0.6, 1.3, (12, 2))
    watch = Settling(demand, 0.05, length)
    for rate in rates:
        watch.add(rate)
    means = [rates[k : k + length].mean(axis=0) for k in range(12 - length + 1)]
    met = [k for k, mean in enumerate(means) if (mean >= 0.95 * demand).all()]
    assert watch.after == (met[0] if met else None)
