"""What an xApp saw, decided and got for it, on its way to the rApp: the half on the decision's own thread.

The decision never waits for it: ``Recorder`` pairs a decision with the KPIs that the next report brings, and puts the
pair into an ``Outbox`` without a lock. Whoever takes from it may be slow or gone; then the oldest are dropped, and
because every pair has a number, everybody can tell how many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from prometheus_client import Counter, Gauge

from oran.e2sm.rrm import Kpi, RadioReport
from xapps.runtime.decision import Decision
from xapps.runtime.metrics import PREFIX, Metrics

Stream = tuple[str, Hashable]
"""Where reports come from: node and subscription."""

FIXED_BYTES: Final = 2048
"""What a report holds beside its gains, about; the limit of the outbox need not be exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """A report, the decision that was sent for it, and what came of it."""

    sequence: int
    """1, 2, 3, ... in the life of an xApp."""
    meid: str
    report: RadioReport
    """With the decision as ``in_force`` and the outcome as ``kpi``, whose rows are this report's UEs."""
    outcome_report_id: int
    """The report that brought the outcome."""
    obeyed: bool
    """The node counted neither a late nor a refused decision meanwhile."""
    allocator: str
    model: str
    version: int
    corrections: int

    @property
    def size_bytes(self) -> int:
        """Memory that it holds, about."""
        gain_db = self.report.gain_db
        return FIXED_BYTES + (0 if gain_db is None else gain_db.nbytes)


class ExperienceMetrics:
    """What the stream counts: recorded = acked + dropped + waiting."""

    def __init__(self, metrics: Metrics) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"experience_{name}", text, namespace=PREFIX, registry=metrics.registry)

        self.recorded = counter("recorded", "transitions that were to be sent to the rApp")
        self.unmatched = counter("unmatched", "decisions whose outcome no report told")
        self.dropped = counter("dropped", "transitions given up before they were sent, since too many waited")
        self.sent = counter("sent", "transitions sent for the first time")
        self.resent = counter("resent", "transitions sent again after a connection broke")
        self.acked = counter("acked", "transitions that the rApp has settled")
        self.bytes = counter("bytes", "bytes of transitions sent")
        self.waiting = Gauge(
            "experience_waiting", "transitions not yet settled", namespace=PREFIX, registry=metrics.registry
        )
        self.connected = Gauge(
            "experience_connected", "1 while the rApp takes experience", namespace=PREFIX, registry=metrics.registry
        )


class Outbox:
    """Transitions that wait, bounded in number and bytes: one thread offers, another takes, neither waits.

    Every counter has one thread that writes it, and ``deque`` hands an element out once; no lock is needed.

    Args:
        max_waiting: transitions that may wait.
        max_bytes: memory that they may hold.
    """

    def __init__(self, max_waiting: int, max_bytes: int) -> None:
        self._max_waiting, self._max_bytes = max_waiting, max_bytes
        self._queue: deque[Transition] = deque()
        self._put = self._put_bytes = 0
        self._taken = self._taken_bytes = 0
        self.dropped = 0
        self._dropped_bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    def offer(self, transition: Transition) -> int:
        """Let a transition wait; returns how many older ones had to give way."""
        self._queue.append(transition)
        self._put += 1
        self._put_bytes += transition.size_bytes
        before = self.dropped
        while self._overfull():
            try:
                oldest = self._queue.popleft()
            except IndexError:  # the other thread took it meanwhile
                break
            self.dropped += 1
            self._dropped_bytes += oldest.size_bytes
        return self.dropped - before

    def take(self) -> Transition | None:
        """The oldest that waits; None if none does."""
        try:
            transition = self._queue.popleft()
        except IndexError:
            return None
        self._taken += 1
        self._taken_bytes += transition.size_bytes
        return transition

    def _overfull(self) -> bool:
        waiting = self._put - self._taken - self.dropped
        return (
            waiting > self._max_waiting or self._put_bytes - self._taken_bytes - self._dropped_bytes > self._max_bytes
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """A decision whose outcome is not known yet."""

    report: RadioReport
    decision: Decision


class Recorder:
    """Pairs decisions with their outcomes.

    Args:
        share: probability with which a decision is recorded.
        rng: draws which ones.
    """

    def __init__(self, outbox: Outbox, metrics: ExperienceMetrics, *, share: float, rng: np.random.Generator) -> None:
        self.outbox = outbox
        self.metrics = metrics
        self.recorded = 0
        self._share, self._rng = share, rng
        self._open: dict[Stream, _Open] = {}

    def answered(self, stream: Stream, report: RadioReport, decision: Decision, *, sent: bool) -> None:
        """Take a report and what was decided on it; it brings the outcome of the stream's decision before.

        Decisions that did not leave, or that no allocator was asked for, are not recorded.
        """
        before = self._open.pop(stream, None)
        if before is not None:
            self._close(stream[0], before, report)
        if sent and decision.fault is None and (self._share >= 1.0 or self._rng.random() < self._share):
            self._open[stream] = _Open(report, decision)

    def forget(self, meid: str) -> None:
        """A node has gone: nobody will tell what its last decision came to."""
        for stream in [each for each in list(self._open) if each[0] == meid]:
            self._open.pop(stream, None)

    def _close(self, meid: str, before: _Open, report: RadioReport) -> None:
        outcome = _outcome(before.report, report)
        if outcome is None:
            self.metrics.unmatched.inc()
            return
        self.recorded += 1
        decision, serving = before.decision, before.decision.serving
        manifest = serving.manifest if serving is not None else None
        transition = Transition(
            sequence=self.recorded,
            meid=meid,
            report=replace(before.report, in_force=decision.granted, kpi=outcome),
            outcome_report_id=report.report_id,
            obeyed=_obeyed(before.report.kpi, outcome),
            allocator=decision.author,
            model=manifest.name if manifest else "",
            version=manifest.version if manifest else 0,
            corrections=decision.corrections,
        )
        dropped = self.outbox.offer(transition)
        self.metrics.recorded.inc()
        if dropped:
            self.metrics.dropped.inc(dropped)


def _outcome(before: RadioReport, report: RadioReport) -> Kpi | None:
    """The KPIs that ``report`` brings, if they tell of the interval that ``before`` began: a later slot, same UEs."""
    kpi = report.kpi
    if kpi is None or report.slot <= before.slot:
        return None
    rows = (kpi.rate_bps_hz.shape, kpi.delay_s.shape, kpi.satisfied.shape)
    return kpi if rows == (before.ue_ids.shape,) * 3 else None


def _obeyed(before: Kpi | None, outcome: Kpi) -> bool:
    """Whether the node's counts of late and refused decisions stood still; they start at zero."""
    late, refused = (before.late_decisions, before.refused_decisions) if before is not None else (0, 0)
    return outcome.late_decisions == late and outcome.refused_decisions == refused
