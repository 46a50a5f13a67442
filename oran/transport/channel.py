"""The face of every transport: channels that carry whole messages, and listeners that accept them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from oran.errors import PeerClosed, RemoteProtocolError

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """A connection that keeps message boundaries and order within a stream."""

    @property
    def peer(self) -> str:
        """The other end, for logs: ``host:port`` or a name."""
        ...

    async def send(self, data: bytes, *, stream: int = 0) -> None:
        """Hand one message to the carrier; returns once it has room for more.

        Args:
            stream: SCTP stream id; transports without streams carry everything in order.

        Raises:
            PeerClosed: the connection is gone.
            LocalProtocolError: the message is empty, too large, or the stream does not exist.
        """
        ...

    async def receive(self) -> bytes:
        """The next message.

        Raises:
            PeerClosed: the peer has closed or aborted, or this end was closed.
            RemoteProtocolError: what came is no message; the channel is closed.
        """
        ...

    async def close(self) -> None:
        """Close; what was sent before still arrives. Closing twice is allowed."""
        ...


OnChannel = Callable[[Channel], Awaitable[None]]


class Listener(Protocol):
    """A place where channels arrive."""

    @property
    def url(self) -> str:
        """Where it listens, with the real port."""
        ...

    async def close(self) -> None:
        """Stop accepting, and close the channels that were accepted."""
        ...


class Handlers:
    """The tasks that serve a listener's channels, one each.

    A handler that ends, well or badly, closes its own channel and no other.
    """

    def __init__(self, on_channel: OnChannel) -> None:
        self._on_channel = on_channel
        self._channels: dict[asyncio.Task[None], Channel] = {}

    def serve(self, channel: Channel) -> None:
        """Give ``channel`` to a handler of its own."""
        task = asyncio.create_task(self._serve(channel))
        self._channels[task] = channel
        task.add_done_callback(lambda ended: self._channels.pop(ended))

    async def _serve(self, channel: Channel) -> None:
        try:
            await self._on_channel(channel)
        except PeerClosed as error:
            _log.info("channel from %s ended: %s", channel.peer, error)
        except RemoteProtocolError as error:
            _log.warning("channel from %s closed: %s", channel.peer, error)
        except Exception:  # noqa: BLE001 - logged; one peer's fault must not reach the others
            _log.exception("handler of the channel from %s failed", channel.peer)
        finally:
            await channel.close()

    async def close(self) -> None:
        """End every handler and wait until its channel is closed."""
        serving = {task: channel for task, channel in self._channels.items() if task is not asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for channel in serving.values():  # a task cancelled before its first step closed nothing
            await channel.close()
