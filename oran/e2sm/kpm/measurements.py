"""Measurements by name: what TS 28.552 (or a label of our own) says about unit, kind and range.

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
_OURS = "not in TS 28.552; the downlink twin of DRB.PacketSuccessRateUlgNBUu"

_ROWS = (
    Definition(
        "DRB.UEThpDl",
        "mean throughput of a UE while data wait for it",
        "kbit/s",
        _REAL,
        0,
        _INF,
        "bits_per_second",
        1e3,
        "TS 28.552, 5.1.1.3",
    ),
    Definition(
        "DRB.RlcSduDelayDl",
        "mean time of a packet from its arrival to its delivery",
        "0.1 ms",
        _REAL,
        0,
        _INF,
        "seconds",
        1e-4,
        "TS 28.552, 5.1.3.3",
    ),
    Definition(
        "DRB.RlcSduTransmittedVolumeDL",
        "volume that was delivered",
        "kbit",
        _INT,
        0,
        LARGEST_INTEGER,
        "bits",
        1e3,
        "TS 28.558, 6.3",
    ),
    Definition(
        "DRB.RlcPacketDropRateDl",
        "share of the volume that was dropped because it had waited too long",
        "1e-6",
        _INT,
        0,
        1e6,
        "ratio",
        1e-6,
        "TS 28.552, 5.1.3.2",
    ),
    Definition(
        "DRB.PacketSuccessRateDl",
        "share of the volume that was delivered in time",
        "%",
        _REAL,
        0,
        100,
        "ratio",
        1e-2,
        _OURS,
    ),
    Definition(
        "DRB.MeanActiveUeDl",
        "mean number of UEs for which data wait",
        "UEs",
        _REAL,
        0,
        _INF,
        "ues",
        1.0,
        "TS 28.552, 5.1.1.23",
    ),
    Definition(
        "RRC.ConnMean",
        "mean number of connected UEs",
        "UEs",
        _INT,
        0,
        LARGEST_INTEGER,
        "ues",
        1.0,
        "TS 28.552, 5.1.1.4",
    ),
    Definition(
        "RRU.PrbUsedDl",
        "mean number of PRBs used for data",
        "PRBs",
        _INT,
        0,
        LARGEST_INTEGER,
        "prbs",
        1.0,
        "TS 28.552, 5.1.1.2",
    ),
    Definition(
        "RRU.PrbAvailDl",
        "PRBs there are",
        "PRBs",
        _INT,
        0,
        LARGEST_INTEGER,
        "prbs",
        1.0,
        "TS 28.552, 5.1.1.2",
    ),
    Definition(
        "RRU.PrbTotDl",
        "share of the PRBs that was used",
        "%",
        _INT,
        0,
        100,
        "ratio",
        1e-2,
        "TS 28.552, 5.1.1.2.1",
    ),
    Definition(
        "PEE.AvgPower",
        "mean power drawn by the radio units",
        "W",
        _REAL,
        0,
        _INF,
        "watts",
        1.0,
        "TS 28.552, 5.1.1.19.2",
    ),
    Definition(
        "PEE.Energy",
        "energy drawn by the radio units",
        "kWh",
        _REAL,
        0,
        _INF,
        "joules",
        3.6e6,
        "TS 28.552, 5.1.1.19.3",
    ),
)

DEFINITIONS: dict[str, Definition] = {row.name: row for row in _ROWS}
"""Measurements by name (measName)."""
