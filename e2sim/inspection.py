"""Looking at a scenario: ``show`` draws it, ``run`` writes a trace; the commands of ``python -m e2sim`` for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from e2sim.decisions import best_channel
from e2sim.experiment import experiment_names, load_experiment
from e2sim.scenario import Scenario, load
from e2sim.simulator import Simulator
from oran.errors import ConfigError


def show(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.")],
    out: Annotated[Path, typer.Option(help="PNG to write.")] = Path("scenario.png"),
    seed: Annotated[int, typer.Option(help="Seed of the drop that is drawn.")] = 1,
) -> None:
    """Draws layout, SINR map, rate CDF and PRB occupancy of a scenario."""
    radio = _loaded(scenario)
    from e2sim.drawing import draw  # matplotlib takes a second to import, which the node's start should not pay

    figure = draw(radio, np.random.default_rng(seed))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)
    typer.echo(f"{radio.name} {radio.digest[:12]}: {out}")


def run(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.")],
    out: Annotated[Path, typer.Option(help="NPZ to write.")] = Path("trace.npz"),
    slots: Annotated[int, typer.Option(help="Slots to run.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 1,
) -> None:
    """Runs a scenario with every PRB given to the best channel, and writes what each slot delivered."""
    radio = _loaded(scenario)
    if radio.churn is not None:
        raise typer.BadParameter("a trace has a fixed UE axis: scenarios with churn have none")
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, allow_pickle=False, **trace(radio, np.random.default_rng(seed), slots))
    typer.echo(f"{radio.name} {radio.digest[:12]}: {slots} slots in {out}")


def experiments() -> None:
    """Lists the experiments of the papers: what each figure varies, over which scenario."""
    for name in experiment_names():
        each = load_experiment(name)
        values = ", ".join(f"{step.value:g}" for step in each.axis.steps)
        unit = f" [{each.axis.unit}]" if each.axis.unit else ""
        curves = "" if each.curves is None else f" x {each.curves.label}"
        typer.echo(
            f"{name:28}paper {each.paper}, {', '.join(each.figures)}: {each.base}, {each.axis.label}{unit}{curves}"
        )
        typer.echo(f"{'':28}{values}")


def trace(scenario: Scenario, rng: np.random.Generator, slots: int) -> dict[str, NDArray]:
    """What each slot delivered, slot axis first: per UE (T, U), gains (T, U, R), throughput and power (T,)."""
    simulator = Simulator(scenario, rng)
    kpis, gain_db = [], []
    for _ in range(slots):
        report = simulator.observe()
        gain_db.append(simulator.true_gain_db.mean(axis=-1))
        kpis.append(simulator.step(best_channel(report)))
    return {
        "scenario_digest": np.array(scenario.digest),
        "time_s": scenario.slot_s * np.arange(slots),
        "wideband_gain_db": np.stack(gain_db),
        "rate_bps_hz": np.stack([kpi.rate_bps_hz for kpi in kpis]),
        "delay_s": np.stack([kpi.delay_s for kpi in kpis]),
        "satisfied": np.stack([kpi.satisfied for kpi in kpis]),
        "weighted_throughput_bps_hz": np.array([kpi.weighted_throughput_bps_hz for kpi in kpis]),
        "power_w": np.array([kpi.power_w for kpi in kpis]),
    }


def _loaded(name: str) -> Scenario:
    try:
        return load(name)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
