"""Paper 5 measured anew: ``python -m rapp alcor figures``; every table beside the paper's values, in docs/alcor.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from oran.errors import ConfigError
from rapp.alcor_runs import trained
from rapp.figures import alcor_plots
from rapp.figures.alcor_measures import Plan, graph_policies
from rapp.figures.alcor_tables import TABLES
from rapp.figures.tables import insert
from xapps.alcor.demand_networks import Effort
from xapps.runtime.model_store import ModelStoreClient

app = typer.Typer(no_args_is_help=True, help="ALCOR: train its policies, measure paper 5 anew")
console = Console()


@app.command(name="figures")
def all_figures(
    only: Annotated[list[str], typer.Option(help="Only this table or figure; may be repeated")] = [],  # noqa: B006
    seeds: Annotated[list[int], typer.Option(help="May be repeated")] = [0, 1, 2, 3, 4],  # noqa: B006
    trainings: Annotated[int, typer.Option(min=1, help="Training seeds, from 0; test seeds take turns")] = 5,
    perceptrons: Annotated[list[int], typer.Option(help="Training seeds of perceptrons")] = [0, 1, 2, 3, 4],  # noqa: B006
    non_diverse: Annotated[list[int], typer.Option(help="Those of policies that always saw everybody active")] = [0, 1],  # noqa: B006
    channels: Annotated[int, typer.Option(min=2, help="Test channels a seed")] = 1000,
    iterations: Annotated[int, typer.Option(min=1, help="Iterations of time sharing that count")] = 150,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of the networks that learn demands")] = 2000,
    root: Annotated[Path, typer.Option(help="Folder of training runs")] = Path("out/alcor"),
    docs: Annotated[Path, typer.Option(help="Folder of the pages")] = Path("docs"),
) -> None:
    """Measure tables and draw figures of paper 5 into docs/alcor.md and docs/img."""
    plan = Plan(
        seeds=tuple(seeds),
        trainings=trainings,
        perceptrons=tuple(perceptrons),
        non_diverse=tuple(non_diverse),
        channels=channels,
        iterations=iterations,
        effort=Effort(steps=steps),
        root=root,
        docs=docs,
    )
    drawn = alcor_plots.FIGURES
    for name in only or [*TABLES, *drawn]:
        console.print(name, style="dim")
        if name in TABLES:
            options = f"--channels {channels} --iterations {iterations} --steps {steps} --trainings {trainings}"
            if name == "table-1":
                options += "".join(f" --perceptrons {seed}" for seed in perceptrons)
                options += "".join(f" --non-diverse {seed}" for seed in non_diverse)
            options += "".join(f" --seeds {seed}" for seed in seeds)
            line = f"*`python -m rapp alcor figures --only {name} {options}`*"
            insert(docs / "alcor.md", name, [*TABLES[name](plan), "", line])
        elif name in drawn:
            alcor_plots.draw(name, graph_policies(plan), docs / "img", plan.seeds)
        else:
            raise ConfigError("only", name, f"known are {', '.join([*TABLES, *drawn])}")


@app.command()
def train(
    preset: Annotated[str, typer.Argument()] = "graph",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    root: Annotated[Path, typer.Option(help="Folder of training runs")] = Path("out/alcor"),
    store: Annotated[str, typer.Option(help="host:port of the model store that gets the model; none: it stays")] = "",
) -> None:
    """Train a policy; continues where it was cut. `python -m rapp publish alcor` then lets the xApp serve it."""
    model = trained(root, preset, seed=seed, on_progress=lambda k, n, row: console.print(f"{k}/{n} {row}"))
    console.print(f"{model.manifest.training['run']}: sha256 {model.manifest.sha256}")
    if store:
        with ModelStoreClient(store) as client:
            console.print(f"stored as version {client.put(model).version}")
