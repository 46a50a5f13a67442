"""Measurements by name: what TS 28.552 (or a label of our own) says about unit, kind, range and levels.

One row a measurement. The node writes with it and the xApp reads with it, so that the two ends cannot disagree about a
unit; what a node computes a value from stands in ``e2sim/node/measurements.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from oran.e2sm.kpm.model import Value

LARGEST_INTEGER = 2**32 - 1
"""MeasurementRecordItem carries integers of 32 bits."""


class Kind(Enum):
    """How a value travels in MeasurementRecordItem."""

    INTEGER = "integer"
    REAL = "real"


class Level(Enum):
    """For whom a measurement can be asked."""

    CELL = "cell"
    """A whole node, or one cell of it."""
    SLICE = "slice"
    UE = "UE"


@dataclass(frozen=True, slots=True)
class Definition:
    """One measurement."""

    name: str
    meaning: str
    unit: str
    """As the standard counts, e.g. kbit/s or 0.1 ms."""
    kind: Kind
    low: float
    high: float
    base_unit: str
    """Unit after scaling: the suffix of a Prometheus series."""
    in_base_unit: float
    """One ``unit`` in ``base_unit``."""
    levels: tuple[Level, ...]
    clause: str

    def value(self, quantity: float) -> Value:
        """What is sent for a quantity in ``unit``: rounded where integers travel, None (noValue) for NaN.

        A quantity outside the range is sent as the nearest end of the range.
        """
        if math.isnan(quantity):
            return None
        bounded = min(max(quantity, self.low), self.high)
        return round(bounded) if self.kind is Kind.INTEGER else float(bounded)


_INF, _INT, _REAL = math.inf, Kind.INTEGER, Kind.REAL
_CELL, _SLICE, _ALL = (Level.CELL,), (Level.CELL, Level.SLICE), (Level.CELL, Level.SLICE, Level.UE)

_ROWS = (
    # name, meaning, unit, kind, lowest and highest value, unit of Prometheus, one unit in it, levels, clause
    ("DRB.UEThpDl", "mean throughput of a UE while data wait for it",
     "kbit/s", _REAL, 0, _INF, "bits_per_second", 1e3, _ALL, "TS 28.552, 5.1.1.3"),
    ("DRB.RlcSduDelayDl", "mean time of a packet from its arrival to its delivery",
     "0.1 ms", _REAL, 0, _INF, "seconds", 1e-4, _ALL, "TS 28.552, 5.1.3.3"),
    ("DRB.RlcSduTransmittedVolumeDL", "volume that was delivered",
     "kbit", _INT, 0, LARGEST_INTEGER, "bits", 1e3, _ALL, "none: as gNBs in the field name it"),
    ("DRB.RlcPacketDropRateDl", "share of the volume that was dropped because it had waited too long",
     "1e-6", _INT, 0, 1_000_000, "ratio", 1e-6, _ALL, "TS 28.552, 5.1.3.2"),
    ("DRB.PacketSuccessRateDl", "share of the volume that was delivered in time",
     "%", _REAL, 0, 100, "ratio", 1e-2, _ALL, "none: the downlink twin of DRB.PacketSuccessRateUlgNBUu"),
    ("DRB.MeanActiveUeDl", "mean number of UEs for which data wait",
     "UEs", _REAL, 0, _INF, "ues", 1.0, _SLICE, "TS 28.552, 5.1.1.23"),
    ("RRC.ConnMean", "mean number of connected UEs",
     "UEs", _INT, 0, LARGEST_INTEGER, "ues", 1.0, _SLICE, "TS 28.552, 5.1.1.4"),
    ("RRU.PrbUsedDl", "mean number of PRBs used for data",
     "PRBs", _INT, 0, LARGEST_INTEGER, "prbs", 1.0, _ALL, "TS 28.552, 5.1.1.2"),
    ("RRU.PrbAvailDl", "PRBs there are",
     "PRBs", _INT, 0, LARGEST_INTEGER, "prbs", 1.0, _CELL, "TS 28.552, 5.1.1.2"),
    ("RRU.PrbTotDl", "share of the PRBs that was used",
     "%", _INT, 0, 100, "ratio", 1e-2, _SLICE, "TS 28.552, 5.1.1.2.1"),
    ("PEE.AvgPower", "mean power drawn by the radio units",
     "W", _REAL, 0, _INF, "watts", 1.0, _CELL, "TS 28.552, 5.1.1.19.2"),
    ("PEE.Energy", "energy drawn by the radio units",
     "kWh", _REAL, 0, _INF, "joules", 3.6e6, _CELL, "TS 28.552, 5.1.1.19.3"),
)  # fmt: skip

DEFINITIONS: dict[str, Definition] = {row[0]: Definition(*row) for row in _ROWS}
"""Measurements by name (measName)."""


def names(level: Level) -> tuple[str, ...]:
    """Names of the measurements that exist at ``level``, in the order of the table."""
    return tuple(name for name, row in DEFINITIONS.items() if level in row.levels)
