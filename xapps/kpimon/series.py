"""The newest readings as Prometheus series: bounded in number, gone when they are stale."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from oran.e2sm.kpm.measurements import DEFINITIONS
from xapps.kpimon.readings import Place, Reading
from xapps.runtime.metrics import PREFIX

LABELS = ("meid", "cell", "slice", "ue")


@dataclass(frozen=True, slots=True)
class _Newest:
    value: float
    heard_s: float


class Series(Collector):
    """Current values by metric and place. Used from several threads.

    Args:
        max_series: series kept; readings of further ones are dropped.
        stale_s: age at which a series is removed [s].
        now_s: monotonic clock.
        on_drop: counts dropped readings.
    """

    def __init__(self, max_series: int, stale_s: float, now_s: Callable[[], float], on_drop: Counter) -> None:
        self._max_series = max_series
        self._stale_s = stale_s
        self._now_s = now_s
        self._on_drop = on_drop
        self._newest: dict[tuple[str, Place], _Newest] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._newest)

    def take(self, readings: Iterable[Reading]) -> None:
        """Shows readings; one without a value takes its series away."""
        now_s = self._now_s()
        with self._lock:
            for reading in readings:
                self._take((reading.name, reading.place), reading.in_base_unit, now_s)

    def _take(self, key: tuple[str, Place], value: float | None, now_s: float) -> None:
        if value is None:
            self._newest.pop(key, None)
        elif key in self._newest or len(self._newest) < self._max_series:
            self._newest[key] = _Newest(value, now_s)
        else:
            self._on_drop.inc()

    def forget(self, meid: str) -> None:
        """Removes all series of a node."""
        with self._lock:
            self._newest = {key: newest for key, newest in self._newest.items() if key[1].meid != meid}

    def prune(self) -> None:
        """Removes what is stale."""
        oldest_s = self._now_s() - self._stale_s
        with self._lock:
            self._newest = {key: newest for key, newest in self._newest.items() if newest.heard_s >= oldest_s}

    def of_node(self, meid: str) -> list[tuple[str, Place, float]]:
        """Measurement, place and value of every series of a node."""
        with self._lock:
            return [(name, place, newest.value) for (name, place), newest in self._newest.items() if place.meid == meid]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families that Prometheus scrapes; stale series are not among them."""
        self.prune()
        with self._lock:
            snapshot = list(self._newest.items())
        families: dict[str, tuple[str, dict[Place, float]]] = {}
        for (name, place), newest in snapshot:
            families.setdefault(metric_name(name), (name, {}))[1][place] = newest.value
        for metric, (name, values) in families.items():
            family = GaugeMetricFamily(metric, _meaning(name), labels=LABELS)
            for place, value in values.items():
                family.add_metric(astuple(place), value)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: which metrics there are depends on the nodes."""
        return ()


def metric_name(measurement: str) -> str:
    """``DRB.UEThpDl`` -> ``ricxapp_kpm_drb_uethpdl_bits_per_second``; unknown ones carry no unit."""
    stem = f"{PREFIX}_kpm_{re.sub(r'[^a-zA-Z0-9]+', '_', measurement).strip('_').lower()}"
    known = DEFINITIONS.get(measurement)
    return stem if known is None else f"{stem}_{known.base_unit}"


def _meaning(measurement: str) -> str:
    known = DEFINITIONS.get(measurement)
    return f"{measurement}: not in the table of measurements" if known is None else f"{measurement}: {known.meaning}"
