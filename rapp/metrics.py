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
