"""Bit-level writer of the ALIGNED variant of PER (ITU-T X.691)."""

from __future__ import annotations

from collections.abc import Iterator

from oran.errors import LocalProtocolError

FRAGMENT = 16384
"""Unit of fragmentation: counts at or above it are sent in pieces of one to four units (11.9.3.8)."""


def field_width(span: int) -> int:
    """Bits of a bit-field that distinguishes ``span`` values (11.5.3)."""
    return (span - 1).bit_length()


def octet_count(value: int) -> int:
    """Octets of the minimal non-negative binary integer; zero takes one."""
    return (value.bit_length() + 7) >> 3 or 1


def length_octets(count: int) -> bytes:
    """General length determinant of a count below 16384 (11.9.3.6, 11.9.3.7)."""
    if count < 0x80:
        return count.to_bytes(1, "big")
    return (0x8000 | count).to_bytes(2, "big")


def fragments(count: int) -> Iterator[tuple[bytes, int, int]]:
    """Split ``count`` units as 11.9.3.8 asks: (length determinant, first unit, unit after the last).

    A count that is a multiple of 16384 ends with an empty last piece.
    """
    start = 0
    while count - start >= FRAGMENT:
        units = min((count - start) // FRAGMENT, 4)
        yield bytes((0xC0 | units,)), start, start + units * FRAGMENT
        start += units * FRAGMENT
    yield length_octets(count - start), start, count


def counted(data: bytes) -> bytes:
    """Octets under a general length determinant, fragmented where they must be."""
    if len(data) < FRAGMENT:
        return length_octets(len(data)) + data
    return b"".join(determinant + data[start:stop] for determinant, start, stop in fragments(len(data)))


class BitWriter:
    """Appends PER fields to a growing buffer, most significant bit first."""

    __slots__ = ("_octets", "_partial", "_used")

    def __init__(self) -> None:
        self._octets = bytearray()
        self._partial = 0
        self._used = 0

    def bits(self, value: int, width: int) -> None:
        """Append ``value`` in ``width`` bits, not aligned.

        Raises:
            LocalProtocolError: the value is negative or does not fit.
        """
        if value < 0 or value >> width:
            raise LocalProtocolError(f"{value} does not fit in {width} bits")
        total = self._used + width
        value |= self._partial << width
        if total < 8:
            self._partial, self._used = value, total
            return
        rest = total & 7
        self._octets += (value >> rest).to_bytes(total >> 3, "big")
        self._partial, self._used = value & ((1 << rest) - 1), rest

    def align(self) -> None:
        """Pad with zero bits to the next octet boundary."""
        if self._used:
            self._octets.append(self._partial << (8 - self._used))
            self._partial = self._used = 0

    def octets(self, data: bytes) -> None:
        """Align, then append whole octets."""
        self.align()
        self._octets += data

    def to_bytes(self) -> bytes:
        """The complete encoding (11.1): padded, and one zero octet where there was no bit at all."""
        self.align()
        return bytes(self._octets) or b"\x00"

    def parts(self) -> tuple[bytes, int, int]:
        """What was written, not padded: whole octets, the bits after them, how many (0..7)."""
        return bytes(self._octets), self._partial, self._used

    def constrained(self, value: int, low: int, high: int) -> None:
        """Constrained whole number (11.5.7)."""
        if not low <= value <= high:
            raise LocalProtocolError(f"{value} is outside {low}..{high}")
        span = high - low + 1
        offset = value - low
        if span < 256:
            self.bits(offset, field_width(span))
        elif span == 256:
            self.octets(offset.to_bytes(1, "big"))
        elif span <= 65536:
            self.octets(offset.to_bytes(2, "big"))
        else:
            size = octet_count(offset)
            self.bits(size - 1, field_width(octet_count(high - low)))
            self.octets(offset.to_bytes(size, "big"))

    def semi_constrained(self, value: int, low: int) -> None:
        """Semi-constrained whole number (11.7): length, then offset from ``low``."""
        if value < low:
            raise LocalProtocolError(f"{value} is below {low}")
        self.counted((value - low).to_bytes(octet_count(value - low), "big"))

    def unconstrained(self, value: int) -> None:
        """Unconstrained whole number (11.8): length, then two's complement."""
        size = (value if value >= 0 else ~value).bit_length() // 8 + 1
        self.counted(value.to_bytes(size, "big", signed=True))

    def small_number(self, value: int) -> None:
        """Normally small non-negative number (11.6)."""
        if value < 64:
            self.bits(value, 7)
        else:
            self.bits(1, 1)
            self.semi_constrained(value, 0)

    def small_length(self, count: int) -> None:
        """Normally small length (11.9.3.4), of 1 to 64 extension additions."""
        if not 1 <= count <= 64:
            raise LocalProtocolError(f"{count} extension additions")
        self.bits(count - 1, 7)

    def counted(self, data: bytes) -> None:
        """Octets under a general length determinant, fragmented from 16384 octets on."""
        self.octets(counted(data))

    def open_type(self, encoding: bytes) -> None:
        """A complete encoding inside an open type field (11.2)."""
        self.counted(encoding)
