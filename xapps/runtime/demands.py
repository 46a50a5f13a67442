"""Utility demands that come through A1: they take the place of the reported minimum rates, and are watched.

An allocator needs no face of its own for them: it reads ``min_rate_bps_hz`` as ever. Whether average rates keep up is
seen on what the node measured, window after window; the policy's status follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from oran.errors import DecisionRefused
from oran.platform.a1 import DemandsPolicy
from oran.platform.a1_messages import PolicyRequest
from xapps.runtime.contracts import DemandAllocator, SharingState
from xapps.runtime.demand_metrics import DemandMetrics
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports

Array = NDArray[np.float64]


def with_demands(report: RadioReport, policy: DemandsPolicy) -> RadioReport:
    """The report with the policy's demands as minimum rates; who is not named keeps his own."""
    unit = 1.0 / report.prb_bandwidth_hz if policy.unit == "bit/s" else 1.0
    rate = np.array(report.min_rate_bps_hz, np.float64)
    slice_of = {name: index for index, name in enumerate(report.slice_names)}
    for of_slice in policy.slices:
        rate[report.slice_ids == slice_of.get(of_slice.slice, -1)] = of_slice.rate * unit
    for of_ue in policy.ues:
        rate[report.ue_ids == of_ue.ue_id] = of_ue.rate * unit
    return replace(report, min_rate_bps_hz=rate)


@dataclass
class DemandWatch:
    """Average rates of one node against its demands, window after window.

    Attributes:
        window: reports averaged.
        tolerance: share by which an average may fall short.
    """

    window: int
    tolerance: float
    _ue_ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _demand: Array = field(default_factory=lambda: np.zeros(0))
    _total: Array = field(default_factory=lambda: np.zeros(0))
    _reports: int = 0

    def add(self, report: RadioReport) -> str | None:
        """Takes a report; at the end of a window why the demands are missed, empty if they are met; else None."""
        kpi = report.kpi
        if kpi is None or kpi.rate_bps_hz.shape != report.ue_ids.shape:
            return None
        known = np.array_equal(report.ue_ids, self._ue_ids) and np.array_equal(report.min_rate_bps_hz, self._demand)
        if not known:
            self._ue_ids, self._demand = report.ue_ids, report.min_rate_bps_hz
            self._total, self._reports = np.zeros(len(self._ue_ids)), 0
            return None  # its KPIs still speak of the former demands
        self._total = self._total + kpi.rate_bps_hz
        self._reports += 1
        if self._reports < self.window:
            return None
        average, self._total, self._reports = self._total / self._reports, np.zeros(len(self._ue_ids)), 0
        return self._verdict(average)

    def _verdict(self, average: Array) -> str:
        missed = np.flatnonzero(average < (1.0 - self.tolerance) * self._demand)
        closest = (f"UE {self._ue_ids[row]}: {average[row]:.2f} of {self._demand[row]:.2f}" for row in missed[:8])
        return f"missed on average; closest rates [bps/Hz]: {', '.join(closest)}" if missed.size else ""


class Demands:
    """The demands in force, for all nodes of an xApp.

    Args:
        on_verdict: told the reason why demands are missed, or an empty one, at the end of a node's window where it
            differs from the last.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        window: int = 500,
        tolerance: float = 0.05,
        on_verdict: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.policy: DemandsPolicy | None = None
        self.constant_service: float | None = None
        self.on_verdict = on_verdict
        self._window, self._tolerance = window, tolerance
        self._watches: dict[str, DemandWatch] = {}
        self._reasons: dict[str, str] = {}
        self._metrics = DemandMetrics(metrics)

    def install(self, policy: DemandsPolicy | None, constant_service: float | None = None) -> None:
        """Let other demands, or none, apply from the next report on.

        Args:
            policy: the demands.
            constant_service: share of the channels seen in which constant powers would meet them; told along with a
                verdict, since demands that need time sharing are the likelier to be missed.
        """
        self._watches, self._reasons = {}, {}
        self.policy, self.constant_service = policy, constant_service
        self._metrics.constant.set(math.nan if constant_service is None else constant_service)

    def applied(self, meid: str, report: RadioReport) -> RadioReport:
        """The report with the demands in force; its KPIs are watched."""
        policy = self.policy
        if policy is None:
            return report
        asked = with_demands(report, policy)
        watch = self._watches.setdefault(meid, DemandWatch(self._window, self._tolerance))
        reason = watch.add(asked)
        if reason is not None:
            self._judge(meid, reason)
        return asked

    def record(self, meid: str, state: SharingState) -> None:
        """Show where a node's time sharing stands."""
        self._metrics.record(meid, state)

    def forget(self, meid: str) -> None:
        """A node has gone."""
        self._watches.pop(meid, None)
        self._reasons.pop(meid, None)
        self._metrics.forget(meid)

    def _judge(self, meid: str, reason: str) -> None:
        before = next((each for each in self._reasons.values() if each), "")
        self._reasons[meid] = f"{meid}: {reason}{self._hint()}" if reason else ""
        now = next((each for each in self._reasons.values() if each), "")
        if bool(now) != bool(before):
            self.on_verdict(now)

    def _hint(self) -> str:
        if self.constant_service is None:
            return ""
        return f"; constant powers met them in {self.constant_service:.0%} of the channels seen before"


@dataclass
class DemandsEnforcer:
    """What the A1 type "utility demands" does."""

    demands: Demands
    slot: ModelSlot
    recent: RecentReports

    def enforce(self, request: PolicyRequest) -> None:
        """Let the policy's demands apply.

        Raises:
            SuiteError: DecodeError (no such policy), or DecisionRefused if what decides is certain that nobody could
                meet them; then the former demands stay.
        """
        policy = DemandsPolicy.from_json(request.payload())
        allocator = self.slot.serving.allocator
        constant_service = None
        if isinstance(allocator, DemandAllocator):
            asked = [with_demands(report, policy) for report in self.recent.snapshot()]
            reason = allocator.refusal(asked)
            if reason:
                raise DecisionRefused("demands", reason)
            constant_service = allocator.constant_service_ratio(asked)
        self.demands.install(policy, constant_service)

    def withdraw(self) -> None:
        """The reported minimum rates apply again."""
        self.demands.install(None)
