"""UEs that come and go, and reports that nobody can decide on between sound ones, on the running platform."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from e2sim import scenario
from e2sim.node.functions import Content
from e2sim.scenario import load
from oran._generated import e2sm_rrm_pb2 as pb
from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client
from rapp.a1_publisher import A1Publisher
from tests.system.conftest import Rig
from tests.system.models import untrained
from tests.system.test_bad_indications import SabotagedFunction, node_in_a_thread
from xapps.runtime.last_safe import NAME
from xapps.runtime.model_store import ModelStoreClient

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


def with_weights_of_nobody(content: Content) -> Content:
    """NaN for every weight: as many octets as before, so that header and fragments still fit."""
    report = pb.RadioReport.FromString(content.message)
    report.weight.data = np.full(len(report.weight.data) // 8, np.nan).tobytes()
    return replace(content, message=report.SerializeToString())


def test_a_learned_policy_serves_through_churn_and_broken_reports(rig: Rig) -> None:
    churn = {"churn": {"arrivals_per_s": 10.0, "mean_stay_s": 0.6, "max_ues": 8}}
    changing = scenario.parse(load("tiny").model_dump() | churn)
    with ModelStoreClient(rig.suite.store_target) as store, A1Client(rig.suite.a1_url) as mediator:
        rig.until(lambda: rig.counter("reports") > 0, "a report to test the model on")
        assert A1Publisher(mediator, rig.suite.store_target).publish(store.put(untrained("any")), "ssvae").enforced
        try:
            errors = rig.counter("handler_errors")
            with node_in_a_thread(rig, SabotagedFunction(with_weights_of_nobody), changing) as (node, _):
                rig.until(lambda: node.world.applied > 150, "decisions obeyed")
                records = list(node.world.records)
                obeyed, refused = node.world.applied, node.world.refused
            assert rig.counter("handler_errors") == errors
        finally:
            for policy_id in mediator.policy_ids(DEFAULT_MODEL_TYPE_ID):
                mediator.delete_policy(DEFAULT_MODEL_TYPE_ID, policy_id)
    authors = Counter(record.allocator for record in records)
    assert authors[NAME] > 30
    assert authors["ssvae"] > 30
    assert refused < 0.2 * obeyed  # a UE may leave while its decision is on the way
    assert rig.counter("reports_unusable") >= rig.counter("decisions_last_safe") > 30
    rig.until(lambda: rig.xapp()["allocator"] == "equal", "the initial allocator is back")
