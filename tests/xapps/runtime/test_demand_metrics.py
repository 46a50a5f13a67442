"""Utility demands as metrics: bounded by the UEs that are there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from prometheus_client import generate_latest

from xapps.runtime.contracts import SharingState
from xapps.runtime.demand_metrics import DemandMetrics
from xapps.runtime.metrics import Metrics


def state_of(ues: list[int], *, rate: float, settled_after: int | None = None) -> SharingState:
    count = len(ues)
    return SharingState(
        ue_ids=np.array(ues),
        demand_bps_hz=np.full(count, 2.0),
        rate_bps_hz=np.full(count, rate),
        multiplier=np.zeros(count),
        activity=np.ones(count),
        settled_after=settled_after,
    )


@pytest.fixture
def shown():
    metrics = Metrics()
    return DemandMetrics(metrics), lambda: generate_latest(metrics.registry).decode()


def value(text: str, series: str) -> float:
    return float(next(line for line in text.splitlines() if line.startswith(series)).split()[-1])


def test_the_violation_is_the_largest_shortfall_relative_to_its_demand(shown):
    demands, scraped = shown
    demands.record("gnb", state_of([1, 2], rate=1.5, settled_after=7))
    assert value(scraped(), 'ricxapp_demand_violation_ratio{meid="gnb"}') == pytest.approx(0.25)
    assert value(scraped(), 'ricxapp_demand_settle_iterations{meid="gnb"}') == 7
    demands.record("gnb", state_of([1, 2], rate=2.5))
    assert value(scraped(), 'ricxapp_demand_violation_ratio{meid="gnb"}') == 0
    assert math.isnan(value(scraped(), 'ricxapp_demand_settle_iterations{meid="gnb"}'))


def test_series_go_with_their_ue(shown):
    demands, scraped = shown
    demands.record("gnb", state_of([1, 2], rate=1.0))
    demands.record("gnb", state_of([2, 3], rate=1.0))
    text = scraped()
    assert 'ue="1"' not in text
    assert 'ricxapp_ue_multiplier{meid="gnb",ue="3"}' in text


def test_series_go_with_their_node_and_come_back_with_it(shown):
    demands, scraped = shown
    demands.record("gnb", state_of([1], rate=1.0))
    demands.forget("gnb")
    demands.forget("gnb")
    assert 'meid="gnb"' not in scraped()
    demands.record("gnb", state_of([1], rate=1.0))
    assert 'ricxapp_ue_activity_ratio{meid="gnb",ue="1"} 1.0' in scraped()
