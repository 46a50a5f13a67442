"""Bit-level reader of the ALIGNED variant of PER (ITU-T X.691), safe on any bytes.

Every method raises :class:`~oran.errors.DecodeError` and nothing else when the bits run out or
make no sense; nothing is allocated that the received octets could not hold.
"""

from __future__ import annotations

from oran.aper.faults import malformed
from oran.aper.writer import FRAGMENT, field_width, octet_count

MAX_DEPTH = 32
"""Nesting of recursive types that is followed; deeper input is refused."""


class BitReader:
    """Reads PER fields from octets, most significant bit first.

    Attributes:
        position: the next bit.
        end: the bit after the last.
        depth: levels of recursive types entered.
    """

    __slots__ = ("data", "depth", "end", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.end = len(data) * 8
        self.depth = 0

    def bits(self, width: int) -> int:
        """The next ``width`` bits as an unsigned number, not aligned."""
        start = self.position
        stop = start + width
        if stop > self.end:
            raise malformed(f"{width} bits wanted, {self.end - start} left")
        self.position = stop
        last = (stop + 7) >> 3
        return (int.from_bytes(self.data[start >> 3 : last], "big") >> ((last << 3) - stop)) & ((1 << width) - 1)

    def align(self) -> None:
        """Skip to the next octet boundary; the value of padding bits is not looked at."""
        self.position = (self.position + 7) & ~7

    def octets(self, count: int) -> bytes:
        """Align, then take ``count`` whole octets."""
        start = (self.position + 7) >> 3
        stop = start + count
        if stop * 8 > self.end:
            raise malformed(f"{count} octets wanted, {len(self.data) - start} left")
        self.position = stop * 8
        return self.data[start:stop]

    def require(self, bits: int) -> None:
        """Refuse a count of elements that the rest of the input cannot hold."""
        if bits > self.end - self.position:
            raise malformed(f"a count of elements of {bits} bits, {self.end - self.position} left")

    def constrained(self, low: int, high: int) -> int:
        """Constrained whole number (11.5.7)."""
        span = high - low + 1
        if span < 256:
            offset = self.bits(field_width(span))
        elif span <= 65536:
            offset = int.from_bytes(self.octets(1 if span == 256 else 2), "big")
        else:
            size = self.bits(field_width(octet_count(high - low))) + 1
            offset = int.from_bytes(self.octets(size), "big")
        if offset >= span:
            raise malformed(f"{low + offset} is outside {low}..{high}")
        return low + offset

    def semi_constrained(self, low: int) -> int:
        """Semi-constrained whole number (11.7)."""
        return low + int.from_bytes(self._integer_octets(), "big")

    def unconstrained(self) -> int:
        """Unconstrained whole number (11.8)."""
        return int.from_bytes(self._integer_octets(), "big", signed=True)

    def _integer_octets(self) -> bytes:
        octets = self.counted()
        if not octets:
            raise malformed("an integer without octets")
        return octets

    def small_number(self) -> int:
        """Normally small non-negative number (11.6)."""
        return self.semi_constrained(0) if self.bits(1) else self.bits(6)

    def small_length(self) -> int:
        """Normally small length (11.9.3.4)."""
        if not self.bits(1):
            return self.bits(6) + 1
        count, more = self.length()
        if more or not count:
            raise malformed("an impossible count of extension additions")
        return count

    def length(self) -> tuple[int, bool]:
        """General length determinant (11.9): (count, whether further fragments follow)."""
        first = self.octets(1)[0]
        if first < 0x80:
            return first, False
        if first < 0xC0:
            return (first & 0x3F) << 8 | self.octets(1)[0], False
        if not 1 <= first & 0x3F <= 4:
            raise malformed(f"fragment length octet {first:#04x}")
        return (first & 0x3F) * FRAGMENT, True

    def counted(self) -> bytes:
        """Octets under a general length determinant, fragments joined."""
        count, more = self.length()
        octets = self.octets(count)
        if not more:
            return octets
        pieces = [octets]
        while more:
            count, more = self.length()
            pieces.append(self.octets(count))
        return b"".join(pieces)

    def open_type(self) -> bytes:
        """The octets of an open type field (11.2)."""
        return self.counted()

    def skip_additions(self) -> None:
        """Skip the extension additions of a SEQUENCE (19.7 to 19.9), whatever they are."""
        for _ in range(self.extension_bitmap().bit_count() - 1):
            self.open_type()

    def extension_bitmap(self) -> int:
        """Presence bits of the extension additions, most significant first, with a leading one as sentinel."""
        count = self.small_length()
        self.require(count)
        return 1 << count | self.bits(count)

    def enter(self) -> None:
        """Enter one level of a recursive type."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise malformed(f"nested deeper than {MAX_DEPTH} levels")

    def leave(self) -> None:
        """Leave one level of a recursive type."""
        self.depth -= 1
