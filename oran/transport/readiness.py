"""Waiting for a non-blocking socket in asyncio, for sockets asyncio's own streams do not know."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Readiness:
    """A socket, with at most one task waiting to read and one waiting to write.

    Closing it wakes both with ConnectionResetError. Nothing is registered with the event loop
    except while a task waits, so a descriptor number used again is never mistaken for this one.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    async def when_readable(self, attempt: Callable[[socket.socket], T]) -> T:
        """Call ``attempt`` until it does not block.

        Raises:
            OSError: whatever ``attempt`` raises; ConnectionResetError once closed.
        """
        while True:
            try:
                return attempt(self._open_socket())
            except BlockingIOError:
                await self._until_readable()

    async def when_writable(self, attempt: Callable[[socket.socket], T]) -> T:
        """As :meth:`when_readable`, for writing."""
        while True:
            try:
                return attempt(self._open_socket())
            except BlockingIOError:
                await self._until_writable()

    async def connect(self, where: Any) -> None:
        """Connect without blocking.

        Raises:
            OSError: refused, unreachable, ...
        """
        try:
            self._open_socket().connect(where)
        except BlockingIOError:
            await self._until_writable()
            if fault := self._open_socket().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(fault, os.strerror(fault)) from None

    def _open_socket(self) -> socket.socket:
        if self._socket.fileno() < 0:
            raise ConnectionResetError("closed at this end")
        return self._socket

    async def _until_readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._reader = future = loop.create_future()
        loop.add_reader(self._socket.fileno(), _complete, future)
        try:
            await future
        finally:
            self._stop_reading()

    async def _until_writable(self) -> None:
        loop = asyncio.get_running_loop()
        self._writer = future = loop.create_future()
        loop.add_writer(self._socket.fileno(), _complete, future)
        try:
            await future
        finally:
            self._stop_writing()

    def _stop_reading(self) -> None:
        if self._reader is not None and self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._reader = None

    def _stop_writing(self) -> None:
        if self._writer is not None and self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_writer(self._socket.fileno())
        self._writer = None

    def close(self) -> None:
        """Close the socket and wake whoever waits; allowed twice."""
        waiting = [future for future in (self._reader, self._writer) if future is not None]
        self._stop_reading()
        self._stop_writing()
        self._socket.close()
        for future in waiting:
            _complete(future)


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
