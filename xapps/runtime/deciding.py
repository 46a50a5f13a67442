"""A report in, a decision behind the shield out: who is asked, who stands in when nobody can answer.

Asked in turn are the candidate of a canary where it is its turn, what serves, and the initial allocator. On a report
that no allocator should see, the node's last safe decision is carried over.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from oran.e2sm.rrm import RadioReport
from xapps.runtime import last_safe, shield
from xapps.runtime.contracts import DemandAllocator, proposal
from xapps.runtime.decision import Decision
from xapps.runtime.demands import Demands
from xapps.runtime.inputs import Fault, Inputs
from xapps.runtime.last_safe import LastSafe
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, Serving
from xapps.runtime.trial import Trials

log = logging.getLogger(__name__)


@dataclass
class Decider:
    """Decides on reports, one after the other.

    Attributes:
        inputs: judges reports before an allocator sees them.
        demands: utility demands that take the place of the reported minimum rates; none: the reported ones apply.
    """

    slot: ModelSlot
    trials: Trials
    metrics: Metrics
    inputs: Inputs
    demands: Demands | None = None
    last_safe: LastSafe = field(default_factory=LastSafe)

    def decide(self, stream: tuple[str, Hashable], report: RadioReport, asked_s: float, *, lock_step: bool) -> Decision:
        """The decision on a report of a stream (node, subscription) that was complete at ``asked_s``.

        Raises:
            SuiteError: not even the initial allocator could decide.
        """
        meid = stream[0]
        fault = self.inputs.fault(stream, report, asked_s, lock_step=lock_step)
        if fault is not None:
            return self._stand_in(meid, report, fault)
        decision = self._granted(meid, report)
        self.last_safe.keep(meid, report, decision.granted)
        return decision

    def forget(self, meid: str) -> None:
        """A node has gone: nothing that is remembered of it holds any more."""
        self.inputs.forget(meid)
        self.last_safe.forget(meid)
        self.trials.forget(meid)
        if self.demands is not None:
            self.demands.forget(meid)
        allocator = self.slot.serving.allocator
        if isinstance(allocator, DemandAllocator):
            allocator.forget(meid)

    def _granted(self, meid: str, report: RadioReport) -> Decision:
        """The first decision that can be had behind the shield."""
        if self.demands is not None:
            report = self.demands.applied(meid, report)
        last = self.slot.initial
        for serving in self.trials.deciders(meid, report.report_id):
            try:
                decision = self._shielded(serving, meid, report)
            except Exception as error:
                if serving is last:
                    raise
                self._note_failure(serving, report, error)
            else:
                self.trials.succeeded(serving)
                return decision
        raise AssertionError("the initial allocator is always asked last")

    def _note_failure(self, serving: Serving, report: RadioReport, error: Exception) -> None:
        log.warning("%s could not decide on report %d: %r", serving.allocator.name, report.report_id, error)
        self.metrics.handler_errors.labels("decide", type(error).__name__).inc()
        self.metrics.fallbacks.inc()
        self.trials.failed(serving, error)

    def _stand_in(self, meid: str, report: RadioReport, fault: Fault) -> Decision:
        """The last safe decision carried over; the initial allocator's, on repaired values, where there is none."""
        repaired = self.last_safe.repaired(meid, report)
        if fault is Fault.NO_UES and repaired.gain_db is not None:
            nobody = last_safe.nobody_served(repaired, repaired.gain_db.shape[-1])
            return Decision(nobody, last_safe.NAME, None, repaired, fault=fault)
        carried = self.last_safe.carried_over(meid, repaired)
        if carried is not None:
            self.metrics.decisions_last_safe.labels(meid).inc()
            return Decision(carried, last_safe.NAME, None, repaired, fault=fault)
        self.metrics.fallbacks.inc()
        return replace(self._shielded(self.slot.initial, meid, repaired), fault=fault)

    def _shielded(self, serving: Serving, meid: str, report: RadioReport) -> Decision:
        granted, corrections = shield.project(proposal(serving.allocator, meid, report), report)
        if corrections:
            self.metrics.shield_corrections.inc(corrections)
        self._show_sharing(serving, meid)
        return Decision(granted, serving.allocator.name, serving, report, corrections)

    def _show_sharing(self, serving: Serving, meid: str) -> None:
        if self.demands is None or not isinstance(serving.allocator, DemandAllocator):
            return
        state = serving.allocator.sharing(meid)
        if state is not None:
            self.demands.record(meid, state)
