"""``connect`` and ``listen`` by URL."""

from __future__ import annotations

from typing import Final, Protocol

from oran.transport import memory, sctp, tcp
from oran.transport.address import Address
from oran.transport.channel import Channel, Listener, OnChannel


class _Transport(Protocol):
    async def connect(self, address: Address, timeout_s: float) -> Channel: ...

    async def listen(self, address: Address, on_channel: OnChannel) -> Listener: ...


_TRANSPORTS: Final[dict[str, _Transport]] = {"tcp": tcp, "sctp": sctp, "memory": memory}


async def connect(url: str, *, timeout_s: float = 5.0) -> Channel:
    """A channel to whoever listens at ``url``.

    Raises:
        ConnectFailed: nobody does, or not within ``timeout_s``; or the kernel has no SCTP.
        ConfigError: the URL is none.
    """
    address = Address.parse(url)
    return await _TRANSPORTS[address.scheme].connect(address, timeout_s)


async def listen(url: str, on_channel: OnChannel) -> Listener:
    """Accept channels at ``url``; each is given to ``on_channel`` in a task of its own.

    When ``on_channel`` returns or raises, its channel is closed, and no other. Port 0 takes a free
    port and an empty memory name a free name: see ``Listener.url``.

    Raises:
        ConnectFailed: the place is taken; or the kernel has no SCTP.
        ConfigError: the URL is none.
    """
    address = Address.parse(url)
    return await _TRANSPORTS[address.scheme].listen(address, on_channel)
