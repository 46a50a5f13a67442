import itertools
from dataclasses import replace

import numpy as np
import pytest

from e2sim import scenario
from e2sim.physics import objective
from e2sim.physics.units import db_to_linear
from e2sim.simulator import Simulator, reindexed
from oran.e2sm.rrm import Allocation, quantise_gain_db
from oran.errors import ConfigError, DecisionRefused


def dealt(report, scale=1.0):
    """Each RU deals its PRBs round the UEs u with u mod R == ru."""
    batch, (ues, rus, prbs) = report.gain_db.shape[:-3], report.gain_db.shape[-3:]
    serving = np.broadcast_to(np.arange(ues) % rus, (*batch, ues)).astype(np.int16)
    owner = np.array([[range(ru, ues, rus)[k % len(range(ru, ues, rus))] for k in range(prbs)] for ru in range(rus)])
    owner = np.broadcast_to(owner, (*batch, rus, prbs)).astype(np.int16)
    power = np.full(owner.shape, 1.0) * (report.ru_power_budget_w / prbs * scale)[:, None]
    return Allocation(np.asarray(report.ue_ids), serving, owner, np.minimum(power, report.prb_power_cap_w))


@pytest.mark.parametrize("name", scenario.names())
def test_decisions_never_change_the_draws(name):
    radio = scenario.load(name)
    busy, idle = (Simulator(radio, np.random.default_rng(7)) for _ in range(2))
    for _ in range(4):
        shown = busy.observe()
        np.testing.assert_array_equal(shown.gain_db, idle.observe().gain_db)
        busy.step(dealt(shown))
        idle.step(None)


def test_reset_with_the_same_seed_repeats_the_episode_and_with_another_does_not():
    sim = Simulator(scenario.load("tiny"), np.random.default_rng(1))
    first = [sim.observe().gain_db, sim.step(None) and sim.observe().gain_db]
    sim.reset(np.random.default_rng(1))
    again = [sim.observe().gain_db, sim.step(None) and sim.observe().gain_db]
    np.testing.assert_array_equal(first, again)
    sim.reset(np.random.default_rng(2))
    assert not np.array_equal(first[0], sim.observe().gain_db)


def test_the_first_slot_serves_nobody():
    sim = Simulator(scenario.load("cell"), np.random.default_rng(1))
    kpi = sim.step(None)
    assert kpi.weighted_throughput_bps_hz == 0.0 and kpi.power_w == 0.0 and kpi.late_decisions == 1
    assert np.isinf(kpi.delay_s).all() and not kpi.satisfied.any()


def test_a_late_decision_leaves_the_old_one_in_force():
    sim = Simulator(scenario.load("cell"), np.random.default_rng(1))
    decision = dealt(sim.observe())
    sim.step(decision)
    shown = sim.observe()
    kpi = sim.step(None)
    assert sim.in_force is decision
    rates = objective.rates_bps_hz(db_to_linear(shown.gain_db), decision, shown.noise_w)
    np.testing.assert_array_equal(kpi.rate_bps_hz, rates)
    assert (kpi.late_decisions, kpi.applied_decisions) == (1, 1)


def test_the_slot_is_judged_on_the_channel_that_was_shown():
    sim = Simulator(scenario.load("interfering"), np.random.default_rng(5), (3,))
    shown = sim.observe()
    decision = dealt(shown)
    kpi = sim.step(decision)
    rates = objective.rates_bps_hz(db_to_linear(shown.gain_db), decision, shown.noise_w)
    np.testing.assert_array_equal(kpi.rate_bps_hz, rates)
    np.testing.assert_allclose(kpi.weighted_throughput_bps_hz, rates.sum(axis=-1))
    assert sim.slot == 1 and sim.time_s == pytest.approx(0.02)


def test_the_channel_lies_on_the_grid_in_which_it_is_reported():
    gain_db = Simulator(scenario.load("edge"), np.random.default_rng(1), (16,)).observe().gain_db
    np.testing.assert_array_equal(gain_db, quantise_gain_db(gain_db))


def test_the_report_of_a_slot_does_not_change_when_asked_again():
    sim = Simulator(scenario.load("cell"), np.random.default_rng(1))
    assert sim.observe() is sim.observe()


def test_drops_come_as_often_as_the_scenario_says():
    content = scenario.load("cell").model_dump()
    content["channel"]["drop_every_slots"] = 3
    sim = Simulator(scenario.parse(content), np.random.default_rng(1))
    where = [sim.ue_m]
    for _ in range(6):
        sim.step(None)
        where.append(sim.ue_m)
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(where)]
    assert same == [True, True, False, True, True, False]


def test_refused_decisions_are_counted_and_carry_reason_and_cause():
    sim = Simulator(scenario.load("cell"), np.random.default_rng(1))
    with pytest.raises(DecisionRefused) as caught:
        sim.check(dealt(sim.observe(), scale=2.0))
    assert caught.value.reason == "ru_power_budget" and caught.value.cause is not None
    sim.check(dealt(sim.observe()))
    assert sim.step(None).refused_decisions == 1


def test_a_ue_that_leaves_falls_silent_and_decisions_for_it_are_refused():
    sim = Simulator(scenario.load("tiny"), np.random.default_rng(1))
    before = dealt(sim.observe())
    sim.step(before)
    gains = sim.observe().gain_db
    sim.remove_ue(2)
    report = sim.observe()
    assert report.ue_ids.tolist() == [1, 3, 4]
    np.testing.assert_array_equal(report.gain_db, np.delete(gains, 1, axis=0))
    silent = before.prb_owner[0] == 1
    assert (report.in_force.prb_owner[0, silent] == -1).all() and (report.in_force.power_w[0, silent] == 0).all()
    with pytest.raises(DecisionRefused) as caught:
        sim.check(before)
    assert caught.value.reason == "unknown_ue"
    with pytest.raises(ConfigError):
        sim.remove_ue(2)


def test_a_ue_that_enters_gets_a_number_never_used_before():
    sim = Simulator(scenario.load("tiny"), np.random.default_rng(1))
    sim.remove_ue(4)
    entered = sim.add_ue("URLLC")
    assert entered == 5
    report = sim.observe()
    assert report.ue_ids.tolist() == [1, 2, 3, 5] and report.slice_ids.tolist() == [0, 0, 1, 1]
    assert report.gain_db.shape == (4, 1, 6) and report.min_rate_bps_hz.tolist() == [6, 6, 2, 2]
    sim.step(dealt(report))
    for wrong in [("no such slice", 0), ("URLLC", 3)]:
        with pytest.raises(ConfigError):
            sim.add_ue(*wrong)


def test_all_ues_may_leave():
    sim = Simulator(scenario.load("tiny"), np.random.default_rng(1))
    for ue_id in (1, 2, 3, 4):
        sim.remove_ue(ue_id)
    report = sim.observe()
    nobody = Allocation(
        np.asarray(report.ue_ids), np.zeros(0, np.int16), np.full((1, 6), -1, np.int16), np.zeros((1, 6))
    )
    sim.check(nobody)
    assert sim.step(nobody).weighted_throughput_bps_hz == 0.0


def test_churn_keeps_the_tables_consistent_and_repeats_under_its_seed():
    content = scenario.load("tiny").model_dump()
    content["churn"] = {"arrivals_per_s": 20.0, "mean_stay_s": 0.2, "max_ues": 6}
    radio = scenario.parse(content)
    assert radio.num_ues == 6
    sim = Simulator(radio, np.random.default_rng(3))
    seen = []
    for _ in range(60):
        report = sim.observe()
        assert len(report.ue_ids) == len(set(report.ue_ids.tolist())) <= 6
        assert report.gain_db.shape[0] == report.in_force.serving_ru.shape[0] == len(report.ue_ids)
        seen.append(report.ue_ids.tolist())
        if len(report.ue_ids):
            decision = dealt(report)
            sim.check(decision)
            sim.step(decision)
        else:
            sim.step(None)
    assert len({tuple(ids) for ids in seen}) > 10
    other = Simulator(radio, np.random.default_rng(3))
    for ids in seen:
        assert other.observe().ue_ids.tolist() == ids
        other.step(None)
    with pytest.raises(ConfigError):
        Simulator(radio, np.random.default_rng(3), (2,))


def test_reindexing_to_the_same_table_changes_nothing():
    sim = Simulator(scenario.load("interfering"), np.random.default_rng(1))
    decision = dealt(sim.observe())
    same = reindexed(decision, decision.ue_ids)
    for field in ("serving_ru", "prb_owner", "power_w"):
        np.testing.assert_array_equal(getattr(same, field), getattr(decision, field))


def test_a_decision_on_a_permuted_table_means_the_same():
    sim = Simulator(scenario.load("interfering"), np.random.default_rng(1))
    decision = dealt(sim.observe())
    order = np.random.default_rng(0).permutation(9)
    inverse = np.argsort(order).astype(np.int16)
    permuted = replace(
        decision,
        ue_ids=decision.ue_ids[order],
        serving_ru=decision.serving_ru[order],
        prb_owner=inverse[decision.prb_owner],
    )
    twin = Simulator(scenario.load("interfering"), np.random.default_rng(1))
    np.testing.assert_array_equal(sim.step(decision).rate_bps_hz, twin.step(permuted).rate_bps_hz)
