"""The rApp's Prometheus metrics, declared once; each object takes the registry it reports to."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


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
            ["xapp", "fate"],
            registry=registry,
        )
        self.bytes = Counter("rapp_experience_received_bytes_total", "Bytes of transitions taken", registry=registry)
        self.repeated = Counter(
            "rapp_experience_repeated_total", "Transitions that came again after a broken connection", registry=registry
        )
        self.streams = Gauge("rapp_experience_streams", "Streams that are connected", registry=registry)
        self.folder_bytes = Gauge("rapp_experience_folder_bytes", "Size of the segments on disk", registry=registry)
        self.segments = Gauge("rapp_experience_segments", "Segments on disk", registry=registry)


class PipelineMetrics:
    """What training, gate and publishing count."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.verdicts = Counter(
            "rapp_gate_verdicts_total", "Candidates by verdict of the gate", ["verdict"], registry=registry
        )
        self.published = Counter(
            "rapp_models_published_total", "Models by the A1 status that came back", ["status"], registry=registry
        )
        self.training_seconds = Histogram(
            "rapp_training_seconds",
            "Duration of a training [s]",
            buckets=(10, 30, 60, 120, 300, 900, 1800, 3600),
            registry=registry,
        )
        self.epoch = Gauge("rapp_training_epoch", "Epoch of the running training", registry=registry)
