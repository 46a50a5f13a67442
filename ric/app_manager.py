"""The app manager: who is registered, under which endpoints, with which configuration."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oran.errors import ConfigError
from oran.platform.app_manager import Registration
from ric.route_table import RoutedXapp
from ric.sdl import Sdl

_log = logging.getLogger(__name__)

NAMESPACE: Final = "appmgr"
_KEY_PREFIX: Final = "xapp."
DEFAULT_CONTROL_PORT: Final = 4561
_DATA_PORT_NAME: Final = "rmrdata"
_ROUTE_PORT_NAME: Final = "rmrroute"


class EndpointNames(StrEnum):
    """How an xApp's RMR endpoint follows from its registration."""

    ONE_MACHINE = "one-machine"
    """It is what the xApp said: processes on one machine have no service names."""
    KUBERNETES = "kubernetes"
    """``service-ricxapp-<instance>-rmr.ricxapp`` and the port the xApp said, as the platform has it."""


@dataclass(frozen=True, slots=True)
class Xapp:
    """One registered instance."""

    registration: Registration
    descriptor: dict[str, Any] = field(hash=False)
    routed: RoutedXapp

    @property
    def key(self) -> str:
        """Its key in SDL."""
        return _KEY_PREFIX + self.registration.instance_name

    def instance_json(self) -> dict[str, Any]:
        """As an element of ``instances`` in ``/ric/v1/xapps``."""
        host, _, port = self.routed.endpoint.rpartition(":")
        return {
            "name": self.registration.instance_name,
            "status": "deployed",
            "ip": host,
            "port": int(port),
            "txMessages": sorted(self.routed.tx_messages),
            "rxMessages": sorted(self.routed.rx_messages),
            "policies": list(self.routed.policies),
        }

    def to_json(self) -> dict[str, Any]:
        """As an element of ``/ric/v1/xapps``."""
        return {
            "name": self.registration.app_name,
            "status": "deployed",
            "version": self.registration.app_version,
            "instances": [self.instance_json()],
        }


def read_xapp(registration: Registration, names: EndpointNames) -> Xapp:
    """What a registration says about routing.

    Raises:
        ConfigError: the configuration is no JSON object, or an endpoint or a list in it is malformed.
    """
    descriptor = _descriptor(registration.config)
    host, _, port = registration.rmr_endpoint.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError("rmrEndpoint", registration.rmr_endpoint, "is not host:port")
    if names is EndpointNames.KUBERNETES:
        host = f"service-ricxapp-{registration.instance_name}-rmr.ricxapp"
    try:
        lists = _message_lists(descriptor)
        routed = RoutedXapp(
            registration.instance_name,
            f"{host}:{port}",
            _control_port(descriptor),
            frozenset(str(name) for name in lists.get("txMessages") or ()),
            frozenset(str(name) for name in lists.get("rxMessages") or ()),
            tuple(int(policy) for policy in lists.get("policies") or ()),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError("config", registration.config[:80], f"messaging: {error}") from error
    return Xapp(registration, descriptor, routed)


def _descriptor(text: str) -> dict[str, Any]:
    try:
        descriptor = json.loads(text or "{}")
    except ValueError as error:
        raise ConfigError("config", text[:80], f"is not JSON: {error}") from error
    if not isinstance(descriptor, dict):
        raise ConfigError("config", text[:80], "is not a JSON object")
    return descriptor


def _ports(descriptor: dict[str, Any]) -> list[dict[str, Any]]:
    return (descriptor.get("messaging") or {}).get("ports") or []


def _message_lists(descriptor: dict[str, Any]) -> dict[str, Any]:
    """``rmr`` where there is one, else the port ``rmrdata``: the platform prefers the older form."""
    legacy: dict[str, Any] | None = descriptor.get("rmr")
    if legacy:
        return legacy
    return next((port for port in _ports(descriptor) if port.get("name") == _DATA_PORT_NAME), {})


def _control_port(descriptor: dict[str, Any]) -> int:
    numbers = (
        int(port["port"]) for port in _ports(descriptor) if port.get("name") == _ROUTE_PORT_NAME and "port" in port
    )
    return next(numbers, DEFAULT_CONTROL_PORT)


class AppManager:
    """Registrations, kept in SDL.

    Args:
        on_registered: told of an xApp that came, or came again.
        on_deregistered: told of one that went, or came again with another RMR endpoint.
    """

    def __init__(
        self,
        sdl: Sdl,
        *,
        on_registered: Callable[[RoutedXapp], Awaitable[None]],
        on_deregistered: Callable[[RoutedXapp], Awaitable[None]],
        endpoint_names: EndpointNames = EndpointNames.ONE_MACHINE,
    ) -> None:
        self._sdl = sdl
        self._on_registered = on_registered
        self._on_deregistered = on_deregistered
        self._names = endpoint_names
        self._xapps: dict[str, Xapp] = {}

    async def restore(self) -> None:
        """Take over the registrations of an earlier run, in their order."""
        stored = await self._sdl.load(NAMESPACE, _KEY_PREFIX)
        found: list[tuple[int, Xapp]] = []
        for key, value in stored.items():
            try:
                record = json.loads(value)
                registration = Registration.model_validate(record["registration"])
                found.append((int(record["order"]), read_xapp(registration, self._names)))
            except (ValueError, KeyError, TypeError, ValidationError, ConfigError) as error:
                _log.warning("stored registration %s is left out: %s", key, error)
        for _, xapp in sorted(found, key=lambda item: item[0]):
            self._xapps[xapp.registration.instance_name] = xapp
            await self._on_registered(xapp.routed)

    async def register(self, registration: Registration) -> None:
        """Enter an xApp. It replaces one of the same name, and one whose RMR endpoint it has taken over.

        Raises:
            ConfigError: the registration makes no sense.
        """
        xapp = read_xapp(registration, self._names)
        await self._remove_replaced(xapp)
        self._xapps[registration.instance_name] = xapp
        await self._on_registered(xapp.routed)
        _log.info("xApp %s registered, RMR %s", registration.instance_name, xapp.routed.endpoint)
        record = {"order": time.time_ns(), "registration": registration.to_json()}
        await self._sdl.put(NAMESPACE, {xapp.key: json.dumps(record).encode()})

    async def _remove_replaced(self, xapp: Xapp) -> None:
        name, endpoint = xapp.registration.instance_name, xapp.routed.endpoint
        for earlier in self.xapps():
            same_name, same_endpoint = earlier.registration.instance_name == name, earlier.routed.endpoint == endpoint
            if same_name:
                del self._xapps[name]
            if same_name != same_endpoint:
                await self._forget(earlier)

    async def _forget(self, xapp: Xapp) -> None:
        self._xapps.pop(xapp.registration.instance_name, None)
        await self._on_deregistered(xapp.routed)
        await self._sdl.remove(NAMESPACE, [xapp.key])

    async def deregister(self, app_name: str, instance_name: str) -> bool:
        """Remove an xApp; False if there is no such instance."""
        xapp = self._xapps.get(instance_name)
        if xapp is None or xapp.registration.app_name != app_name:
            return False
        await self._forget(xapp)
        _log.info("xApp %s deregistered", instance_name)
        return True

    def xapps(self) -> list[Xapp]:
        """Every registered instance, the latest last."""
        return list(self._xapps.values())

    def find(self, app_name: str, instance_name: str | None = None) -> Xapp | None:
        """An instance by its names."""
        matches = (xapp for xapp in self.xapps() if xapp.registration.app_name == app_name)
        return next((xapp for xapp in matches if instance_name in (None, xapp.registration.instance_name)), None)


class _Deregistration(BaseModel):
    model_config = ConfigDict(frozen=True)

    app_name: str = Field(validation_alias="appName", serialization_alias="appName")
    instance_name: str = Field(validation_alias="appInstanceName", serialization_alias="appInstanceName")


def rest_app(manager: AppManager) -> FastAPI:
    """The REST interface of AppMgr: registration and what is registered."""
    app = FastAPI(title="app manager", openapi_url=None)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(ConfigError)
    async def bad_request(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 400)

    @app.post("/ric/v1/register", status_code=201)
    async def register(registration: Registration) -> None:
        await manager.register(registration)

    @app.post("/ric/v1/deregister", status_code=204)
    async def deregister(body: _Deregistration) -> Response:
        found = await manager.deregister(body.app_name, body.instance_name)
        return Response(status_code=204 if found else 400)

    def known(xapp: Xapp | None) -> Xapp:
        if xapp is None:
            raise HTTPException(404)
        return xapp

    @app.get("/ric/v1/xapps")
    async def xapps() -> list[dict[str, Any]]:
        return [xapp.to_json() for xapp in manager.xapps()]

    @app.get("/ric/v1/xapps/{name}")
    async def xapp(name: str) -> dict[str, Any]:
        return known(manager.find(name)).to_json()

    @app.get("/ric/v1/xapps/{name}/instances/{instance}")
    async def instance(name: str, instance: str) -> dict[str, Any]:
        return known(manager.find(name, instance)).instance_json()

    @app.get("/ric/v1/config")
    async def config() -> list[dict[str, Any]]:
        return [
            {"metadata": {"xappName": xapp.registration.instance_name, "configType": "json"}, "config": xapp.descriptor}
            for xapp in manager.xapps()
        ]

    @app.get("/ric/v1/health/alive")
    @app.get("/ric/v1/health/ready")
    async def health() -> None:
        return None

    return app
