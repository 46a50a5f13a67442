"""Figures 1 to 4 of paper 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.errors import ConfigError
from rapp.figures import alcor_demands
from rapp.figures.alcor_measures import channels_rng
from rapp.figures.alcor_steps import silencing
from xapps.alcor import demand_networks
from xapps.alcor.channels import draw_snr
from xapps.alcor.demand_networks import Effort
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.time_sharing import WEIGHTING, TimeSharing, TimeSharingRule
from xapps.alcor.ura import Ura
from xapps.alcor.window import play

Array = NDArray[np.float64]
Panels = dict[str, tuple[Array, Array | None]]
"""Title -> (curves (T, N), or (S, T, N) of several seeds; dashed demands (N,) or (T, N))."""

BATCHES = 60
SMOOTHED = 10
"""Batches of the moving averages that are drawn over the single ones."""
META_STEPS = 1000
COLOURS = 64
"""Of a picture's palette: a third of the bytes."""


def draw(name: str, policies: Sequence[Ura], folder: Path, seeds: Sequence[int]) -> Path:
    """Draw a figure into ``alcor-<name>.png``: Fig. 1 over all seeds and policies in turn, others with the first.

    Raises:
        ConfigError: no such figure.
    """
    if name not in FIGURES:
        raise ConfigError("figure", name, f"known are {', '.join(FIGURES)}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"alcor-{name}.png"
    _plot(FIGURES[name](policies, seeds), path)
    return path


def adaptation(policies: Sequence[Ura], seeds: Sequence[int]) -> Panels:
    """Fig. 1: ALCOR against vanilla and meta-learnt re-training, each seed with networks and channels of its own."""
    found = [_adaptation(policies[k % len(policies)], seed) for k, seed in enumerate(seeds)]
    return {title: (np.array([each[title] for each in found]), alcor_demands.ALGORITHM) for title in found[0]}


def _adaptation(ura: Ura, seed: int) -> dict[str, Array]:
    """Rates (T, N) of one seed; networks are {25, 25, 25, 5}."""
    demand = alcor_demands.ALGORITHM
    shape = PerceptronArchitecture(users=5, hidden=(25, 25))
    meta, psi = demand_networks.train_meta(shape, 2.5, Effort(steps=META_STEPS), seed)
    rng = channels_rng(seed)
    vanilla = demand_networks.adapt(shape, demand_networks.fresh(shape, seed), demand, 0.3, rng)
    warm = demand_networks.adapt(shape, meta, demand, psi, rng)
    return {
        "ALCOR": _rates(ura, demand, silencing("ascent", 5), rng),
        "meta-learning": np.array(list(islice(warm, BATCHES))),
        "vanilla": np.array(list(islice(vanilla, BATCHES))),
    }


def three_windows(policies: Sequence[Ura], seeds: Sequence[int]) -> Panels:
    """Fig. 2: demands that change twice."""
    panels: Panels = {}
    for title, rule in {"silencing": silencing("ascent", 5), "weighting": WEIGHTING}.items():
        rng = channels_rng(seeds[0])
        sharing = TimeSharing(alcor_demands.WINDOWS[0], rule)
        rates, wanted = [], []
        for demand in alcor_demands.WINDOWS:
            sharing.restart(demand)
            rates.append(play(policies[0], sharing, lambda b: draw_snr("iid", rng, b, 5), rng, BATCHES).rate)  # noqa: B023
            wanted.append(np.broadcast_to(demand, (BATCHES, 5)))
        panels[title] = np.concatenate(rates), np.concatenate(wanted)
    return panels


def multipliers(policies: Sequence[Ura], seeds: Sequence[int]) -> Panels:
    """Fig. 3: moving averages of rates, and multipliers, Table III with N = 20."""
    rng = channels_rng(seeds[0])
    demand = alcor_demands.TABLE_3[20]
    sharing = TimeSharing(demand, silencing("ascent", 20))
    found = play(policies[0], sharing, lambda b: draw_snr("iid", rng, b, 20), rng, 2 * BATCHES)
    moving = np.cumsum(found.rate, axis=0) / np.arange(1, len(found.rate) + 1)[:, None]
    return {"mean rate so far": (moving, demand[demand > 0]), "multiplier": (found.multiplier, None)}


def infeasible(policies: Sequence[Ura], seeds: Sequence[int]) -> Panels:
    """Fig. 4: demands that nobody can meet, N = 50; those who ask for something."""
    panels: Panels = {}
    demand = alcor_demands.INFEASIBLE
    for title, rule in {"silencing": silencing("ascent", 50), "weighting": WEIGHTING}.items():
        rng = channels_rng(seeds[0])
        panels[title] = _rates(policies[0], demand, rule, rng)[:, demand > 0], demand[demand > 0]
    return panels


FIGURES: dict[str, Callable[[Sequence[Ura], Sequence[int]], Panels]] = {
    "fig-1": adaptation,
    "fig-2": three_windows,
    "fig-3": multipliers,
    "fig-4": infeasible,
}


def _rates(ura: Ura, demand: Array, rule: TimeSharingRule, rng: np.random.Generator) -> Array:
    users = len(demand)
    return play(ura, TimeSharing(demand, rule), lambda b: draw_snr("iid", rng, b, users), rng, BATCHES).rate


def _moving(curves: Array) -> Array:
    """Means over the last batches, fewer at the beginning, shape (..., T, N)."""
    total = np.cumsum(np.concatenate([np.zeros_like(curves[..., :1, :]), curves], axis=-2), axis=-2)
    last = np.arange(1, curves.shape[-2] + 1)
    first = np.maximum(last - SMOOTHED, 0)
    moving: Array = (total[..., last, :] - total[..., first, :]) / (last - first)[:, None]
    return moving


def _lines(axis: Any, curves: Array) -> list[str]:
    """Draws single batches thin and moving averages thick, or of several seeds band and mean; the users' colours."""
    moving = _moving(curves)
    if curves.ndim == 2:
        noisy = axis.plot(curves, linewidth=0.5, alpha=0.25)
        colours = [line.get_color() for line in noisy]
    else:
        colours = [f"C{user}" for user in range(curves.shape[-1])]
        for user, colour in enumerate(colours):
            each = moving[..., user]
            axis.fill_between(np.arange(each.shape[-1]), each.min(0), each.max(0), color=colour, alpha=0.2, linewidth=0)
        moving = moving.mean(axis=0)
    for colour, curve in zip(colours, moving.T, strict=True):
        axis.plot(curve, color=colour, linewidth=1.1)
    return colours


def _plot(panels: Panels, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image

    rates_only = all(demand is not None for _, demand in panels.values())
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.5 * len(panels), 3.2), squeeze=False, layout="constrained", sharey=rates_only
    )
    for axis, (title, (curves, demand)) in zip(axes[0], panels.items(), strict=True):
        colours = _lines(axis, curves)
        if demand is not None and demand.ndim == 1:
            for rate in np.unique(demand):
                axis.axhline(rate, color="black", linestyle="--", linewidth=0.6)
        elif demand is not None:
            for colour, wanted in zip(colours, demand.T, strict=True):
                axis.plot(wanted, color=colour, linestyle="--", linewidth=0.8)
        axis.set(title=title, xlabel="batch of 25 slots")
    axes[0][0].set_ylabel("bps/Hz")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, optimize=True)
