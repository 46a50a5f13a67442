"""What the node computes every measurement from.

Name, unit, kind, range and levels are those of ``oran.e2sm.kpm.measurements``; ``docs/measurements.md``
is made of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from e2sim.node.interval import Sums
from oran.e2sm.kpm.measurements import DEFINITIONS, Definition

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the table."""

    definition: Definition
    source: Callable[[Sums], Array]
    """Quantity in the definition's unit, shape of the sums; NaN where there is no value yet."""
    formula: str
    """The source in words, for people."""


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> Array:
    """NaN where nothing is there to divide by."""
    above, below = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


_ROWS: dict[str, tuple[Callable[[Sums], Array], str]] = {
    "DRB.UEThpDl": (lambda s: 1e-3 * _ratio(s.bits, s.active_s), "delivered bits / time with data waiting"),
    "DRB.RlcSduDelayDl": (lambda s: 1e4 * _ratio(s.delay_s, s.delay_slots), "delay, mean over slots with a delivery"),
    "DRB.RlcSduTransmittedVolumeDL": (lambda s: 1e-3 * s.bits, "delivered bits"),
    "DRB.RlcPacketDropRateDl": (
        lambda s: 1e6 * _ratio(s.dropped_bits, s.bits + s.dropped_bits),
        "dropped bits / (dropped + delivered)",
    ),
    "DRB.PacketSuccessRateDl": (
        lambda s: 1e2 * _ratio(s.bits, s.bits + s.dropped_bits),
        "delivered bits / (dropped + delivered)",
    ),
    "DRB.MeanActiveUeDl": (lambda s: _ratio(s.active_s, s.seconds), "UEs with data waiting, mean over slots"),
    "RRC.ConnMean": (lambda s: _ratio(s.ue_slots, s.slots), "attached UEs, mean over slots"),
    "RRU.PrbUsedDl": (lambda s: _ratio(s.prb_slots, s.slots), "PRBs held, mean over slots"),
    "RRU.PrbAvailDl": (lambda s: np.asarray(s.prbs, np.float64), "PRBs of the cells"),
    "RRU.PrbTotDl": (lambda s: 1e2 * _ratio(s.prb_slots, s.slots * s.prbs), "PRBs held / PRBs of the cells"),
    "PEE.AvgPower": (lambda s: _ratio(s.energy_j, s.seconds), "power drawn by the RUs, mean over slots"),
    "PEE.Energy": (lambda s: np.asarray(s.energy_j / 3.6e6), "energy drawn by the RUs"),
}

MEASUREMENTS: dict[str, Measured] = {name: Measured(DEFINITIONS[name], *row) for name, row in _ROWS.items()}
"""The table, by name."""
