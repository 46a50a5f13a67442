"""What a trial has shown so far, as metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import Gauge

from xapps.runtime.arms import Arm, Mean, Outcome
from xapps.runtime.guard import Guard, LossSequence
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import Serving


@dataclass
class TrialBooks:
    """Keeps the metrics of one trial; they start anew with it and vanish with ``close``.

    Attributes:
        mode: ``shadow``, ``canary`` or ``watch``, the label of every series.
    """

    metrics: Metrics
    mode: str
    candidate: Serving
    _means: dict[Arm, Mean] = field(default_factory=dict)
    _agreement: float = 0.0
    _compared: int = 0
    _shown: set[tuple[Gauge, tuple[str, ...]]] = field(default_factory=set)
    _closed: bool = False

    def open(self) -> None:
        """Say what is on trial."""
        manifest = self.candidate.manifest
        name = "" if manifest is None else manifest.name
        self._set(self.metrics.trial, 1, self.candidate.allocator.name, name, self.candidate.version)
        for arm in Arm:
            self._set(self.metrics.trial_intervals, 0, arm)

    def close(self) -> None:
        """The trial is over; what the background thread still says of it is not shown any more."""
        self._closed = True
        for gauge, labels in list(self._shown):
            gauge.remove(*labels)

    def add(self, arm: Arm, outcome: Outcome) -> None:
        """One interval of an arm."""
        mean = self._means.setdefault(arm, Mean())
        mean.add(outcome)
        self._set(self.metrics.trial_intervals, mean.intervals, arm)
        self._set(self.metrics.trial_throughput, mean.throughput, arm)
        self._set(self.metrics.trial_satisfied, mean.satisfied, arm)

    def show(self, guard: Guard) -> None:
        """Where the comparison stands."""
        self._show_loss("throughput", guard.throughput)
        self._show_loss("satisfied", guard.satisfied)

    def shadowed(self, outcome: str) -> None:
        """What became of a shadow decision: ``compared``, ``failed``, ``late`` or ``dropped``."""
        self.metrics.shadow_decisions.labels(outcome).inc()

    def took(self, seconds: float) -> None:
        self.metrics.shadow_latency.observe(seconds)

    def agreed(self, share: float) -> None:
        """The share of PRBs that both arms give to the same UE, averaged since the trial began."""
        self._compared += 1
        self._agreement += (share - self._agreement) / self._compared
        self._set(self.metrics.trial_agreement, self._agreement)

    def _show_loss(self, kpi: str, loss: LossSequence) -> None:
        if not loss.count:
            return
        for bound, value in (("mean", loss.mean), ("low", loss.low), ("high", loss.high)):
            self._set(self.metrics.trial_loss, value, kpi, bound)

    def _set(self, gauge: Gauge, value: float, *labels: str) -> None:
        if not self._closed:
            self._shown.add((gauge, (self.mode, *labels)))
            gauge.labels(self.mode, *labels).set(value)
