"""``python -m rapp demo | up | down``: the suite on one machine."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from oran.errors import ConfigError
from rapp.local.demo import Demo, DemoSettings
from rapp.local.suite import LocalSuite

STATE_FILE = "suite.json"
STOP_TIMEOUT_S = 10.0

app = typer.Typer()
console = Console()

Folder = Annotated[Path, typer.Option(help="Run-time files and results")]


@app.command()
def demo(
    folder: Folder = Path("out/demo"),
    scenario: Annotated[str, typer.Option(help="Scenario of the node")] = "cell",
    labels: Annotated[int, typer.Option(min=50, help="Exact labels to train on")] = DemoSettings.labels,
    draws: Annotated[int, typer.Option(min=2, help="Lock-step draws of the comparison")] = DemoSettings.episode_draws,
    serve_s: Annotated[float, typer.Option(min=2, help="Free-running seconds before and after")] = DemoSettings.serve_s,
) -> None:
    """The whole loop once; exits 1 and says what did not hold if anything did not."""
    settings = DemoSettings(folder=folder, scenario=scenario, labels=labels, episode_draws=draws, serve_s=serve_s)
    failed = Demo(settings, console).run()
    for sentence in failed:
        console.print(f"[red]failed:[/] {sentence}", highlight=False)
    if failed:
        console.print(f"logs: {folder / 'run' / 'logs'}")
        raise typer.Exit(1)
    console.print(f"[green]all held[/]: report and plots in {folder}")


@app.command()
def up(
    folder: Folder = Path("out/up"),
    scenario: Annotated[str, typer.Option()] = "cell",
    experience: Annotated[bool, typer.Option(help="Let the xApp send back what it saw, decided and got")] = False,
) -> None:
    """Start Redis, ric, e2sim, rapp and the ssvae xApp and leave them running."""
    if _running(folder):
        raise ConfigError("folder", str(folder), "its suite runs already; `make down` stops it")
    suite = LocalSuite(folder, scenario, experience=experience)
    suite.start_all()
    suite.write_state(folder / STATE_FILE)
    for name, url in json.loads((folder / STATE_FILE).read_text())["urls"].items():
        console.print(f"{name:>24}  {url}", highlight=False)
    console.print(f"logs in {folder / 'logs'}; `make down` stops it")
    # The output pipes of the children end with us; they log to files from here on.
    os._exit(0)


@app.command()
def down(folder: Folder = Path("out/up")) -> None:
    """Stop what `up` started, last started first."""
    pids = _running(folder)
    for name, pid in reversed(pids.items()):
        console.print(f"stopping {name}")
        os.kill(pid, signal.SIGTERM)
        _wait_for_end(pid)
    (folder / STATE_FILE).unlink(missing_ok=True)


def _running(folder: Path) -> dict[str, int]:
    """Process ids of a suite that still lives, by name."""
    path = folder / STATE_FILE
    pids = json.loads(path.read_text())["pids"] if path.exists() else {}
    return {name: pid for name, pid in pids.items() if pid is not None and _alive(pid)}


def _alive(pid: int) -> bool:
    """A process with that id lives and is one of ours: ids are used again after a reboot."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"redis-server" in command or sys.executable.encode() in command


def _wait_for_end(pid: int) -> None:
    deadline_s = time.monotonic() + STOP_TIMEOUT_S
    while _alive(pid):
        if time.monotonic() > deadline_s:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)
