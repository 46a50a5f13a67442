"""What was done, line by line in a file: by processes of their own, while ``/metrics`` is another's.

Whoever does it notes it: a ``Run`` its training and its verdict, beside it in the folder of runs; a publication and the
end of a roll-out whoever asked for them. So it makes no difference which command did it, or from which pod.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

if TYPE_CHECKING:
    from rapp.a1_publisher import Publication

FILE = "journal.jsonl"

TRAINING_BUCKETS_S = (10, 30, 60, 120, 300, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of a folder of runs or roll-outs; appended to, never rewritten: counters made of it never fall."""

    root: Path
    now_s: Callable[[], float] = time.time

    def trained(self, seconds: float) -> None:
        """A training has finished."""
        self._append(event="trained", seconds=round(seconds, 3))

    def judged(self, accepted: bool) -> None:
        """The gate has spoken."""
        self._append(event="judged", verdict="accepted" if accepted else "refused")

    def published(self, publication: Publication) -> None:
        """A model policy was answered."""
        self._append(event="published", status=publication.status, mode=publication.policy.mode or "serve")

    def rolled_out(self, stage: str, *, done: bool) -> None:
        """A roll-out has ended in a stage: the model serves everywhere, or was taken back."""
        self._append(event="rolled_out", stage=stage, outcome="done" if done else "taken_back")

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
        "rapp_models_published",
        "model policies by mode (serve, shadow, canary) and the A1 status that came back",
        labels=["status", "mode"],
    )
    rolled_out = CounterMetricFamily(
        "rapp_rollouts_ended",
        "roll-outs by the stage that they ended in: done or taken_back",
        labels=["outcome", "stage"],
    )
    _count(verdicts, entries, "judged", verdict="")
    _count(published, entries, "published", status="", mode="serve")  # lines from before modes were noted
    _count(rolled_out, entries, "rolled_out", outcome="", stage="")
    training = HistogramMetricFamily("rapp_training_seconds", "duration of a training", labels=[])
    seconds = [entry["seconds"] for entry in entries if entry["event"] == "trained"]
    if seconds:
        training.add_metric([], _cumulative(seconds), sum(seconds))
    return [verdicts, published, rolled_out, training]


def _count(family: CounterMetricFamily, entries: Sequence[dict[str, Any]], event: str, **labels: str) -> None:
    """Entries of an event by what they say under each label; ``labels`` holds what counts where they say nothing."""
    said = Counter(
        tuple(entry.get(label, default) for label, default in labels.items())
        for entry in entries
        if entry["event"] == event
    )
    for values, count in said.items():
        family.add_metric(list(values), count)


def _cumulative(seconds: Sequence[float]) -> list[tuple[str, float]]:
    """(upper bound, number of trainings up to it)."""
    ordered, bounds = sorted(seconds), TRAINING_BUCKETS_S
    placed = [bisect_left(bounds, value) for value in ordered]
    rows = [(str(float(bound)), float(sum(place <= index for place in placed))) for index, bound in enumerate(bounds)]
    return [*rows, ("+Inf", float(len(ordered)))]
