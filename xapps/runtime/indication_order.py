"""Which indications are news: repeated and overtaken ones are told by their sequence number (E2AP 8.2.3)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

SEQUENCE_NUMBERS: Final = 1 << 16
WINDOW: Final = 64
"""How far behind the newest a number counts as late; one further behind is a subscription that began anew."""


class IndicationOrder:
    """The newest sequence number of each stream of indications."""

    def __init__(self) -> None:
        self._newest: dict[Hashable, int] = {}

    def is_news(self, stream: Hashable, sequence_number: int | None) -> bool:
        """Note an indication; False if it, or a newer one, was noted before. Without a number everything is news."""
        if sequence_number is None:
            return True
        newest = self._newest.get(stream)
        if newest is not None and (newest - sequence_number) % SEQUENCE_NUMBERS < WINDOW:
            return False
        self._newest[stream] = sequence_number
        return True

    def forget(self, stream: Hashable) -> None:
        """The stream has ended."""
        self._newest.pop(stream, None)
