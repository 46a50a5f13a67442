"""Prometheus metrics of the node, declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from oran.e2sm.rrm import Kpi

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)


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
        self.weighted_throughput = Gauge(
            "e2sim_weighted_throughput_bps_hz", "Weighted throughput of the last slot", registry=registry
        )
        self.radiated_power_w = Gauge(
            "e2sim_radiated_power_watts", "Power of all RUs in the last slot", registry=registry
        )
        self.satisfied_ratio = Gauge(
            "e2sim_satisfied_ues_ratio", "UEs whose minimum rate and delay bound were met", registry=registry
        )

    def observe(self, kpi: Kpi, late_decisions: int) -> None:
        """Takes over the KPIs of a slot."""
        self.weighted_throughput.set(float(kpi.weighted_throughput_bps_hz))
        self.radiated_power_w.set(float(kpi.power_w))
        self.satisfied_ratio.set(float(kpi.satisfied.mean()) if kpi.satisfied.size else 1.0)
        self.late_decisions.set(late_decisions)
