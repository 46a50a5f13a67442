"""The face of every allocator, learned or classic."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from oran.e2sm.rrm import Allocation, RadioReport


@runtime_checkable
class Allocator(Protocol):
    """Decides who is served where, on what and how loud.

    An allocator has no I/O, no clock and no global randomness. It may be imperfect: the shield stands behind it.
    """

    @property
    def name(self) -> str:
        """Name in ``xapps.allocators.ALLOCATORS``."""
        ...

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes; ``decision_id`` is the report's id."""
        ...
