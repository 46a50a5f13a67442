"""E2AP messages out of a capture: SCTP data chunks and our length-prefixed TCP, put together again.

Passive: what was lost by the capture leaves a gap, and messages go on behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from oran.inspect.packets import SCTP, TCP, IpPacket, ip_packet
from oran.inspect.pcap import Packet
from oran.transport.sctp import ACCEPTED_PPIDS
from oran.transport.tcp import LENGTH_BYTES, MAX_MESSAGE_BYTES

_SCTP_HEADER_BYTES: Final = 12
_DATA_CHUNK: Final = struct.Struct(">BBHIHHI")  # type, flags, length, TSN, stream, SSN, PPID
_FIRST, _LAST = 0x02, 0x01
_SYN: Final = 0x02
_PDU_STARTS: Final = (0x00, 0x20, 0x40)
"""First octets of an E2AP-PDU: initiating message, successful and unsuccessful outcome."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, perhaps an E2AP-PDU, and how it travelled."""

    data: bytes
    time_s: float | None = None
    source: str = ""
    destination: str = ""
    carrier: str = ""

    @property
    def conversation(self) -> frozenset[str]:
        """Both ends, whichever way it went."""
        return frozenset((self.source, self.destination))


class SctpDirection:
    """One direction of an association: chunks in, whole messages out. Retransmitted chunks count once."""

    def __init__(self) -> None:
        self._chunks: dict[int, tuple[int, bytes]] = {}  # TSN -> flags, data
        self._seen: set[int] = set()

    def add(self, tsn: int, flags: int, data: bytes) -> bytes | None:
        """Take one data chunk; the message it completes, if it does."""
        if tsn in self._seen:
            return None
        self._seen.add(tsn)
        self._chunks[tsn] = flags, data
        first, last = self._edge(tsn, _FIRST, -1), self._edge(tsn, _LAST, 1)
        if first is None or last is None:
            return None
        count = (last - first) % 2**32 + 1
        return b"".join(self._chunks.pop((first + step) % 2**32)[1] for step in range(count))

    def _edge(self, tsn: int, flag: int, step: int) -> int | None:
        while tsn in self._chunks:
            if self._chunks[tsn][0] & flag:
                return tsn
            tsn = (tsn + step) % 2**32
        return None


@dataclass(slots=True)
class TcpDirection:
    """One direction of a connection: segments in, length-prefixed messages out.

    ``foreign`` is set once the octets are not ours: another protocol, or a gap that the capture left.
    """

    next_sequence: int
    foreign: bool = False
    _early: dict[int, bytes] = field(default_factory=dict)
    _buffer: bytearray = field(default_factory=bytearray)

    def add(self, sequence: int, data: bytes) -> list[bytes]:
        """Take one segment; return the messages that are now complete."""
        if self.foreign:
            return []
        self._early[sequence] = max(self._early.get(sequence, b""), data, key=len)
        self._take_in_order()
        return self._messages()

    def _take_in_order(self) -> None:
        moved = True
        while moved:
            moved = False
            for sequence in sorted(self._early, key=self._distance):
                repeated = -self._distance(sequence)
                if repeated < 0:
                    break
                piece = self._early.pop(sequence)[repeated:]
                self._buffer += piece
                self.next_sequence = (self.next_sequence + len(piece)) % 2**32
                moved = True

    def _distance(self, sequence: int) -> int:
        return (sequence - self.next_sequence + 2**31) % 2**32 - 2**31

    def _messages(self) -> list[bytes]:
        found: list[bytes] = []
        while len(self._buffer) > LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if not 0 < length <= MAX_MESSAGE_BYTES or self._buffer[LENGTH_BYTES] not in _PDU_STARTS:
                self.foreign = True
                self._buffer.clear()
            if self.foreign or len(self._buffer) < LENGTH_BYTES + length:
                break
            found.append(bytes(self._buffer[LENGTH_BYTES : LENGTH_BYTES + length]))
            del self._buffer[: LENGTH_BYTES + length]
        return found


class E2Streams:
    """All associations and connections of one capture."""

    def __init__(self) -> None:
        self._sctp: dict[tuple[str, str, bytes], SctpDirection] = {}
        self._tcp: dict[tuple[str, str], TcpDirection] = {}

    def add(self, packet: Packet) -> Iterator[Message]:
        """Take the next packet; yield the messages it completes."""
        ip = ip_packet(packet.link_type, packet.data)
        if ip is None or len(ip.payload) < _SCTP_HEADER_BYTES:
            return
        ports = struct.unpack_from(">HH", ip.payload)
        source, destination = f"{ip.source}:{ports[0]}", f"{ip.destination}:{ports[1]}"
        if ip.protocol == SCTP:
            for carrier, data in self._sctp_messages(ip, source, destination):
                yield Message(data, packet.time_s, source, destination, carrier)
        elif ip.protocol == TCP:
            for data in self._tcp_messages(ip, source, destination):
                yield Message(data, packet.time_s, source, destination, "TCP")

    def _sctp_messages(self, ip: IpPacket, source: str, destination: str) -> Iterator[tuple[str, bytes]]:
        direction = self._sctp.setdefault((source, destination, ip.payload[4:8]), SctpDirection())
        position = _SCTP_HEADER_BYTES
        while position + 4 <= len(ip.payload):
            kind, _, length = struct.unpack_from(">BBH", ip.payload, position)
            if kind == 0 and _DATA_CHUNK.size < length <= len(ip.payload) - position:
                _, flags, _, tsn, stream, _, ppid = _DATA_CHUNK.unpack_from(ip.payload, position)
                data = direction.add(tsn, flags, ip.payload[position + _DATA_CHUNK.size : position + length])
                if data is not None and ppid in ACCEPTED_PPIDS:
                    yield f"SCTP stream {stream} PPID {ppid}", data
            position += max(4, (length + 3) // 4 * 4)

    def _tcp_messages(self, ip: IpPacket, source: str, destination: str) -> list[bytes]:
        if len(ip.payload) < 20:
            return []
        sequence, offset, flags = struct.unpack_from(">I4xBB", ip.payload, 4)
        data = ip.payload[(offset >> 4) * 4 :]
        if flags & _SYN:
            self._tcp[source, destination] = TcpDirection((sequence + 1) % 2**32)
            return []
        if not data:
            return []
        direction = self._tcp.setdefault((source, destination), TcpDirection(sequence))
        return direction.add(sequence, data)
