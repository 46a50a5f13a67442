"""What the store and the folders of runs and roll-outs hold, as metrics: read from disk at every scrape, so that a
training in a process (or a Kubernetes Job) of its own shows up without a connection to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rapp import journal, rollout_metrics
from rapp.journal import Journal
from rapp.origin import signature_state
from rapp.rollout import list_rollouts
from rapp.runs import Run, list_runs
from rapp.store import ModelStore
from xapps.runtime.model_file import Manifest
from xapps.runtime.model_store import StoredVersion

NEWEST_RUNS = 10
"""Runs whose curves are shown; every run is a label, and labels cost memory in Prometheus for ever."""
NEWEST_MODELS = 20


class LineageCollector(Collector):
    """Metrics of what is stored and trained.

    Args:
        store: the model store.
        runs_root: folder of the training runs.
        rollouts_root: folder of the roll-outs; None: there are none.
    """

    def __init__(self, store: ModelStore, runs_root: Path, rollouts_root: Path | None = None) -> None:
        self._store = store
        self._runs_root = runs_root
        self._rollouts_root = rollouts_root

    def describe(self) -> Iterable[Metric]:
        """The families without samples: registering must not read the disk."""
        return declared()

    def collect(self) -> Iterable[Metric]:
        """The families as things stand now."""
        models, runs = _model_families(), _run_families()
        for stored in self._store.list()[:NEWEST_MODELS]:
            _add_model(models, stored, signature_state(stored, self._store.trusted))
        found = list_runs(self._runs_root)
        for state, count in Counter(run.state for run in found).items():
            runs[0].add_metric([state], count)
        for run in found[:NEWEST_RUNS]:
            _add_run(runs, run)
        rollouts = list_rollouts(self._rollouts_root) if self._rollouts_root is not None else []
        return [*models, *runs, *journal.families(self._done()), *rollout_metrics.families(rollouts)]

    def _done(self) -> list[dict[str, Any]]:
        """What the journals of both folders tell."""
        folders = dict.fromkeys(each for each in (self._runs_root, self._rollouts_root) if each is not None)
        return [entry for folder in folders for entry in Journal(folder).entries()]


def _model_families() -> Sequence[GaugeMetricFamily]:
    version = ["name", "version"]
    return (
        GaugeMetricFamily(
            "rapp_model_info", "a stored model: 1", labels=[*version, "allocator", "scenario", "run", "sha256"]
        ),
        GaugeMetricFamily("rapp_model_created_timestamp_seconds", "when a version was stored", labels=version),
        GaugeMetricFamily("rapp_model_size_bytes", "size of a version's weights", labels=version),
        GaugeMetricFamily(
            "rapp_model_evaluation", "what the gate measured of a version, by figure", labels=[*version, "figure"]
        ),
        GaugeMetricFamily("rapp_model_signature", "who vouches for a version, by state: 1", labels=[*version, "state"]),
    )


def _run_families() -> Sequence[GaugeMetricFamily]:
    return (
        GaugeMetricFamily("rapp_runs", "training runs by state", labels=["state"]),
        GaugeMetricFamily("rapp_run_epochs", "epochs that a run has done", labels=["run"]),
        GaugeMetricFamily("rapp_run_curve", "newest value of a training curve", labels=["run", "curve"]),
        GaugeMetricFamily("rapp_run_accepted", "1 if the gate accepted the run's model, 0 if not", labels=["run"]),
        GaugeMetricFamily(
            "rapp_run_gain_bps_hz", "score of the run's model less that of what served", labels=["run", "bound"]
        ),
    )


def _add_model(families: Sequence[GaugeMetricFamily], stored: StoredVersion, signature: str) -> None:
    info, created, size, evaluation, signatures = families
    manifest = Manifest.model_validate_json(stored.manifest_json)
    version = [stored.name, str(stored.version)]
    scenario = manifest.scenario.name if manifest.scenario else ""
    info.add_metric([*version, manifest.allocator, scenario, str(manifest.training.get("run", "")), stored.sha256], 1)
    created.add_metric(version, stored.created_unix_s)
    size.add_metric(version, stored.size_bytes)
    signatures.add_metric([*version, signature], 1)
    for figure, value in manifest.metrics.items():
        evaluation.add_metric([*version, figure], value)


def _add_run(families: Sequence[GaugeMetricFamily], run: Run) -> None:
    _, epochs, curve, accepted, gain = families
    name = run.folder.name
    points = run.curves()
    epochs.add_metric([name], len(points))
    for key, value in (points[-1] if points else {}).items():
        if key != "epoch":
            curve.add_metric([name, key], value)
    verdict = run.verdict()
    if verdict is None:
        return
    accepted.add_metric([name], float(verdict["accepted"]))
    for bound in ("gain", "gain_low", "gain_high"):
        gain.add_metric([name, bound.removeprefix("gain_") if bound != "gain" else "mean"], verdict[bound])


def declared() -> Iterable[Metric]:
    """The families that a scrape of the rApp can hold, without samples."""
    return [*_model_families(), *_run_families(), *journal.families(), *rollout_metrics.families()]
