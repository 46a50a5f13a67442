"""What the xApp answers over HTTP: probes, metrics, its configuration, its state, notifications."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from oran.e2sm.rrm import EventTrigger, RadioReport
from xapps.runtime.discovery import Discovery
from xapps.runtime.http import Response, Route
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports
from xapps.runtime.platform_routes import platform_routes
from xapps.runtime.policies import Policies, PolicyRecord
from xapps.runtime.settings import Settings
from xapps.runtime.subscription_book import Subscription


@dataclass
class Endpoints:
    """The routes of one xApp.

    Attributes:
        alive: whether the RMR thread runs.
        ready: whether the xApp is registered and can be used.
    """

    settings: Settings
    slot: ModelSlot
    recent: RecentReports
    policies: Policies
    discovery: Discovery[EventTrigger]
    metrics: Metrics
    alive: Callable[[], bool]
    ready: Callable[[], bool]

    def routes(self) -> dict[tuple[str, str], Route]:
        """(method, path) -> route."""
        routes = platform_routes(
            self.settings,
            exposition=self._exposition,
            notified=self.discovery.notifications.post,
            alive=self.alive,
            ready=self.ready,
        )
        return routes | {("GET", "/ric/v1/state"): self._state}

    def _exposition(self) -> bytes:
        serving = self.slot.serving
        self.metrics.model.clear()
        name = serving.manifest.name if serving.manifest else ""
        self.metrics.model.labels(serving.allocator.name, name, serving.version, serving.sha256).set(1)
        return self.metrics.exposition()

    def _state(self, body: bytes) -> Response:
        return Response.json(
            {
                "name": self.settings.name,
                "version": self.settings.version,
                "registered": self.ready(),
                **self._serving(),
                "policies": [_policy(record) for record in self.policies.records()],
                "subscriptions": [_subscription(entry) for entry in self.discovery.book.all()],
                "counters": self._counters(),
                "kpis": {meid: _kpi(report) for meid, report in self.recent.newest().items() if report.kpi},
            }
        )

    def _serving(self) -> dict[str, Any]:
        serving = self.slot.serving
        model = None
        if serving.manifest is not None:
            manifest = serving.manifest
            model = {"name": manifest.name, "version": manifest.version, "sha256": serving.sha256}
            model["signed_by"] = serving.signed_by
        return {"allocator": serving.allocator.name, "model": model}

    def _counters(self) -> dict[str, float]:
        metrics = self.metrics
        named = {
            "indications": metrics.indications,
            "reports": metrics.reports,
            "stale": metrics.stale,
            "controls_sent": metrics.controls_sent,
            "controls_acked": metrics.controls_acked,
            "controls_refused": metrics.controls_refused,
            "controls_unsent": metrics.controls_unsent,
            "late": metrics.late,
            "fallbacks": metrics.fallbacks,
            "reports_unusable": metrics.reports_unusable,
            "decisions_last_safe": metrics.decisions_last_safe,
            "shield_corrections": metrics.shield_corrections,
            "handler_errors": metrics.handler_errors,
            "indications_ignored": metrics.indications_ignored,
            "messages_dropped": metrics.messages_dropped,
        }
        return {name: metrics.count(counter) for name, counter in named.items()}


def _policy(record: PolicyRecord) -> dict[str, Any]:
    return {
        "type": record.request.policy_type_id,
        "instance": record.request.policy_instance_id,
        "status": str(record.status),
        "reason": record.reason,
    }


def _subscription(entry: Subscription[EventTrigger]) -> dict[str, Any]:
    return {
        "meid": entry.meid,
        "ran_function_id": entry.ran_function_id,
        "instance_id": entry.instance_id,
        "clock": entry.trigger.clock.name.lower().replace("_", "-"),
        "period_ms": entry.trigger.period_ms,
    }


def _kpi(report: RadioReport) -> dict[str, Any]:
    kpi = report.kpi
    assert kpi is not None  # the caller asked for reports with KPIs
    return {
        "report_id": report.report_id,
        "slot": report.slot,
        "time_s": report.time_s,
        "weighted_throughput_bps_hz": float(kpi.weighted_throughput_bps_hz),
        "rate_bps_hz": kpi.rate_bps_hz.tolist(),
        "satisfied_ratio": float(np.mean(kpi.satisfied)) if kpi.satisfied.size else 1.0,
        "power_w": float(kpi.power_w),
        "late_decisions": kpi.late_decisions,
        "applied_decisions": kpi.applied_decisions,
        "refused_decisions": kpi.refused_decisions,
    }
