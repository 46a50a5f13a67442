"""RAN parameter trees of a control message, written and read in octets.

Everything but booleans, bit strings and reals begins and ends at octet boundaries, so the usual
message is a run of octets. Whatever is unusual makes these functions return None, and the tables
take over; so they never have to judge a message.

    parameter = identifier: 0LL0 0000, 1..4 octets of (id - 1)
                value type: 28 | 2A + 80 | 00  element      00 | 0v  key
                            44 count-1  structure          60 count-1 { 40 count-1 structure }  list
"""

from __future__ import annotations

from typing import Any

from oran.aper import length_octets
from oran.aper.reader import MAX_DEPTH
from oran.aper.types import PRINTABLE
from oran.e2sm.rc.model import ControlMessage, Key, Parameter, ParameterList

_IDS = tuple(bytes((0, number - 1)) for number in range(1, 257))
_MAX_COUNT = 65_536
_MAX_OCTETS = 16_384
_SMALL_INTEGERS = tuple(bytes((1, value)) for value in range(128))
_INT, _OCTETS, _TEXT = 1, 4, 5
_ELEMENT = {kind: bytes((0x28 | kind >> 1, (kind & 1) << 7)) for kind in (_INT, _OCTETS, _TEXT)}
_KEY = {kind: bytes((kind,)) for kind in (_INT, _OCTETS, _TEXT)}
_MIN_OCTETS = 3


class _Unusual(Exception):
    """Not the usual form."""


def encode_message(message: ControlMessage) -> bytes | None:
    """Control message format 1, or None for the tables."""
    parameters = message.parameters
    if len(parameters) >= _MAX_COUNT:
        return None
    out = [b"\x00" + len(parameters).to_bytes(2, "big")]
    try:
        for parameter in parameters:
            _write(out, parameter, 0)
    except _Unusual:
        return None
    return b"".join(out)


def _write(out: list[bytes], parameter: Parameter, depth: int) -> None:
    number, value = parameter.id, parameter.value
    out.append(_IDS[number - 1] if 0 < number <= 256 else _long_id(number))
    if isinstance(value, tuple):
        out.append(b"\x44" + _count(value, depth))
        for inner in value:
            _write(out, inner, depth + 1)
    elif isinstance(value, ParameterList):
        out.append(b"\x60" + _count(value.structures, depth))
        for structure in value.structures:
            out.append(b"\x40" + _count(structure, depth))
            for inner in structure:
                _write(out, inner, depth + 1)
    elif isinstance(value, Key):
        _write_value(out, value.value, _KEY)
    else:
        _write_value(out, value, _ELEMENT)


def _write_value(out: list[bytes], value: Any, heads: dict[int, bytes]) -> None:
    kind = type(value)
    if kind is int:
        out.append(heads[_INT])
        out.append(_SMALL_INTEGERS[value] if 0 <= value < 128 else _integer(value))
    elif kind is bytes:
        _write_counted(out, heads[_OCTETS], value)
    elif kind is str and PRINTABLE.issuperset(value.encode("ascii", "ignore")) and value.isascii():
        _write_counted(out, heads[_TEXT], value.encode("ascii"))
    else:
        raise _Unusual


def _write_counted(out: list[bytes], head: bytes, octets: bytes) -> None:
    if len(octets) >= _MAX_OCTETS:
        raise _Unusual
    out.append(head + length_octets(len(octets)) + octets)


def _integer(value: int) -> bytes:
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    if size > 127:
        raise _Unusual
    return bytes((size,)) + value.to_bytes(size, "big", signed=True)


def _long_id(number: int) -> bytes:
    if not 0 < number < 1 << 32:
        raise _Unusual
    size = ((number - 1).bit_length() + 7) >> 3
    return bytes(((size - 1) << 4,)) + (number - 1).to_bytes(size, "big")


def _count(items: tuple[Any, ...], depth: int) -> bytes:
    if not 1 <= len(items) < _MAX_COUNT or depth >= MAX_DEPTH:
        raise _Unusual
    return (len(items) - 1).to_bytes(2, "big")


# --- reading ----------------------------------------------------------------------------------


def decode_message(data: bytes) -> ControlMessage | None:
    """Control message format 1, or None for the tables."""
    if data[:1] != b"\x00" or len(data) < 3:
        return None
    try:
        parameters, _ = _read_all(data, 3, data[1] << 8 | data[2], 0)
    except (_Unusual, IndexError):
        return None
    return ControlMessage(parameters)


def _read_all(data: bytes, at: int, count: int, depth: int) -> tuple[tuple[Parameter, ...], int]:
    """``count`` parameters from offset ``at``, and the offset after them."""
    if depth > MAX_DEPTH or count * _MIN_OCTETS > len(data) - at:
        raise _Unusual
    parameters = []
    value: Any
    for _ in range(count):
        head = data[at]
        if head:
            number, at = _read_long_id(data, at, head)
        else:
            number, at = data[at + 1] + 1, at + 2
        kind = data[at]
        if kind == 0x44:
            value, at = _read_all(data, at + 3, (data[at + 1] << 8 | data[at + 2]) + 1, depth + 1)
        elif kind == 0x60:
            value, at = _read_list(data, at + 3, (data[at + 1] << 8 | data[at + 2]) + 1, depth + 1)
        elif kind & 0xFC == 0x28 and not data[at + 1] & 0x7F:
            value, at = _read_value(data, at + 2, (kind & 3) << 1 | data[at + 1] >> 7)
        else:
            value, at = _read_key(data, at, kind)
        parameters.append(Parameter(number, value))
    return tuple(parameters), at


def _read_long_id(data: bytes, at: int, head: int) -> tuple[int, int]:
    stop = at + 2 + (head >> 4)
    number = int.from_bytes(data[at + 1 : stop], "big") + 1
    if head & 0xCF or stop > len(data) or number >> 32:
        raise _Unusual
    return number, stop


def _read_key(data: bytes, at: int, kind: int) -> tuple[Key, int]:
    if kind > _TEXT:
        raise _Unusual
    value, at = _read_value(data, at + 1, kind)
    return Key(value), at


def _read_list(data: bytes, at: int, count: int, depth: int) -> tuple[ParameterList, int]:
    if count * _MIN_OCTETS > len(data) - at:
        raise _Unusual
    structures = []
    for _ in range(count):
        if data[at] != 0x40:
            raise _Unusual
        structure, at = _read_all(data, at + 3, (data[at + 1] << 8 | data[at + 2]) + 1, depth)
        structures.append(structure)
    return ParameterList(tuple(structures)), at


def _read_value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    size, start = data[at], at + 1
    stop = start + size
    if size >= 0x80 or stop > len(data):
        raise _Unusual
    if kind == _OCTETS:
        return data[start:stop], stop
    if kind == _INT and size:
        return int.from_bytes(data[start:stop], "big", signed=True), stop
    if kind == _TEXT and data[start:stop].isascii():
        return data[start:stop].decode("ascii"), stop
    raise _Unusual
