"""TCP connections of one RMR endpoint: a listener, a pool of outgoing ones, a thread that reads.

Sending happens in the caller's thread, straight into the socket. One reader thread serves every
connection, inbound and outgoing (a peer that cannot resolve our name answers on the connection
it got the message by). Only that thread closes sockets, so no file descriptor is used twice.
"""

from __future__ import annotations

import errno
import logging
import select
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from oran.errors import ConfigError, ConnectFailed, DecodeError, PeerClosed
from oran.rmr.wire import FrameReader, RmrMessage

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 2.0
SEND_TIMEOUT_S: Final = 2.0
_RECEIVE_BYTES: Final = 256 * 1024
_BACKLOG: Final = 128
_DESCRIPTOR_PAUSE_S: Final = 0.05
# librmr's keep-alive: a peer that vanished without a word is noticed in six seconds
_KEEPALIVE = (("TCP_KEEPIDLE", 1), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 5))


class Connection:
    """One TCP connection: whole frames out, whole messages in.

    Attributes:
        peer: ``address:port`` of the other end, or the target name it was reached by.
        alive: false once either end has given it up.
    """

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.socket = sock
        self.peer = peer
        self.alive = True
        self._frames = FrameReader()
        self._sending = threading.Lock()

    @property
    def peer_address(self) -> str:
        """Numeric address of the other end, without the port; empty if it is gone."""
        try:
            return str(self.socket.getpeername()[0])
        except OSError:
            return ""

    def send(self, frame: bytes) -> None:
        """Write one frame, all of it.

        Raises:
            PeerClosed: the peer has gone, or takes nothing more; the connection is given up.
        """
        try:
            with self._sending:
                self._write(memoryview(frame))
        except OSError as error:
            self.give_up()
            raise PeerClosed(f"RMR connection to {self.peer}: {error}") from error

    def _write(self, rest: memoryview) -> None:
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self.socket, select.POLLOUT)
                if not poll.poll(SEND_TIMEOUT_S * 1000):
                    raise TimeoutError(f"it has taken nothing for {SEND_TIMEOUT_S} s") from None

    def receive(self, area: bytearray) -> list[RmrMessage]:
        """Messages completed by what has arrived.

        Args:
            area: where the kernel may write; its content is of no use afterwards.

        Raises:
            PeerClosed: the stream has ended.
            DecodeError: the stream is malformed.
        """
        try:
            received = self.socket.recv_into(area)
        except BlockingIOError:
            return []
        except OSError as error:
            raise PeerClosed(f"RMR connection to {self.peer}: {error}") from error
        if not received:
            raise PeerClosed(f"RMR connection to {self.peer} has ended")
        return self._frames.feed(bytes(memoryview(area)[:received]))

    @property
    def malformed(self) -> DecodeError | None:
        """What has made the rest of the stream unreadable, if anything has."""
        return self._frames.error

    def give_up(self) -> None:
        """Let both ends see the end; the reader thread then closes the socket."""
        self.alive = False
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:  # the peer was faster
            _log.debug("shutting down the connection to %s: %s", self.peer, error)


class Connections:
    """All connections of one endpoint.

    Args:
        host, port: where to listen; port 0 takes a free one.
        on_message: called in the reader thread for every message that arrives.
    """

    def __init__(self, host: str, port: int, on_message: Callable[[RmrMessage, Connection], None]) -> None:
        self._host = host
        self._port = port
        self._on_message = on_message
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._commands: deque[Callable[[], None]] = deque()
        self._targets: dict[str, Connection] = {}
        self._connecting: dict[str, threading.Lock] = {}
        self._area = bytearray(_RECEIVE_BYTES)  # the reader's, made once
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="rmr-reader", daemon=True)

    def start(self) -> int:
        """Listen and begin to read; return the port.

        Raises:
            ConnectFailed: the port is taken, or the host is not one of ours. Unlike librmr, no two
                processes share a port: the kernel would split the traffic between them.
        """
        try:
            listener = _listening_socket(self._host, self._port)
        except (OSError, OverflowError) as error:  # Overflow: the number is no port
            raise ConnectFailed(f"cannot listen for RMR on {self._host}:{self._port}: {error}") from error
        self._port = listener.getsockname()[1]
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._obey)
        self._thread.name = f"rmr-reader-{self._port}"
        self._thread.start()
        return self._port

    @property
    def in_reader_thread(self) -> bool:
        """Whether the caller is the reader thread, which must never wait for a message."""
        return threading.current_thread() is self._thread

    def reach(self, target: str) -> Connection:
        """The pooled connection to ``host:port``, made if there is none.

        Raises:
            ConnectFailed: nobody answers there, or the text is no ``host:port``.
        """
        pooled = self._targets.get(target)
        if pooled is not None and pooled.alive:
            return pooled
        with self._connecting.setdefault(target, threading.Lock()):
            pooled = self._targets.get(target)
            if pooled is None or not pooled.alive:
                pooled = self._connect(target)
            return pooled

    def is_connected(self, target: str) -> bool:
        """Whether the pool holds a connection to ``host:port`` that neither end has given up."""
        pooled = self._targets.get(target)
        return pooled is not None and pooled.alive

    def _connect(self, target: str) -> Connection:
        try:
            sock = _connected_socket(*split_target(target))
        except (OSError, ConfigError, UnicodeError) as error:
            raise ConnectFailed(f"no RMR connection to {target}: {error}") from error
        connection = Connection(sock, target)
        self._targets[target] = connection
        if not self._in_reader(lambda: self._watch(connection)):
            sock.close()
            raise ConnectFailed(f"endpoint is closed; no RMR connection to {target}")
        return connection

    def close(self) -> None:
        """Close every socket and wait for the reader thread."""
        if self._closing:
            return
        self._closing = True
        if self._thread.ident is None:
            self._release()
        else:
            self._in_reader(lambda: None)
            if not self.in_reader_thread:
                self._thread.join()

    def _in_reader(self, command: Callable[[], None]) -> bool:
        """Have the reader thread do something; false if it has ended."""
        self._commands.append(command)
        try:
            self._wake_in.send(b"\0")
        except OSError:  # closed with the thread
            return False
        return True

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                key.data()
        self._release()

    def _obey(self) -> None:
        self._wake_out.recv(4096)
        while self._commands:
            self._commands.popleft()()

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
            _prepare(sock)
        except OSError as error:  # the peer left at once, or descriptors ran out
            _log.warning("RMR connection not accepted: %s", error)
            if error.errno in (errno.EMFILE, errno.ENFILE):
                time.sleep(_DESCRIPTOR_PAUSE_S)  # it stays ready to be accepted; do not spin
            return
        self._watch(Connection(sock, f"{address[0]}:{address[1]}"))

    def _watch(self, connection: Connection) -> None:
        self._selector.register(connection.socket, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: Connection) -> None:
        try:
            for message in connection.receive(self._area):
                self._on_message(message, connection)
        except PeerClosed as error:
            _log.debug("%s", error)
            self._drop(connection)
        except DecodeError as error:
            self._refuse(connection, error)
        else:
            if connection.malformed is not None:
                self._refuse(connection, connection.malformed)

    def _refuse(self, connection: Connection, error: DecodeError) -> None:
        _log.warning("RMR connection to %s closed: %s", connection.peer, error)
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.alive = False
        self._selector.unregister(connection.socket)
        connection.socket.close()
        if self._targets.get(connection.peer) is connection:
            del self._targets[connection.peer]

    def _release(self) -> None:
        watched = self._selector.get_map() or {}
        for key in list(watched.values()):
            key.fileobj.close()  # type: ignore[union-attr]
        for connection in list(self._targets.values()):
            connection.alive = False
            connection.socket.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()


def split_target(target: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[v6]:port``.

    Raises:
        ConfigError: it is neither.
    """
    host, colon, port = target.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError("RMR endpoint", target, "is not host:port")
    return host.strip("[]"), int(port)


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past TIME_WAIT only; a second listener is refused
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock


def _connected_socket(host: str, port: int) -> socket.socket:
    sock = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
    try:
        if sock.getsockname() == sock.getpeername():
            raise ConnectionRefusedError("nobody listens; the kernel joined the socket with itself")
        _prepare(sock)
    except OSError:
        sock.close()
        raise
    return sock


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):  # not on every system
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
