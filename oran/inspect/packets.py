"""From a captured packet to what SCTP or TCP carries in it: link layers, IPv4 and IPv6."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

ETHERNET, RAW_IP, LOOPBACK, LINUX_COOKED, LINUX_COOKED_2 = 1, 101, 0, 113, 276
_RAW_LINKS: Final = frozenset({12, 14, RAW_IP, 228, 229})
_VLAN_TAGS: Final = frozenset({0x8100, 0x88A8})
_IPV4, _IPV6 = 0x0800, 0x86DD
TCP, SCTP = 6, 132
_EXTENSION_HEADERS: Final = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options
_FRAGMENT_OFFSET_OR_MORE: Final = 0x3FFF


@dataclass(frozen=True, slots=True)
class IpPacket:
    """The payload of one whole IP packet."""

    source: str
    destination: str
    protocol: int
    payload: bytes


def ip_packet(link_type: int, data: bytes) -> IpPacket | None:
    """The IP packet inside a captured one; None if there is none, it is a fragment or cut off."""
    found = _network_layer(link_type, data)
    try:
        return _parse_ip(found) if found else None
    except (struct.error, IndexError, ValueError):
        return None  # cut off by the capture's length limit


def _network_layer(link_type: int, data: bytes) -> bytes:
    if link_type in _RAW_LINKS:
        return data
    if link_type == LOOPBACK:
        return data[4:]
    header = {ETHERNET: (12, 14), LINUX_COOKED: (14, 16), LINUX_COOKED_2: (0, 20)}.get(link_type)
    if header is None:
        return b""
    type_at, end = header
    ether_type = int.from_bytes(data[type_at : type_at + 2], "big")
    while ether_type in _VLAN_TAGS:
        ether_type = int.from_bytes(data[end + 2 : end + 4], "big")
        end += 4
    return data[end:] if ether_type in (_IPV4, _IPV6) else b""


def _parse_ip(data: bytes) -> IpPacket | None:
    version = data[0] >> 4
    if version == 4:
        return _parse_ipv4(data)
    return _parse_ipv6(data) if version == 6 else None


def _parse_ipv4(data: bytes) -> IpPacket | None:
    header_bytes = (data[0] & 0xF) * 4
    total, fragment = struct.unpack_from(">H2xH", data, 2)
    if fragment & _FRAGMENT_OFFSET_OR_MORE:
        return None
    end = total or len(data)  # segmentation offload leaves 0
    source, destination = (socket.inet_ntop(socket.AF_INET, data[at : at + 4]) for at in (12, 16))
    return IpPacket(source, destination, data[9], data[header_bytes:end])


def _parse_ipv6(data: bytes) -> IpPacket | None:
    length, next_header = struct.unpack_from(">HB", data, 4)
    end = 40 + length if length else len(data)
    position = 40
    while next_header in _EXTENSION_HEADERS:
        next_header, size = data[position], data[position + 1]
        position += 8 + size * 8
    source, destination = (f"[{socket.inet_ntop(socket.AF_INET6, data[at : at + 16])}]" for at in (8, 24))
    return IpPacket(source, destination, next_header, data[position:end])
