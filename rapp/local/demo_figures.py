"""The demo's figures: throughput over time with the swap, loop latency, per-UE rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rapp.local.demo_report import Measurements

MOVING_AVERAGE_SLOTS = 50
COLOURS = {"equal": "tab:gray", "greedy": "tab:olive", "matching": "tab:green", "model": "tab:blue", "exact": "tab:red"}


def draw(measured: Measurements, folder: Path) -> list[Path]:
    """Writes the PNG files and returns their paths."""
    plots = {"throughput.png": _throughput, "latency.png": _latency, "rates.png": _rates}
    paths = []
    for name, plot in plots.items():
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        plot(figure.subplots(), measured)
        figure.savefig(folder / name, dpi=120)
        paths.append(folder / name)
    return paths


def _throughput(axes: Axes, measured: Measurements) -> None:
    """Free-running slots; every slot is a drop of its own, hence the moving average."""
    served = [record for record in measured.trace if record["allocator"] != "none"]
    time_s = np.array([record["time_s"] for record in served])
    values = np.array([record["weighted_throughput_bps_hz"] for record in served])
    allocators = [record["allocator"] for record in served]
    axes.plot(time_s, values, ".", markersize=2, color="lightgray", label="slot")
    if len(values) >= MOVING_AVERAGE_SLOTS:
        window = np.ones(MOVING_AVERAGE_SLOTS) / MOVING_AVERAGE_SLOTS
        smooth = np.convolve(values, window, mode="valid")
        axes.plot(time_s[MOVING_AVERAGE_SLOTS - 1 :], smooth, label=f"mean of the last {MOVING_AVERAGE_SLOTS} slots")
    for slot in (i for i in range(1, len(allocators)) if allocators[i] != allocators[i - 1]):
        axes.axvline(time_s[slot], color="tab:red", linestyle="--")
        text = f"{allocators[slot - 1]} → {allocators[slot]} "
        axes.annotate(text, (time_s[slot], values.max()), color="tab:red", va="top", ha="right")
    axes.set(
        xlabel="time of the node, free-running [s]",
        ylabel="weighted throughput [bps/Hz]",
        title="Before and after the swap",
    )
    axes.legend(loc="lower right")


def _latency(axes: Axes, measured: Measurements) -> None:
    values, percentiles = measured.latencies_ms, measured.latency_percentiles_ms()
    axes.hist(values, bins=80, range=(0, max(float(np.percentile(values, 99.5)), 1.0)), color="tab:blue")
    for name, value in percentiles.items():
        axes.axvline(value, color="tab:red", linestyle="--")
        axes.annotate(f" {name} {value:.2f} ms", (value, axes.get_ylim()[1] * 0.95), color="tab:red")
    axes.set(
        xlabel="indication sent by the node → control applied by the node [ms]",
        ylabel="reports",
        title=f"Loop latency, free-running, {len(values)} reports",
    )


def _rates(axes: Axes, measured: Measurements) -> None:
    """CDF of every UE's rate in every draw, per slice (solid and dashed), with the minimum rates."""
    slices = list(dict.fromkeys(measured.users["slice"]))
    for name, episode in measured.episodes.items():
        rates = np.array(episode["rates_bps_hz"])
        for index, slice_name in enumerate(slices):
            of_slice = rates[:, [s == slice_name for s in measured.users["slice"]]].ravel()
            axes.plot(
                np.sort(of_slice),
                np.linspace(0, 1, len(of_slice)),
                color=COLOURS.get(name),
                linestyle=("-", "--", ":")[index % 3],
                label=f"{name}, {slice_name}",
            )
    for minimum in sorted(set(measured.users["min_rate_bps_hz"])):
        axes.axvline(minimum, color="black", linewidth=0.8)
        axes.annotate(f" minimum {minimum:g}", (minimum, 0.02), rotation=90, va="bottom")
    axes.set(xlabel="rate of a UE [bps/Hz]", ylabel="share of UEs and draws", title="Per-UE rates over the same draws")
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.legend(fontsize=7, ncols=2, loc="lower right")
