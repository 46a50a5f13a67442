"""Which cell each UE is attached to: where it is served, or the loudest one, until it is handed over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport


class Attachment:
    """Cell of every UE, kept over slots in which nobody serves it."""

    def __init__(self) -> None:
        self._ue_ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._cells: NDArray[np.int16] = np.zeros(0, np.int16)

    def cells(self, report: RadioReport, gain_db: NDArray[np.float64]) -> NDArray[np.int16]:
        """Cells of the report's UEs, shape (U,); a UE that is new is in the cell it hears best.

        Args:
            report: the UE table.
            gain_db: shape (U, R, K).
        """
        if not np.array_equal(self._ue_ids, report.ue_ids):
            cells = gain_db.mean(axis=-1).argmax(axis=-1).astype(np.int16)
            _, old, new = np.intersect1d(self._ue_ids, report.ue_ids, assume_unique=True, return_indices=True)
            cells[new] = self._cells[old]
            self._ue_ids, self._cells = report.ue_ids, cells
        return self._cells

    def served(self, allocation: Allocation) -> None:
        """UEs that are served are attached where they are; the allocation is on the table of the last ``cells``."""
        serving = allocation.serving_ru
        self._cells = np.where(serving >= 0, serving, self._cells).astype(np.int16)

    def move(self, index: int, cell: int) -> None:
        """Hands the UE at ``index`` of the table over."""
        self._cells = self._cells.copy()
        self._cells[index] = cell


def moved(allocation: Allocation, index: int, cell: int) -> Allocation:
    """The allocation with one UE served by another cell; the PRBs that it held elsewhere fall silent."""
    serving = allocation.serving_ru.copy()
    serving[index] = cell
    left = (allocation.prb_owner == index) & (np.arange(allocation.prb_owner.shape[0]) != cell)[:, None]
    return replace(
        allocation,
        serving_ru=serving,
        prb_owner=np.where(left, NOBODY, allocation.prb_owner).astype(allocation.prb_owner.dtype),
        power_w=np.where(left, 0.0, allocation.power_w),
    )
