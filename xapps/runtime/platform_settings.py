"""Settings that every xApp has: who it is, where it listens, where the platform is.

A value comes from the first of: command line, ``XAPP_...`` environment, the variables that the platform's chart sets,
the descriptor (ports, policies, ``controls``), the default. The defaults are the platform's service names and ports;
on one machine every one of them is an option. Nothing else reads the environment or ``config-file.json``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from oran.errors import ConfigError
from xapps.runtime import descriptor

CHART_VARIABLES = {
    "PLT_NAMESPACE": "platform_namespace",
    "APP_NAMESPACE": "namespace",
    "CONFIG_FILE": "config",
    "RMR_SRC_ID": "rmr_name",
    "RMR_RTG_SVC": "route_manager",
    "RMR_SEED_RT": "seed_route_file",
}
"""Environment that the platform's chart and images set, and the setting that each one is."""

SEED_MARK = "# routes until the route manager sends its own; written at every start"


class ChartSource(PydanticBaseSettingsSource):
    """The variables of ``CHART_VARIABLES``, and the folder of the descriptor."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if folder := os.environ.get("XAPP_DESCRIPTOR_PATH"):
            values["config"] = str(Path(folder, "config-file.json"))
        values |= {name: os.environ[key] for key, name in CHART_VARIABLES.items() if os.environ.get(key)}
        return values


class DescriptorSource(PydanticBaseSettingsSource):
    """The descriptor that the sources before this one name as ``config``."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = self.current_state.get("config")
        if path is None:
            raise ConfigError("config", None, "name the descriptor: --config FILE, or CONFIG_FILE")
        described, text = descriptor.load(Path(str(path)))
        values = {"name": described.name, "version": described.version, "descriptor_text": text}
        return values | self._ports(described.messaging) | described.controls

    def _ports(self, messaging: descriptor.Messaging) -> dict[str, Any]:
        named = {"http": "http_port", "rmrdata": "rmr_port", "rmrroute": "rmr_control_port"}
        return {field: port.port for name, field in named.items() if (port := messaging.port(name)) is not None}


class PlatformSettings(BaseSettings):
    """Settings of one xApp process on the platform."""

    model_config = SettingsConfigDict(
        env_prefix="XAPP_",
        cli_prog_name="python -m xapps",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        extra="forbid",
        frozen=True,
    )

    # --- who we are
    config: Path
    """The descriptor, config-file.json."""
    name: str
    """Name under which the xApp is onboarded."""
    version: str
    instance: str = ""
    """Instance name at the app manager; the name by default."""
    namespace: str = "ricxapp"
    """Namespace of the xApps."""
    platform_namespace: str = "ricplt"
    """Namespace of the platform."""
    descriptor_text: str = Field(default="", repr=False)
    """The descriptor as it was read; registered with the app manager."""

    # --- where we listen
    bind_host: str = "0.0.0.0"
    """Address that the HTTP server binds."""
    http_port: int = Field(default=8080, ge=1, le=65535)
    rmr_port: int = Field(default=4560, ge=1, le=65535)
    rmr_control_port: int = Field(default=4561, ge=1, le=65535)
    """Port on which route tables arrive."""
    http_name: str = ""
    """Host by which peers reach our HTTP port; the service name by default."""
    rmr_name: str = ""
    """Host by which peers reach our RMR port (RMR_SRC_ID); the service name by default."""

    # --- where the platform is
    route_manager: str = ""
    """RMR_RTG_SVC: a bare port waits for pushes, host:port asks there; the control port by default."""
    seed_route_file: Path | None = None
    """Seed route table; written at the start unless somebody else has written one."""
    app_manager_url: str = ""
    subscription_manager_url: str = ""
    node_manager_url: str = ""
    a1_rmr: str = ""
    """RMR endpoint of the A1 mediator, for the seed route table."""
    dbaas: str = ""
    """SDL database as host:port; the DBAAS_... environment by default."""
    platform_timeout_s: float = Field(default=5.0, gt=0)
    """Limit of one REST call."""

    # --- how patient we are
    max_queue: int = Field(default=256, ge=1)
    """RMR messages that may wait; older ones are dropped and counted."""
    poll_period_s: float = Field(default=1.0, gt=0)
    """Period of the look at registration and nodes."""
    subscription_timeout_s: float = Field(default=15.0, gt=0)
    """Wait for the notification of a subscription; above the subscription manager's own 2 x 2 s."""
    watchdog_s: float = Field(default=10.0, gt=0)
    """A subscription without indications for so long (and 10 periods) is made anew."""
    stop_timeout_s: float = Field(default=4.0, gt=0)
    """Time for unsubscribing and deregistering at the end."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, ChartSource(settings_cls), DescriptorSource(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Names that follow from other names, as the platform's charts form them."""
        name, app, plt = (
            values.get("name", ""),
            values.get("namespace", "ricxapp"),
            values.get("platform_namespace", "ricplt"),
        )
        derived = {
            "instance": name,
            "http_name": f"service-{app}-{name}-http.{app}",
            "rmr_name": f"service-{app}-{name}-rmr.{app}",
            "route_manager": str(values.get("rmr_control_port", 4561)),
            "seed_route_file": Path(tempfile.gettempdir(), f"{name}-{values.get('rmr_port', 4560)}.rt"),
            "app_manager_url": f"http://service-{plt}-appmgr-http.{plt}:8080",
            "subscription_manager_url": f"http://service-{plt}-submgr-http.{plt}:8088",
            "node_manager_url": f"http://service-{plt}-e2mgr-http.{plt}:3800",
            "a1_rmr": f"service-{plt}-a1mediator-rmr.{plt}:4562",
        }
        return derived | {key: value for key, value in values.items() if value not in ("", None)}

    @model_validator(mode="after")
    def _distinct_ports(self) -> Self:
        ports = {self.http_port, self.rmr_port, self.rmr_control_port}
        if len(ports) != 3:
            raise ConfigError("rmr_port", self.rmr_port, "http_port, rmr_port and rmr_control_port must differ")
        return self

    @property
    def policy_types(self) -> tuple[int, ...]:
        """A1 policy types that this xApp takes."""
        return ()

    @property
    def numeric_threads(self) -> int:
        """Threads that numeric libraries may use."""
        return 1

    @property
    def http_endpoint(self) -> str:
        return f"{self.http_name}:{self.http_port}"

    @property
    def rmr_endpoint(self) -> str:
        return f"{self.rmr_name}:{self.rmr_port}"

    @property
    def registered_config(self) -> str:
        """The descriptor with the name, ports and policy types that this process really uses, as JSON text.

        RtMgr routes policies by what is registered here, so an option must not leave it behind.
        """
        return descriptor.rewritten(
            self.descriptor_text,
            name=self.name,
            ports={"http": self.http_port, "rmrdata": self.rmr_port, "rmrroute": self.rmr_control_port},
            policies=self.policy_types,
        )


_SettingsT = TypeVar("_SettingsT", bound=PlatformSettings)


def load_as(kind: type[_SettingsT], arguments: Sequence[str] = (), **overrides: Any) -> _SettingsT:
    """Settings of a kind of xApp from the command line, the environment and the descriptor.

    Raises:
        ConfigError: a value is missing or wrong; names the field.
    """
    try:
        return kind(_cli_parse_args=list(arguments), **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        raise descriptor.first_fault(error) from error
    except SettingsError as error:
        raise ConfigError("options", list(arguments), str(error)) from error


def prepare_environment(settings: PlatformSettings) -> None:
    """Set what librmr and the SDL client read from the environment, and write the seed route table.

    Tables are pushed only to registered xApps, while RMR sends nothing before it has a table: the seed ends that
    deadlock. To be called before the framework is imported.
    """
    seed = settings.seed_route_file
    assert seed is not None  # filled in by the validator
    if not seed.exists() or seed.read_text(encoding="latin-1").startswith(SEED_MARK):
        seed.write_text(_seed_table(settings), encoding="ascii")  # ours may be of a run with other addresses
    os.environ["RMR_SEED_RT"] = str(seed)
    os.environ["RMR_SRC_ID"] = settings.rmr_name
    os.environ["RMR_RTG_SVC"] = settings.route_manager
    if ":" in settings.route_manager:
        os.environ["RMR_CTL_PORT"] = str(settings.rmr_control_port)
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.numeric_threads))
    os.environ["CONFIG_FILE"] = str(settings.config)
    if settings.dbaas:
        host, _, port = settings.dbaas.rpartition(":")
        os.environ["DBAAS_SERVICE_HOST"], os.environ["DBAAS_SERVICE_PORT"] = host, port


def _seed_table(settings: PlatformSettings) -> str:
    """The routes that do not depend on anybody: policy answers and queries to the A1 mediator."""
    return f"{SEED_MARK}\nnewrt|start\nmse|20011|-1|{settings.a1_rmr}\nmse|20012|-1|{settings.a1_rmr}\nnewrt|end|2\n"
