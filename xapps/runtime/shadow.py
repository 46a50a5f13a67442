"""A candidate that decides beside what serves: on the same reports, after the answer has left, and nothing is sent.

Where it decides is its ``Partner``'s affair: in a process of its own (``shadow_process``), so that it costs what serves
nothing but a copy of some octets, or in this one (``Beside``), which needs no second interpreter's memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from oran.errors import ModelError
from xapps.runtime.arms import Arm, SameIntervals
from xapps.runtime.comparing import Compared, compared
from xapps.runtime.contracts import Allocator, DemandAllocator
from xapps.runtime.decision import Decision
from xapps.runtime.model_slot import Serving
from xapps.runtime.trial_books import TrialBooks


class ShadowFailed(ModelError):
    """The candidate could not decide."""


class ShadowLate(ModelError):
    """The candidate took longer than it may."""


class ShadowAbsent(ModelError):
    """There is nobody to decide just now; not worth a line in the log."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A report that was answered, as values and as it went over the wire."""

    meid: str
    decision: Decision
    report_octets: bytes
    """E2SM-RRM RadioReport as it arrived; ``decision.report`` may have other minimum rates: the demands in force."""
    answer_octets: bytes
    """E2SM-RRM ControlMessage as it was sent."""


class Partner(Protocol):
    """Who decides beside. ``compared`` is called from the background thread only, the others from any."""

    def compared(self, answered: Answered) -> Compared:
        """Raises ShadowFailed, ShadowLate or ShadowAbsent."""
        ...

    def forget(self, meid: str) -> None:
        """A node has gone; must return at once."""
        ...

    def close(self) -> None:
        """Nobody will ask again; must return at once."""
        ...


class Beside:
    """Decides in this process, with the interpreter that serves too.

    Args:
        now_s: clock of the candidate's latency [s].
    """

    def __init__(self, candidate: Serving, now_s: Callable[[], float] = time.perf_counter) -> None:
        self._allocator: Allocator = candidate.allocator
        self._now_s = now_s

    def compared(self, answered: Answered) -> Compared:
        decision = answered.decision
        try:
            return compared(self._allocator, answered.meid, decision.report, decision.granted, self._now_s)
        except Exception as error:  # a model is foreign data: whatever it raises is a failure of its own
            raise ShadowFailed(repr(error)) from error

    def forget(self, meid: str) -> None:
        if isinstance(self._allocator, DemandAllocator):
            self._allocator.forget(meid)

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Shadow:
    """Keeps the books of what a candidate would have sent beside what was sent.

    ``decide_beside`` is used from the background thread only.
    """

    partner: Partner
    comparison: SameIntervals
    books: TrialBooks

    def decide_beside(self, answered: Answered) -> None:
        """Compare on one report; a failure is counted, and costs nobody anything.

        Raises:
            ShadowFailed: for the log.
            ShadowLate: for the log.
        """
        try:
            found = self.partner.compared(answered)
        except ShadowAbsent:
            self.books.shadowed("dropped")
        except ShadowLate:
            self.books.shadowed("late")
            raise
        except ShadowFailed:
            self.books.shadowed("failed")
            raise
        else:
            self._record(answered.meid, found)

    def _record(self, meid: str, found: Compared) -> None:
        self.books.took(found.took_s)
        self.books.agreed(found.agreement)
        for arm, outcome in ((Arm.INCUMBENT, found.incumbent), (Arm.CANDIDATE, found.candidate)):
            self.books.add(arm, outcome)
            self.comparison.add(meid, arm, outcome)
        self.books.show(self.comparison.guard)
        self.books.shadowed("compared")
