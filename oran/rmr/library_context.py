"""What ``rmr_init`` makes: an endpoint, the client that keeps its routes, and open wormholes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from oran.errors import ConfigError, ConnectFailed
from oran.rmr import library_states as states
from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.environment import RmrEnvironment
from oran.rmr.route_client import RouteClient


@dataclass(slots=True)
class Context:
    """What ``rmr_init`` makes."""

    endpoint: RmrEndpoint
    routes: RouteClient | None
    payload_bytes: int
    wormholes: dict[int, str] = field(default_factory=dict)

    def close(self) -> None:
        """Close every connection and end the threads."""
        if self.routes is not None:
            self.routes.close()
        self.endpoint.close()


def open_context(environment: RmrEnvironment, port: str, max_payload_bytes: int, flags: int) -> Context:
    """Listen on ``port`` and begin to look for routes, as the environment says.

    Raises:
        ConfigError: ``port`` is no number.
        ConnectFailed: the port or the control port is taken.
    """
    if not port.isdecimal():
        raise ConfigError("RMR port", port, "is no number")
    if environment.log_level is not None:
        logging.getLogger("oran.rmr").setLevel(environment.log_level)
    host, name = environment.bind_host, environment.source_name
    endpoint = RmrEndpoint(host, int(port), source_name=name, name_only=environment.name_only)
    context = Context(endpoint, None, max_payload_bytes if max_payload_bytes > 0 else states.MAX_RECEIVE_BYTES)
    try:
        endpoint.start()
        if not flags & states.NO_THREAD_FLAG:
            context.routes = RouteClient(endpoint, environment.route_service, control_host=host, source_name=name)
            context.routes.start()
    except ConnectFailed:
        context.close()
        raise
    return context
