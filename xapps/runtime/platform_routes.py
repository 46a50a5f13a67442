"""The HTTP routes that every xApp has: probes, metrics, configuration, notifications."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from oran.platform.subscriptions import NOTIFICATION_PATH
from xapps.runtime.http import Response, Route
from xapps.runtime.platform_settings import PlatformSettings

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def platform_routes(
    settings: PlatformSettings,
    *,
    exposition: Callable[[], bytes],
    notified: Route,
    alive: Callable[[], bool],
    ready: Callable[[], bool],
) -> dict[tuple[str, str], Route]:
    """(method, path) -> route.

    Args:
        settings: whose configuration is shown.
        exposition: what Prometheus scrapes.
        notified: takes notifications of the subscription manager.
        alive: whether the RMR thread runs.
        ready: whether the xApp is registered and can be used.
    """

    def metrics(body: bytes) -> Response:
        return Response(HTTPStatus.OK, exposition(), EXPOSITION_TYPE)

    def config(body: bytes) -> Response:
        """The document that AppMgr fetches after a restart of its own."""
        metadata = {"xappName": settings.name, "configType": "json"}
        return Response.json([{"metadata": metadata, "config": settings.registered_config}])

    return {
        ("GET", "/ric/v1/health/alive"): lambda body: _health(alive()),
        ("GET", "/ric/v1/health/ready"): lambda body: _health(alive() and ready()),
        ("GET", "/metrics"): metrics,
        ("GET", "/ric/v1/metrics"): metrics,
        ("GET", "/"): config,  # where AppMgr looks: registrations carry an empty path
        ("GET", "/ric/v1/config"): config,
        ("POST", NOTIFICATION_PATH): notified,
    }


def _health(well: bool) -> Response:
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(status, b"OK\n" if well else b"not ready\n", "text/plain")
