"""Every assignment tried, powers exact: the optimum of tiny cells, and the oracle of all other solvers."""

from __future__ import annotations

import numpy as np

from oran.errors import ConfigError
from xapps.classic.cell import Cell, Indices
from xapps.classic.matching import Solution, best_of

MOST_ASSIGNMENTS = 2_000_000


def enumerate_all(cell: Cell) -> Solution:
    """The optimum over all U^K assignments (an idle PRB is one with power zero): least shortfall, then throughput.

    Raises:
        ConfigError: there are too many assignments.
    """
    if cell.num_ues**cell.num_prbs > MOST_ASSIGNMENTS:
        raise ConfigError("cell", (cell.num_ues, cell.num_prbs), f"has more than {MOST_ASSIGNMENTS} assignments")
    if cell.num_ues == 0:
        return Solution(np.full(cell.num_prbs, -1), np.zeros(cell.num_prbs), feasible=True)
    return best_of(cell, assignments(cell.num_ues, cell.num_prbs))


def assignments(num_ues: int, num_prbs: int) -> Indices:
    """All ways to give every PRB an owner, shape (U^K, K)."""
    grid = np.indices((num_ues,) * num_prbs)
    return grid.reshape(num_prbs, -1).T
