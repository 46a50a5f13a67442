"""Utility demands through A1: units, precedence, verdicts, and what the policy's status says."""

import json
import time
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.simulator import Simulator
from oran.errors import DecisionRefused, DecodeError
from oran.platform.a1 import DEMANDS_SCHEMA, DemandsPolicy
from oran.platform.a1_messages import HandlerStatus, Operation, PolicyRequest
from xapps import allocators
from xapps.runtime.demands import Demands, DemandsEnforcer, DemandWatch, with_demands
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving


def report():
    sim = Simulator(scenarios.load("tiny"), np.random.default_rng(0))
    sim.step(None)
    return sim.observe()


def policy(**fields):
    return DemandsPolicy.from_json({"unit": "bps/Hz", **fields})


def with_rate(rate):
    base = report()
    return replace(base, kpi=replace(base.kpi, rate_bps_hz=np.full(base.num_ues, rate)))


def test_a_ues_own_demand_beats_its_slices_and_others_keep_theirs():
    base = report()
    name, ue = base.slice_names[0], int(base.ue_ids[0])
    asked = with_demands(base, policy(slices=[{"slice": name, "rate": 1.5}], ues=[{"ue_id": ue, "rate": 3}]))
    assert asked.min_rate_bps_hz[0] == 3.0
    same, other = base.slice_ids[1:] == 0, base.slice_ids[1:] != 0
    assert (asked.min_rate_bps_hz[1:][same] == 1.5).all()
    assert np.array_equal(asked.min_rate_bps_hz[1:][other], base.min_rate_bps_hz[1:][other])


def test_bit_rates_are_divided_by_the_bandwidth():
    base = report()
    asked = with_demands(
        base, DemandsPolicy.from_json({"unit": "bit/s", "ues": [{"ue_id": int(base.ue_ids[0]), "rate": 360e3}]})
    )
    assert asked.min_rate_bps_hz[0] == pytest.approx(360e3 / base.prb_bandwidth_hz)


@pytest.mark.parametrize(
    "body",
    [
        {"unit": "bps/Hz"},
        {"unit": "furlong", "ues": [{"ue_id": 1, "rate": 1}]},
        {"unit": "bps/Hz", "ues": [{"ue_id": 1, "rate": -1}]},
        {"unit": "bps/Hz", "ues": [{"ue_id": -1, "rate": 1}]},
        {"unit": "bps/Hz", "slices": [{"slice": "", "rate": 1}]},
    ],
)
def test_schema_and_type_refuse_the_same_documents(body):
    with pytest.raises(DecodeError):
        DemandsPolicy.from_json(body)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, DEMANDS_SCHEMA)


def test_a_ue_named_twice_is_refused():
    with pytest.raises(DecodeError):
        policy(ues=[{"ue_id": 1, "rate": 1}, {"ue_id": 1, "rate": 2}])


def test_the_average_of_a_window_decides():
    watch = DemandWatch(window=3, tolerance=0.05)
    wanted = np.where(report().ue_ids == 1, 2.0, 0.0)
    said = [watch.add(replace(with_rate(rate), min_rate_bps_hz=wanted)) for rate in (9.0, 1.0, 2.0, 2.4)]
    assert said[:3] == [None, None, None]  # the first report's KPIs still speak of former demands
    assert said[3] == "missed on average; closest rates [bps/Hz]: UE 1: 1.80 of 2.00"


def test_a_verdict_is_told_once_until_it_changes():
    told = []
    demands = Demands(Metrics(), window=2, tolerance=0.05, on_verdict=told.append)
    demands.install(policy(slices=[{"slice": name, "rate": 2} for name in report().slice_names]))
    for rate in (1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0):
        demands.applied("node", with_rate(rate))
    assert len(told) == 2 and told[0].startswith("node: missed") and told[1] == ""


def enforcer():
    recent = RecentReports(4)
    recent.add("node", Simulator(scenarios.load("links"), np.random.default_rng(0)).observe())
    slot = ModelSlot(Serving(allocators.build("alcor-pair-greedy")), time.monotonic)
    return DemandsEnforcer(Demands(Metrics()), slot, recent)


def request(body):
    return PolicyRequest(Operation.CREATE, 20106, "d1", json.dumps(body))


def test_demands_that_nobody_could_meet_leave_the_former_ones():
    at = enforcer()
    at.enforce(request({"unit": "bps/Hz", "ues": [{"ue_id": 1, "rate": 0.5}]}))
    kept = at.demands.policy
    with pytest.raises(DecisionRefused, match="closest rates"):
        at.enforce(request({"unit": "bps/Hz", "ues": [{"ue_id": 1, "rate": 40.0}]}))
    assert at.demands.policy is kept
    at.withdraw()
    assert at.demands.policy is None


def test_without_a_policy_the_reported_rates_apply():
    base = report()
    assert Demands(Metrics()).applied("node", base) is base


def test_a_status_follows_the_verdict():
    from xapps.runtime.policies import Policies

    sent = []
    policies = Policies({20106: enforcer()}, "alcor", sent.append, Metrics())
    body = {"unit": "bps/Hz", "ues": [{"ue_id": 1, "rate": 0.5}]}
    policies._enforce(request(body))
    for reason, status in (("node: missed", HandlerStatus.ERROR), ("", HandlerStatus.OK)):
        policies.judged(20106, reason)
        policies.run_pending()
        assert [(each.status, each.reason) for each in policies.records()] == [(status, reason)]
    assert len(sent) == 2
