"""``python -m e2sim``: run the simulated E2 node, look into scenarios."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvicorn

from e2sim import inspection
from e2sim.node.clock import Clock
from e2sim.node.e2_node import E2Node
from e2sim.node.metrics import NodeMetrics
from e2sim.node.offer import ran_functions
from e2sim.node.operator_api import operator_api
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from e2sim.scenario import load
from oran.errors import SuiteError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The radio: simulated E2 node and scenarios.")


@app.callback()
def main() -> None:
    """The radio: simulated E2 node and scenarios."""


@app.command()
def node(
    ric: Annotated[str, typer.Option(help="E2 termination, sctp://host:port or tcp://host:port.")],
    scenario: Annotated[str, typer.Option(help="Name of a built-in scenario, or a file.")] = "cell",
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 1,
    gnb_id: Annotated[int, typer.Option(help="gNB identifier (22 bits).", min=0, max=(1 << 22) - 1)] = 1,
    http_port: Annotated[int, typer.Option(help="Operator's REST port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address of the operator's REST face.")] = "127.0.0.1",
    functions: Annotated[
        str, typer.Option(help="RAN functions to offer, as name or name=id: rrm, kpm, rc.")
    ] = "rrm,kpm,rc",
    profile: Annotated[str, typer.Option(help="What peers of KPM expect: osc, srsran or strict-v3.")] = "osc",
    max_message_bytes: Annotated[int, typer.Option(help="Largest indication message; 0: by profile.")] = 0,
    own_scheduler: Annotated[
        bool | None, typer.Option(help="The node schedules until an xApp decides; by default where it offers no rrm.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Serves a scenario as an E2 node until interrupted; prints one JSON line once the REST face is up."""
    logging.basicConfig(level=log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = NodeSettings(
            ric_url=ric,
            gnb_id=gnb_id,
            seed=seed,
            functions=tuple(functions.split(",")),
            profile=profile,
            max_message_bytes=max_message_bytes,
            own_scheduler=own_scheduler,
        )
        world = World(load(scenario), seed, own_scheduler=settings.schedules)
        e2_node = E2Node(settings, world, ran_functions(settings, world.scenario), NodeMetrics())
        asyncio.run(_serve(e2_node, host, http_port))
    except SuiteError as error:
        typer.echo(f"e2sim: {error}", err=True)
        raise typer.Exit(2) from error


app.command()(inspection.show)
app.command()(inspection.run)
app.command()(inspection.experiments)


class _RestServer(uvicorn.Server):
    """A uvicorn server that leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(e2_node: E2Node, host: str, http_port: int) -> None:
    listener = socket.create_server((host, http_port))
    server = _RestServer(uvicorn.Config(operator_api(e2_node), log_level="warning", lifespan="off"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [
        asyncio.create_task(e2_node.run(), name="association"),
        asyncio.create_task(Clock(e2_node, e2_node.world.scenario.slot_s).run(), name="clock"),
        asyncio.create_task(server.serve([listener]), name="rest"),
        asyncio.create_task(stop.wait(), name="stop"),
    ]
    ready = {"ready": True, "http": f"http://{host}:{listener.getsockname()[1]}"}
    print(json.dumps(ready), flush=True)  # noqa: T201
    await _until_first_ends(tasks)


async def _until_first_ends(tasks: list[asyncio.Task]) -> None:
    """Runs until one task ends, ends the others and raises what ended it, if it was an error."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


if __name__ == "__main__":
    app()
