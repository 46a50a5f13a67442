"""Uniformly random owners at even power: the floor under every comparison."""

from __future__ import annotations

import numpy as np

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import Cell, Indices, cells, compose
from xapps.classic.equal import even_power_w


class RandomAllocator:
    """Draws a new assignment for every report.

    Args:
        seed: of the allocator's own generator; equal seeds decide alike.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def decide(self, report: RadioReport) -> Allocation:
        return compose(report, [(cell, drawn(cell, self._rng), even_power_w(cell)) for cell in cells(report)])


def drawn(cell: Cell, rng: np.random.Generator) -> Indices:
    """A random owner of each PRB, shape (K,)."""
    if cell.num_ues == 0:
        return np.full(cell.num_prbs, NOBODY)
    return rng.integers(cell.num_ues, size=cell.num_prbs)
