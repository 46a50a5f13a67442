"""What answers a report."""

from __future__ import annotations

from dataclasses import dataclass

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.runtime.inputs import Fault
from xapps.runtime.model_slot import Serving


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What answers a report, and who took it."""

    granted: Allocation
    """Behind the shield."""
    author: str
    """Allocator, or ``last_safe.NAME``."""
    serving: Serving | None
    """None where no allocator was asked."""
    report: RadioReport
    """What it was taken on: demands in force applied, or unusable values repaired."""
    corrections: int = 0
    """Entries that the shield changed."""
    fault: Fault | None = None
    """Why the report could not be decided on; None for an ordinary decision."""

    @property
    def version(self) -> str:
        return "" if self.serving is None else self.serving.version
