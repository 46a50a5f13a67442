"""Messages over TCP: each behind its length in four octets, big-endian.

For hosts whose kernel has no SCTP. Streams are not carried; everything arrives in order.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Final

from oran.errors import DecodeError, LocalProtocolError
from oran.transport.address import Address
from oran.transport.channel import Handlers, OnChannel
from oran.transport.faults import mapped

MAX_MESSAGE_BYTES: Final = 1024 * 1024
LENGTH_BYTES: Final = 4
CLOSE_TIMEOUT_S: Final = 1.0

_log = logging.getLogger(__name__)


class TcpChannel:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._closing: asyncio.Task[None] | None = None
        host, port = writer.get_extra_info("peername")[:2]
        self.peer = f"{host}:{port}"
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def send(self, data: bytes, *, stream: int = 0) -> None:
        """See :class:`oran.transport.channel.Channel`; ``stream`` is not carried."""
        if not 0 < len(data) <= MAX_MESSAGE_BYTES:
            raise LocalProtocolError(f"message of {len(data)} octets; 1..{MAX_MESSAGE_BYTES} can be sent")
        with mapped("send", self.peer):
            if self._writer.is_closing():
                raise ConnectionResetError("the connection is closed")
            self._writer.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
            await self._writer.drain()

    async def receive(self) -> bytes:
        """See :class:`oran.transport.channel.Channel`."""
        with mapped("receive", self.peer):
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            if 0 < length <= MAX_MESSAGE_BYTES:
                return await self._reader.readexactly(length)
        await self.close()  # nothing after a wrong length can be trusted
        raise DecodeError(f"{self.peer} announces a message of {length} octets; 1..{MAX_MESSAGE_BYTES} are allowed")

    async def close(self) -> None:
        """See :class:`oran.transport.channel.Channel`; a peer that reads nothing is not waited for."""
        if self._closing is None:
            self._writer.close()
            self._closing = asyncio.create_task(self._flushed())
        # a task of its own: cancelling one caller must not cancel the flush the others wait for
        await asyncio.wait([self._closing], timeout=CLOSE_TIMEOUT_S)
        self._writer.transport.abort()

    async def _flushed(self) -> None:
        try:
            await self._writer.wait_closed()
        except OSError as error:
            _log.debug("connection to %s was broken when closed: %s", self.peer, error)


class TcpListener:
    """A listening TCP socket."""

    def __init__(self, address: Address, on_channel: OnChannel) -> None:
        self._address = address
        self._handlers = Handlers(on_channel)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises ConnectFailed if the port is taken or the host is not ours."""
        with mapped("listen", str(self._address)):
            self._server = await asyncio.start_server(self._accept, self._address.host, self._address.port)
        port = self._server.sockets[0].getsockname()[1]
        self._address = Address("tcp", self._address.host, port)

    @property
    def url(self) -> str:
        """Where it listens, with the real port."""
        return str(self._address)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handlers.serve(TcpChannel(reader, writer))

    async def close(self) -> None:
        """Stop accepting, and close the channels that were accepted."""
        if self._server is not None:
            self._server.close()
            await self._handlers.close()
            await self._server.wait_closed()


async def connect(address: Address, timeout_s: float) -> TcpChannel:
    """Raises ConnectFailed."""
    with mapped("connect", str(address)):
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(address.host, address.port)
        return TcpChannel(reader, writer)


async def listen(address: Address, on_channel: OnChannel) -> TcpListener:
    """Raises ConnectFailed."""
    listener = TcpListener(address, on_channel)
    await listener.start()
    return listener
