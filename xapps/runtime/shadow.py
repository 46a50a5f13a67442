"""A candidate that decides beside what serves: on the same reports, after the answer has left, and nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from xapps.runtime import shield
from xapps.runtime.arms import Arm, SameIntervals
from xapps.runtime.contracts import Allocator, proposal
from xapps.runtime.decision import Decision
from xapps.runtime.prediction import agreement, predicted
from xapps.runtime.trial_books import TrialBooks


@dataclass
class Shadow:
    """Compares what the candidate would have sent with what was sent, by the physics of the reported channel.

    Used from the background thread only.

    Attributes:
        now_s: clock of the candidate's latency [s].
    """

    candidate: Allocator
    comparison: SameIntervals
    books: TrialBooks
    now_s: Callable[[], float] = time.perf_counter

    def decide_beside(self, meid: str, decision: Decision) -> None:
        """Decide on a report that was answered with ``decision``; a failure is counted, and costs nobody anything."""
        try:
            self._compare(meid, decision)
        except Exception:
            self.books.shadowed("failed")
            raise
        self.books.shadowed("compared")

    def _compare(self, meid: str, decision: Decision) -> None:
        report, start_s = decision.report, self.now_s()
        shadowed, _ = shield.project(proposal(self.candidate, meid, report), report)
        self.books.took(self.now_s() - start_s)
        self.books.agreed(agreement(shadowed, decision.granted))
        for arm, allocation in ((Arm.INCUMBENT, decision.granted), (Arm.CANDIDATE, shadowed)):
            outcome = predicted(allocation, report)
            self.books.add(arm, outcome)
            self.comparison.add(meid, arm, outcome)
        self.books.show(self.comparison.guard)
