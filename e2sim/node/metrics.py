"""Prometheus metrics of the node, declared once."""

from __future__ import annotations

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from oran.e2sm.rrm import Allocation, Kpi, RadioReport

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)

EFFECT_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
"""An effect shows at the end of a reporting period."""

RATE_PERCENTILES = (5, 50, 95)
"""Percentiles of the UEs' rates that are shown; the 5th is the cell edge."""


class NodeMetrics:
    """All metrics of one node, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.connected = Gauge("e2sim_e2_connected", "1 while E2 Setup stands", registry=registry)
        self.setups = Counter("e2sim_e2_setups", "Accepted E2 Setups", registry=registry)
        self.violations = Counter("e2sim_protocol_violations", "PDUs of the RIC that broke a rule", registry=registry)
        self.subscriptions = Gauge("e2sim_subscriptions", "Admitted RIC subscriptions", registry=registry)
        self.indications = Counter("e2sim_indications", "RIC Indications sent", registry=registry)
        self.controls_applied = Counter("e2sim_controls_applied", "RIC Controls carried out", registry=registry)
        self.controls_refused = Counter(
            "e2sim_controls_refused", "RIC Controls refused, by reason", ["reason"], registry=registry
        )
        self.late_decisions = Gauge(
            "e2sim_late_decisions", "Slots that ended without the decision they asked for", registry=registry
        )
        self.overruns = Counter("e2sim_slot_overruns", "Slots that real time overtook", registry=registry)
        self.loop_latency_s = Histogram(
            "e2sim_loop_latency_seconds",
            "Indication sent to control applied",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.control_effect_s = Histogram(
            "e2sim_control_effect_latency_seconds",
            "Control received to the first report sent that shows its effect",
            ["function"],
            buckets=EFFECT_BUCKETS_S,
            registry=registry,
        )
        self.weighted_throughput = Gauge(
            "e2sim_weighted_throughput_bps_hz", "Weighted throughput of the last slot", registry=registry
        )
        self.radiated_power_w = Gauge(
            "e2sim_radiated_power_watts", "Power of all RUs in the last slot", registry=registry
        )
        self.satisfied_ratio = Gauge(
            "e2sim_satisfied_ues_ratio", "UEs whose minimum rate and delay bound were met", registry=registry
        )
        self._declare_radio(registry)

    def observe(self, kpi: Kpi, late_decisions: int) -> None:
        """Takes over the KPIs of a slot."""
        self.weighted_throughput.set(float(kpi.weighted_throughput_bps_hz))
        self.radiated_power_w.set(float(kpi.power_w))
        self.satisfied_ratio.set(float(kpi.satisfied.mean()) if kpi.satisfied.size else 1.0)
        self.late_decisions.set(late_decisions)

    def observe_radio(self, report: RadioReport, kpi: Kpi, in_force: Allocation, slot_s: float) -> None:
        """Takes over what a slot did per RU, slice and UE.

        Args:
            report: the slot's own report; says which UE is in which slice.
            kpi: what the slot delivered to those UEs.
            in_force: the decision that governed it.
            slot_s: its length [s].
        """
        self.slots.inc()
        self.radiated_energy_j.inc(float(kpi.power_w) * slot_s)
        self._observe_rus(in_force)
        self._observe_slices(report, kpi)
        if kpi.rate_bps_hz.size:
            for percentile, rate in zip(
                RATE_PERCENTILES, np.percentile(kpi.rate_bps_hz, RATE_PERCENTILES), strict=True
            ):
                self.ue_rate.labels(percentile).set(float(rate))

    def _declare_radio(self, registry: CollectorRegistry) -> None:
        self.slots = Counter("e2sim_slots", "Slots that have passed", registry=registry)
        self.radiated_energy_j = Counter("e2sim_radiated_energy_joules", "Energy of all RUs", registry=registry)
        self.prb_used_ratio = Gauge(
            "e2sim_prb_used_ratio", "PRBs of a RU that served somebody in the last slot", ["ru"], registry=registry
        )
        self.ru_power_w = Gauge("e2sim_ru_power_watts", "Power of a RU in the last slot", ["ru"], registry=registry)
        self.ue_rate = Gauge(
            "e2sim_ue_rate_bps_hz", "Percentiles of the UEs' rates in the last slot", ["percentile"], registry=registry
        )
        self.slice_ues = Gauge("e2sim_slice_ues", "UEs in a slice", ["slice"], registry=registry)
        self.slice_rate = Gauge(
            "e2sim_slice_rate_bps_hz", "Rate of a slice's UEs together in the last slot", ["slice"], registry=registry
        )
        self.slice_satisfied_ratio = Gauge(
            "e2sim_slice_satisfied_ratio", "UEs of a slice whose service level was met", ["slice"], registry=registry
        )

    def _observe_rus(self, in_force: Allocation) -> None:
        used = (in_force.prb_owner >= 0).mean(axis=-1)
        for ru, (share, power_w) in enumerate(zip(used, in_force.power_w.sum(axis=-1), strict=True)):
            self.prb_used_ratio.labels(ru).set(float(share))
            self.ru_power_w.labels(ru).set(float(power_w))

    def _observe_slices(self, report: RadioReport, kpi: Kpi) -> None:
        size = len(report.slice_names)
        ues = np.bincount(report.slice_ids, minlength=size)
        rates = np.bincount(report.slice_ids, kpi.rate_bps_hz, minlength=size)
        satisfied = np.bincount(report.slice_ids, kpi.satisfied, minlength=size)
        for name, count, rate, met in zip(report.slice_names, ues, rates, satisfied, strict=True):
            self.slice_ues.labels(name).set(int(count))
            self.slice_rate.labels(name).set(float(rate))
            self.slice_satisfied_ratio.labels(name).set(float(met / count) if count else 1.0)
