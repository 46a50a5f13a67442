"""The whole near-RT RIC: its components, in the order in which they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from oran.e2ap import GlobalRicId, Pdu, TimeToWait
from oran.errors import ConfigError
from oran.rmr.endpoint import RmrEndpoint
from ric import a1_rest, app_manager, message_router, node_manager, subscription_rest
from ric.a1_mediator import A1Mediator
from ric.app_manager import AppManager, EndpointNames
from ric.e2_termination import TRACE_LENGTH, E2Termination
from ric.message_router import MessageRouter
from ric.metrics import PlatformMetrics
from ric.node_manager import NodeManager
from ric.notifier import Notifier
from ric.rest_server import RestServer
from ric.rmr_face import RmrFace
from ric.route_table import RoutedXapp
from ric.sdl import Sdl
from ric.subscription_book import SubscriptionBook
from ric.subscription_manager import SubscriptionManager
from ric.subscription_procedures import SubscriptionProcedures


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the RIC listens and what it knows; every port 0 takes a free one."""

    e2_url: str = "tcp://127.0.0.1:36422"
    host: str = "127.0.0.1"
    """Address of every REST and RMR port."""
    redis_host: str = "127.0.0.1"
    redis_port: int = 6379
    rmr_port: int = 38000
    """E2 termination."""
    a1_rmr_port: int = 4562
    rtmgr_rmr_port: int = 4561
    e2mgr_port: int = 3800
    submgr_port: int = 8088
    appmgr_port: int = 8080
    a1_port: int = 10000
    rtmgr_port: int = 3801
    metrics_port: int = 8089
    ric_id: GlobalRicId = field(default_factory=lambda: GlobalRicId(b"\x00\xf1\x10", 1))
    quick_reconnect_wait: TimeToWait | None = None
    """Time to wait [s] that a node is given that left less than 10 s ago; None: it may come at once."""
    endpoint_names: EndpointNames = EndpointNames.ONE_MACHINE
    notification_retry_s: float = 5.0
    route_refresh_s: float = 65.0


class NearRtRic:
    """All components in one event loop. Use as an asynchronous context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = PlatformMetrics()
        self._stack = contextlib.AsyncExitStack()
        self.addresses: dict[str, str] = {}
        """Bound addresses by component, once started."""

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        """State first, then who works on it, last the doors: nobody meets a half-started RIC."""
        self._sdl = Sdl(self.settings.redis_host, self.settings.redis_port)
        await self._sdl.start()
        self._stack.push_async_callback(self._sdl.close)
        self.metrics.sdl_available.set_function(lambda: float(self._sdl.available))
        self._make_components()
        self._start_rmr()
        self._connect_components()
        await self._restore()
        self.addresses["e2"] = await self._termination.start(self.settings.e2_url)
        self._stack.push_async_callback(self._termination.close)
        await self._serve_rest()
        # a stop of the RIC is no reason to forget subscriptions: the book keeps them as it does when the RIC dies
        self._stack.callback(self._nodes.listeners.clear)

    def _make_components(self) -> None:
        settings, metrics = self.settings, self.metrics
        self._e2_bus = self._face("e2term", settings.rmr_port, trace_length=TRACE_LENGTH)
        self._a1_bus = self._face("a1mediator", settings.a1_rmr_port)
        self._routing_bus = self._face("rtmgr", settings.rtmgr_rmr_port)
        self._notifier = Notifier(retry_s=settings.notification_retry_s)
        self._stack.push_async_callback(self._notifier.close)
        self._nodes = NodeManager(
            self._sdl, metrics, ric_id=settings.ric_id, quick_reconnect_wait=settings.quick_reconnect_wait
        )
        self._termination = E2Termination(
            self._e2_bus, self._nodes, metrics, on_subscription_pdu=self._on_subscription_pdu
        )
        self._mediator = A1Mediator(self._a1_bus, self._sdl, metrics, self._notifier)
        self._stack.push_async_callback(self._mediator.close)
        self._apps = AppManager(
            self._sdl,
            on_registered=self._on_registered,
            on_deregistered=self._on_deregistered,
            endpoint_names=settings.endpoint_names,
        )

    def _face(self, component: str, port: int, *, trace_length: int = 0) -> RmrFace:
        return RmrFace(component, RmrEndpoint(self.settings.host, port, trace_length=trace_length), self.metrics)

    def _start_rmr(self) -> None:
        handlers = (
            (self._e2_bus, self._termination.on_rmr),
            (self._a1_bus, self._mediator.on_rmr),
            (self._routing_bus, lambda message, path: self._router.on_rmr(message, path)),
        )
        for bus, handler in handlers:
            bus.start(handler)
            self._stack.push_async_callback(bus.close)

    def _connect_components(self) -> None:
        self._router = MessageRouter(
            self._routing_bus,
            self._sdl,
            self.metrics,
            e2t_endpoint=self._e2_bus.address,
            a1_endpoint=self._a1_bus.address,
            senders=(self._e2_bus, self._a1_bus),
            refresh_s=self.settings.route_refresh_s,
        )
        self._stack.push_async_callback(self._router.close)
        self._subscriptions = SubscriptionManager(
            SubscriptionBook(self._sdl),
            SubscriptionProcedures(self._termination.send),
            self._router,
            self._notifier,
            self.metrics,
            node_status=self._nodes.status,
            new_id=subscription_rest.ksuid,
        )
        self._stack.push_async_callback(self._subscriptions.close)

    async def _restore(self) -> None:
        await self._router.restore()
        await self._apps.restore()
        await self._nodes.restore()
        await self._nodes.announce_termination(self._e2_bus.address)
        await self._subscriptions.restore()
        await self._mediator.restore()
        # only now: that the nodes of an earlier run are gone must not empty the book they will be matched with
        self._nodes.listeners += [self._subscriptions.on_node_status, self._router.on_node_status]

    async def _serve_rest(self) -> None:
        settings = self.settings
        servers = {
            "e2mgr": (node_manager.rest_app(self._nodes), settings.e2mgr_port),
            "submgr": (subscription_rest.rest_app(self._subscriptions), settings.submgr_port),
            "appmgr": (app_manager.rest_app(self._apps), settings.appmgr_port),
            "a1": (a1_rest.rest_app(self._mediator), settings.a1_port),
            "rtmgr": (message_router.rest_app(self._router), settings.rtmgr_port),
            "metrics": (metrics_app(self.metrics), settings.metrics_port),
        }
        started = {name: RestServer(app, settings.host, port) for name, (app, port) in servers.items()}
        self._stack.push_async_callback(_close_all, tuple(started.values()))
        await asyncio.gather(*(server.start() for server in started.values()))
        self.addresses |= {name: server.url for name, server in started.items()}
        self.addresses["rmr"] = self._e2_bus.address
        self.addresses["a1_rmr"] = self._a1_bus.address
        self.addresses["rtmgr_rmr"] = self._routing_bus.address

    # --- between components ----------------------------------------------------------------

    def _on_subscription_pdu(self, ran_name: str, pdu: Pdu) -> None:
        self._subscriptions.on_e2_pdu(ran_name, pdu)

    async def _on_registered(self, xapp: RoutedXapp) -> None:
        await self._router.register(xapp)

    async def _on_deregistered(self, xapp: RoutedXapp) -> None:
        await self._subscriptions.on_deregistered(xapp.endpoint)
        await self._router.deregister(xapp.name)


async def _close_all(servers: Sequence[RestServer]) -> None:
    await asyncio.gather(*(server.close() for server in servers))


def metrics_app(metrics: PlatformMetrics) -> FastAPI:
    """Prometheus metrics of all components."""
    app = FastAPI(title="metrics", openapi_url=None)

    @app.get("/metrics")
    async def scrape() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def wait_of_seconds(seconds: int) -> TimeToWait | None:
    """The E2AP TimeToWait of that length; None for 0.

    Raises:
        ConfigError: E2AP knows no such time.
    """
    if seconds == 0:
        return None
    found = next((wait for wait in TimeToWait if wait.seconds == seconds), None)
    if found is None:
        raise ConfigError("reconnect-wait", seconds, "E2AP knows 1, 2, 5, 10, 20 and 60 s")
    return found
