"""A seeded episode through all processes gives the numbers of the simulator, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim.scenario import load
from e2sim.simulator import Simulator
from rapp.local.operator import set_reporting
from tests.system.conftest import RECOVERY_S, Rig
from xapps.allocators import build

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

SLOTS, SEED = 40, 17


def test_an_xapp_in_lock_step_earns_what_its_allocator_earns_in_the_simulator(rig: Rig) -> None:
    allocator, simulator = build(rig.xapp()["allocator"]), Simulator(load("tiny"), np.random.default_rng(SEED))
    kpis = [simulator.step(allocator.decide(simulator.observe())) for _ in range(SLOTS)]

    set_reporting(rig.suite, rig.node, "lock-step")
    try:
        episode = rig.node.run_episode(SEED, SLOTS, timeout_s=RECOVERY_S)
    finally:
        rig.node.end_episode()
        set_reporting(rig.suite, rig.node, "free-running")

    assert all(record["fresh"] for record in episode["records"])
    assert episode["rates_bps_hz"] == [kpi.rate_bps_hz.tolist() for kpi in kpis]
    for name in ("weighted_throughput_bps_hz", "power_w"):
        assert [record[name] for record in episode["records"]] == [float(getattr(kpi, name)) for kpi in kpis]
