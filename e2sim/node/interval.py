"""Sums over the slots of one granularity period, and the parts of the node that a measurement can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.node.outcome import QUANTITIES, SlotOutcome

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What adds up over an interval, for one or many places of the same level; arrays have shape (...)."""

    slots: int
    seconds: float
    prbs: int
    """PRBs there are in the cells looked at."""
    ue_slots: Array
    active_s: Array
    """Time in which data waited, summed over UEs."""
    bits: Array
    dropped_bits: Array
    prb_slots: Array
    delay_s: Array
    delay_slots: Array
    """UEs times slots in which something was delivered."""
    energy_j: float
    """NaN below the level of a cell."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the node: all of it, a cell, a slice, or a slice in a cell."""

    cell: int | None = None
    slice: int | None = None


class Interval:
    """An interval that grows slot by slot; ``ue_ids`` are those of the last slot."""

    def __init__(self) -> None:
        self.slots = 0
        self._last: SlotOutcome | None = None
        self._by_ue: Array = np.zeros((len(QUANTITIES), 0))
        self._by_cell: Array = np.zeros(())
        self._energy_j: Array = np.zeros(())

    @property
    def last(self) -> SlotOutcome:
        """The interval's last slot; there must have been one."""
        assert self._last is not None
        return self._last

    def add(self, outcome: SlotOutcome) -> None:
        """Counts a slot. A UE that has left keeps what it added to its cell and slice."""
        self._by_ue = self._carried_over(outcome) + outcome.by_ue
        self._by_cell = self._by_cell + outcome.by_cell
        self._energy_j = self._energy_j + outcome.energy_j
        self.slots += 1
        self._last = outcome

    def _carried_over(self, outcome: SlotOutcome) -> Array:
        """The sums so far on the UE table of ``outcome``."""
        if self._last is None:
            return np.zeros_like(outcome.by_ue)
        if np.array_equal(self._last.ue_ids, outcome.ue_ids):
            return self._by_ue
        carried = np.zeros_like(outcome.by_ue)
        _, old, new = np.intersect1d(self._last.ue_ids, outcome.ue_ids, assume_unique=True, return_indices=True)
        carried[:, new] = self._by_ue[:, old]
        return carried

    def of_place(self, place: Place) -> Sums:
        """Sums of a part of the node; arrays are scalars."""
        cells = slice(None) if place.cell is None else slice(place.cell, place.cell + 1)
        slices = slice(None) if place.slice is None else slice(place.slice, place.slice + 1)
        energy_j = float(self._energy_j[cells].sum()) if place.slice is None else np.nan
        looked_at = self._by_cell[:, cells, slices]
        return self._sums(looked_at.sum(axis=(1, 2)), self.last.prbs * looked_at.shape[1], energy_j)

    def of_ues(self) -> Sums:
        """Sums of every UE of the last slot, shape (U,)."""
        return self._sums(self._by_ue, self.last.prbs, np.nan)

    def _sums(self, rows: Array, prbs: int, energy_j: float) -> Sums:
        named = dict(zip(QUANTITIES, rows, strict=True))
        return Sums(self.slots, self.slots * self.last.slot_s, prbs, **named, energy_j=energy_j)
