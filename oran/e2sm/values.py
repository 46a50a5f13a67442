"""Values that E2SM-KPM conditions and E2SM-RC parameters share and Python has no type of its own for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BitsValue:
    """valueBitS: ``count`` bits, as an unsigned number."""

    number: int
    count: int
