"""What a candidate would have decided on a report, held against what was sent: pure, wherever the candidate runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.runtime import shield
from xapps.runtime.arms import Outcome
from xapps.runtime.contracts import Allocator, proposal
from xapps.runtime.prediction import agreement, predicted


@dataclass(frozen=True, slots=True)
class Compared:
    """Both decisions on one report, by the physics of the reported channel."""

    took_s: float
    """Time of the candidate's decision, shield included [s]."""
    agreement: float
    """Share of PRBs given to the same UE."""
    incumbent: Outcome
    candidate: Outcome

    def to_json(self) -> str:
        both = ((each.throughput, each.satisfied) for each in (self.incumbent, self.candidate))
        return json.dumps([self.took_s, self.agreement, *(value for pair in both for value in pair)])

    @classmethod
    def from_json(cls, text: str) -> Compared:
        """Inverse of ``to_json``. Raises: ValueError, TypeError if it is none."""
        took_s, agreed, *values = map(float, json.loads(text))
        old_throughput, old_satisfied, new_throughput, new_satisfied = values
        return cls(took_s, agreed, Outcome(old_throughput, old_satisfied), Outcome(new_throughput, new_satisfied))


def compared(
    candidate: Allocator, meid: str, report: RadioReport, granted: Allocation, now_s: Callable[[], float]
) -> Compared:
    """Let a candidate decide on a report that was answered with ``granted``.

    Args:
        now_s: clock of the candidate's latency [s].

    Raises:
        Exception: whatever the candidate raises; DecisionRefused where the report shows no channel.
    """
    start_s = now_s()
    proposed, _ = shield.project(proposal(candidate, meid, report), report)
    took_s = now_s() - start_s
    return Compared(took_s, agreement(proposed, granted), predicted(granted, report), predicted(proposed, report))
