"""Which metrics the processes export: read from where each is declared, never listed a second time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric

from e2sim.node.metrics import NodeMetrics
from oran.e2sm.kpm.measurements import DEFINITIONS
from rapp import lineage
from rapp.metrics import ExperienceMetrics as SinkMetrics
from rapp.metrics import StoreMetrics
from ric.metrics import PlatformMetrics
from xapps.kpimon.metrics import Metrics as KpimonMetrics
from xapps.kpimon.series import LABELS, metric_name
from xapps.runtime.demand_metrics import DemandMetrics
from xapps.runtime.experience import ExperienceMetrics
from xapps.runtime.metrics import Metrics as XappMetrics

GIVEN_BY_PROMETHEUS = {"up": frozenset({"job", "instance", "xapp"})}
"""Series that every scrape leaves behind."""

TARGET_LABELS = frozenset({"job", "instance", "namespace", "pod", "xapp"})
"""Labels that come from the scrape, not from the code; ``xapp`` is the name of the xApp's chart."""

_SUFFIXES = {"counter": ("_total", "_created"), "histogram": ("_bucket", "_sum", "_count", "_created")}


@dataclass(frozen=True, slots=True)
class Exported:
    """One metric family as the code declares it."""

    name: str
    kind: str
    help: str
    labels: frozenset[str]
    exporter: str

    def series(self) -> dict[str, frozenset[str]]:
        """Names of the family's series, and the labels that each carries."""
        if self.kind not in _SUFFIXES:
            return {self.name: self.labels}
        extra = {"_bucket": frozenset({"le"})}
        return {self.name + suffix: self.labels | extra.get(suffix, frozenset()) for suffix in _SUFFIXES[self.kind]}


def exported() -> list[Exported]:
    """Every family of every process."""
    store = CollectorRegistry()
    StoreMetrics(store)
    SinkMetrics(store)
    xapp = XappMetrics()
    ExperienceMetrics(xapp)
    DemandMetrics(xapp)
    allocators = list(_of_registry("xapp", xapp.registry))
    shared = {family.name for family in allocators}
    return [
        *allocators,
        *(family for family in _of_registry("kpimon", KpimonMetrics().registry) if family.name not in shared),
        *(_of_measurement(name) for name in DEFINITIONS),
        *_of_registry("e2sim", NodeMetrics().registry),
        *_of_registry("ric", PlatformMetrics().registry),
        *_of_registry("rapp", store),
        *_of_families("rapp", lineage.declared()),
    ]


def series() -> dict[str, frozenset[str]]:
    """Every series that a dashboard, rule or alert may ask for, with its labels."""
    found = {name: labels | TARGET_LABELS for family in exported() for name, labels in family.series().items()}
    return found | {name: labels | TARGET_LABELS for name, labels in GIVEN_BY_PROMETHEUS.items()}


def _of_registry(exporter: str, registry: CollectorRegistry) -> Iterator[Exported]:
    for metric in registry._collector_to_names:  # declared metrics; collect() hides those without samples' labels
        if isinstance(metric, Counter | Gauge | Histogram):
            described = next(iter(metric.describe()))
            labels = frozenset(metric._labelnames)
            yield Exported(described.name, described.type, described.documentation, labels, exporter)


def _of_measurement(name: str) -> Exported:
    return Exported(metric_name(name), "gauge", DEFINITIONS[name].meaning, frozenset(LABELS), "kpimon")


def _of_families(exporter: str, families: Iterable[Metric]) -> Iterator[Exported]:
    for family in families:
        labels = frozenset(getattr(family, "_labelnames", ()))
        yield Exported(family.name, family.type, family.documentation, labels, exporter)
