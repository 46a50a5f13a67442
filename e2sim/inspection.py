"""Looking at a scenario: ``show`` draws it, ``run`` writes a trace; a Typer application to be mounted elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import numpy as np
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from e2sim.decisions import best_channel
from e2sim.physics import layout, pathloss
from e2sim.physics.units import db_to_linear, linear_to_db
from e2sim.scenario import Scenario, load
from e2sim.simulator import Simulator
from oran.errors import ConfigError

Array = NDArray[np.float64]

MAP_PIXELS = 120
CDF_DROPS = 200

app = typer.Typer(help="Look at scenarios: draw them, run them.", no_args_is_help=True)


@app.command()
def show(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.")],
    out: Annotated[Path, typer.Option(help="PNG to write.")] = Path("scenario.png"),
    seed: Annotated[int, typer.Option(help="Seed of the drop that is drawn.")] = 1,
) -> None:
    """Draws layout, SINR map, rate CDF and PRB occupancy of a scenario."""
    radio = _loaded(scenario)
    figure = draw(radio, np.random.default_rng(seed))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)
    typer.echo(f"{radio.name} {radio.digest[:12]}: {out}")


@app.command()
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


def draw(scenario: Scenario, rng: np.random.Generator) -> Figure:
    """Four panels about a scenario; the figure belongs to no window."""
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    axes = figure.subplots(2, 2)
    simulator = Simulator(scenario, rng)
    _draw_layout(axes[0, 0], scenario, simulator)
    _draw_sinr_map(figure, axes[0, 1], scenario)
    _draw_rate_cdf(axes[1, 0], scenario, rng)
    _draw_occupancy(axes[1, 1], simulator)
    figure.suptitle(f"{scenario.name}: {scenario.description}")
    return figure


def sinr_map_db(scenario: Scenario, x_m: Array, y_m: Array) -> Array:
    """Wideband SINR at the best RU if all RUs send at even full power, path loss alone, shape (len(y), len(x)) [dB]."""
    spots_m = np.stack(np.meshgrid(x_m, y_m), axis=-1).reshape(-1, 2)
    nearest_m = scenario.layout.min_distance_m
    distance_m = np.maximum(layout.distance_m(spots_m, scenario.ru_positions_m), nearest_m)
    if scenario.channel.path_loss == "macro":
        loss_db = pathloss.macro_cell_db(distance_m)
    else:  # the 38.901 models draw line of sight; their map is that of the simplified NLOS form
        loss_db = pathloss.uma_simplified_db(distance_m, scenario.radio.carrier_ghz)
    share_w = np.minimum(scenario.ru_power_budget_w / scenario.num_prbs, scenario.prb_power_cap_w)
    received_w = db_to_linear(-loss_db) * share_w
    best = received_w.argmax(axis=-1)[:, None]
    signal_w = np.take_along_axis(received_w, best, -1)[:, 0]
    others_w = np.where(np.arange(scenario.num_rus) == best, 0.0, received_w).sum(axis=-1)
    return linear_to_db(signal_w / (others_w + scenario.noise_w)).reshape(len(y_m), len(x_m))


def _extent_m(scenario: Scenario) -> tuple[Array, Array]:
    reach_m = scenario.layout.max_distance_m * 1.05
    low, high = scenario.ru_positions_m.min(axis=0) - reach_m, scenario.ru_positions_m.max(axis=0) + reach_m
    return np.linspace(low[0], high[0], MAP_PIXELS), np.linspace(low[1], high[1], MAP_PIXELS)


def _draw_layout(axes: Axes, scenario: Scenario, simulator: Simulator) -> None:
    slice_ids = simulator.observe().slice_ids
    for index, name in enumerate(scenario.slice_names):
        mine = simulator.ue_m[slice_ids == index]
        axes.scatter(mine[:, 0], mine[:, 1], s=18, label=name)
    axes.scatter(
        scenario.ru_positions_m[:, 0], scenario.ru_positions_m[:, 1], marker="^", s=90, color="black", label="RU"
    )
    axes.set(title="Layout", xlabel="x [m]", ylabel="y [m]", aspect="equal")
    axes.legend(fontsize=8)


def _draw_sinr_map(figure: Figure, axes: Axes, scenario: Scenario) -> None:
    x_m, y_m = _extent_m(scenario)
    image = axes.pcolormesh(x_m, y_m, sinr_map_db(scenario, x_m, y_m), cmap=mpl.colormaps["viridis"], shading="nearest")
    figure.colorbar(image, ax=axes, label="SINR [dB]")
    axes.set(title="SINR at even full power, path loss alone", xlabel="x [m]", ylabel="y [m]", aspect="equal")


def _draw_rate_cdf(axes: Axes, scenario: Scenario, rng: np.random.Generator) -> None:
    still = scenario.model_copy(update={"churn": None})
    simulator = Simulator(still, rng, (CDF_DROPS,))
    report = simulator.observe()
    rate = simulator.step(best_channel(report)).rate_bps_hz
    for index, name in enumerate(scenario.slice_names):
        values = np.sort(rate[:, report.slice_ids[0] == index].ravel())
        axes.plot(values, np.arange(1, len(values) + 1) / max(len(values), 1), label=name)
    axes.set(title="UE rates, every PRB to the best channel", xlabel="rate [bps/Hz]", ylabel="CDF", xlim=(0, None))
    axes.legend(fontsize=8)


def _draw_occupancy(axes: Axes, simulator: Simulator) -> None:
    owner = best_channel(simulator.observe()).prb_owner
    axes.imshow(
        np.where(owner >= 0, owner, np.nan), aspect="auto", cmap=mpl.colormaps["tab20"], interpolation="nearest"
    )
    axes.set(title="PRB occupancy of one slot (colour: UE)", xlabel="PRB", ylabel="RU", yticks=range(len(owner)))


def _loaded(name: str) -> Scenario:
    try:
        return load(name)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
