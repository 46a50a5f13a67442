"""RMR frames as librmr's SI95 transport puts them on TCP: header version 3, no socket, no clock.

One frame is a 50-byte transport prefix, a 280-byte header, trace data, d1, d2 and the payload.
Two fields are in the sender's byte order (the first length and the flags); little-endian is what
x86-64 and aarch64 peers send, and what this codec writes. Everything else is big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from oran.errors import DecodeError, LocalProtocolError

PREFIX_BYTES: Final = 50
HEADER_BYTES: Final = 280
CALL_ID_BYTES: Final = 4  # d1: its first octet is the call id
HEADER_VERSION: Final = 3
MAX_TRANSACTION_BYTES: Final = 32
MAX_MEID_BYTES: Final = 31  # 32 with the closing NUL
MAX_SOURCE_BYTES: Final = 63  # 64 with the closing NUL
MAX_FRAME_BYTES: Final = 8 * 1024 * 1024

UNSET_SUB_ID: Final = -1
CALL_FLAG: Final = 0x04
"""Flag of a message whose sender waits for the reply."""

_LENGTH = struct.Struct("<I")
_PREFIX = struct.Struct("<4s4sc41x")
_BIG_LENGTH = struct.Struct(">I")
_MARKER: Final = b"$"  # says that the big-endian copy of the length is there
# mtype plen version | xaction | sid | src | meid | pad timespec | flags | len0..len3 sub_id | srcip
_HEADER = struct.Struct(">iii32s32x64s32s20x4siiiii64s")
_FLAGS = struct.Struct("<i")
_CALL_ID = struct.Struct("B3x")
_SMALLEST_FRAME: Final = PREFIX_BYTES + HEADER_BYTES


@dataclass(frozen=True, slots=True)
class RmrMessage:
    """One RMR message.

    Names travel as single octets (Latin-1), so that whatever a peer puts there survives a reply.
    """

    mtype: int
    """Message type: see :mod:`oran.rmr.message_types`."""
    payload: bytes
    sub_id: int = UNSET_SUB_ID
    """Subscription id; -1 is "none", 0 an id like any other."""
    meid: str = ""
    """Managed entity: the RAN name of the E2 node; at most 31 octets."""
    transaction_id: bytes = b""
    """At most 32 octets; trailing NULs are padding and not part of it."""
    source: str = ""
    """Sender's ``name:port``; replies go there."""
    source_ip: str = ""
    """Sender's ``address:port``."""
    flags: int = 0
    call_id: int = 0
    """First octet of d1: 0 an ordinary send, 1 a call, 2..255 a wormhole call."""
    trace: bytes = b""


def encode(message: RmrMessage) -> bytes:
    """One frame, ready for the TCP stream.

    Raises:
        LocalProtocolError: a field does not fit its place in the header.
    """
    trace, payload = message.trace, message.payload
    total = _SMALLEST_FRAME + len(trace) + CALL_ID_BYTES + len(payload)
    if total > MAX_FRAME_BYTES or len(message.transaction_id) > MAX_TRANSACTION_BYTES:
        raise LocalProtocolError(f"RMR frame of {total} octets, transaction id of {len(message.transaction_id)}")
    source, source_ip = _octets(message.source, MAX_SOURCE_BYTES), _octets(message.source_ip, MAX_SOURCE_BYTES)
    meid = _octets(message.meid, MAX_MEID_BYTES)
    try:
        header = _HEADER.pack(
            message.mtype,
            len(payload),
            HEADER_VERSION,
            message.transaction_id,
            source,
            meid,
            _FLAGS.pack(message.flags),
            HEADER_BYTES,
            len(trace),
            CALL_ID_BYTES,  # always present: a receiver writes the call id there when it relays
            0,
            message.sub_id,
            source_ip,
        )
        call_id = _CALL_ID.pack(message.call_id)
    except struct.error as error:
        raise LocalProtocolError(f"RMR type, sub_id, flags or call id: {error}") from error
    prefix = _PREFIX.pack(_LENGTH.pack(total), _BIG_LENGTH.pack(total), _MARKER)
    return b"".join((prefix, header, trace, call_id, payload))


def _octets(name: str, limit: int) -> bytes:
    try:
        octets = name.encode("latin-1")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"RMR name {name!r} is not Latin-1") from error
    if len(octets) > limit or b"\0" in octets:
        raise LocalProtocolError(f"RMR name {name!r} holds NUL or more than {limit} octets")
    return octets


def decode(frame: bytes | bytearray | memoryview) -> RmrMessage:
    """The message of exactly one frame, prefix included.

    Raises:
        DecodeError: the lengths in the header contradict each other or the frame.
    """
    if len(frame) < _SMALLEST_FRAME:
        raise DecodeError(f"RMR frame of {len(frame)} octets is shorter than its header")
    (mtype, payload_length, _version, xaction, source, meid, flags, len0, len1, len2, len3, sub_id, source_ip) = (
        _HEADER.unpack_from(frame, PREFIX_BYTES)
    )
    if len0 < HEADER_BYTES or min(len1, len2, len3, payload_length) < 0:
        raise DecodeError(f"RMR header lengths {len0}, {len1}, {len2}, {len3}, payload {payload_length}")
    trace_at = PREFIX_BYTES + len0
    payload_at = trace_at + len1 + len2 + len3
    if payload_at + payload_length > len(frame):
        raise DecodeError(f"RMR payload ends at {payload_at + payload_length} in a frame of {len(frame)} octets")
    return RmrMessage(
        mtype,
        bytes(frame[payload_at : payload_at + payload_length]),
        sub_id,
        _text(meid),
        xaction.rstrip(b"\0"),
        _text(source),
        _text(source_ip),
        _FLAGS.unpack(flags)[0],
        frame[trace_at + len1] if len2 else 0,
        bytes(frame[trace_at : trace_at + len1]),
    )


def _text(field: bytes) -> str:
    """The octets before the first NUL; a field without one gives up its last octet, as in C."""
    return field[:-1].partition(b"\0")[0].decode("latin-1")


class FrameReader:
    """Cuts a TCP byte stream into messages, however the stream was segmented.

    Attributes:
        error: what has made the rest of the stream unreadable, if anything has.

    Args:
        max_frame_bytes: a longer announced frame is refused before it is buffered.
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()
        self.error: DecodeError | None = None

    def feed(self, data: bytes) -> list[RmrMessage]:
        """Take what the stream delivered; return the messages that are now complete.

        A malformed frame ends the stream, since nothing after it can be trusted: messages before
        it are returned, and the error is raised by this call or, if it returned some, by the next.

        Raises:
            DecodeError: the stream is malformed; the connection should be closed.
        """
        if self.error is None:
            if self._buffer:
                self._buffer += data
            messages = self._take_frames(self._buffer or data)
            if messages:
                return messages
        if self.error is not None:
            raise self.error
        return []

    def _take_frames(self, received: bytes | bytearray) -> list[RmrMessage]:
        messages: list[RmrMessage] = []
        start = 0
        with memoryview(received) as view:
            try:
                while length := self._frame_length(view, start):
                    messages.append(decode(view[start : start + length]))
                    start += length
            except DecodeError as error:
                self.error = error
        if self.error is not None:
            self._buffer = bytearray()
        elif start or received is not self._buffer:
            self._buffer = bytearray(received[start:])
        return messages

    def _frame_length(self, view: memoryview, start: int) -> int:
        """Octets of the frame at ``start``; 0 while it is incomplete.

        The sender-order length wins over the big-endian copy, as in librmr.
        """
        if len(view) - start < _LENGTH.size:
            return 0
        length: int = _LENGTH.unpack_from(view, start)[0]
        if not _SMALLEST_FRAME <= length <= self._max_frame_bytes:
            raise DecodeError(f"RMR frame announces {length} octets")
        return length if len(view) - start >= length else 0
