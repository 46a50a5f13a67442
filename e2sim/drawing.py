"""Pictures of a scenario: layout, SINR map, rates, who holds which PRB."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from e2sim.decisions import best_channel, best_moment
from e2sim.physics import layout, objective, pathloss
from e2sim.physics.units import db_to_linear, linear_to_db
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator

Array = NDArray[np.float64]

MAP_PIXELS = 120
CDF_DROPS = 200
_MOST_LABELS = 250
"""PRBs that are labelled with their UE; more would not be readable."""
_SLICE_COLOURS = mpl.colormaps["tab10"](np.arange(10))
_RULES = ((best_moment, "-", "UE at its best"), (best_channel, "--", "best channel"))


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
        axes.scatter(mine[:, 0], mine[:, 1], s=18, label=name, color=_SLICE_COLOURS[index])
    axes.scatter(
        scenario.ru_positions_m[:, 0], scenario.ru_positions_m[:, 1], marker="^", s=90, color="black", label="RU"
    )
    x_m, y_m = _extent_m(scenario)
    axes.set(title="Layout", xlabel="x [m]", ylabel="y [m]", aspect="equal")
    axes.set(xlim=(x_m[0], x_m[-1]), ylim=(y_m[0], y_m[-1]))
    axes.legend(fontsize=8, loc="upper right")


def _draw_sinr_map(figure: Figure, axes: Axes, scenario: Scenario) -> None:
    x_m, y_m = _extent_m(scenario)
    image = axes.pcolormesh(x_m, y_m, sinr_map_db(scenario, x_m, y_m), cmap=mpl.colormaps["viridis"], shading="nearest")
    figure.colorbar(image, ax=axes, label="SINR [dB]")
    axes.set(title="SINR at even full power, path loss alone", xlabel="x [m]", ylabel="y [m]", aspect="equal")


def _draw_rate_cdf(axes: Axes, scenario: Scenario, rng: np.random.Generator) -> None:
    """Two simple rules: the fair one tells what the links carry, the greedy one what choosing costs and pays."""
    simulator = Simulator(scenario.model_copy(update={"churn": None}), rng, (CDF_DROPS,))
    report = simulator.observe()
    for rule, style, label in _RULES if scenario.num_prbs > 1 else _RULES[1:]:  # on one PRB nobody has a best moment
        rate = objective.rates_bps_hz(db_to_linear(simulator.true_gain_db), rule(report), scenario.noise_w)
        for index, name in enumerate(scenario.slice_names):
            values = np.sort(rate[:, report.slice_ids[0] == index].ravel())
            share = np.arange(1, len(values) + 1) / max(len(values), 1)
            axes.plot(values, share, style, color=_SLICE_COLOURS[index], label=f"{name}, {label}")
    axes.set(title=f"UE rates over {CDF_DROPS} drops, by who gets a PRB", xlabel="rate [bps/Hz]")
    axes.set(ylabel="CDF", xscale="symlog", xlim=(0, None), ylim=(0, 1.01))
    axes.legend(fontsize=8)


def _draw_occupancy(axes: Axes, simulator: Simulator) -> None:
    """Slices by colour, UEs by number."""
    report = simulator.observe()
    rule, _, label = _RULES[0] if simulator.scenario.num_prbs > 1 else _RULES[1]
    owner = rule(report).prb_owner
    slices = np.where(owner >= 0, report.slice_ids[owner], np.nan)
    colours = ListedColormap(_SLICE_COLOURS)
    axes.imshow(slices, aspect="auto", cmap=colours, vmin=-0.5, vmax=len(_SLICE_COLOURS) - 0.5, alpha=0.6)
    if owner.size <= _MOST_LABELS:
        for (ru, prb), ue in np.ndenumerate(owner):
            if ue >= 0:
                axes.text(prb, ru, str(report.ue_ids[ue]), ha="center", va="center", fontsize=7)
    axes.set(title=f"PRBs of one slot: {label}")
    axes.set(xlabel="PRB (colour: slice, number: UE)", ylabel="RU", yticks=range(len(owner)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
