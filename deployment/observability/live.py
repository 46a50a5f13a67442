"""Every dashboard's queries against a Prometheus that scrapes the running suite: what answers with data, and pictures.

``python -m deployment.observability.live [--pictures FOLDER]``
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from deployment.fleet import ROOT, Xapp, xapps
from deployment.observability import pictures, promql
from deployment.observability.prometheus import PrometheusServer, Target
from oran.platform.a1 import A1Client, PolicyType, model_policy_type
from rapp.local.operator import NodeOperator, wait_for_indications
from rapp.local.processes import ProcessFailed, wait_until
from rapp.local.suite import LocalSuite

LABELS, GATE_DROPS = 150, 20
"""Sizes of the training whose curves the rApp's board shows: enough to pass the gate against random allocations."""
WINDOWS = {"rate_interval": "10s", "range": "1m"}
"""What Grafana would put for its windows at a scrape a second."""
MINIMUM_S = 25.0
"""Shortest time that is scraped, so that rates have their points."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel, without Grafana's variables."""

    board: str
    panel: str
    expression: str


def line_ups() -> list[list[Xapp]]:
    """Which xApps run together: those of the umbrella, then each other one alone: one allocator decides for a node."""
    together = [xapp for xapp in xapps() if xapp.row.in_suite]
    return [together, *([xapp] for xapp in xapps() if not xapp.row.in_suite)]


def asked(line_up: list[Xapp]) -> list[Asked]:
    """Every query of the dashboards that a line-up fills."""
    return [
        Asked(path.stem, panel["title"], promql.concrete(target["expr"], **WINDOWS))
        for path in boards(line_up)
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", ())
    ]


def boards(line_up: list[Xapp]) -> list[Path]:
    """Files of the dashboards of the xApps, and in the first line-up those that are nobody's own."""
    every = sorted((ROOT / "helm").glob("*/dashboards/*.json"))
    others = {xapp.name for xapp in xapps()} - {xapp.name for xapp in line_up}
    if line_up == line_ups()[0]:
        return [path for path in every if path.stem not in others]
    return [path for path in every if path.stem in {xapp.name for xapp in line_up}]


@contextmanager
def observed(folder: Path, line_up: list[Xapp]) -> Iterator[tuple[LocalSuite, PrometheusServer]]:
    """The suite with some xApps, and a Prometheus that scrapes it under the labels of the charts."""
    suite = LocalSuite(folder / "suite")
    try:
        _start(suite, line_up)
        with PrometheusServer(folder / "prometheus", targets(suite), rule_files(line_up)) as server:
            wait_until(lambda: len(server.targets_up()) == len(targets(suite)), 30, "first scrapes")
            yield suite, server
    finally:
        suite.stop()


def targets(suite: LocalSuite) -> list[Target]:
    """What the charts' monitors would select."""
    found = [Target(f"xapp-{name}", f"{at.url}/ric/v1/metrics", {"xapp": name}) for name, at in suite.xapps.items()]
    found += [Target(name, f"{url}/metrics", {}) for name, url in suite.nodes.items()]
    found.append(Target("rapp", f"http://127.0.0.1:{suite.ports.rapp_http}/metrics", {}))
    found.append(Target("ric", f"http://127.0.0.1:{suite.ports.ric_metrics}/metrics", {}))
    return found


def rule_files(line_up: list[Xapp]) -> list[Path]:
    """Rules of the charts that a line-up stands for."""
    absent = {xapp.name for xapp in xapps()} - {xapp.name for xapp in line_up}
    return sorted(path for path in (ROOT / "helm").glob("*/rules.yaml") if path.parent.name not in absent)


def exercise(suite: LocalSuite, line_up: list[Xapp]) -> None:
    """What gives the counters something to count: time, and a training that is published as the chart's Job does it."""
    began_s = time.monotonic()
    if any(xapp.name == "ssvae" for xapp in line_up):
        _train(suite)
    left_s = MINIMUM_S - (time.monotonic() - began_s)
    if left_s > 0:
        time.sleep(left_s)


def _train(suite: LocalSuite) -> None:
    with A1Client(suite.a1_url) as mediator:
        kind: PolicyType = model_policy_type()
        mediator.ensure_policy_type(kind)
    data = str(suite.folder / "dataset")
    _rapp("dataset", data, "--num-drops", LABELS, "--seed", 1, "--workers", 1)
    places = {"--runs": suite.folder / "runs", "--store": suite.store_target, "--a1": suite.a1_url}
    sizes = {"--preset": "demo", "--against": "random", "--num-drops": GATE_DROPS, "--seed": 1}
    _rapp("pipeline", data, *(part for pair in (places | sizes).items() for part in pair))


def without_data(server: PrometheusServer, line_up: list[Xapp]) -> list[Asked]:
    """Queries that Prometheus answers with nothing."""
    return [each for each in asked(line_up) if not server.query(each.expression)]


def _start(suite: LocalSuite, line_up: list[Xapp]) -> None:
    suite.start_redis()
    suite.start_ric()
    node = NodeOperator(suite.start_node())
    suite.start_rapp()
    for xapp in line_up:
        if not xapp.decides:
            suite.start_monitor(xapp.name)
            continue
        suite.start_xapp(xapp.name, xapp.package)
        wait_for_indications(suite, node, xapp.name)


def _rapp(*arguments: Any) -> None:
    command = [sys.executable, "-m", "rapp", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise ProcessFailed(f"rapp {arguments[0]} ended with {run.returncode}:\n{run.stdout}{run.stderr}")


def main(
    folder: Annotated[Path | None, typer.Option("--pictures", help="Where a picture of each dashboard goes")] = None,
) -> None:
    """Ask every query once; exits 1 if one has no data."""
    total, empty = 0, list[Asked]()
    for line_up in line_ups():
        with tempfile.TemporaryDirectory() as scratch, observed(Path(scratch), line_up) as (suite, server):
            start_s = time.time()
            exercise(suite, line_up)
            total += len(asked(line_up))
            empty += without_data(server, line_up)
            if folder is not None:
                pictures.draw_all(boards(line_up), server, start_s, time.time(), WINDOWS, folder)
    for each in empty:
        typer.echo(f"no data: {each.board}: {each.panel}: {each.expression}", err=True)
    typer.echo(f"{total - len(empty)} of {total} queries have data")
    raise typer.Exit(1 if empty else 0)


if __name__ == "__main__":
    typer.run(main)
