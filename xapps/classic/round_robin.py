"""Round robin: PRBs dealt round the UEs like equal shares, but where the deal stopped the next slot goes on."""

from __future__ import annotations

import numpy as np

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.classic.cell import Cell, Indices, cells, compose
from xapps.classic.equal import dealt, even_power_w


class RoundRobinAllocator:
    """Takes turns by slot number, so that equal reports get equal decisions."""

    name = "round-robin"

    def decide(self, report: RadioReport) -> Allocation:
        turn = report.slot
        return compose(report, [(cell, turned(cell, turn), even_power_w(cell)) for cell in cells(report)])


def turned(cell: Cell, turn: int) -> Indices:
    """The deal of slot ``turn``, shape (K,)."""
    owner = dealt(cell)
    return np.where(owner >= 0, (owner + turn * cell.num_prbs) % max(cell.num_ues, 1), owner)
