"""Declarative PER types: scalars and strings. Each knows how to write and read one kind of value.

A type is an immutable object with ``write(writer, value)`` and ``read(reader)``. Writing a value
outside the type raises LocalProtocolError; reading raises DecodeError. ``min_bits`` is the least
a value can occupy: lists use it to refuse a count that the rest of the input cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

from oran.aper.faults import malformed, not_comprehended
from oran.aper.reader import BitReader
from oran.aper.writer import BitWriter, field_width
from oran.errors import LocalProtocolError

UNBOUNDED_SIZE = 65536
"""An upper bound of 64K or more does not constrain a length on the wire (11.9.3.3)."""


class Type(Protocol):
    """What every PER type can do."""

    @property
    def min_bits(self) -> int:
        """Fewest bits a value occupies, alignment not counted."""

    def write(self, writer: BitWriter, value: Any) -> None:
        """Append one value."""

    def read(self, reader: BitReader) -> Any:
        """Take one value."""


class Integer:
    """INTEGER, with bounds, a lower bound only, or none (clause 13)."""

    def __init__(self, low: int | None = None, high: int | None = None, *, extensible: bool = False) -> None:
        self.low = low
        self.high = high
        self.extensible = extensible
        span = 65536 if low is None or high is None else high - low + 1
        self.min_bits = int(extensible) + min(field_width(span), 8)

    def write(self, writer: BitWriter, value: int) -> None:
        if self.extensible:
            outside = not self._contains(value)
            writer.bits(outside, 1)
            if outside:
                writer.unconstrained(value)
                return
        if self.low is None:
            writer.unconstrained(value)
        elif self.high is None:
            writer.semi_constrained(value, self.low)
        else:
            writer.constrained(value, self.low, self.high)

    def _contains(self, value: int) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def read(self, reader: BitReader) -> int:
        if self.low is None or (self.extensible and reader.bits(1)):
            return reader.unconstrained()
        if self.high is None:
            return reader.semi_constrained(self.low)
        return reader.constrained(self.low, self.high)


class Boolean:
    """BOOLEAN (clause 12)."""

    min_bits = 1

    def write(self, writer: BitWriter, value: bool) -> None:
        writer.bits(bool(value), 1)

    def read(self, reader: BitReader) -> bool:
        return bool(reader.bits(1))


class Null:
    """NULL (clause 24): no bits; the value is None."""

    min_bits = 0

    def write(self, writer: BitWriter, value: None) -> None:
        if value is not None:
            raise LocalProtocolError(f"NULL cannot carry {value!r}")

    def read(self, reader: BitReader) -> None:
        return None


class Enumerated:
    """ENUMERATED (clause 14) over any hashable values, listed in the order of the standard.

    Args:
        members: the root values.
        extensible: whether an extension marker follows them.
        unknown: what a value of a later version is read as; without it such a value is refused.
    """

    def __init__(
        self, members: Sequence[Hashable], *, extensible: bool = True, unknown: Hashable | None = None
    ) -> None:
        self.members = tuple(members)
        self.extensible = extensible
        self.unknown = unknown
        self._index = {member: index for index, member in enumerate(self.members)}
        self._width = field_width(len(self.members))
        self.min_bits = int(extensible) + self._width

    def write(self, writer: BitWriter, value: Hashable) -> None:
        index = self._index.get(value)
        if index is None:
            raise LocalProtocolError(f"{value!r} is not one of {self.members}")
        writer.bits(index, self._width + self.extensible)

    def read(self, reader: BitReader) -> Any:
        if self.extensible and reader.bits(1):
            return self._later(reader.small_number())
        index = reader.bits(self._width)
        if index >= len(self.members):
            raise malformed(f"enumeration index {index} of {len(self.members)}")
        return self.members[index]

    def _later(self, index: int) -> Hashable:
        if self.unknown is None:
            raise not_comprehended(f"enumeration extension value {index}")
        return self.unknown


class OctetString:
    """OCTET STRING (clause 17) with size bounds."""

    def __init__(self, low: int = 0, high: int | None = None, *, extensible: bool = False) -> None:
        self.low = low
        self.high = high
        self.extensible = extensible
        self.min_bits = int(extensible) + (low * 8 if high is not None else 8 + low * 8)

    def write(self, writer: BitWriter, value: bytes) -> None:
        if self.extensible:
            outside = not self.low <= len(value) <= (self.high or len(value))
            writer.bits(outside, 1)
            if outside:
                writer.counted(value)
                return
        if len(value) < self.low:
            raise LocalProtocolError(f"{len(value)} octets, at least {self.low} needed")
        if self.high is None:
            writer.counted(value)
        else:
            self._write_bounded(writer, value, self.high)

    def _write_bounded(self, writer: BitWriter, value: bytes, high: int) -> None:
        writer.constrained(len(value), self.low, high)
        if high <= 2 and self.low == high:
            writer.bits(int.from_bytes(value, "big"), 8 * high)
        elif value:
            writer.octets(value)

    def read(self, reader: BitReader) -> bytes:
        if self.high is None or (self.extensible and reader.bits(1)):
            return self._checked(reader.counted())
        count = reader.constrained(self.low, self.high)
        if self.high <= 2 and self.low == self.high:
            return reader.bits(8 * count).to_bytes(count, "big")
        return reader.octets(count) if count else b""

    def _checked(self, value: bytes) -> bytes:
        if not self.extensible and len(value) < self.low:
            raise malformed(f"{len(value)} octets, at least {self.low} needed")
        return value


PRINTABLE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


class PrintableString:
    """PrintableString (clause 30): one octet a character in the ALIGNED variant.

    Characters outside the repertoire are never sent. They are accepted, as long as they are
    ASCII: node vendors do put ``_`` and ``&`` into names.
    """

    def __init__(self, low: int = 0, high: int | None = None, *, extensible: bool = False) -> None:
        self._octets = OctetString(low, high, extensible=extensible)
        self.min_bits = self._octets.min_bits

    def write(self, writer: BitWriter, value: str) -> None:
        octets = value.encode("ascii", "replace")
        if not PRINTABLE.issuperset(octets) or not value.isascii():
            raise LocalProtocolError(f"{value!r} is not a PrintableString")
        self._octets.write(writer, octets)

    def read(self, reader: BitReader) -> str:
        octets = self._octets.read(reader)
        if not octets.isascii():
            raise malformed("a PrintableString with octets above 127")
        return octets.decode("ascii")


class BitString:
    """BIT STRING (clause 16); the value is (unsigned number, number of bits)."""

    def __init__(self, low: int = 0, high: int | None = None, *, extensible: bool = False) -> None:
        self.low = low
        self.high = high
        self.extensible = extensible
        self.min_bits = int(extensible) + low

    def write(self, writer: BitWriter, value: tuple[int, int]) -> None:
        number, count = value
        if number < 0 or number >> count:
            raise LocalProtocolError(f"{number} does not fit in {count} bits")
        if self.extensible:
            outside = not self.low <= count <= (self.high or count)
            writer.bits(outside, 1)
            if outside:
                self._write_unbounded(writer, number, count)
                return
        if self.high is None:
            self._write_unbounded(writer, number, count)
            return
        writer.constrained(count, self.low, self.high)
        if (self.high > 16 or self.low < self.high) and count:
            writer.align()
        writer.bits(number, count)

    def _write_unbounded(self, writer: BitWriter, number: int, count: int) -> None:
        if count >= 16384:
            raise LocalProtocolError("bit strings of 16384 bits and more are not supported")
        writer.octets((count if count < 0x80 else 0x8000 | count).to_bytes(1 if count < 0x80 else 2, "big"))
        writer.bits(number, count)

    def read(self, reader: BitReader) -> tuple[int, int]:
        if self.high is None or (self.extensible and reader.bits(1)):
            count, more = reader.length()
            if more:
                raise malformed("a fragmented bit string")
        else:
            count = reader.constrained(self.low, self.high)
            if (self.high > 16 or self.low < self.high) and count:
                reader.align()
        return reader.bits(count), count


class Mapped:
    """Another type, with its values translated on the way out and in.

    Args:
        inner: the type on the wire.
        to_wire: our value -> value of ``inner``.
        from_wire: value of ``inner`` -> our value; a ValueError in it means that the peer's value is malformed.
    """

    def __init__(self, inner: Type, to_wire: Callable[[Any], Any], from_wire: Callable[[Any], Any]) -> None:
        self.inner = inner
        self.to_wire = to_wire
        self.from_wire = from_wire

    @property
    def min_bits(self) -> int:
        return self.inner.min_bits

    def write(self, writer: BitWriter, value: Any) -> None:
        self.inner.write(writer, self.to_wire(value))

    def read(self, reader: BitReader) -> Any:
        value = self.inner.read(reader)
        try:
            return self.from_wire(value)
        except ValueError as error:
            raise malformed(str(error)) from error
