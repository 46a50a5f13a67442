"""Messages over kernel SCTP (RFC 9260, sockets API RFC 6458): one-to-one style, boundaries kept.

E2AP runs over SCTP with payload protocol identifier 70 (E2-CP; 71 E2-UP and 72 E2-DU also occur,
and FlexRIC sends 0). The standard library knows the protocol number and nothing else of it, so the
options and ancillary data are spelt out here as Linux's ``linux/sctp.h`` lays them out.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from typing import Final

from oran.errors import ConnectFailed, DecodeError, LocalProtocolError
from oran.transport.address import Address
from oran.transport.channel import Handlers, OnChannel
from oran.transport.faults import mapped
from oran.transport.readiness import Readiness

_log = logging.getLogger(__name__)

E2_PPID: Final = 70
ACCEPTED_PPIDS: Final = frozenset({0, 70, 71, 72})
MAX_MESSAGE_BYTES: Final = 128 * 1024
STREAMS: Final = 2
"""Streams each way: 0 for setup, reset, service update and errors; 1 for the rest, as E2T uses them."""

_IPPROTO_SCTP: Final = 132
_SCTP_INITMSG: Final = 2
_SCTP_NODELAY: Final = 3
_SCTP_RECVRCVINFO: Final = 32
_SCTP_SNDINFO: Final = 2  # cmsg type
_SCTP_RCVINFO: Final = 3  # cmsg type
_INITMSG = struct.Struct("=HHHH")  # ostreams, max instreams, max attempts, max init timeout [ms]
_SNDINFO = struct.Struct("=HH4sIi")  # sid, flags, ppid (network order), context, association
_RCVINFO = struct.Struct("=HHH2x4sIIIi")  # sid, ssn, flags, ppid, tsn, cumtsn, context, association
_BUFFER_BYTES: Final = 4 * MAX_MESSAGE_BYTES
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(_RCVINFO.size)
_BACKLOG: Final = 16


class SctpChannel:
    """One SCTP association.

    Attributes:
        last_stream, last_ppid: of the message received last.
    """

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self.last_stream = 0
        self.last_ppid = 0
        self._socket = Readiness(sock)
        self._parts: list[bytes] = []  # of a message the kernel has not delivered whole
        self._sending = asyncio.Lock()
        self._receiving = asyncio.Lock()

    async def send(self, data: bytes, *, stream: int = 0) -> None:
        """See :class:`oran.transport.channel.Channel`."""
        if not 0 < len(data) <= MAX_MESSAGE_BYTES:
            raise LocalProtocolError(f"message of {len(data)} octets; 1..{MAX_MESSAGE_BYTES} can be sent")
        if not 0 <= stream < 2**16:
            raise LocalProtocolError(f"SCTP stream {stream} is not 0..65535")
        info = _SNDINFO.pack(stream, 0, E2_PPID.to_bytes(4, "big"), 0, 0)
        with mapped("send", self.peer):
            try:
                async with self._sending:
                    await self._socket.when_writable(
                        lambda s: s.sendmsg([data], [(_IPPROTO_SCTP, _SCTP_SNDINFO, info)])
                    )
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EMSGSIZE):
                    raise
                text = f"SCTP refuses {len(data)} octets on stream {stream}: {error}"
                raise LocalProtocolError(text) from error

    async def receive(self) -> bytes:
        """See :class:`oran.transport.channel.Channel`.

        Raises:
            DecodeError: a message with a foreign payload protocol identifier, or over 128 KiB.
        """
        async with self._receiving:
            with mapped("receive", self.peer):
                while not await self._take_part():
                    if sum(map(len, self._parts)) > MAX_MESSAGE_BYTES:
                        break
            data, self._parts = b"".join(self._parts), []
        return await self._checked(data)

    async def _take_part(self) -> bool:
        """Add one piece of a message; true if it is the last."""
        data, ancillary, flags, _ = await self._socket.when_readable(
            lambda s: s.recvmsg(MAX_MESSAGE_BYTES, _ANCILLARY_BYTES)
        )
        if not data:
            raise EOFError("the association has ended")
        for level, kind, info in ancillary:
            if (level, kind) == (_IPPROTO_SCTP, _SCTP_RCVINFO):
                self.last_stream, _, _, ppid, *_ = _RCVINFO.unpack_from(info)
                self.last_ppid = int.from_bytes(ppid, "big")
        self._parts.append(data)
        return bool(flags & socket.MSG_EOR)

    async def _checked(self, data: bytes) -> bytes:
        if len(data) <= MAX_MESSAGE_BYTES and self.last_ppid in ACCEPTED_PPIDS:
            return data
        await self.close()
        raise DecodeError(f"{self.peer} sent {len(data)} octets with SCTP payload protocol {self.last_ppid}: not E2")

    async def close(self) -> None:
        """See :class:`oran.transport.channel.Channel`; the kernel finishes the shutdown on its own."""
        self._socket.close()


class SctpListener:
    """A listening SCTP socket."""

    def __init__(self, sock: socket.socket, address: Address, on_channel: OnChannel) -> None:
        self._socket = sock
        self._address = address
        self._handlers = Handlers(on_channel)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._accept)

    @property
    def url(self) -> str:
        """Where it listens, with the real port."""
        return str(self._address)

    def _accept(self) -> None:
        try:
            sock, address = self._socket.accept()
            _prepare(sock)
        except OSError as error:  # it went away between the event and now
            _log.warning("SCTP association not accepted: %s", error)
            return
        self._handlers.serve(SctpChannel(sock, f"{address[0]}:{address[1]}"))

    async def close(self) -> None:
        """Stop accepting, and close the channels that were accepted."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
        await self._handlers.close()


async def connect(address: Address, timeout_s: float) -> SctpChannel:
    """Raises ConnectFailed."""
    with mapped("connect", str(address)):
        async with asyncio.timeout(timeout_s):
            family, where = await _resolve(address)
            sock = _socket(family)
            try:
                await Readiness(sock).connect(where)
            except BaseException:  # also when cancelled: the socket is ours alone
                sock.close()
                raise
    return SctpChannel(sock, f"{where[0]}:{where[1]}")


async def listen(address: Address, on_channel: OnChannel) -> SctpListener:
    """Raises ConnectFailed."""
    with mapped("listen", str(address)):
        family, where = await _resolve(address)
        sock = _socket(family)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(where)
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise
    return SctpListener(sock, Address("sctp", address.host, sock.getsockname()[1]), on_channel)


async def _resolve(address: Address) -> tuple[int, tuple[str, int]]:
    # asked as for TCP: name services know no SCTP
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, _, _, _, where = found[0]
    return family, where  # type: ignore[return-value]


def _socket(family: int) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM, _IPPROTO_SCTP)
    except OSError as error:
        if error.errno not in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
            raise
        raise ConnectFailed("this kernel has no SCTP: load the module sctp, or use a tcp:// URL") from error
    _prepare(sock)
    return sock


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    sock.setsockopt(_IPPROTO_SCTP, _SCTP_INITMSG, _INITMSG.pack(STREAMS, STREAMS, 0, 0))
    sock.setsockopt(_IPPROTO_SCTP, _SCTP_NODELAY, struct.pack("=i", 1))
    sock.setsockopt(_IPPROTO_SCTP, _SCTP_RECVRCVINFO, struct.pack("=i", 1))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)


def kernel_has_sctp() -> bool:
    """Whether this kernel can open an SCTP socket."""
    try:
        _socket(socket.AF_INET).close()
    except (ConnectFailed, OSError):
        return False
    return True
