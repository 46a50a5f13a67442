"""The C functions of librmr that ricxappframe calls, by their C names.

``context`` is what :meth:`LibraryFunctions.rmr_init` returned, a buffer argument a pointer to an
``rmr_mbuf_t``. A buffer result is a :class:`PointerTo`; its address is 0 for NULL.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oran.errors import ConfigError, ConnectFailed, LocalProtocolError, SuiteError, TransportError
from oran.rmr import library_states as states
from oran.rmr.endpoint import ORDINARY_CALL_ID, ReplyPath
from oran.rmr.environment import RmrEnvironment
from oran.rmr.library_context import Context, open_context
from oran.rmr.message_buffers import MessageBuffer, MessageBuffers

_log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class PointerTo:
    """A pointer result, before it has the type the caller asked for."""

    address: int


NULL = PointerTo(0)


class LibraryFunctions:
    """State and functions of one stand-in library.

    Args:
        environ: where the ``RMR_*`` variables are read when a context is made.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.buffers = MessageBuffers()
        self.contexts: dict[int, Context] = {}
        self._environ = environ
        self._handles = itertools.count(1)
        self._constants = ctypes.create_string_buffer(json.dumps(states.CONSTANTS).encode())

    # --- constants and contexts --------------------------------------------------------------

    def rmr_get_consts(self) -> PointerTo:
        """JSON text of the constants; it lives as long as the library."""
        return PointerTo(ctypes.addressof(self._constants))

    def rmr_free_consts(self, _text: Any) -> None:
        """Nothing to free."""

    def rmr_init(self, port: bytes, max_payload_bytes: int, flags: int) -> int | None:
        """Listen on ``port`` and begin to look for routes; None where either port is taken or a variable is wrong."""
        try:
            environment = RmrEnvironment.from_environ(self._environ)
            context = open_context(environment, port.decode().rpartition(":")[2], max_payload_bytes, flags)
        except (ConfigError, ConnectFailed) as error:
            _log.error("rmr_init: %s", error)
            return None
        self.contexts[handle := next(self._handles)] = context
        return handle

    def rmr_ready(self, context: int) -> int:
        """1 if there is a route table, be it the seed."""
        found = self.contexts.get(context)
        return int(found is not None and found.routes is not None and found.routes.ready)

    def rmr_close(self, context: int) -> None:
        """Close every connection; buffers stay until they are freed."""
        found = self.contexts.pop(context, None)
        if found is not None:
            found.close()

    def rmr_set_stimeout(self, context: int, _loops: int) -> int:
        """Accepted, and without effect: a send here waits in the kernel and not in a loop."""
        return 0 if context in self.contexts else -1

    def rmr_set_vlevel(self, level: int) -> None:
        """Verbosity 0 (off) .. 5 (debug), as the level of this package's logger."""
        logging.getLogger("oran.rmr").setLevel(states.LOG_LEVELS[max(0, min(level, 5))])

    # --- buffers -----------------------------------------------------------------------------

    def rmr_alloc_msg(self, context: int, payload_bytes: int) -> PointerTo:
        """A buffer; size 0 is the size given to ``rmr_init``. NULL without a context."""
        found = self.contexts.get(context)
        return PointerTo(self._allocate(found, payload_bytes).address) if found is not None else NULL

    def _allocate(self, context: Context, payload_bytes: int) -> MessageBuffer:
        size = payload_bytes if payload_bytes > 0 else context.payload_bytes
        return self.buffers.keep(MessageBuffer(size, context.endpoint.source, context.endpoint.source_ip))

    def rmr_realloc_payload(self, pointer: Any, payload_bytes: int, copy: int, clone: int) -> PointerTo:
        """Room for a larger payload, in the same struct or (``clone``) in another one."""
        buffer = self.buffers.find(pointer)
        if buffer is None or payload_bytes <= 0:
            return NULL
        if clone:
            buffer = self.buffers.keep(buffer.copy(payload_bytes, with_payload=bool(copy)))
        else:
            buffer.reserve(payload_bytes, keep=bool(copy))
        return PointerTo(buffer.address)

    def rmr_free_msg(self, pointer: Any) -> None:
        """Give a buffer back."""
        self.buffers.free(pointer)

    def rmr_payload_size(self, pointer: Any) -> int:
        """Room for payload; -1 for no buffer."""
        buffer = self.buffers.find(pointer)
        return -1 if buffer is None else buffer.payload_size

    def rmr_bytes2meid(self, pointer: Any, octets: bytes, length: int) -> int:
        """Set the managed entity; the octets taken, or -1 for no buffer."""
        buffer = self.buffers.find(pointer)
        if buffer is None or octets is None:
            return -1
        taken = min(length, states.MAX_MEID)
        buffer.meid = octets[: min(taken, states.MAX_MEID - 1)].partition(b"\0")[0].decode("latin-1")
        return taken

    def rmr_get_meid(self, pointer: Any, destination: Any) -> bytes | None:
        """Copy the managed entity to 32 octets at ``destination``."""
        buffer = self.buffers.find(pointer)
        return None if buffer is None else _copy_name(buffer.meid, destination, states.MAX_MEID)

    def rmr_get_src(self, pointer: Any, destination: Any) -> bytes | None:
        """Copy the sender's ``name:port`` to 64 octets at ``destination``."""
        buffer = self.buffers.find(pointer)
        return None if buffer is None else _copy_name(buffer.source, destination, states.MAX_SRC)

    # --- sending -----------------------------------------------------------------------------

    def rmr_send_msg(self, context: int, pointer: Any) -> PointerTo:
        """Send by the route table. On success the buffer comes back fresh and empty."""
        return self._send(context, pointer, lambda found, buffer: found.endpoint.send(buffer.message()))

    def rmr_rts_msg(self, context: int, pointer: Any) -> PointerTo:
        """Return the message to where it came from; the buffer can be returned there again."""
        buffer = self.buffers.find(pointer)
        if buffer is None:
            return NULL
        path = buffer.reply_path or ReplyPath(buffer.source, buffer.source_ip, None)
        result = self._send(context, pointer, lambda found, _: found.endpoint.reply(path, buffer.message()))
        buffer.source, buffer.source_ip = path.source, path.source_ip
        return result

    def rmr_wh_send_msg(self, context: int, wormhole: int, pointer: Any) -> PointerTo:
        """Send to where the wormhole leads."""
        return self._through(context, wormhole, pointer, self._send_to)

    def _send_to(self, context: int, target: str, pointer: Any) -> PointerTo:
        def deliver(found: Context, buffer: MessageBuffer) -> None:
            buffer.call_id = buffer.call_flags = 0
            found.endpoint.send_to(target, buffer.message())

        return self._send(context, pointer, deliver)

    def _send(self, context: int, pointer: Any, deliver: Callable[[Context, MessageBuffer], None]) -> PointerTo:
        buffer, found = self.buffers.find(pointer), self.contexts.get(context)
        if buffer is None:
            return NULL
        if found is None:
            return _fail(buffer, states.BAD_ARGUMENT, errno.EINVAL)
        try:
            deliver(found, buffer)
        except (TransportError, LocalProtocolError) as error:
            return _fail_with(buffer, error)
        buffer.clear()
        buffer.source, buffer.source_ip = found.endpoint.source, found.endpoint.source_ip
        return PointerTo(buffer.address)

    # --- receiving ---------------------------------------------------------------------------

    def rmr_rcv_msg(self, context: int, pointer: Any) -> PointerTo:
        """The next message, however long it takes."""
        return self.rmr_torcv_msg(context, pointer, -1)

    def rmr_torcv_msg(self, context: int, pointer: Any, timeout_ms: int) -> PointerTo:
        """The next message, in the caller's buffer or (NULL) a new one.

        Args:
            timeout_ms: 0 only looks, a negative one waits. When it is over the caller's buffer
                comes back in state TIMEOUT, NULL as NULL.
        """
        buffer, found = self.buffers.find(pointer), self.contexts.get(context)
        if found is None:
            return NULL if buffer is None else _fail(buffer, states.BAD_ARGUMENT, errno.EINVAL)
        delivery = found.endpoint.receive(None if timeout_ms < 0 else timeout_ms / 1000)
        if delivery is None:
            return NULL if buffer is None else _time_out(buffer)
        message, path = delivery
        buffer = buffer or self._allocate(found, len(message.payload))
        buffer.fill(message, path)
        return PointerTo(buffer.address)

    # --- calls -------------------------------------------------------------------------------

    def rmr_call(self, context: int, pointer: Any) -> PointerTo:
        """Send by the route table and wait a second for the answer; NULL if none came, and the buffer is gone."""
        return self._call(context, pointer, None, ORDINARY_CALL_ID, CALL_TIMEOUT_S)

    def rmr_wh_call(self, context: int, wormhole: int, pointer: Any, call_id: int, wait_ms: int) -> PointerTo:
        """Send to where the wormhole leads and wait for the answer; as :meth:`rmr_call`."""
        wait_s = None if wait_ms < 0 else wait_ms / 1000
        return self._through(context, wormhole, pointer, lambda c, target, p: self._call(c, p, target, call_id, wait_s))

    def _call(self, context: int, pointer: Any, target: str | None, call_id: int, timeout_s: float | None) -> PointerTo:
        buffer, found = self.buffers.find(pointer), self.contexts.get(context)
        if buffer is None:
            return NULL
        if found is None:
            return _fail(buffer, states.BAD_ARGUMENT, errno.EINVAL)
        try:
            answer = found.endpoint.call(buffer.message(), timeout_s, target=target, call_id=call_id)
        except (TransportError, LocalProtocolError) as error:
            return _fail_with(buffer, error)
        if answer is None:
            self.buffers.free(pointer)
            return NULL
        buffer.fill(answer, ReplyPath(answer.source, answer.source_ip, None))
        return PointerTo(buffer.address)

    # --- wormholes ---------------------------------------------------------------------------

    def rmr_wh_open(self, context: int, target: bytes) -> int:
        """Connect to ``host:port``; the id of the wormhole, or -1."""
        found = self.contexts.get(context)
        name = target.decode("latin-1") if target else ""
        if found is None or not name:
            return -1
        try:
            found.endpoint.reach(name)
        except ConnectFailed as error:
            _log.warning("rmr_wh_open: %s", error)
            return -1
        known = {where: number for number, where in found.wormholes.items()}
        number = known.get(name, next(n for n in itertools.count() if n not in found.wormholes))
        found.wormholes[number] = name
        return number

    def rmr_wh_close(self, context: int, wormhole: int) -> None:
        """Forget the wormhole; its connection stays in the pool."""
        found = self.contexts.get(context)
        if found is not None:
            found.wormholes.pop(wormhole, None)

    def rmr_wh_state(self, context: int, wormhole: int, *_: int) -> int:
        """OK while the connection stands."""
        found = self.contexts.get(context)
        if found is None:
            return states.BAD_ARGUMENT
        if wormhole not in found.wormholes:
            return states.WORMHOLE_ID if found.wormholes else states.NO_WORMHOLE_OPEN
        return states.OK if found.endpoint.is_connected(found.wormholes[wormhole]) else states.NO_ENDPOINT

    def _through(
        self, context: int, wormhole: int, pointer: Any, use: Callable[[int, str, Any], PointerTo]
    ) -> PointerTo:
        buffer, found = self.buffers.find(pointer), self.contexts.get(context)
        if buffer is None:
            return NULL
        if found is None:
            return _fail(buffer, states.BAD_ARGUMENT, errno.EINVAL)
        if wormhole not in found.wormholes:
            return _fail(buffer, self.rmr_wh_state(context, wormhole), errno.EINVAL)
        return use(context, found.wormholes[wormhole], pointer)


def _fail(buffer: MessageBuffer, state: int, reason: int) -> PointerTo:
    """The caller's buffer as it was, with the state of the failure."""
    buffer.struct.state, buffer.struct.tp_state = state, reason
    return PointerTo(buffer.address)


def _fail_with(buffer: MessageBuffer, error: SuiteError) -> PointerTo:
    _log.debug("RMR send: %s", error)
    return _fail(buffer, *states.failure_state(error))


def _time_out(buffer: MessageBuffer) -> PointerTo:
    buffer.struct.len = 0
    return _fail(buffer, states.TIMEOUT, errno.ETIMEDOUT)


def _copy_name(name: str, destination: Any, room: int) -> bytes:
    octets = name.encode("latin-1")[: room - 1]
    if destination is not None:
        ctypes.memmove(destination, octets.ljust(room, b"\0"), room)
    return octets
