"""Utility demands as metrics: what is asked, what came of it, at which price."""

from __future__ import annotations

import math

import numpy as np
from prometheus_client import Gauge

from xapps.runtime.contracts import SharingState
from xapps.runtime.metrics import PREFIX, Metrics


class DemandMetrics:
    """Series by UE, which go when the UE does, and by node."""

    def __init__(self, metrics: Metrics) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, namespace=PREFIX, registry=metrics.registry)

        self.demand = gauge("ue_demand_bps_per_hz", "utility demand", "meid", "ue")
        self.rate = gauge("ue_rate_average_bps_per_hz", "mean rate of the batch so far", "meid", "ue")
        self.multiplier = gauge("ue_multiplier", "price of the demand", "meid", "ue")
        self.activity = gauge("ue_activity_ratio", "probability of being allowed to send", "meid", "ue")
        self.violation = gauge("demand_violation_ratio", "largest shortfall relative to its demand", "meid")
        self.settled = gauge("demand_settle_iterations", "iterations until the demands were met, NaN before", "meid")
        self.constant = gauge(
            "demand_constant_service_ratio", "share of the channels seen in which constant powers meet the demands"
        )
        self._shown: dict[str, set[str]] = {}

    def record(self, meid: str, state: SharingState) -> None:
        """Show where a node's time sharing stands."""
        ues = [str(ue_id) for ue_id in state.ue_ids]
        self._keep(meid, set(ues))
        for row, ue in enumerate(ues):
            self.demand.labels(meid, ue).set(state.demand_bps_hz[row])
            self.rate.labels(meid, ue).set(state.rate_bps_hz[row])
            self.multiplier.labels(meid, ue).set(state.multiplier[row])
            self.activity.labels(meid, ue).set(state.activity[row])
        wanted = state.demand_bps_hz > 0
        short = np.maximum(0.0, state.demand_bps_hz - state.rate_bps_hz)[wanted] / state.demand_bps_hz[wanted]
        self.violation.labels(meid).set(short.max(initial=0.0))
        self.settled.labels(meid).set(math.nan if state.settled_after is None else state.settled_after)

    def forget(self, meid: str) -> None:
        """A node has gone, and its series with it."""
        if meid in self._shown:
            self._keep(meid, set())
            del self._shown[meid]
            self.violation.remove(meid)
            self.settled.remove(meid)

    def _keep(self, meid: str, ues: set[str]) -> None:
        for gone in self._shown.get(meid, set()) - ues:
            for gauge in (self.demand, self.rate, self.multiplier, self.activity):
                gauge.remove(meid, gone)
        self._shown[meid] = ues
