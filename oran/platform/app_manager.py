"""The app manager's REST interface: registration of xApps (AppMgr 0.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oran.errors import PlatformError
from oran.platform.rest import RestClient


class Registration(BaseModel):
    """Body of POST ``/ric/v1/register``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    app_name: str = Field(validation_alias="appName", serialization_alias="appName", min_length=1)
    """Host name of the xApp's pod."""
    instance_name: str = Field(validation_alias="appInstanceName", serialization_alias="appInstanceName", min_length=1)
    """Name in the descriptor; becomes part of the service names."""
    http_endpoint: str = Field(validation_alias="httpEndpoint", serialization_alias="httpEndpoint")
    """``host:port``."""
    rmr_endpoint: str = Field(validation_alias="rmrEndpoint", serialization_alias="rmrEndpoint")
    """``host:port`` of the RMR data port."""
    app_version: str = Field(default="", validation_alias="appVersion", serialization_alias="appVersion")
    config_path: str = Field(default="", validation_alias="configPath", serialization_alias="configPath")
    config: str = Field(default="", validation_alias="config", serialization_alias="config")
    """The descriptor as JSON text."""

    def to_json(self) -> dict[str, Any]:
        """The body as the framework sends it."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True, slots=True)
class XappInstance:
    """One registered instance, as the platform knows it."""

    app_name: str
    instance_name: str
    rmr_endpoint: str
    """``host:port`` under which RMR messages reach it."""
    version: str
    policies: tuple[int, ...]


class AppManagerClient(RestClient):
    """Register, confirm, deregister."""

    def register(self, registration: Registration) -> None:
        """Raises: PlatformError, 400 if the body was refused."""
        self.call("POST", "/ric/v1/register", expected=(200, 201), json=registration.to_json())

    def deregister(self, app_name: str, instance_name: str) -> None:
        """Raises: PlatformError, 400 if no such instance is registered."""
        body = {"appName": app_name, "appInstanceName": instance_name}
        self.call("POST", "/ric/v1/deregister", expected=(200, 201, 204), json=body)

    def xapps(self) -> list[XappInstance]:
        """Every registered instance.

        Raises:
            PlatformError: no list came.
        """
        body = self.call_json("GET", "/ric/v1/xapps")
        try:
            return [_instance(xapp, item) for xapp in body or [] for item in xapp.get("instances") or []]
        except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
            raise PlatformError(f"GET /ric/v1/xapps: unexpected body: {error!r}", 200) from error

    def is_registered(self, instance_name: str) -> bool:
        """Whether an instance of that name is in the list.

        Raises:
            PlatformError: no list came.
        """
        return any(xapp.instance_name == instance_name for xapp in self.xapps())


def _instance(xapp: dict[str, Any], item: dict[str, Any]) -> XappInstance:
    return XappInstance(
        app_name=str(xapp["name"]),
        instance_name=str(item["name"]),
        rmr_endpoint=f"{item['ip']}:{item['port']}",
        version=str(xapp.get("version", "")),
        policies=tuple(int(policy) for policy in item.get("policies") or ()),
    )
