"""Every UE's change of RU tried by searching with and without it: what foresight has to be measured by.

No learning and no haste: a search a UE and a pass. Its answers are the labels of what learns associations and powers of
interfering RUs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError
from xapps.classic.cell import gains, strongest_ru
from xapps.coordination.association import changes, even_rates
from xapps.coordination.field import Field, State, allocation
from xapps.coordination.policy import nobody
from xapps.coordination.search import Effort, even_start, search

Indices = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The best of some searches, one association a row."""

    field: Field
    state: State
    row: int
    serving: Indices
    value: float


class ExhaustiveSweepAllocator:
    """Best responses in turns for the strongest RUs and for every change of one UE's, as long as a change helps.

    Args:
        effort: sweeps and moves of every search.
        passes: at most so many changes, one after the other.
    """

    name = "sweep-all-changes"

    def __init__(self, effort: Effort | None = None, passes: int = 4) -> None:
        if passes < 0:
            raise ConfigError("passes", passes, "not negative")
        self._effort = effort or Effort(sweeps=3, rounds=2)
        self._passes = passes

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes.

        Raises:
            ConfigError: the report carries no channel.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        if silent := nobody(report):
            return silent
        best = self._searched(report, strongest_ru(gains(report)[None]))
        for _ in range(self._passes):
            found = self._searched(report, self._changed(report, best.serving))
            if found.value <= best.value:
                break
            best = found
        return allocation(report, best.field, best.state, best.row, 0)

    def _searched(self, report: RadioReport, serving: Indices) -> _Found:
        field = Field.of(report, serving)
        state = even_start(field)
        values = search(field, state, self._effort)[:, 0]
        row = int(values.argmax())
        return _Found(field, state, row, serving[row], float(values[row]))

    def _changed(self, report: RadioReport, serving: Indices) -> Indices:
        """One row a UE: its change to the strongest RU that does not serve it, shape (U, U)."""
        to_ru = changes(report, even_rates(report), serving[None]).to_ru[0]
        rows = np.repeat(serving[None], len(serving), axis=0)
        np.fill_diagonal(rows, to_ru)
        return rows
