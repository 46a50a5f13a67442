"""The platform's Prometheus metrics, each declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class PlatformMetrics:
    """Counters and gauges of one RIC, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.e2_messages = Counter(
            "ric_e2_messages", "E2AP PDUs by kind and direction", ["message", "direction"], registry=registry
        )
        self.e2_violations = Counter("ric_e2_violations", "E2AP PDUs that broke a rule", registry=registry)
        self.e2_nodes = Gauge("ric_e2_nodes_connected", "E2 nodes that are set up", registry=registry)
        self.controls_dropped = Counter(
            "ric_controls_dropped", "RIC Control requests for nodes that are not connected", registry=registry
        )
        self.rmr_sent = Counter("ric_rmr_sent", "RMR messages sent", ["component"], registry=registry)
        self.rmr_received = Counter("ric_rmr_received", "RMR messages received", ["component"], registry=registry)
        self.rmr_dropped = Counter(
            "ric_rmr_dropped", "RMR messages that reached nobody", ["component", "reason"], registry=registry
        )
        self.subscriptions = Gauge("ric_e2_subscriptions", "E2 subscriptions in force", registry=registry)
        self.subscription_outcomes = Counter(
            "ric_subscription_outcomes", "Notified subscription outcomes", ["outcome"], registry=registry
        )
        self.policies = Gauge("ric_a1_policies", "A1 policy instances", registry=registry)
        self.route_pushes = Counter(
            "ric_route_pushes", "Route tables sent to xApps, by what they answered", ["outcome"], registry=registry
        )
        self.sdl_available = Gauge("ric_sdl_available", "Whether the database answers", registry=registry)
