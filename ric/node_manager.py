"""The node manager: decides E2 set-ups, keeps the inventory of E2 nodes, and tells others when one comes or goes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import FastAPI, HTTPException

from oran.e2ap import (
    CauseMisc,
    CauseProtocol,
    ComponentConfigAck,
    E2NodeConfigurationUpdate,
    E2NodeConfigurationUpdateAcknowledge,
    E2SetupFailure,
    E2SetupRequest,
    E2SetupResponse,
    GlobalRicId,
    RanFunction,
    RanFunctionRef,
    RicServiceUpdate,
    RicServiceUpdateAcknowledge,
    TimeToWait,
)
from oran.errors import DecodeError, LocalProtocolError
from ric.metrics import PlatformMetrics
from ric.ran_name import ran_name
from ric.rnib import MANIPULATION_CHANNEL, NAMESPACE, STATUS_CHANNEL, ConnectionStatus, NodeRecord, parse_record
from ric.sdl import Sdl

_log = logging.getLogger(__name__)

QUICK_RECONNECT_S: Final = 10.0
"""A node that comes back sooner than this after leaving may be told to wait."""
_EVENT_OF: Final = {
    ConnectionStatus.CONNECTED: "CONNECTED",
    ConnectionStatus.DISCONNECTED: "DISCONNECTED",
    ConnectionStatus.UNDER_RESET: "UNDER_RESET",
}

StatusListener = Callable[[str, ConnectionStatus], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SetupDecision:
    """What a node that asks for set-up is told."""

    answer: E2SetupResponse | E2SetupFailure
    record: NodeRecord | None
    """The node, if it was accepted."""


class NodeManager:
    """The inventory.

    Args:
        ric_id: how the RIC names itself to nodes.
        quick_reconnect_wait: what a node that left less than ``QUICK_RECONNECT_S`` ago is told to wait;
            None (the default on one machine) accepts it at once. The platform says 60 s.
        clock_s: monotonic time.

    Attributes:
        listeners: told of every change of a node's status, in order, before the inventory shows it.
    """

    def __init__(
        self,
        sdl: Sdl,
        metrics: PlatformMetrics,
        *,
        ric_id: GlobalRicId,
        quick_reconnect_wait: TimeToWait | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listeners: list[StatusListener] = []
        self._sdl = sdl
        self._metrics = metrics
        self._ric_id = ric_id
        self._wait = quick_reconnect_wait
        self._clock_s = clock_s
        self._nodes: dict[str, NodeRecord] = {}
        self._left_at_s: dict[str, float] = {}
        self._changing = asyncio.Lock()
        self.e2t_address = ""

    async def restore(self) -> None:
        """Read the inventory of an earlier run; its associations ended with it, so every node is disconnected."""
        await self._sdl.load_members(NAMESPACE, "GNB")
        for key, value in (await self._sdl.load(NAMESPACE, "RAN:")).items():
            try:
                record = parse_record(value)
            except DecodeError as error:
                _log.warning("%s is left out of the inventory: %s", key, error)
                continue
            self._nodes[record.ran_name] = record
            if record.status is not ConnectionStatus.DISCONNECTED:
                await self._change(record.ran_name, ConnectionStatus.DISCONNECTED)

    async def announce_termination(self, e2t_address: str) -> None:
        """Enter the E2 termination, by its RMR endpoint, as the one that nodes are associated with."""
        self.e2t_address = e2t_address
        await self._store_termination()

    # --- procedures of the nodes -----------------------------------------------------------

    def decide_setup(self, request: E2SetupRequest) -> SetupDecision:
        """Accept a node with all its functions, or tell it why not. Changes nothing yet: see :meth:`connected`."""
        try:
            name = ran_name(request.node_id)
        except LocalProtocolError as error:
            _log.warning("E2 set-up refused: %s", error)
            failure = E2SetupFailure(request.transaction_id, CauseProtocol.SEMANTIC_ERROR)
            return SetupDecision(failure, None)
        if self._wait is not None and self._left_lately(name):
            _log.warning("E2 set-up of %s refused: it left less than %g s ago", name, QUICK_RECONNECT_S)
            failure = E2SetupFailure(request.transaction_id, CauseMisc.CONTROL_PROCESSING_OVERLOAD, self._wait)
            return SetupDecision(failure, None)
        record = NodeRecord(
            name,
            request.node_id,
            ConnectionStatus.CONNECTING,
            request.ran_functions,
            request.components,
            self.e2t_address,
            time.time_ns(),
        )
        return SetupDecision(self._response(request), record)

    def _response(self, request: E2SetupRequest) -> E2SetupResponse:
        accepted = tuple(RanFunctionRef(function.id, function.revision) for function in request.ran_functions)
        acks = tuple(ComponentConfigAck(config.component) for config in request.components)
        return E2SetupResponse(request.transaction_id, self._ric_id, accepted, (), acks)

    def _left_lately(self, name: str) -> bool:
        left_at_s = self._left_at_s.get(name)
        return left_at_s is not None and self._clock_s() - left_at_s < QUICK_RECONNECT_S

    async def connected(self, record: NodeRecord) -> None:
        """A set-up was accepted: enter the node and tell everyone."""
        known = self._nodes.get(record.ran_name)
        self._nodes[record.ran_name] = replace(record, status=known.status if known else record.status)
        await self._change(record.ran_name, ConnectionStatus.CONNECTED)

    async def lost(self, name: str) -> None:
        """The association of a node ended."""
        self._left_at_s[name] = self._clock_s()
        await self._change(name, ConnectionStatus.DISCONNECTED)

    async def reset(self, name: str) -> None:
        """The node was reset: everything it was asked to do is gone, its association stays."""
        await self._change(name, ConnectionStatus.UNDER_RESET)
        await self._change(name, ConnectionStatus.CONNECTED)

    async def update_service(self, name: str, update: RicServiceUpdate) -> RicServiceUpdateAcknowledge:
        """Take over the node's new list of functions; all are accepted."""
        functions = {function.id: function for function in self._nodes[name].functions}
        functions.update({function.id: function for function in (*update.added, *update.modified)})
        for gone in update.deleted:
            functions.pop(gone.id, None)
        await self._replace_functions(name, tuple(functions.values()))
        changed = (*update.added, *update.modified)
        accepted = tuple(RanFunctionRef(function.id, function.revision) for function in changed) + update.deleted
        return RicServiceUpdateAcknowledge(update.transaction_id, accepted)

    async def _replace_functions(self, name: str, functions: tuple[RanFunction, ...]) -> None:
        self._nodes[name] = replace(self._nodes[name], functions=functions)
        await self._store(self._nodes[name], (MANIPULATION_CHANNEL, f"{name}_UPDATED"))

    async def update_configuration(
        self, name: str, update: E2NodeConfigurationUpdate
    ) -> E2NodeConfigurationUpdateAcknowledge:
        """Take over the node's new component configurations."""
        components = {config.component: config for config in self._nodes[name].components}
        components.update({config.component: config for config in (*update.additions, *update.updates)})
        for gone in update.removals:
            components.pop(gone, None)
        self._nodes[name] = replace(self._nodes[name], components=tuple(components.values()))
        await self._store(self._nodes[name], (MANIPULATION_CHANNEL, f"{name}_UPDATED"))
        return E2NodeConfigurationUpdateAcknowledge(
            update.transaction_id,
            tuple(ComponentConfigAck(config.component) for config in update.additions),
            tuple(ComponentConfigAck(config.component) for config in update.updates),
            tuple(ComponentConfigAck(component) for component in update.removals),
        )

    # --- what others ask -------------------------------------------------------------------

    def status(self, name: str) -> ConnectionStatus:
        """Of a node; UNKNOWN_CONNECTION_STATUS for one that was never set up."""
        record = self._nodes.get(name)
        return record.status if record else ConnectionStatus.UNKNOWN_CONNECTION_STATUS

    def node(self, name: str) -> NodeRecord | None:
        """The record of a node."""
        return self._nodes.get(name)

    def nodes(self) -> Iterable[NodeRecord]:
        """Every node that was ever set up."""
        return tuple(self._nodes.values())

    # --- the record ------------------------------------------------------------------------

    async def _change(self, name: str, status: ConnectionStatus) -> None:
        async with self._changing:  # a node's coming must not overtake its going
            for listener in self.listeners:
                await listener(name, status)
            await self._enter(name, status)

    async def _enter(self, name: str, status: ConnectionStatus) -> None:
        old = self._nodes[name]
        e2t_address = "" if status is ConnectionStatus.DISCONNECTED else self.e2t_address
        record = replace(old, status=status, e2t_address=e2t_address, updated_ns=time.time_ns())
        self._nodes[name] = record
        self._metrics.e2_nodes.set(sum(node.status is ConnectionStatus.CONNECTED for node in self._nodes.values()))
        _log.info("E2 node %s: %s", name, status.name)
        await self._sdl.replace_member(NAMESPACE, "GNB", old.identity(), record.identity())
        await self._store_termination()
        await self._store(record, (STATUS_CHANNEL, f"{name}_{_EVENT_OF[status]}"))

    async def _store(self, record: NodeRecord, event: tuple[str, str]) -> None:
        value = record.to_protobuf()
        values = {f"RAN:{record.ran_name}": value, record.secondary_key: value}
        await self._sdl.put(NAMESPACE, values, publish=event)

    async def _store_termination(self) -> None:
        values = {
            "E2TAddresses": _json([self.e2t_address]),
            f"E2TInstance:{self.e2t_address}": _json(self.termination_json() | {"state": "ACTIVE"}),
        }
        await self._sdl.put(NAMESPACE, values)

    def termination_json(self) -> dict[str, Any]:
        """The E2 termination as ``/v1/e2t/list`` shows it."""
        names = [node.ran_name for node in self._nodes.values() if node.status is ConnectionStatus.CONNECTED]
        return {"e2tAddress": self.e2t_address, "ranNames": names}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def rest_app(manager: NodeManager) -> FastAPI:
    """The REST interface of E2Mgr, as far as it reads."""
    app = FastAPI(title="node manager", openapi_url=None)

    def known(name: str) -> NodeRecord:
        record = manager.node(name)
        if record is None:
            raise HTTPException(404, detail={"errorCode": 404, "errorMessage": "Resource not found"})
        return record

    @app.get("/v1/nodeb/states")
    async def states() -> list[dict[str, Any]]:
        return [record.state_json() for record in manager.nodes()]

    @app.get("/v1/nodeb/states/{name}")
    async def state(name: str) -> dict[str, Any]:
        return known(name).state_json()

    @app.get("/v1/nodeb/{name}")
    async def node(name: str) -> dict[str, Any]:
        return known(name).to_json()

    @app.get("/v1/e2t/list")
    async def terminations() -> list[dict[str, Any]]:
        return [manager.termination_json()]

    @app.get("/v1/health")
    async def health() -> None:
        return None

    return app
