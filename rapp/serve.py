"""``python -m rapp serve``: the model store, the experience sink and the REST face, until terminated."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from prometheus_client import CollectorRegistry

from oran.errors import ConfigError
from rapp.experience import ExperienceFolder
from rapp.experience.sink import ExperienceServicer
from rapp.lineage import LineageCollector
from rapp.metrics import ExperienceMetrics, StoreMetrics
from rapp.rest import create_app
from rapp.service import StoreServer
from rapp.store import DiskStore
from xapps.runtime.signatures import TrustedKeys


def serve(
    root: Annotated[Path, typer.Option(help="Folder of the model store")] = Path("out/models"),
    runs: Annotated[Path, typer.Option(help="Folder of training runs")] = Path("out/runs"),
    grpc: Annotated[str, typer.Option(help="host:port of the model store's gRPC face")] = "127.0.0.1:50051",
    rest: Annotated[str, typer.Option(help="host:port of the REST face")] = "127.0.0.1:8090",
    rollouts: Annotated[Path, typer.Option(help="Folder of roll-outs")] = Path("out/rollouts"),
    experience: Annotated[
        Path | None, typer.Option(help="Folder for what xApps send back, on the gRPC port; without it none is taken")
    ] = None,
    experience_max_bytes: Annotated[
        int, typer.Option(min=1, help="Limit of that folder; the oldest segments make room")
    ] = 4 * 1024**3,
    trusted_key: Annotated[
        list[str],
        typer.Option(
            envvar="RAPP_TRUSTED_KEYS",
            help="Public key, ed25519:...; may be repeated. With one, other signatures are not taken",
        ),
    ] = [],  # noqa: B006 - typer copies
) -> None:
    """Serve the model store (gRPC) and the REST face until terminated; prints one JSON line when ready."""
    trusted = TrustedKeys.parse(trusted_key) if trusted_key else None
    registry, store = CollectorRegistry(), DiskStore(root, trusted=trusted)
    registry.register(LineageCollector(store, runs, rollouts))
    sink = None
    if experience is not None:
        folder = ExperienceFolder(experience, max_bytes=experience_max_bytes)
        sink = ExperienceServicer(folder, ExperienceMetrics(registry))
    server = StoreServer(store, grpc, StoreMetrics(registry), sink)
    server.start()
    host, port = _host_and_port(rest)
    rest_server = uvicorn.Server(
        uvicorn.Config(create_app(store, runs, registry, rollouts), host=host, port=port, log_level="warning")
    )
    threading.Thread(target=_say_when_ready, args=(rest_server, server.target), daemon=True).start()
    try:
        with suppress(KeyboardInterrupt):  # SIGINT or SIGTERM, which uvicorn raises again once it has stopped
            rest_server.run()
    finally:
        server.stop()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise ConfigError("rest", address, "must be host:port")
    return host, int(port)


def _say_when_ready(rest_server: uvicorn.Server, grpc_target: str) -> None:
    started = threading.Event()
    while not rest_server.started and not rest_server.should_exit:
        started.wait(0.02)
    for each in rest_server.servers:
        host, port = each.sockets[0].getsockname()[:2]
        line = {"ready": True, "grpc": grpc_target, "rest": f"http://{host}:{port}"}
        typer.echo(json.dumps(line))
