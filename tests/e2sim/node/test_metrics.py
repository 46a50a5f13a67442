"""Radio metrics of the node against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim.node.metrics import NodeMetrics
from e2sim.scenario import load
from e2sim.simulator import Simulator
from xapps.classic.equal import EqualAllocator


@pytest.fixture
def slot():
    simulator = Simulator(load("tiny"), np.random.default_rng(1))
    report = simulator.observe()
    kpi = simulator.step(EqualAllocator().decide(report))
    metrics = NodeMetrics()
    metrics.observe_radio(report, kpi, simulator.in_force, slot_s=0.5)
    return report, kpi, simulator.in_force, metrics.registry


def test_every_slice_shows_its_ues_rate_and_satisfaction(slot):
    report, kpi, _, registry = slot
    for index, name in enumerate(report.slice_names):
        members = report.slice_ids == index
        assert registry.get_sample_value("e2sim_slice_ues", {"slice": name}) == members.sum()
        assert registry.get_sample_value("e2sim_slice_rate_bps_hz", {"slice": name}) == pytest.approx(
            kpi.rate_bps_hz[members].sum()
        )
        expected = kpi.satisfied[members].mean() if members.any() else 1.0
        assert registry.get_sample_value("e2sim_slice_satisfied_ratio", {"slice": name}) == pytest.approx(expected)


def test_every_ru_shows_its_power_and_the_share_of_its_prbs_in_use(slot):
    _, _, in_force, registry = slot
    for ru, owners in enumerate(in_force.prb_owner):
        labels = {"ru": str(ru)}
        assert registry.get_sample_value("e2sim_prb_used_ratio", labels) == np.mean([owner != -1 for owner in owners])
        assert registry.get_sample_value("e2sim_ru_power_watts", labels) == pytest.approx(in_force.power_w[ru].sum())


def test_energy_is_power_times_the_length_of_the_slot(slot):
    _, kpi, _, registry = slot
    assert registry.get_sample_value("e2sim_radiated_energy_joules_total") == pytest.approx(0.5 * kpi.power_w)
    assert registry.get_sample_value("e2sim_slots_total") == 1
    assert kpi.power_w > 0
