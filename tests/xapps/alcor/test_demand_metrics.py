"""What operators see of demands: iterations to settle, the hint of constant service, and both where ALCOR decides."""

import json
import math
import time
from dataclasses import replace

import numpy as np

from e2sim import scenario as scenarios
from e2sim.simulator import Simulator
from oran.platform.a1 import DemandsPolicy
from oran.platform.a1_messages import Operation, PolicyRequest
from xapps import allocators
from xapps.runtime.demands import Demands, DemandsEnforcer
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving


def value(metrics, name):
    (sample,) = [
        sample for family in metrics.registry.collect() for sample in family.samples if sample.name == f"ricxapp_{name}"
    ]
    return sample.value


def test_iterations_to_settle_are_unknown_until_the_demands_are_met():
    sim, metrics = Simulator(scenarios.load("links"), np.random.default_rng(1)), Metrics()
    policy, demands = allocators.build("alcor-pair-greedy"), Demands(metrics)
    demand = np.zeros(20)
    demand[3] = 0.5
    shown = []
    for _ in range(25 * 40):
        report = replace(sim.observe(), min_rate_bps_hz=demand)
        sim.step(policy.decide_at("node", report))
        demands.record("node", policy.sharing("node"))
        shown.append(value(metrics, "demand_settle_iterations"))
    assert math.isnan(shown[0])
    assert 0 <= shown[-1] <= 30
    policy.decide_at("node", replace(sim.observe(), min_rate_bps_hz=demand[::-1]))
    demands.record("node", policy.sharing("node"))
    assert math.isnan(value(metrics, "demand_settle_iterations"))


def test_a_missed_demand_is_told_along_with_the_hint_of_constant_service():
    told, metrics = [], Metrics()
    demands = Demands(metrics, window=2, on_verdict=told.append)
    recent, sim = RecentReports(8), Simulator(scenarios.load("links"), np.random.default_rng(2))
    sim.step(None)
    for _ in range(8):
        recent.add("node", sim.observe())
        sim.step(None)
    slot = ModelSlot(Serving(allocators.build("alcor-pair-greedy")), time.monotonic)
    enforcer = DemandsEnforcer(demands, slot, recent)
    body = {"unit": "bps/Hz", "ues": [{"ue_id": int(ue), "rate": 2.0} for ue in sim.observe().ue_ids[:8]]}
    enforcer.enforce(PolicyRequest(Operation.CREATE, 20106, "d1", json.dumps(body)))
    assert demands.policy == DemandsPolicy.from_json(body)
    assert value(metrics, "demand_constant_service_ratio") == 0.0
    for _ in range(4):  # nobody is served
        demands.applied("node", sim.observe())
        sim.step(None)
    assert told[0].endswith("constant powers met them in 0% of the channels seen before")
    enforcer.withdraw()
    assert math.isnan(value(metrics, "demand_constant_service_ratio"))
