"""Equal shares: PRBs dealt round the UEs of each cell, power split evenly. Looks at the channel only to choose RUs."""

from __future__ import annotations

import numpy as np

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import Array, Cell, Indices, cells, compose


class EqualAllocator:
    """The static split that every table starts from."""

    name = "equal"

    def decide(self, report: RadioReport) -> Allocation:
        return compose(report, [(cell, dealt(cell), even_power_w(cell)) for cell in cells(report)])


def dealt(cell: Cell) -> Indices:
    """PRB k to UE k modulo U; idle in an empty cell. Shape (K,)."""
    prbs = np.arange(cell.num_prbs)
    return prbs % cell.num_ues if cell.num_ues else np.full_like(prbs, NOBODY)


def even_power_w(cell: Cell) -> Array:
    """The budget split over the PRBs, at most the cap each, shape (K,) [W]."""
    return np.full(cell.num_prbs, min(cell.budget_w / cell.num_prbs, cell.cap_w))
