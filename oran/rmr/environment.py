"""What librmr reads from the environment, as one value.

Values are taken by the same rules: an interval out of range falls back to its default, with a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oran.errors import ConfigError
from oran.rmr.connections import split_target
from oran.rmr.library_states import LOG_LEVELS

_log = logging.getLogger(__name__)

DEFAULT_CONTROL_PORT: Final = 4561
DEFAULT_MANAGER: Final = f"routemgr:{DEFAULT_CONTROL_PORT}"
DEFAULT_REQUEST_INTERVAL_S: Final = 5
REQUEST_INTERVALS_S: Final = range(1, 301)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteService:
    """Where route tables come from (``RMR_RTG_SVC``, ``RMR_CTL_PORT``, ``RMR_RTREQ_FREQ``)."""

    control_port: int | None = DEFAULT_CONTROL_PORT
    """Where tables are pushed to; None: nowhere, the seed file is all there is. 0 takes a free port."""
    manager: str | None = None
    """``host:port`` of the route manager to ask, and then the only one to take tables from; None: never ask."""
    request_interval_s: float = DEFAULT_REQUEST_INTERVAL_S
    """Time between requests until the first table data comes [s]."""
    seed: Path | None = None
    """Table to begin with."""
    stash: Path | None = None
    """Where the last table received is written."""

    @staticmethod
    def from_environ(environ: Mapping[str, str]) -> RouteService:
        """The four modes of ``RMR_RTG_SVC``: unset, port, ``host:port`` and negative.

        Raises:
            ConfigError: a port is no port.
        """
        control_port = _port("RMR_CTL_PORT", environ.get("RMR_CTL_PORT") or str(DEFAULT_CONTROL_PORT))
        service = environ.get("RMR_RTG_SVC", "").removeprefix("tcp:")
        manager: str | None = None
        if service.startswith("-"):
            listen_on: int | None = None
        elif not service:
            listen_on, manager = control_port, DEFAULT_MANAGER if environ.get("RMR_CTL_PORT") else None
        elif service.isdecimal():
            listen_on = _port("RMR_RTG_SVC", service)
        else:
            split_target(service)
            listen_on, manager = control_port, service
        seed = _path(environ.get("RMR_SEED_RT"))
        return RouteService(
            control_port=listen_on,
            manager=manager,
            request_interval_s=_interval_s(environ.get("RMR_RTREQ_FREQ")),
            seed=seed,
            stash=_path(environ.get("RMR_STASH_RT")) or (seed.with_name(f"{seed.name}.stash") if seed else None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RmrEnvironment:
    """Everything librmr is told by environment variables that concerns one process."""

    source_name: str | None = None
    """``RMR_SRC_ID``: host part of the name peers know us by."""
    name_only: bool = False
    """``RMR_SRC_NAMEONLY``: no address goes out, the name stands in its place."""
    bind_host: str = "0.0.0.0"
    """``RMR_BIND_IF``: address to listen on."""
    log_level: int | None = None
    """``RMR_LOG_VLEVEL`` as a level of :mod:`logging`."""
    route_service: RouteService

    @staticmethod
    def from_environ(environ: Mapping[str, str]) -> RmrEnvironment:
        """Raises ConfigError for a value that makes no sense."""
        level = environ.get("RMR_LOG_VLEVEL", "")
        return RmrEnvironment(
            source_name=environ.get("RMR_SRC_ID", "").partition(":")[0] or None,
            name_only=environ.get("RMR_SRC_NAMEONLY", "0").startswith("1"),
            bind_host=environ.get("RMR_BIND_IF") or "0.0.0.0",
            log_level=LOG_LEVELS[min(int(level), 5)] if level.isdecimal() else None,
            route_service=RouteService.from_environ(environ),
        )


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ConfigError(name, text, "is not a port")
    return int(text)


def _interval_s(text: str | None) -> int:
    if text is None:
        return DEFAULT_REQUEST_INTERVAL_S
    if text.isdecimal() and int(text) in REQUEST_INTERVALS_S:
        return int(text)
    _log.warning("RMR_RTREQ_FREQ=%s is not 1..300 s; using %d s", text, DEFAULT_REQUEST_INTERVAL_S)
    return DEFAULT_REQUEST_INTERVAL_S


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
