"""The figures of paper 1, drawn from runs and sweeps into ``docs/img/ssvae-*.png``; references beside every curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from e2sim import scenario as scenarios
from rapp.figures import ssvae_sweeps
from rapp.figures.accuracy import accuracy, held_out_labels, trivial
from rapp.figures.drawing import drawn
from rapp.figures.ssvae_rows import BEST_OF_8, MEAN, PAPER_TABLE_6, label_counts
from rapp.figures.ssvae_sweeps import BOUND, CAPS_DBM, POWERS_DBM, UES, WITH_PHYSICS, Curve
from rapp.figures.tables import Plan, Say, Variant, learned, reference, run_of, seeds_of, trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSSES = {"equivariant": Variant(title="equivariant"), "flat, latent of 20": Variant(title="flat", preset="flat")}
"""Trainings whose losses Fig. 5 shows."""

STYLES: dict[str, dict[str, Any]] = {
    "SS-VAE": {"color": "tab:blue", "marker": "o"},
    WITH_PHYSICS: {"color": "tab:red", "marker": "^"},
    "SS-VAE, best of 8": {"color": "tab:cyan", "marker": "s"},
    "physics alone, same decoder": {"color": "tab:brown", "linestyle": "-."},
    "SS-VAE, one load": {"color": "tab:purple", "marker": "x"},
    "matching": {"color": "tab:orange", "linestyle": "--"},
    "greedy": {"color": "tab:green", "linestyle": "--"},
    "equal": {"color": "tab:gray", "linestyle": "--"},
    "exact": {"color": "black", "linestyle": ":"},
    BOUND: {"color": "black", "linestyle": ":"},
}


def draw(name: str, plan: Plan, say: Say) -> Path:
    """Draw one of ``FIGURES``."""
    say(f"figure: {name}")
    path = plan.docs / "img" / f"ssvae-{name}.png"
    return drawn(path, lambda figure: FIGURES[name](figure, plan, say))


def losses(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 5: losses of training and validation, and what the validation drops' PRBs think of it."""
    left, right = figure.subplots(1, 2)
    for index, (title, variant) in enumerate(LOSSES.items()):
        colour = f"C{index}"
        run = run_of(plan, scenarios.load("cell"), variant, plan.seeds[0])
        run.execute()
        curves = run.curves()
        epoch = [row["epoch"] for row in curves]
        left.plot(epoch, [row["indicators"] for row in curves], color=colour, label=f"{title}, training")
        validation = [row["validation_indicators"] for row in curves]
        left.plot(epoch, validation, color=colour, linestyle="--", label=f"{title}, validation")
        right.plot(epoch, [row["validation_accuracy"] for row in curves], color=colour, label=title)
    left.axhline(np.log(20), color="gray", linestyle=":", label="20 UEs by chance")
    right.axhline(1 / 20, color="gray", linestyle=":", label="20 UEs by chance")
    _finish(left, "Fig. 5: loss of the PRB indicators", "epoch", "cross-entropy [nat]")
    _finish(right, "PRBs given to the label's UE", "epoch", "share of validation PRBs")


def labels(figure: Figure, plan: Plan, say: Say) -> None:
    """Figs 6a and 6b: throughput and binary error against labels."""
    left, right = figure.subplots(1, 2)
    edge, judged = scenarios.load("edge"), held_out_labels(plan, "edge", "matching")
    variants = label_counts(plan)
    for kind, colour in (("all terms", "tab:blue"), ("labels alone", "tab:purple")):
        rows = [variant for variant in variants if variant.title.endswith(kind)]
        counts = [variant.labels for variant in rows]
        for decoding, style, decoded in ((MEAN, "-", ""), (BEST_OF_8, "--", ", best of 8")):
            trials = [learned(plan, edge, replace(row, decoding=decoding), say)[0] for row in rows]
            score = [np.mean([each.score.mean() for each in found]) for found in trials]
            left.semilogx(counts, score, style, color=colour, marker="o", label=f"SS-VAE, {kind}{decoded}")
        errors = [
            np.mean([accuracy(trained(plan, edge, row, seed), judged).binary_error for seed in seeds_of(plan, row)])
            for row in rows
        ]
        right.semilogx(counts, 100 * np.array(errors), color=colour, marker="o", label=f"SS-VAE, {kind}")
    for name in dict.fromkeys((plan.yardstick, "matching", "greedy")):
        left.axhline(float(reference(plan, edge, name, say).score.mean()), label=name, **_line(name))
    nobody = trivial(judged)["*constant power, nobody served*"].binary_error
    right.axhline(100 * nobody, color="gray", linestyle=":", label="nobody served")
    right.axhline(100 * PAPER_TABLE_6.binary_error, color="black", linestyle="-.", label="paper, 2000")
    for axis in (left, right):
        ticks = sorted({variant.labels for variant in variants})
        axis.set_xticks(ticks, [str(count) for count in ticks])
        axis.minorticks_off()
    _finish(left, "Fig. 6a: throughput at SLA, edge", "labels", "bps/Hz")
    _finish(right, "Fig. 6b: wrong PRB indicators, edge", "labels", "%")


def ues(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 6c: throughput and satisfied UEs against the UEs a service."""
    left, right = figure.subplots(1, 2)
    curve = ssvae_sweeps.by_ues(plan, say)
    _throughputs(left, list(UES), curve)
    for name in curve[0]:
        if name != BOUND:
            right.plot(UES, [100 * point[name].satisfied for point in curve], label=name, **_line(name))
    _finish(left, "Fig. 6c: one network for all loads", "UEs a service", "throughput [bps/Hz]")
    _finish(right, "what the throughput hides", "UEs a service", "UEs satisfied [%]")


def power_and_ues(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 6d: throughput against the RU's power and the UEs a service."""
    left, right = figure.subplots(1, 2)
    for index, (count, curve) in enumerate(ssvae_sweeps.by_power_and_ues(plan, say).items()):
        colour = f"C{index}"
        for name, style in (("SS-VAE", "-"), (WITH_PHYSICS, ":"), ("matching", "--")):
            throughput = [point[name].throughput for point in curve]
            satisfied = [100 * point[name].satisfied for point in curve]
            label = f"{count} UEs, SS-VAE" if name == "SS-VAE" else name if index == 0 else None
            left.plot(POWERS_DBM, throughput, style, color=colour, label=label)
            right.plot(POWERS_DBM, satisfied, style, color=colour, label=label)
    _finish(left, "Fig. 6d: RU power and UEs a service", "RU power [dBm]", "throughput [bps/Hz]")
    _finish(right, "what the throughput hides", "RU power [dBm]", "UEs satisfied [%]")


def slices(figure: Figure, plan: Plan, say: Say) -> None:
    """Figs 6e and 6f: throughput of each slice against the RU's power and the cap a PRB."""
    left, right = figure.subplots(1, 2)
    for axis, places, curve in (
        (left, POWERS_DBM, ssvae_sweeps.by_power(plan, say)),
        (right, CAPS_DBM, ssvae_sweeps.by_cap(plan, say)),
    ):
        for index, (title, style) in enumerate((("eMBB", "-"), ("URLLC", "--"))):
            for name in (WITH_PHYSICS, "SS-VAE", "matching", "greedy"):
                throughput = [point[name].slices[index] for point in curve]
                axis.plot(places, throughput, style, color=STYLES[name]["color"], label=f"{title}, {name}")
    _finish(left, "Fig. 6e: slices, RU power", "RU power [dBm]", "throughput [bps/Hz]")
    _finish(right, "Fig. 6f: slices, power cap a PRB", "cap a PRB [dBm]", "throughput [bps/Hz]")


FIGURES: dict[str, Callable[[Figure, Plan, Say], None]] = {
    "fig-5": losses,
    "fig-6a-6b": labels,
    "fig-6c": ues,
    "fig-6d": power_and_ues,
    "fig-6e-6f": slices,
}


def _throughputs(axis: Axes, places: list[int], curve: Curve) -> None:
    for name in curve[0]:
        axis.plot(places, [point[name].throughput for point in curve], label=name, **_line(name))


def _line(name: str) -> dict[str, Any]:
    return STYLES[name] | {"markersize": 3, "linewidth": 1.2}


def _finish(axis: Axes, title: str, x: str, y: str) -> None:
    axis.set(title=title, xlabel=x, ylabel=y)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)
