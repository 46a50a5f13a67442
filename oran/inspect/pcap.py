"""Capture files: classic pcap and pcapng, as far as packets and their times go.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from oran.errors import DecodeError

_CLASSIC: Final = {  # magic -> (byte order, parts of a second)
    b"\xa1\xb2\xc3\xd4": (">", 10**6),
    b"\xd4\xc3\xb2\xa1": ("<", 10**6),
    b"\xa1\xb2\x3c\x4d": (">", 10**9),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9),
}
_SECTION: Final = 0x0A0D0D0A
_INTERFACE, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 3, 6
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_TIME_RESOLUTION: Final = 9  # option of an interface
_LINK_TYPE_MASK: Final = 0xFFFF  # the upper half tells of frame check sequences


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured packet.

    Attributes:
        time_s: Unix time, or None where the file has none.
        link_type: LINKTYPE_ value of its first header.
    """

    time_s: float | None
    link_type: int
    data: bytes


def is_capture(data: bytes) -> bool:
    """Whether ``data`` begins as a capture file does."""
    return data[:4] in _CLASSIC or data[:4] == _SECTION.to_bytes(4, "big")


def read_packets(data: bytes) -> Iterator[Packet]:
    """Packets of a capture file, in order; a packet cut off by the end of the file is left out.

    Raises:
        DecodeError: no capture file, or one whose structure makes no sense.
    """
    if data[:4] in _CLASSIC:
        return _classic(data)
    if is_capture(data):
        return _next_generation(data)
    raise DecodeError("neither pcap nor pcapng")


def _classic(data: bytes) -> Iterator[Packet]:
    order, parts = _CLASSIC[data[:4]]
    if len(data) < 24:
        raise DecodeError("pcap header cut off")
    link_type = struct.unpack_from(f"{order}I", data, 20)[0] & _LINK_TYPE_MASK
    record = struct.Struct(f"{order}IIII")  # seconds, parts, captured length, length on the wire
    position = 24
    while position + record.size <= len(data):
        seconds, part, captured, _ = record.unpack_from(data, position)
        position += record.size
        if position + captured > len(data):
            return
        yield Packet(seconds + part / parts, link_type, data[position : position + captured])
        position += captured


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    parts: int
    """Time stamps a second."""


def _next_generation(data: bytes) -> Iterator[Packet]:
    order: Literal["<", ">"] = "<"
    interfaces: list[_Interface] = []
    position = 0
    while position + 12 <= len(data):
        kind = int.from_bytes(data[position : position + 4], "little" if order == "<" else "big")
        if data[position : position + 4] == _SECTION.to_bytes(4, "big"):  # a palindrome in either order
            order, interfaces, kind = _section_order(data, position), [], _SECTION
        length = struct.unpack_from(f"{order}I", data, position + 4)[0]
        if length < 12 or length % 4:
            raise DecodeError(f"pcapng block of {length} octets")
        if position + length > len(data):
            return
        body = data[position + 8 : position + length - 4]
        if kind == _INTERFACE:
            interfaces.append(_interface(body, order))
        elif kind in (_ENHANCED_PACKET, _SIMPLE_PACKET):
            yield _packet(kind, body, order, interfaces)
        position += length


def _section_order(data: bytes, position: int) -> Literal["<", ">"]:
    magic = data[position + 8 : position + 12]
    if magic == _BYTE_ORDER_MAGIC.to_bytes(4, "little"):
        return "<"
    if magic == _BYTE_ORDER_MAGIC.to_bytes(4, "big"):
        return ">"
    raise DecodeError(f"pcapng section with byte-order magic {magic.hex()}")


def _interface(body: bytes, order: str) -> _Interface:
    if len(body) < 8:
        raise DecodeError("pcapng interface cut off")
    link_type = struct.unpack_from(f"{order}H", body)[0]
    parts, position = 10**6, 8
    while position + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, position)
        if code == _TIME_RESOLUTION and length == 1 and position + 4 < len(body):
            exponent = body[position + 4]
            parts = 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
        position += 4 + (length + 3) // 4 * 4
    return _Interface(link_type, parts)


def _packet(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> Packet:
    try:
        if kind == _SIMPLE_PACKET:
            length = min(struct.unpack_from(f"{order}I", body)[0], len(body) - 4)
            return Packet(None, interfaces[0].link_type, body[4 : 4 + length])
        number, high, low, length, _ = struct.unpack_from(f"{order}IIIII", body)
        interface = interfaces[number]
    except (struct.error, IndexError) as error:
        raise DecodeError(f"pcapng packet: {error}") from error
    return Packet((high << 32 | low) / interface.parts, interface.link_type, body[20 : 20 + length])
