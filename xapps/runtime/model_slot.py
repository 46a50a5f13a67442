"""Where the serving allocator sits: tested before it enters, swapped between two indications, put back if it fails.

The hot path reads ``serving`` once an indication; ``install`` runs on a worker thread. The swap is one reference
assignment, so that a decision is taken wholly by the old allocator or wholly by the new one.
"""

from __future__ import annotations

import logging
import statistics
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oran.e2sm.rrm import RadioReport
from oran.errors import DecisionRefused, ModelRejected, SuiteError
from xapps import allocators
from xapps.runtime import shield
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import Manifest, ModelFile

log = logging.getLogger(__name__)

TIMED_RUNS = 3
"""Decisions timed per report; their median must meet the deadline, so that one preemption refuses nothing."""
HOPELESS = 5.0
"""The first decision on a report may take so many deadlines, since it fills caches."""


@dataclass(frozen=True, slots=True)
class Serving:
    """An allocator that serves, and which bytes it was built from."""

    allocator: Allocator
    manifest: Manifest | None = None
    sha256: str = ""
    """SHA-256 of the weights it was built from, computed here; empty for classic allocators."""
    signed_by: str = ""
    """Id of the trusted key that signed the manifest; empty where none did and none need."""
    weights: bytes = field(default=b"", repr=False)
    """What it was built from, so that another process can build it again; empty for classic allocators."""

    @property
    def version(self) -> str:
        return "" if self.manifest is None else str(self.manifest.version)


class RecentReports:
    """The newest reports of every node: what a new model is tested on.

    Args:
        length: reports kept a node.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._reports: dict[str, deque[RadioReport]] = {}
        self.on_first: Callable[[], None] = lambda: None
        """Called when the first report of all arrives: models that wait for one can be tested."""

    def add(self, meid: str, report: RadioReport) -> None:
        ring = self._reports.get(meid)
        if ring is None:
            ring = self._reports.setdefault(meid, deque(maxlen=self._length))
        ring.append(report)
        if len(self._reports) == len(ring) == 1:
            self.on_first()

    def forget(self, meid: str) -> None:
        """A node has gone: its reports say nothing about what comes."""
        self._reports.pop(meid, None)

    def newest(self) -> dict[str, RadioReport]:
        """The last report of each node."""
        return {meid: ring[-1] for meid, ring in list(self._reports.items())}

    def snapshot(self) -> list[RadioReport]:
        return [report for ring in list(self._reports.values()) for report in list(ring)]


@dataclass
class ModelSlot:
    """Holds what serves.

    Attributes:
        initial: the allocator that serves until a policy names another, and again when one fails.
        now_s: monotonic clock [s].
    """

    initial: Serving
    now_s: Callable[[], float]
    max_consecutive_failures: int = 3
    on_roll_back: Callable[[str], None] = field(default=lambda reason: None)
    """Called with the reason after the slot has put the previous allocator back by itself."""

    def __post_init__(self) -> None:
        self._serving = self.initial
        self._previous = self.initial
        self._failures = 0
        self._lock = threading.Lock()

    @property
    def serving(self) -> Serving:
        """What decides now; read once an indication."""
        return self._serving

    def install(self, candidate: Serving, reports: Sequence[RadioReport], latency_bound_s: float) -> None:
        """Test a candidate and let it serve.

        Args:
            reports: recorded reports, at least one.
            latency_bound_s: longest median time of a decision [s].

        Raises:
            ModelRejected: the self-test failed; what served goes on serving.
        """
        self_test(candidate.allocator, reports, latency_bound_s, self.now_s)
        self.swap(candidate)

    def reset(self) -> None:
        """Let the initial allocator serve again."""
        self.swap(self.initial)

    def succeeded(self) -> None:
        """The serving allocator decided."""
        self._failures = 0

    def failed(self, culprit: Serving, error: Exception) -> bool:
        """The serving allocator could not decide; whether that was once too often, so that the previous one is back."""
        with self._lock:
            if culprit is not self._serving:
                return False
            self._failures += 1
            if self._failures < self.max_consecutive_failures:
                return False
        reason = f"{culprit.allocator.name} {culprit.version} failed {self.max_consecutive_failures} times: {error}"
        return self.roll_back(culprit, reason)

    def roll_back(self, culprit: Serving, reason: str) -> bool:
        """Put the previous allocator back, if ``culprit`` serves and is not the initial one."""
        with self._lock:
            if culprit is not self._serving or culprit is self.initial:
                return False
            self._serving, self._previous = self._previous, self.initial
            self._failures = 0
        log.error("rolled back to %s: %s", self._serving.allocator.name, reason)
        self.on_roll_back(reason)
        return True

    def swap(self, serving: Serving) -> None:
        """Let ``serving`` decide from the next indication on, without a test."""
        with self._lock:
            if serving is self._serving:
                return
            self._previous, self._serving = self._serving, serving
            self._failures = 0
        log.info("serving with %s %s %s", serving.allocator.name, serving.version, serving.sha256)


def build(model: ModelFile) -> Serving:
    """A serving allocator from a model file whose digest was verified.

    Raises:
        ModelRejected: unknown allocator, or weights, architecture and manifest do not fit together.
    """
    manifest = model.manifest
    if manifest.allocator not in allocators.LEARNED:
        known = ", ".join(allocators.LEARNED)
        raise ModelRejected(f"no learned allocator {manifest.allocator!r}; known are {known}")
    try:
        allocator: Allocator = allocators.load_class(manifest.allocator).from_model(model)
    except ModelRejected:
        raise
    except Exception as error:  # a model is foreign data: whatever building it raises refuses it
        raise ModelRejected(f"{manifest.name}: cannot be built: {type(error).__name__}: {error}") from error
    return Serving(allocator, manifest, model.verify().manifest.sha256, weights=model.weights)


def self_test(
    allocator: Allocator, reports: Sequence[RadioReport], latency_bound_s: float, now_s: Callable[[], float]
) -> None:
    """Let an allocator decide on recorded reports: right shape, finite, feasible behind the shield, in time.

    Raises:
        ModelRejected: it fails on one of them.
    """
    if not reports:
        raise ModelRejected("no report received yet to test the model on")
    times_s: list[float] = []
    for report in reports:
        start_s = now_s()
        _decide_once(allocator, report)
        _require_quick(now_s() - start_s, HOPELESS * latency_bound_s)  # what is far too slow is not tried further
        times_s += _run_times_s(allocator, report, now_s)
    _require_quick(statistics.median(times_s), latency_bound_s)


def _run_times_s(allocator: Allocator, report: RadioReport, now_s: Callable[[], float]) -> list[float]:
    times_s = []
    for _ in range(TIMED_RUNS):
        start_s = now_s()
        allocator.decide(report)
        times_s.append(now_s() - start_s)
    return times_s


def _require_quick(took_s: float, bound_s: float) -> None:
    if took_s > bound_s:
        raise ModelRejected(f"decides in {took_s * 1e3:.1f} ms, allowed are {bound_s * 1e3:.1f} ms")


def _decide_once(allocator: Allocator, report: RadioReport) -> None:
    try:
        allocation, _ = shield.project(shield.require_finite(allocator.decide(report)), report)
        shield.require_feasible(allocation, report)
    except DecisionRefused as error:
        raise ModelRejected(f"self-test on report {report.report_id}: {error.reason}: {error}") from error
    except SuiteError as error:
        raise ModelRejected(f"self-test on report {report.report_id}: {error}") from error
    except Exception as error:  # a model is foreign data: whatever it raises refuses it
        raise ModelRejected(f"self-test on report {report.report_id}: {type(error).__name__}: {error}") from error
