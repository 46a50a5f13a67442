"""What pipelines did, line by line in a file: they run in processes of their own, and ``/metrics`` is another's."""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

FILE = "journal.jsonl"

TRAINING_BUCKETS_S = (10, 30, 60, 120, 300, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of a folder of runs; appended to, never rewritten, so that counters made of it never fall."""

    root: Path
    now_s: Callable[[], float] = time.time

    def trained(self, seconds: float) -> None:
        """A training has finished."""
        self._append(event="trained", seconds=round(seconds, 3))

    def judged(self, accepted: bool) -> None:
        """The gate has spoken."""
        self._append(event="judged", verdict="accepted" if accepted else "refused")

    def published(self, status: str) -> None:
        """A model policy was answered with this A1 status."""
        self._append(event="published", status=status)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every whole line; one that a crash cut is left out."""
        path = self.root / FILE
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def _append(self, **entry: Any) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / FILE).open("a") as file:  # one write a line: appends of several processes do not mix
            file.write("\n" + json.dumps({"unix_s": round(self.now_s(), 3)} | entry))  # ends a line that a crash cut


def families(entries: Sequence[dict[str, Any]] = ()) -> list[Metric]:
    """The journal as metrics; without entries their declaration."""
    verdicts = CounterMetricFamily("rapp_gate_verdicts", "candidates by verdict of the gate", labels=["verdict"])
    published = CounterMetricFamily(
        "rapp_models_published", "models by the A1 status that came back", labels=["status"]
    )
    training = HistogramMetricFamily("rapp_training_seconds", "duration of a training", labels=[])
    for family, event, label in ((verdicts, "judged", "verdict"), (published, "published", "status")):
        counted = Counter(entry[label] for entry in entries if entry["event"] == event)
        for value, count in counted.items():
            family.add_metric([value], count)
    seconds = [entry["seconds"] for entry in entries if entry["event"] == "trained"]
    if seconds:
        training.add_metric([], _cumulative(seconds), sum(seconds))
    return [verdicts, published, training]


def _cumulative(seconds: Sequence[float]) -> list[tuple[str, float]]:
    """(upper bound, number of trainings up to it)."""
    ordered, bounds = sorted(seconds), TRAINING_BUCKETS_S
    placed = [bisect_left(bounds, value) for value in ordered]
    rows = [(str(float(bound)), float(sum(place <= index for place in placed))) for index, bound in enumerate(bounds)]
    return [*rows, ("+Inf", float(len(ordered)))]
