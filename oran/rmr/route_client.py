"""The application side of the route-manager protocol: RMR types 20 (table), 21 (request), 22 (state).

Security: whoever may set the route table may read and redirect every message. When a route manager
is named (``host:port``), tables from any other address are refused and logged. When it is not
(a bare port), RMR has no way to know who may push; keep the control port off untrusted networks.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from oran.errors import ConfigError, TransportError
from oran.rmr.connections import split_target
from oran.rmr.endpoint import ReplyPath, RmrEndpoint
from oran.rmr.environment import RouteService
from oran.rmr.message_types import MessageType
from oran.rmr.route_records import RouteTableReader, TableOutcome
from oran.rmr.routes import RouteTable
from oran.rmr.wire import UNSET_SUB_ID, RmrMessage

_log = logging.getLogger(__name__)

STATIC_RETRY_S: Final = 1.0
STATIC_RELOAD_S: Final = 60.0
MISSING_TABLE_ID: Final = "<id-missing>"


class RouteClient:
    """Keeps the routes of one endpoint as its route manager wants them.

    Args:
        endpoint: a started endpoint.
        service: where tables come from.
        control_host: where to listen for pushes.
        source_name: host part of the name under which the control port goes out as a source.
    """

    def __init__(
        self, endpoint: RmrEndpoint, service: RouteService, *, control_host: str, source_name: str | None = None
    ) -> None:
        self._endpoint = endpoint
        self._service = service
        self._reader = RouteTableReader()
        self._control = RmrEndpoint(control_host, service.control_port or 0, source_name=source_name)
        self._control.on_message = self._on_control
        self._heard = threading.Event()  # the first table data has come
        self._stopped = threading.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a table, be it the seed."""
        return self._ready.is_set()

    @property
    def control_port(self) -> int:
        """Where tables can be pushed to, once started."""
        return self._control.port

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until there is a table; false if there is none in time."""
        return self._ready.wait(timeout_s)

    def start(self) -> None:
        """Load the seed; listen for tables and ask for one, or watch the seed, as the service says.

        Raises:
            ConnectFailed: the control port is taken.
        """
        seeded = self._load_seed()
        if self._service.control_port is None:
            self._work(self._watch_seed, STATIC_RELOAD_S if seeded else STATIC_RETRY_S)
            return
        self._control.start()
        if self._service.manager is not None:
            self._work(self._ask, self._service.manager)

    def close(self) -> None:
        """Stop listening and asking; the routes stay as they are."""
        self._stopped.set()
        self._heard.set()
        self._control.close()
        if self._thread is not None:
            self._thread.join()

    def _work(self, target: object, *args: object) -> None:
        self._thread = threading.Thread(target=target, args=args, name="rmr-routes", daemon=True)  # type: ignore[arg-type]
        self._thread.start()

    # --- static table ------------------------------------------------------------------------

    def _load_seed(self) -> bool:
        if self._service.seed is None:
            return False
        try:
            table = RouteTable.parse(self._service.seed.read_text("latin-1"))
        except (OSError, ConfigError) as error:
            _log.warning("route table seed: %s", error)
            return False
        self._reader = RouteTableReader(table)
        self._install(table)
        return True

    def _watch_seed(self, wait_s: float) -> None:
        while not self._stopped.wait(wait_s):
            wait_s = STATIC_RELOAD_S if self._load_seed() else STATIC_RETRY_S

    # --- route manager -----------------------------------------------------------------------

    def _ask(self, manager: str) -> None:
        while not self._stopped.is_set():
            request = f"{self._endpoint.source} ts={int(time.time())}\n\0".encode("latin-1")
            try:
                self._control.send_to(manager, RmrMessage(MessageType.RMR_REQ_TABLE, request, sub_id=0))
            except TransportError as error:
                _log.warning("route manager: %s", error)
            if self._heard.wait(self._service.request_interval_s):
                return

    def _on_control(self, message: RmrMessage, path: ReplyPath) -> None:
        if message.mtype != MessageType.RMR_TABLE_DATA:
            _log.warning("RMR type %d on the control port ignored", message.mtype)
        elif not self._is_manager(path):
            _log.error("route table from %s refused: not from %s", _origin(path), self._service.manager)
        else:
            self._heard.set()
            self._take_table(message, path)

    def _is_manager(self, path: ReplyPath) -> bool:
        manager = self._service.manager
        return manager is None or _origin(path) in _addresses(manager)

    def _take_table(self, message: RmrMessage, path: ReplyPath) -> None:
        before = self._reader.table
        outcomes = self._reader.feed(message.payload.decode("latin-1"))
        if self._reader.table is not before:
            self._install(self._reader.table)
        for outcome in outcomes:
            self._acknowledge(outcome, message, path)
        if self._reader.table is not before:
            self._save(self._reader.table)  # last: nobody waits for a slow disk

    def _install(self, table: RouteTable) -> None:
        self._endpoint.routes = table
        self._ready.set()
        _log.info("route table of %d entries, %d managed entities", len(table.entries), len(table.meid_owners))

    def _acknowledge(self, outcome: TableOutcome, message: RmrMessage, path: ReplyPath) -> None:
        verdict = "OK" if outcome.accepted else "ERR"
        text = f"{verdict} {outcome.table_id or MISSING_TABLE_ID} {outcome.reason}\n\0"
        state = replace(message, mtype=MessageType.RMR_TABLE_STATE, sub_id=UNSET_SUB_ID, payload=text.encode("latin-1"))
        try:
            self._control.reply(path, state)
        except TransportError as error:
            _log.warning("route table state not delivered: %s", error)

    def _save(self, table: RouteTable) -> None:
        stash: Path | None = self._service.stash
        if stash is None:
            return
        try:
            partial = stash.with_name(f"{stash.name}.{os.getpid()}")
            partial.write_text(table.render(), "latin-1")
            partial.replace(stash)
        except OSError as error:
            _log.warning("route table not saved: %s", error)


def _origin(path: ReplyPath) -> str:
    return path.connection.peer_address if path.connection is not None else ""


def _addresses(manager: str) -> set[str]:
    """Addresses the manager's name stands for now; asked each time, since a restarted pod has another."""
    host, port = split_target(manager)
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        _log.warning("route manager %s: %s", manager, error)
        return set()
