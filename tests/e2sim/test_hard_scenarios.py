"""Scenarios whose reports are imperfect or whose decisions couple over time."""

import numpy as np
import pytest

from e2sim import scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation


def changed(name, **sections):
    content = scenario.load(name).model_dump()
    for section, values in sections.items():
        content[section] = content[section] | values if isinstance(content[section], dict) else values
    return scenario.parse(content)


def test_stale_reports_show_the_channel_of_some_slots_ago():
    sim = Simulator(changed("tiny", observation={"delay_slots": 2}), np.random.default_rng(1))
    truth = []
    for slot in range(6):
        truth.append(sim.true_gain_db)
        np.testing.assert_array_equal(sim.observe().gain_db, truth[max(slot - 2, 0)])
        sim.step(None)


def test_imperfect_reports_differ_from_the_truth_that_decides():
    sim = Simulator(scenario.load("uncertain"), np.random.default_rng(1), (8,))
    error = sim.observe().gain_db - sim.true_gain_db
    assert 1.0 < np.abs(error).mean() < 8.0
    coarse = sim.observe().gain_db
    np.testing.assert_allclose(coarse, np.rint(coarse), atol=1e-9)


def everything_to(report, ue):
    rus, prbs = report.gain_db.shape[-2:]
    serving = np.full(report.num_ues, -1, np.int16)
    serving[ue] = 0
    owner = np.full((rus, prbs), ue, np.int16)
    return Allocation(
        np.asarray(report.ue_ids), serving, owner, np.full((rus, prbs), report.ru_power_budget_w[0] / prbs)
    )


def test_queues_fill_where_nobody_serves_and_old_bytes_are_dropped():
    sim = Simulator(scenario.load("bursty"), np.random.default_rng(2))
    dropped = np.zeros(24)
    for _ in range(100):
        report = sim.observe()
        assert report.queue_bytes.shape == (24,) and (report.queue_bytes >= 0).all()
        sim.step(everything_to(report, 0))
        dropped += sim.served.dropped_bytes
    assert dropped[0] == 0 and (dropped[1:16] > 0).all()
    assert sim.served.delivered_bytes[1:].sum() == 0


def test_waiting_bytes_lengthen_the_delay():
    sim = Simulator(scenario.load("bursty"), np.random.default_rng(3))
    delays = [sim.step(everything_to(sim.observe(), 0)).delay_s[0] for _ in range(60)]
    assert np.ptp(delays) > 0 and np.isfinite(delays).all()


def test_arrivals_do_not_depend_on_what_is_served():
    busy, idle = (Simulator(scenario.load("bursty"), np.random.default_rng(4)) for _ in range(2))
    offered = np.zeros((2, 24))
    for _ in range(50):
        for row, sim in enumerate((busy, idle)):
            before = sim.observe().queue_bytes.copy()
            sim.step(everything_to(sim.observe(), 3) if sim is busy else None)
            left = before - sim.served.delivered_bytes - sim.served.dropped_bytes
            offered[row] += sim.observe().queue_bytes - left
    np.testing.assert_allclose(offered[0], offered[1], atol=1e-6)


def test_users_walk_without_leaving_and_the_channel_follows():
    sim = Simulator(changed("bursty", slot_s=1.0, channel={"speed_m_s": 30.0}), np.random.default_rng(5), (4,))
    start = sim.ue_m
    for _ in range(60):
        sim.step(None)
    assert np.abs(sim.ue_m).max() <= 400.0 + 1e-6
    assert np.hypot(*np.moveaxis(sim.ue_m - start, -1, 0)).mean() > 50.0


@pytest.mark.parametrize("name", ["uncertain", "bursty"])
def test_churn_keeps_queues_and_history_in_step(name):
    churn = {"arrivals_per_s": 60.0, "mean_stay_s": 0.1, "max_ues": 30}
    sim = Simulator(scenario.parse(scenario.load(name).model_dump() | {"churn": churn}), np.random.default_rng(6))
    sizes = set()
    for _ in range(80):
        report = sim.observe()
        sizes.add(report.num_ues)
        assert report.gain_db.shape == sim.true_gain_db.shape and report.gain_db.shape[0] == report.num_ues
        assert report.queue_bytes is None or report.queue_bytes.shape == (report.num_ues,)
        sim.step(None)
    assert len(sizes) > 3


def test_a_ue_that_enters_leaves_the_others_channel_alone():
    sim = Simulator(scenario.load("cell"), np.random.default_rng(7))
    before = sim.observe().gain_db
    sim.add_ue("eMBB")
    after = sim.observe().gain_db
    np.testing.assert_array_equal(after[:-1], before)
    np.testing.assert_array_equal(after, sim.true_gain_db)


@pytest.mark.parametrize("path_loss", ["38.901-uma", "38.901-umi", "macro"])
def test_other_path_loss_models_give_plausible_gains(path_loss):
    sim = Simulator(
        changed("edge", channel={"path_loss": path_loss, "shadowing_correlation_m": 37.0}),
        np.random.default_rng(8),
        (20,),
    )
    assert -160 < np.median(sim.observe().gain_db) < -60
