"""``python -m ric``: start the near-RT RIC, say where it listens in one JSON line, run until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from typing import Annotated

import typer

from oran.errors import ConfigError, SuiteError
from ric.app_manager import EndpointNames
from ric.platform import NearRtRic, Settings, wait_of_seconds

_Port = typer.Option(min=0, max=65535, help="0 takes a free port")


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with NearRtRic(settings) as ric:
        print(json.dumps({"ready": True} | ric.addresses), flush=True)  # noqa: T201 - the line others wait for
        await stop.wait()


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError("redis", text, "is not host:port")
    return host, int(port)


def main(
    e2: Annotated[str, typer.Option(help="where E2 nodes connect: sctp://host:port or tcp://host:port")] = (
        "tcp://127.0.0.1:36422"
    ),
    host: Annotated[str, typer.Option(help="address of all REST and RMR ports")] = "127.0.0.1",
    redis: Annotated[str, typer.Option(help="host:port of the database")] = "127.0.0.1:6379",
    rmr_port: Annotated[int, _Port] = 38000,
    a1_rmr_port: Annotated[int, _Port] = 4562,
    rtmgr_rmr_port: Annotated[int, _Port] = 4561,
    e2mgr_port: Annotated[int, _Port] = 3800,
    submgr_port: Annotated[int, _Port] = 8088,
    appmgr_port: Annotated[int, _Port] = 8080,
    a1_port: Annotated[int, _Port] = 10000,
    rtmgr_port: Annotated[int, _Port] = 3801,
    metrics_port: Annotated[int, _Port] = 8089,
    reconnect_wait_s: Annotated[
        int, typer.Option(help="tell nodes that come back within 10 s to wait so long (the platform: 60); 0: never")
    ] = 0,
    endpoint_names: Annotated[
        EndpointNames, typer.Option(help="how an xApp's RMR endpoint follows from its registration")
    ] = EndpointNames.ONE_MACHINE,
    notification_retry_s: Annotated[float, typer.Option(min=0.0, help="between tries of a notification")] = 5.0,
    route_refresh_s: Annotated[float, typer.Option(min=0.1, help="between full route tables")] = 65.0,
    log_level: Annotated[str, typer.Option(help="of the log on standard error")] = "INFO",
) -> None:
    """A near-RT RIC for one machine."""
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        redis_host, redis_port = _host_and_port(redis)
        settings = Settings(
            e2_url=e2,
            host=host,
            redis_host=redis_host,
            redis_port=redis_port,
            rmr_port=rmr_port,
            a1_rmr_port=a1_rmr_port,
            rtmgr_rmr_port=rtmgr_rmr_port,
            e2mgr_port=e2mgr_port,
            submgr_port=submgr_port,
            appmgr_port=appmgr_port,
            a1_port=a1_port,
            rtmgr_port=rtmgr_port,
            metrics_port=metrics_port,
            quick_reconnect_wait=wait_of_seconds(reconnect_wait_s),
            endpoint_names=endpoint_names,
            notification_retry_s=notification_retry_s,
            route_refresh_s=route_refresh_s,
        )
        asyncio.run(_run(settings))
    except SuiteError as error:
        typer.echo(f"ric: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
