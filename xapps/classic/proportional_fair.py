"""Proportional fair: each PRB to the UE whose rate is largest relative to what it has had on average.

The average is an exponential window over decided slots (Jalali, Padovani and Pankaj 2000); power is split evenly.
"""

from __future__ import annotations

import numpy as np

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import Array, Cell, Indices, cells, compose
from xapps.classic.equal import even_power_w

WINDOW_SLOTS = 20.0
LEAST_AVERAGE = 1e-3


class ProportionalFairAllocator:
    """Remembers the average rate of every UE it has seen.

    Args:
        window_slots: length of the averaging window.
    """

    name = "proportional-fair"

    def __init__(self, window_slots: float = WINDOW_SLOTS) -> None:
        self._share = 1.0 / window_slots
        self._average: dict[int, float] = {}

    def decide(self, report: RadioReport) -> Allocation:
        parts = []
        for cell in cells(report):
            ue_ids = report.ue_ids[cell.ues]
            average = np.array([self._average.get(int(ue_id), LEAST_AVERAGE) for ue_id in ue_ids])
            owner = fairest(cell, average)
            power_w = even_power_w(cell)
            self._remember(ue_ids, average, cell.rates_bps_hz(owner, power_w))
            parts.append((cell, owner, power_w))
        return compose(report, parts)

    def _remember(self, ue_ids: Indices, average: Array, rate: Array) -> None:
        updated = np.maximum((1.0 - self._share) * average + self._share * rate, LEAST_AVERAGE)
        self._average.update(zip((int(ue_id) for ue_id in ue_ids), updated.tolist(), strict=True))


def fairest(cell: Cell, average_bps_hz: Array) -> Indices:
    """Owner of each PRB by rate over average, shape (K,)."""
    if cell.num_ues == 0:
        return np.full(cell.num_prbs, NOBODY)
    rate = np.log2(1.0 + cell.gain_per_w * even_power_w(cell))
    return (cell.weight[:, None] * rate / average_bps_hz[:, None]).argmax(axis=0)
