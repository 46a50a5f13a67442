"""What answers a report that nobody can decide on: the node's last safe decision, carried over to who is there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.runtime import inputs, shield

NAME: Final = "last-safe"
"""Stands in the control header in place of an allocator's name."""


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    report: RadioReport
    """The report that the decision met the limits of."""
    granted: Allocation


@dataclass
class LastSafe:
    """The newest decision of each node that was taken on a sound report and left the shield."""

    _kept: dict[str, _Kept] = field(default_factory=dict)

    def keep(self, meid: str, report: RadioReport, granted: Allocation) -> None:
        """Remember a decision; both are held, not copied."""
        self._kept[meid] = _Kept(report, granted)

    def forget(self, meid: str) -> None:
        """A node has gone."""
        self._kept.pop(meid, None)

    def repaired(self, meid: str, report: RadioReport) -> RadioReport:
        """The report with its unusable values replaced, limits by those of the node's last sound report."""
        kept = self._kept.get(meid)
        return inputs.repaired(report, kept.report if kept is not None else None)

    def carried_over(self, meid: str, report: RadioReport) -> Allocation | None:
        """The last safe decision for the UEs of ``report``, within its limits.

        UEs that have gone lose their PRBs, UEs that have come are not served.

        Args:
            report: as ``repaired`` left it.

        Returns:
            None if there is no decision, the node has other RUs or PRBs now, or none of its UEs would be served.
        """
        kept = self._kept.get(meid)
        if kept is None or not _same_grid(kept.granted, report):
            return None
        moved = _reindexed(kept.granted, np.unique(report.ue_ids))
        if (moved.prb_owner == NOBODY).all():
            return None
        granted, _ = shield.project(replace(moved, decision_id=report.report_id), report)
        return granted


def nobody_served(report: RadioReport, num_prbs: int) -> Allocation:
    """The decision that serves nobody: right for an empty cell, and feasible in every other."""
    grid = (report.num_rus, num_prbs)
    nobody = np.full(report.num_ues, NOBODY, np.int16)
    return Allocation(report.ue_ids, nobody, np.full(grid, NOBODY, np.int16), np.zeros(grid), report.report_id)


def _same_grid(granted: Allocation, report: RadioReport) -> bool:
    grid = granted.prb_owner.shape
    if report.gain_db is not None:
        return grid == report.gain_db.shape[1:]
    return grid[0] == report.num_rus


def _reindexed(allocation: Allocation, ue_ids: NDArray[np.int64]) -> Allocation:
    """The decision on another table of UEs, sorted and without repetition."""
    row = np.searchsorted(ue_ids, allocation.ue_ids)
    there = (row < len(ue_ids)) & (np.append(ue_ids, 0)[row] == allocation.ue_ids)
    new_row = np.append(np.where(there, row, NOBODY), NOBODY).astype(np.int16)
    owner = new_row[allocation.prb_owner]  # NOBODY, -1, picks the last entry
    serving = np.full(len(ue_ids), NOBODY, np.int16)
    serving[row[there]] = allocation.serving_ru[there]
    power_w = np.where(owner >= 0, allocation.power_w, 0.0)
    return replace(allocation, ue_ids=ue_ids, serving_ru=serving, prb_owner=owner, power_w=power_w)
