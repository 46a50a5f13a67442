"""REAL (clause 15): the contents octets of X.690, 8.5, in their canonical binary form."""

from __future__ import annotations

import math

from oran.aper.faults import malformed
from oran.aper.reader import BitReader
from oran.aper.writer import BitWriter

_SPECIAL = {0x40: math.inf, 0x41: -math.inf, 0x42: math.nan, 0x43: -0.0}
_BASE_BITS = (1, 3, 4)


def real_octets(value: float) -> bytes:
    """Contents octets of a float: base 2, odd mantissa, shortest exponent (X.690, 11.3.1)."""
    if value == 0.0:
        return b"\x43" if math.copysign(1.0, value) < 0 else b""
    if math.isinf(value):
        return b"\x40" if value > 0 else b"\x41"
    if math.isnan(value):
        return b"\x42"
    fraction, exponent = math.frexp(abs(value))
    mantissa = int(fraction * (1 << 53))
    zeros = (mantissa & -mantissa).bit_length() - 1
    mantissa >>= zeros
    exponent += zeros - 53
    size = 1 if -128 <= exponent < 128 else 2
    first = 0x80 | (value < 0) << 6 | (size - 1)
    return (
        bytes((first,))
        + exponent.to_bytes(size, "big", signed=True)
        + mantissa.to_bytes((mantissa.bit_length() + 7) >> 3, "big")
    )


def real_value(octets: bytes) -> float:
    """The float of any contents octets that X.690, 8.5 allows: binary bases 2, 8 and 16, decimal, special.

    Raises:
        DecodeError: reserved or truncated contents, or a magnitude beyond a double.
    """
    if not octets:
        return 0.0
    first = octets[0]
    if first & 0x80:
        return _binary(first, octets)
    if first & 0x40:
        if len(octets) != 1 or first not in _SPECIAL:
            raise malformed(f"reserved REAL value {octets.hex()}")
        return _SPECIAL[first]
    return _decimal(first, octets)


def _binary(first: int, octets: bytes) -> float:
    size, start = (first & 3) + 1, 1
    if size == 4:
        size, start = (octets[1] if len(octets) > 1 else 0), 2
    base = first >> 4 & 3
    if base == 3 or not 0 < size <= 8 or len(octets) <= start + size:
        raise malformed(f"REAL contents {octets[:8].hex()}")
    exponent = int.from_bytes(octets[start : start + size], "big", signed=True) * _BASE_BITS[base]
    mantissa = int.from_bytes(octets[start + size :], "big")
    try:
        magnitude = math.ldexp(mantissa, exponent + (first >> 2 & 3))
    except OverflowError as error:
        raise malformed("a REAL beyond the range of a double") from error
    return -magnitude if first & 0x40 else magnitude


def _decimal(first: int, octets: bytes) -> float:
    text = octets[1:].replace(b",", b".").strip()
    if first & 0x3F not in (1, 2, 3) or len(text) > 400 or text.strip(b"+-.0123456789eE"):
        raise malformed(f"REAL contents {octets[:8].hex()}")
    try:
        return float(text)
    except ValueError as error:
        raise malformed(f"REAL contents {octets[:8].hex()}") from error


class Real:
    """REAL; the value is a float."""

    min_bits = 8

    def write(self, writer: BitWriter, value: float) -> None:
        writer.counted(real_octets(float(value)))

    def read(self, reader: BitReader) -> float:
        return real_value(reader.counted())
