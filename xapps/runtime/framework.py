"""The xApp framework at work: RMR loop, SDL, configuration watch. Import it only after ``library.install_if_absent``.

Mind its ways (ricxappframe 3.2.2): an exception in a handler ends its loop; ``rmr_send`` cannot set meid or sub_id;
its registration can fail silently; ``stop`` sleeps ten seconds and more. The parts concerned are overridden here.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ricxappframe.rmr import rmr
from ricxappframe.rmr.exceptions import InitFailed
from ricxappframe.xapp_frame import RMRXapp

from oran.errors import ConfigError, NoRoute
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps.runtime.ledger import Sdl

log = logging.getLogger(__name__)

SEND_TRIES = 10
"""Attempts while RMR says "retry"."""
LOOK_UP_S = 0.5
"""How often the idle loop looks whether it should end."""

Deliver = Callable[[list[RmrMessage]], None]


def _payload(buffer: Any) -> bytes:
    """The payload of an RMR buffer, copied at once."""
    return ctypes.string_at(buffer.contents.payload, buffer.contents.len)


rmr.get_payload = _payload  # the framework's own goes octet by octet, which costs more than a whole decision


class Framework(RMRXapp):
    """Delivers everything that has arrived in one batch, and sends.

    Args:
        deliver: takes a batch, oldest first; called on the thread of ``run``; must not raise.
        on_drop: called with the number of indications dropped because more than ``max_queue`` waited.

    Raises:
        ConfigError: RMR cannot listen on its ports.
    """

    def __init__(self, rmr_port: int, deliver: Deliver, *, max_queue: int, on_drop: Callable[[int], None]) -> None:
        self._deliver = deliver
        self._max_queue = max_queue
        self._on_drop = on_drop
        self._send_lock = threading.Lock()
        self._healthy = False
        try:
            super().__init__(Framework._on_message, rmr_port=rmr_port, rmr_wait_for_ready=False)
        except InitFailed as error:
            raise ConfigError(
                "rmr_port", rmr_port, "RMR cannot start: a port is taken or an RMR_ variable wrong"
            ) from error
        self.register_callback(Framework._on_message, MessageType.RIC_HEALTH_CHECK_REQ)

    def registerXapp(self) -> None:  # noqa: N802 - the framework's name
        """Nothing: ``registration.Registrar`` does it, and registering twice strikes the record out."""

    def serve(self) -> None:
        """Receive and deliver until ``end``."""
        self.run(thread=False, rmr_timeout=LOOK_UP_S)

    def end(self) -> None:
        """Let ``serve`` return; safe in a signal handler.

        The framework's own ``stop`` would deregister once more and wait for its threads.
        """
        self._keep_going = False
        self._rmr_loop._keep_going = False

    @property
    def database(self) -> Sdl:
        return self.sdl

    @property
    def alive(self) -> bool:
        """Whether the RMR thread runs."""
        return bool(self._rmr_loop.healthcheck())

    def check_health(self) -> bool:
        """RMR and SDL are well; the answer to RMR health checks until the next look."""
        self._healthy = bool(self.healthcheck())
        return self._healthy

    def send(self, message: RmrMessage) -> None:
        """Hand a message to RMR. Safe in any thread.

        Raises:
            NoRoute: no route, or the endpoint cannot be reached.
        """
        with self._send_lock:
            buffer = rmr.rmr_alloc_msg(
                self._mrc,
                len(message.payload),
                payload=message.payload,
                gen_transaction_id=True,
                mtype=int(message.mtype),
                meid=message.meid.encode(),
            )
            buffer.contents.sub_id = message.sub_id  # not through the argument: 0 counts as "not given" there
            state = rmr.RMR_ERR_RETRY
            for _ in range(SEND_TRIES):
                buffer = rmr.rmr_send_msg(self._mrc, buffer)
                state = buffer.contents.state
                if state != rmr.RMR_ERR_RETRY:
                    break
            rmr.rmr_free_msg(buffer)
        if state != rmr.RMR_OK:
            raise NoRoute(f"RMR message {message.mtype} for {message.meid or 'anybody'}: state {state}")

    def _on_message(self, summary: dict[str, Any], buffer: Any) -> None:
        """The framework's callback: this message and all that wait behind it. Nothing may escape: it ends the loop."""
        try:
            batch = list(self._taken([(summary, buffer), *self.rmr_get_messages()]))
            self._deliver(self._bounded(batch))
        except Exception:
            log.exception("a batch of messages was lost")

    def _taken(self, arrived: Iterable[tuple[dict[str, Any], Any]]) -> Iterator[RmrMessage]:
        """Messages as values, their buffers given back to RMR."""
        for summary, buffer in arrived:
            if summary[rmr.RMR_MS_MSG_TYPE] == MessageType.RIC_HEALTH_CHECK_REQ:
                rmr.rmr_free_msg(self._health_check_answered(buffer))
                continue
            message = _message(summary)
            rmr.rmr_free_msg(buffer)
            yield message

    def _health_check_answered(self, buffer: Any) -> Any:
        """The buffer that RMR gives back for the answered request."""
        payload = b"OK\n" if self._healthy else b"ERROR [RMR or SDL is unhealthy]\n"
        with self._send_lock:
            return rmr.rmr_rts_msg(self._mrc, buffer, payload=payload, mtype=int(MessageType.RIC_HEALTH_CHECK_RESP))

    def _bounded(self, batch: list[RmrMessage]) -> list[RmrMessage]:
        """The batch without its oldest indications, if too many waited; nothing else is ever dropped."""
        excess = len(batch) - self._max_queue
        if excess <= 0:
            return batch
        indications = [index for index, message in enumerate(batch) if message.mtype == MessageType.RIC_INDICATION]
        dropped = set(indications[:excess])
        self._on_drop(len(dropped))
        return [message for index, message in enumerate(batch) if index not in dropped]


def _message(summary: dict[str, Any]) -> RmrMessage:
    return RmrMessage(
        mtype=summary[rmr.RMR_MS_MSG_TYPE],
        payload=summary[rmr.RMR_MS_PAYLOAD] or b"",
        sub_id=summary[rmr.RMR_MS_SUB_ID],
        meid=summary[rmr.RMR_MS_MEID].decode("latin-1"),
        source=summary[rmr.RMR_MS_MSG_SOURCE],
    )
