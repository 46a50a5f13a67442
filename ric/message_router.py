"""The route manager: makes the RMR route table and brings it to every process that needs it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final, Protocol

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

from oran.errors import DecodeError, NoRoute
from oran.rmr.endpoint import ReplyPath
from oran.rmr.message_types import MessageType
from oran.rmr.routes import RouteTable, render_groups
from oran.rmr.wire import UNSET_SUB_ID, RmrMessage
from ric.metrics import PlatformMetrics
from ric.rnib import ConnectionStatus
from ric.route_pusher import Caller, RoutePusher
from ric.route_table import DynamicRoute, RoutedXapp, RoutingState, build
from ric.sdl import Sdl

_log = logging.getLogger(__name__)

NAMESPACE: Final = "rtmgr"
_DYNAMIC_KEY: Final = "dynamic_routes"


class Bus(Caller, Protocol):
    """The route manager's own place on the bus."""

    def post_reply(self, path: ReplyPath, message: RmrMessage) -> None:
        """Send back to where a message came from."""


class Sender(Protocol):
    """A platform process that sends by the table."""

    routes: RouteTable


class MessageRouter:
    """Holds the routing state; every change of it makes a new table at once.

    Platform components get the table by assignment, xApps by push (and in answer to a request).

    Args:
        e2t_endpoint: owner of every connected node's meid.
        senders: platform components that route by the table.
        retry_s, refresh_s: between pushes that were not answered, and between full ones [s].
    """

    def __init__(
        self,
        bus: Bus,
        sdl: Sdl,
        metrics: PlatformMetrics,
        *,
        e2t_endpoint: str,
        a1_endpoint: str,
        senders: Sequence[Sender],
        retry_s: float = 1.0,
        refresh_s: float = 65.0,
    ) -> None:
        self._bus = bus
        self._sdl = sdl
        self._metrics = metrics
        self._e2t_endpoint = e2t_endpoint
        self._senders = senders
        self._retry_s = retry_s
        self._refresh_s = refresh_s
        self._state = RoutingState(a1_endpoint=a1_endpoint)
        self._control: dict[str, str] = {}
        self._pushers: dict[str, RoutePusher] = {}
        self.table = RouteTable()
        self._rebuild()

    async def restore(self) -> None:
        """Read the routes that were added by hand in an earlier run."""
        stored = (await self._sdl.load(NAMESPACE, _DYNAMIC_KEY)).get(_DYNAMIC_KEY)
        if stored is None:
            return
        try:
            self._state.dynamic = [DynamicRoute(**route) for route in json.loads(stored)]
        except (ValueError, TypeError) as error:
            _log.warning("stored dynamic routes are left out: %s", error)
        self._rebuild()

    async def close(self) -> None:
        """Stop pushing."""
        await asyncio.gather(*(pusher.close() for pusher in self._pushers.values()))

    # --- what changes the table ------------------------------------------------------------

    async def register(self, xapp: RoutedXapp) -> None:
        """An xApp came, or came again."""
        await self.deregister(xapp.name)
        self._state.xapps[xapp.name] = xapp
        self._start_pusher(xapp)
        self._rebuild()

    async def deregister(self, name: str) -> None:
        """An xApp went; unknown names are no error."""
        xapp = self._state.xapps.pop(name, None)
        if xapp is None:
            return
        await self._pushers.pop(xapp.endpoint).close()
        self._rebuild()

    async def on_node_status(self, ran_name: str, status: ConnectionStatus) -> None:
        """A node is reached through the E2 termination while it is connected."""
        if status in (ConnectionStatus.CONNECTED, ConnectionStatus.UNDER_RESET):
            self._state.meid_owners[ran_name] = self._e2t_endpoint
        else:
            self._state.meid_owners.pop(ran_name, None)
        self._rebuild()

    async def add_subscription(self, instance: int, endpoint: str, *, timeout_s: float = 0.5) -> None:
        """Route a subscription's messages to an xApp, and give the xApp time to confirm its own table.

        Raises:
            NoRoute: no registered xApp has exactly that RMR endpoint.
        """
        if all(xapp.endpoint != endpoint for xapp in self._state.xapps.values()):
            raise NoRoute(f"no registered xApp has the RMR endpoint {endpoint}")
        endpoints = self._state.subscriptions.setdefault(instance, [])
        if endpoint not in endpoints:
            endpoints.append(endpoint)
            self._rebuild()
        if not await self._pushers[endpoint].settled(timeout_s):
            _log.warning("xApp %s has not confirmed its route table", endpoint)

    def remove_subscription(self, instance: int, endpoint: str) -> None:
        """End :meth:`add_subscription`; what was not routed is no error."""
        endpoints = self._state.subscriptions.get(instance, [])
        if endpoint in endpoints:
            endpoints.remove(endpoint)
        if not endpoints:
            self._state.subscriptions.pop(instance, None)
        self._rebuild()

    async def add_dynamic(self, routes: Sequence[DynamicRoute]) -> None:
        """Add routes by hand; they outlive restarts and win over generated ones."""
        kept = [route for route in self._state.dynamic if route not in routes]
        await self._set_dynamic([*kept, *routes])

    async def remove_dynamic(self, routes: Sequence[DynamicRoute]) -> None:
        """Take routes added by hand away again."""
        await self._set_dynamic([route for route in self._state.dynamic if route not in routes])

    async def _set_dynamic(self, routes: list[DynamicRoute]) -> None:
        self._state.dynamic = routes
        self._rebuild()
        value = json.dumps([asdict(route) for route in routes]).encode()
        await self._sdl.put(NAMESPACE, {_DYNAMIC_KEY: value})

    def _rebuild(self) -> None:
        self.table = build(self._state)
        for sender in self._senders:
            sender.routes = self.table
        for pusher in self._pushers.values():
            pusher.wake()

    # --- route clients ---------------------------------------------------------------------

    def _start_pusher(self, xapp: RoutedXapp) -> None:
        host = xapp.endpoint.rpartition(":")[0]
        target = self._control.get(xapp.endpoint, f"{host}:{xapp.control_port}")
        self._pushers[xapp.endpoint] = RoutePusher(
            self._bus,
            target,
            lambda: self.table,
            self._metrics,
            retry_s=self._retry_s,
            refresh_s=self._refresh_s,
        )

    def on_rmr(self, message: RmrMessage, path: ReplyPath) -> None:
        """Answer a process that asks for its table; note where its control port is."""
        if message.mtype == MessageType.RMR_TABLE_STATE:
            _log.info("%s: %s", message.source, message.payload)
            return
        if message.mtype != MessageType.RMR_REQ_TABLE:
            _log.info("RMR type %d from %s is not for the route manager", message.mtype, message.source)
            return
        try:
            self._note_control(message)
        except DecodeError as error:
            _log.warning("route table request: %s", error)
            return
        table = self.table.render("on-request").encode()
        self._bus.post_reply(path, replace(message, mtype=MessageType.RMR_TABLE_DATA, payload=table))

    def _note_control(self, message: RmrMessage) -> None:
        name = message.payload.partition(b" ")[0].strip(b"\0\n").decode("latin-1")
        if ":" not in name:
            raise DecodeError(f"{message.payload[:80]!r} does not begin with name:port")
        address = message.source_ip.rpartition(":")[0]
        for endpoint in (name, f"{address}:{name.rpartition(':')[2]}"):
            self._control[endpoint] = message.source
            pusher = self._pushers.get(endpoint)
            if pusher is not None:
                pusher.target = message.source
                pusher.wake(full=True)

    def debug_json(self) -> dict[str, Any]:
        """The table in force, as ``getdebuginfo`` shows it."""
        entries = [
            f"mse|{key.qualified_type}|{key.sub_id}|{render_groups(groups)}"
            for key, groups in self.table.entries.items()
        ]
        owners = [f"mme_ar|{endpoint}|{meid}" for meid, endpoint in self.table.meid_owners.items()]
        return {"RouteTable": entries, "MeidMap": owners}


class _RouteBody(BaseModel):
    """One element of the body of addrmrroute and delrmrroute."""

    model_config = ConfigDict(extra="ignore")

    target: str = Field(
        validation_alias="TargetEndPoint", serialization_alias="TargetEndPoint", pattern="^[^|,;%]+:[0-9]+$"
    )
    mtype: int = Field(validation_alias="MessageType", serialization_alias="MessageType", strict=True, ge=0)
    sender: str = Field(
        default="", validation_alias="SenderEndPoint", serialization_alias="SenderEndPoint", pattern="^[^|;]*$"
    )
    sub_id: int = Field(
        default=0, validation_alias="SubscriptionID", serialization_alias="SubscriptionID", strict=True, ge=-1
    )

    def route(self) -> DynamicRoute:
        return DynamicRoute(self.mtype, self.target, self.sub_id or UNSET_SUB_ID, self.sender)


def rest_app(router: MessageRouter) -> FastAPI:
    """The REST interface of RtMgr that serves people and xApps; its others are calls inside this process."""
    app = FastAPI(title="route manager", openapi_url=None)

    @app.post("/ric/v1/handles/addrmrroute", status_code=201)
    async def add(routes: list[_RouteBody]) -> Response:
        await router.add_dynamic([route.route() for route in routes])
        return Response(status_code=201)

    @app.delete("/ric/v1/handles/delrmrroute", status_code=201)
    async def remove(routes: list[_RouteBody]) -> Response:
        await router.remove_dynamic([route.route() for route in routes])
        return Response(status_code=201)

    @app.get("/ric/v1/getdebuginfo")
    async def debug() -> dict[str, Any]:
        return router.debug_json()

    @app.get("/ric/v1/health/alive")
    @app.get("/ric/v1/health/ready")
    async def health() -> None:
        return None

    return app
