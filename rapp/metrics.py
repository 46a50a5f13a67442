"""The rApp's Prometheus metrics, declared once; each object takes the registry it reports to."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class StoreMetrics:
    """What the model store counts."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.calls = Counter(
            "rapp_model_store_calls_total", "gRPC calls by method and status", ["method", "status"], registry=registry
        )


class ExperienceMetrics:
    """What the experience sink counts."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.transitions = Gauge(
            "rapp_experience_transitions",
            "Transitions of the streams met, by what became of them: stored, dropped by the xApp, or lost",
            ["source", "fate"],
            registry=registry,
        )
        self.bytes = Counter("rapp_experience_received_bytes_total", "Bytes of transitions taken", registry=registry)
        self.repeated = Counter(
            "rapp_experience_repeated_total", "Transitions that came again after a broken connection", registry=registry
        )
        self.streams = Gauge("rapp_experience_streams", "Streams that are connected", registry=registry)
        self.folder_bytes = Gauge("rapp_experience_folder_bytes", "Size of the segments on disk", registry=registry)
        self.segments = Gauge("rapp_experience_segments", "Segments on disk", registry=registry)
