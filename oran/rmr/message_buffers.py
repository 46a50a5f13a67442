"""RMR message buffers (``rmr_mbuf_t``) in memory that ctypes callers read and write.

A caller holds a pointer to the public struct and writes payload and transaction id through the
pointers in it. :class:`MessageBuffers` keeps what those pointers lead to alive, from allocation
until the buffer is freed; an address never freed is a leak of the caller, and ``len`` shows it.
"""

from __future__ import annotations

import ctypes
import logging
from ctypes import POINTER, Structure, addressof, c_char, c_int, c_void_p, cast, memmove
from typing import Any, Final

from oran.rmr.endpoint import ReplyPath
from oran.rmr.wire import MAX_TRANSACTION_BYTES, UNSET_SUB_ID, RmrMessage

_log = logging.getLogger(__name__)

UNSET_MESSAGE_TYPE: Final = -1
_XACTION_BYTES: Final = MAX_TRANSACTION_BYTES + 1  # readers look for a NUL


class MbufStruct(Structure):
    """``rmr_mbuf_t`` of librmr 4.9 (LP64, 88 octets); callers know the fields before ``tp_buf``."""

    _fields_ = [
        ("state", c_int),
        ("mtype", c_int),
        ("len", c_int),
        ("payload", POINTER(c_char)),
        ("xaction", POINTER(c_char)),
        ("sub_id", c_int),
        ("tp_state", c_int),
        ("tp_buf", c_void_p),
        ("header", c_void_p),
        ("id", c_void_p),
        ("flags", c_int),
        ("alloc_len", c_int),
        ("ring", c_void_p),
        ("rts_fd", c_int),
        ("cookie", c_int),
    ]


class MessageBuffer:
    """One buffer: the struct callers see, the memory it points to, and the header beside them.

    Attributes:
        reply_path: the way back, of a received message.
        source, source_ip, meid, trace, call_id, call_flags: header fields the struct does not show.
    """

    def __init__(self, payload_bytes: int, source: str, source_ip: str) -> None:
        self.struct = MbufStruct()
        self.struct.cookie = 0x4942
        self.source = source
        self.source_ip = source_ip
        self._grow(payload_bytes)
        self.clear()

    @property
    def address(self) -> int:
        """Address of the struct; it stays the same for the life of the buffer."""
        return addressof(self.struct)

    @property
    def payload_size(self) -> int:
        """Octets of payload there is room for."""
        return self._payload_size

    @property
    def payload(self) -> bytes:
        """Octets in use; a length beyond the room (the caller's mistake) is cut, as librmr does."""
        return self._area[_XACTION_BYTES : _XACTION_BYTES + max(0, min(self.struct.len, self._payload_size))]

    @property
    def transaction_id(self) -> bytes:
        """The 32 octets without the padding."""
        return self._area[:MAX_TRANSACTION_BYTES].rstrip(b"\0")

    def clear(self) -> None:
        """A fresh, empty message of the same size, in state OK."""
        self.reply_path: ReplyPath | None = None
        self.meid = ""
        self.trace = b""
        self.call_id = 0
        self.call_flags = 0
        struct = self.struct
        struct.state = struct.len = struct.tp_state = 0
        struct.mtype, struct.sub_id = UNSET_MESSAGE_TYPE, UNSET_SUB_ID
        memmove(self._area, bytes(_XACTION_BYTES), _XACTION_BYTES)

    def reserve(self, payload_bytes: int, *, keep: bool) -> None:
        """Make room for a larger payload; the header stays, the rest only if ``keep``."""
        if payload_bytes <= self._payload_size:
            return
        before, used = self._area, self._payload_size
        self._grow(payload_bytes)
        memmove(self._area, before, _XACTION_BYTES + (used if keep else 0))
        if not keep:
            self.struct.mtype, self.struct.sub_id, self.struct.len = UNSET_MESSAGE_TYPE, UNSET_SUB_ID, 0

    def _grow(self, payload_bytes: int) -> None:
        self._payload_size = payload_bytes
        self._area: Any = ctypes.create_string_buffer(_XACTION_BYTES + payload_bytes + 1)
        start = addressof(self._area)
        self.struct.xaction = cast(start, POINTER(c_char))
        self.struct.payload = cast(start + _XACTION_BYTES, POINTER(c_char))
        self.struct.alloc_len = len(self._area)

    def fill(self, message: RmrMessage, path: ReplyPath) -> None:
        """Become the received ``message``."""
        self.clear()
        self.reserve(len(message.payload), keep=False)
        struct = self.struct
        struct.mtype, struct.sub_id, struct.len = message.mtype, message.sub_id, len(message.payload)
        xaction = message.transaction_id
        memmove(self._area, xaction, len(xaction))
        memmove(addressof(self._area) + _XACTION_BYTES, message.payload, len(message.payload))
        self.source, self.source_ip, self.meid = message.source, message.source_ip, message.meid
        self.trace, self.call_id, self.call_flags = message.trace, message.call_id, message.flags
        self.reply_path = path

    def message(self) -> RmrMessage:
        """The message as it is to be sent."""
        return RmrMessage(
            self.struct.mtype,
            self.payload,
            self.struct.sub_id,
            self.meid,
            self.transaction_id,
            flags=self.call_flags,
            call_id=self.call_id,
            trace=self.trace,
        )

    def copy(self, payload_bytes: int, *, with_payload: bool) -> MessageBuffer:
        """Another buffer with the same header and, if asked for, payload."""
        twin = MessageBuffer(max(payload_bytes, self._payload_size), self.source, self.source_ip)
        twin.meid, twin.trace, twin.call_id, twin.call_flags = self.meid, self.trace, self.call_id, self.call_flags
        twin.reply_path = self.reply_path
        memmove(twin._area, self._area, _XACTION_BYTES + (self._payload_size if with_payload else 0))
        twin.struct.state = self.struct.state
        if with_payload:
            twin.struct.mtype, twin.struct.sub_id, twin.struct.len = (
                self.struct.mtype,
                self.struct.sub_id,
                self.struct.len,
            )
        return twin


class MessageBuffers:
    """Every buffer handed out and not yet freed, by the address of its struct."""

    def __init__(self) -> None:
        self._by_address: dict[int, MessageBuffer] = {}

    def __len__(self) -> int:
        return len(self._by_address)

    def keep(self, buffer: MessageBuffer) -> MessageBuffer:
        """Hand a buffer out."""
        self._by_address[buffer.address] = buffer
        return buffer

    def find(self, pointer: Any) -> MessageBuffer | None:
        """The buffer a caller's pointer leads to; None for NULL, and for what was freed or never ours."""
        if not pointer:
            return None
        buffer = self._by_address.get(addressof(pointer.contents))
        if buffer is None:
            _log.error("an RMR message buffer was used after it was freed, or is none of ours")
        return buffer

    def free(self, pointer: Any) -> None:
        """Take a buffer back; NULL is allowed."""
        buffer = self.find(pointer)
        if buffer is not None:
            del self._by_address[buffer.address]
