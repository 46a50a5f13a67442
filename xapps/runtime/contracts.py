"""The face of every allocator, learned or classic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True, eq=False)
class SharingState:
    """Where an allocator that meets demands over time stands, arrays (U,)."""

    ue_ids: NDArray[np.int64]
    demand_bps_hz: NDArray[np.float64]
    rate_bps_hz: NDArray[np.float64]
    """Mean of the batch so far."""
    multiplier: NDArray[np.float64]
    """Price of each demand; 0 where it is met anyhow."""
    activity: NDArray[np.float64]
    """Probability with which each user may send."""
    settled_after: int | None = None
    """Iterations from the start of these demands until average rates met them; None until then."""


@runtime_checkable
class DemandAllocator(Allocator, Protocol):
    """An allocator that meets demands on average, and therefore remembers, a node at a time."""

    def decide_at(self, meid: str, report: RadioReport) -> Allocation:
        """As ``decide``, with what is remembered of the node; the report's minimum rates are the demands."""
        ...

    def sharing(self, meid: str) -> SharingState | None:
        """Where a node stands; None before its first report."""
        ...

    def forget(self, meid: str) -> None:
        """A node has gone."""
        ...

    def refusal(self, reports: Sequence[RadioReport]) -> str:
        """Why nobody could meet the demands of these reports; empty if that is not certain."""
        ...

    def constant_service_ratio(self, reports: Sequence[RadioReport]) -> float:
        """Share of the reports in which constant powers meet all demands: less than 1 is a hint and no proof."""
        ...


def proposal(allocator: Allocator, meid: str, report: RadioReport) -> Allocation:
    """What an allocator says about a node's report; one that meets demands over time remembers the node."""
    if isinstance(allocator, DemandAllocator):
        return allocator.decide_at(meid, report)
    return allocator.decide(report)
