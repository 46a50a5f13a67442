"""Channels inside one process: same events, same errors and the same back-pressure as a socket."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import Final

from oran.errors import ConnectFailed, LocalProtocolError, PeerClosed
from oran.transport.address import Address
from oran.transport.channel import Handlers, OnChannel

MAX_MESSAGE_BYTES: Final = 1024 * 1024
MAX_WAITING_MESSAGES: Final = 256

_listeners: dict[str, MemoryListener] = {}
_numbers = itertools.count(1)


class _Pipe:
    """One direction: a bounded queue that can be closed from either end."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, data: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or len(self._messages) < MAX_WAITING_MESSAGES)
            if self._closed:
                raise PeerClosed("the channel is closed")
            self._messages.append(data)
            self._changed.notify_all()

    async def get(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or bool(self._messages))
            if not self._messages:
                raise PeerClosed("the channel is closed")
            self._changed.notify_all()
            return self._messages.popleft()

    async def close(self, *, discard: bool) -> None:
        async with self._changed:
            self._closed = True
            if discard:
                self._messages.clear()
            self._changed.notify_all()


class MemoryChannel:
    """One end of a pair of pipes."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe, peer: str) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self.peer = peer

    async def send(self, data: bytes, *, stream: int = 0) -> None:
        """See :class:`oran.transport.channel.Channel`; ``stream`` is not carried."""
        if not 0 < len(data) <= MAX_MESSAGE_BYTES:
            raise LocalProtocolError(f"message of {len(data)} octets; 1..{MAX_MESSAGE_BYTES} can be sent")
        await self._outgoing.put(bytes(data))

    async def receive(self) -> bytes:
        """See :class:`oran.transport.channel.Channel`."""
        return await self._incoming.get()

    async def close(self) -> None:
        """See :class:`oran.transport.channel.Channel`."""
        await self._outgoing.close(discard=False)
        await self._incoming.close(discard=True)


class MemoryListener:
    """A name in this process at which channels arrive."""

    def __init__(self, name: str, on_channel: OnChannel) -> None:
        self._name = name
        self._handlers = Handlers(on_channel)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"memory://{self._name}"

    def accept(self) -> MemoryChannel:
        """A channel to this listener; the other end goes to a handler."""
        there, back = _Pipe(), _Pipe()
        self._handlers.serve(MemoryChannel(there, back, f"memory-{next(_numbers)}"))
        return MemoryChannel(back, there, self._name)

    async def close(self) -> None:
        """Give the name up, and close the channels that were accepted."""
        if _listeners.get(self._name) is self:
            del _listeners[self._name]
        await self._handlers.close()


async def connect(address: Address, timeout_s: float) -> MemoryChannel:
    """Raises ConnectFailed if nobody listens under the name."""
    listener = _listeners.get(address.host)
    if listener is None:
        raise ConnectFailed(f"connect {address}: nobody listens")
    return listener.accept()


async def listen(address: Address, on_channel: OnChannel) -> MemoryListener:
    """Raises ConnectFailed if the name is taken; an empty name gets a free one."""
    name = address.host or f"listener-{next(_numbers)}"
    if name in _listeners:
        raise ConnectFailed(f"listen {address}: the name is taken")
    _listeners[name] = MemoryListener(name, on_channel)
    return _listeners[name]
