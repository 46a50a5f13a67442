"""Writes docs/measurements.md from the tables of measurements; ``--check`` only says whether it is current."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from e2sim.node.measurements import MEASUREMENTS, Measured
from oran.e2sm.kpm.measurements import LARGEST_INTEGER
from xapps.kpimon.series import metric_name

PAGE = Path(__file__).resolve().parents[1] / "docs" / "measurements.md"

HEAD = """# Measurements

What a simulated node reports in E2SM-KPM and the KPI monitor shows. Written by `scripts/generate_measurements.py` from
`oran/e2sm/kpm/measurements.py` and `e2sim/node/measurements.py`; do not edit.

All values are means or sums over a granularity period, of the downlink. A measurement that has no value in a period is
sent as noValue and its series is absent, never 0. A name, level, label, slice or cell that the node does not have is
refused (`action-not-supported`). Report styles: 1 (node or cell, and slices by label), 2, 4 and 5 (UEs).

| Measurement | Meaning | Computed from | Levels | On the wire | Range | Prometheus | Source |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""

TAIL = """
Series carry the labels `meid` (RAN name), `cell` (PLMN and NR cell identity), `slice` (SST-SD) and `ue` (the UE's
number at the node); those that do not apply are empty. Integers are rounded to the nearest.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(row) for row in MEASUREMENTS.values()) + TAIL


def _row(row: Measured) -> str:
    one = row.definition
    high = "" if math.isinf(one.high) else "2^32 - 1" if one.high == LARGEST_INTEGER else f"{one.high:.0f}"
    cells = (
        f"`{one.name}`",
        one.meaning,
        row.formula,
        ", ".join(level.value for level in one.levels),
        f"{one.unit}, {one.kind.value}",
        f"{one.low:g} .. {high}".rstrip(),
        f"`{metric_name(one.name)}` (x {one.in_base_unit:g})",
        one.clause,
    )
    return f"| {' | '.join(cells)} |\n"


def main(arguments: list[str]) -> int:
    """Write the page; with ``--check``, 1 if it is not current."""
    if "--check" in arguments:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
