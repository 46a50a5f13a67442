"""A campaign from the command line.

    python -m tests.fuzz.run                              one million mutated inputs over all targets, in two processes
    python -m tests.fuzz.run --inputs 50000 --target e2ap --seed 7

Prints a JSON report; the exit status is 1 if there was a crash, a hang (over 50 ms) or growth.
"""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from tests.fuzz import campaign
from tests.fuzz.targets import TARGETS


def main(
    inputs: Annotated[int, typer.Option(min=1, help="Mutated inputs in all.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Seed of the mutations.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 2,
    target: Annotated[list[str] | None, typer.Option(help="Only these targets.")] = None,
) -> None:
    """Runs a campaign and prints its report."""
    unknown = set(target or ()) - set(TARGETS)
    if unknown:
        raise typer.BadParameter(f"{sorted(unknown)}; there are {', '.join(TARGETS)}")
    start_s = time.perf_counter()
    report = campaign.run(target or TARGETS, inputs, seed, processes)
    print(json.dumps(report.to_json() | {"seconds": round(time.perf_counter() - start_s, 1)}, indent=2))
    raise typer.Exit(0 if report.clean else 1)


if __name__ == "__main__":
    typer.run(main)
