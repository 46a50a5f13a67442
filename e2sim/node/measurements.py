"""What the node measures: one row a measurement, with what it is computed from and for whom.

Name, unit, kind and range are those of ``oran.e2sm.kpm.measurements``; ``docs/measurements.md`` is made from both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from e2sim.node.interval import Sums
from oran.e2sm.kpm.measurements import DEFINITIONS, Definition

Array = NDArray[np.float64]


class Level(Enum):
    """For whom a measurement can be asked."""

    CELL = "cell"
    """The whole node, or one cell of it."""
    SLICE = "slice"
    UE = "UE"


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the table."""

    definition: Definition
    source: Callable[[Sums], Array]
    """Quantity in the definition's unit, shape of the sums; NaN where there is no value yet."""
    formula: str
    """The source in words, for people."""
    levels: frozenset[Level]


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> Array:
    """NaN where nothing is there to divide by."""
    above, below = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


_CELL, _SLICE, _UE = Level.CELL, Level.SLICE, Level.UE
_Source = Callable[[Sums], Array]

_ROWS: tuple[tuple[str, _Source, str, tuple[Level, ...]], ...] = (
    ("DRB.UEThpDl", lambda s: 1e-3 * _ratio(s.bits, s.active_s), "delivered bits / time with data waiting",
     (_CELL, _SLICE, _UE)),
    ("DRB.RlcSduDelayDl", lambda s: 1e4 * _ratio(s.delay_s, s.delay_slots), "delay, mean over slots with a delivery",
     (_CELL, _SLICE, _UE)),
    ("DRB.RlcSduTransmittedVolumeDL", lambda s: 1e-3 * s.bits, "delivered bits", (_CELL, _SLICE, _UE)),
    ("DRB.RlcPacketDropRateDl", lambda s: 1e6 * _ratio(s.dropped_bits, s.bits + s.dropped_bits),
     "dropped bits / (dropped + delivered)", (_CELL, _SLICE, _UE)),
    ("DRB.PacketSuccessRateDl", lambda s: 1e2 * _ratio(s.bits, s.bits + s.dropped_bits),
     "delivered bits / (dropped + delivered)", (_CELL, _SLICE, _UE)),
    ("DRB.MeanActiveUeDl", lambda s: _ratio(s.active_s, s.seconds), "UEs with data waiting, mean over slots",
     (_CELL, _SLICE)),
    ("RRC.ConnMean", lambda s: _ratio(s.ue_slots, s.slots), "attached UEs, mean over slots", (_CELL, _SLICE)),
    ("RRU.PrbUsedDl", lambda s: _ratio(s.prb_slots, s.slots), "PRBs held, mean over slots", (_CELL, _SLICE, _UE)),
    ("RRU.PrbAvailDl", lambda s: np.asarray(s.prbs, np.float64), "PRBs of the cells", (_CELL,)),
    ("RRU.PrbTotDl", lambda s: 1e2 * _ratio(s.prb_slots, s.slots * s.prbs), "PRBs held / PRBs of the cells",
     (_CELL, _SLICE)),
    ("PEE.AvgPower", lambda s: _ratio(s.energy_j, s.seconds), "power drawn by the RUs, mean over slots", (_CELL,)),
    ("PEE.Energy", lambda s: np.asarray(s.energy_j / 3.6e6), "energy drawn by the RUs", (_CELL,)),
)  # fmt: skip

MEASUREMENTS: dict[str, Measured] = {
    name: Measured(DEFINITIONS[name], source, formula, frozenset(levels)) for name, source, formula, levels in _ROWS
}
"""The table, by name."""


def names(level: Level) -> tuple[str, ...]:
    """Names of the measurements that exist at ``level``, in the order of the table."""
    return tuple(name for name, row in MEASUREMENTS.items() if level in row.levels)
