"""The figures of paper 2, drawn from runs and sweeps into ``docs/img/diffusion-ql-*.png``; references beside them.

Sweeps use one network, trained at 10 UEs a service, 30 PRBs and 40 dBm, wherever they go; Figs 3b and 3f show networks
without a prior as well, one of which saw many loads. Minimum rates are elastic there: least shortfall first, then
throughput, so the share of satisfied UEs is drawn too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from e2sim import scenario as scenarios
from e2sim.scenario import varied
from rapp.figures.diffusion_ql_rows import VARIETY, Row, run_of, served, trained, unlearned
from rapp.figures.drawing import drawn
from rapp.figures.ssvae_sweeps import BOUND, Curve, Point, measure
from rapp.figures.tables import Plan, Say
from rapp.files import write_atomically
from xapps import allocators
from xapps.diffusion_ql.policy import with_sampling
from xapps.runtime.contracts import Allocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NETWORK = Row(title="Diffusion-QL")
ALONE = {
    "without a prior": Row(title="without a prior", changes={"prior": False}),
    "without a prior, varied": Row(title="without a prior, varied", changes={"prior": False, "variety": VARIETY}),
    "neither prior nor ranking": Row(title="neither prior nor ranking", preset="plain"),
}
"""Networks that have to know everything by themselves, drawn from in one step."""
SCENARIO = "paper2"
SLICES = ("eMBB", "URLLC", "mMTC")
DROPS = 40
"""Drops a point, the same for everybody."""

UES = (3, 5, 10, 15, 20, 25, 30, 35)
"""UEs a service, Fig. 3b."""
POWERS_DBM = (28, 31, 34, 37, 40, 43)
"""Power budgets of the RU, Figs 3c and 3d."""
CAPS_DBM = (15, 18, 21, 24, 27, 30)
"""Caps a PRB, Fig. 3e: what the paper calls the power of a slice."""
NOISE_RISES_DB = (0, 5, 10, 15, 20, 25, 30)
"""Interference over thermal noise on every PRB, Fig. 3f: one RU has no interference of its own."""

PRIOR = "the prior alone, same decoder"

STYLES: dict[str, dict[str, Any]] = {
    "Diffusion-QL": {"color": "tab:blue", "marker": "o"},
    "without a prior": {"color": "tab:purple", "marker": "v"},
    "without a prior, varied": {"color": "tab:pink", "marker": "^"},
    "neither prior nor ranking": {"color": "tab:brown", "marker": "s"},
    PRIOR: {"color": "tab:cyan", "linestyle": "--"},
    "matching": {"color": "tab:orange", "linestyle": "--"},
    "greedy": {"color": "tab:green", "linestyle": "--"},
    "equal": {"color": "tab:gray", "linestyle": "--"},
    BOUND: {"color": "black", "linestyle": ":"},
}


def draw(name: str, plan: Plan, say: Say) -> Path:
    """Draw one of ``FIGURES``."""
    say(f"figure: {name}")
    path = plan.docs / "img" / f"diffusion-ql-{name}.png"
    return drawn(path, lambda figure: FIGURES[name](figure, plan, say))


def convergence(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 3a: reward over training, with the rewards of what was imitated and of matching."""
    for axis, name in zip(figure.subplots(1, 2), ("paper2", "cell"), strict=True):
        for index, seed in enumerate(plan.seeds):
            run = run_of(plan, name, NETWORK, seed)
            run.execute()
            curves = run.curves()
            epoch = [row["epoch"] for row in curves]
            label = f"validation, seeds {plan.seeds}" if not index else None
            axis.plot(epoch, [row["validation_reward"] for row in curves], "o-", color="tab:blue", ms=3, label=label)
            label = "its own answers, with noise" if not index else None
            axis.plot(epoch, [row["own_reward"] for row in curves], "s-", color="tab:cyan", ms=3, label=label)
        training = run.model().manifest.training
        for index, (behaviour, worth) in enumerate(training["behaviour_rewards"].items()):
            axis.axhline(worth, color=f"C{index + 1}", linestyle="--", label=f"imitated: {behaviour}")
        axis.axhline(1.0, color="black", linestyle=":", label="unit: matching's throughput")
        axis.set_ylim(0.0, 1.05)
        _finish(axis, f"Fig. 3a: reward, {name}", "epoch", "reward (1: matching's throughput)")


def ues(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 3b: throughput and satisfied UEs against the UEs a service."""
    left, right = figure.subplots(1, 2)
    curve = _swept(plan, say, [_loaded(count) for count in UES], ("matching", "greedy", PRIOR), ALONE)
    for name in curve[0]:
        left.plot(UES, [point[name].throughput for point in curve], label=name, **_style(name))
        if name != BOUND:
            right.plot(UES, [100 * point[name].satisfied for point in curve], label=name, **_style(name))
    _finish(left, "Fig. 3b: one network for all loads", "UEs a service", "throughput [bps/Hz]")
    _finish(right, "what the throughput hides", "UEs a service", "UEs satisfied [%]")


def power_and_ues(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 3c: throughput against the RU's power and the UEs a service."""
    left, right = figure.subplots(1, 2)
    for index, count in enumerate((5, 10, 15, 20)):
        changes = [_loaded(count) | {"radio__ru_power_budget_dbm": power} for power in POWERS_DBM]
        curve = _swept(plan, say, changes, ("matching",))
        for name, style in (("Diffusion-QL", "-"), ("matching", "--")):
            label = f"{count} UEs, {name}"
            left.plot(POWERS_DBM, [p[name].throughput for p in curve], style, color=f"C{index}", label=label)
            right.plot(POWERS_DBM, [100 * p[name].satisfied for p in curve], style, color=f"C{index}", label=label)
    _finish(left, "Fig. 3c: RU power and UEs a service", "RU power [dBm]", "throughput [bps/Hz]")
    _finish(right, "what the throughput hides", "RU power [dBm]", "UEs satisfied [%]")


def slices(figure: Figure, plan: Plan, say: Say) -> None:
    """Figs 3d and 3e: throughput of each slice against the RU's power and the cap a PRB."""
    left, right = figure.subplots(1, 2)
    for axis, places, field in (
        (left, POWERS_DBM, "radio__ru_power_budget_dbm"),
        (right, CAPS_DBM, "radio__prb_power_cap_dbm"),
    ):
        curve = _swept(plan, say, [{field: place} for place in places], ("matching", "greedy"))
        for index, (title, style) in enumerate(zip(SLICES, ("-", "--", ":"), strict=True)):
            for name in ("Diffusion-QL", "matching", "greedy"):
                label = f"{title}, {name}"
                throughput = [point[name].slices[index] for point in curve]
                axis.plot(places, throughput, style, color=STYLES[name]["color"], label=label)
    _finish(left, "Fig. 3d: slices, RU power", "RU power [dBm]", "throughput [bps/Hz]")
    _finish(right, "Fig. 3e: slices, power cap a PRB", "cap a PRB [dBm]", "throughput [bps/Hz]")


def interference(figure: Figure, plan: Plan, say: Say) -> None:
    """Fig. 3f: throughput and satisfied UEs against interference from outside, for three powers of the RU."""
    left, right, shares = figure.subplots(1, 3)
    for index, power in enumerate((37, 40, 43)):
        budget = {"radio__ru_power_budget_dbm": power}
        raised = [budget | {"radio__noise_figure_db": rise} for rise in NOISE_RISES_DB]
        curve = _swept(plan, say, raised, ("matching", PRIOR), ALONE)
        for name, style in (("Diffusion-QL", "-"), ("matching", "--")):
            label = f"{power} dBm, {name}"
            left.plot(NOISE_RISES_DB, [p[name].throughput for p in curve], style, color=f"C{index}", label=label)
            right.plot(NOISE_RISES_DB, [100 * p[name].satisfied for p in curve], style, color=f"C{index}", label=label)
        if power == 40:
            for name in ("Diffusion-QL", *ALONE, PRIOR):
                share = [100 * p[name].satisfied / p["matching"].satisfied for p in curve]
                shares.plot(NOISE_RISES_DB, share, label=name, **_style(name))
    _finish(left, "Fig. 3f: interference", "interference over noise [dB]", "throughput [bps/Hz]")
    _finish(right, "what the throughput hides", "interference over noise [dB]", "UEs satisfied [%]")
    _finish(shares, "who knows what, 40 dBm", "interference over noise [dB]", "UEs satisfied, % of matching's")


FIGURES: dict[str, Callable[[Figure, Plan, Say], None]] = {
    "fig-3a": convergence,
    "fig-3b": ues,
    "fig-3c": power_and_ues,
    "fig-3d-3e": slices,
    "fig-3f": interference,
}


def _loaded(count: int) -> dict[str, Any]:
    return {f"slices__{index}__num_ues": count for index in range(len(SLICES))}


def _swept(
    plan: Plan,
    say: Say,
    changes: Sequence[Mapping[str, Any]],
    references: Sequence[str],
    others: Mapping[str, Row] | None = None,
) -> Curve:
    """One point a change; what was measured before with the same networks is not measured again."""
    rows = {"Diffusion-QL": NETWORK, **(others or {})}
    models = {name: trained(plan, SCENARIO, row, plan.seeds[0]) for name, row in rows.items()}
    named: dict[str, Allocator] = {name: served(with_sampling(model, steps=1)) for name, model in models.items()}
    named |= {name: unlearned()[name] if name == PRIOR else allocators.build(name) for name in references}
    folder = plan.root / "sweeps" / "-".join(model.manifest.sha256[:12] for model in models.values())
    folder.mkdir(parents=True, exist_ok=True)
    curve = []
    for change in changes:
        say(f"{SCENARIO}: {', '.join(f'{key} {value}' for key, value in change.items())}")
        scenario = varied(scenarios.load(SCENARIO), **change)
        path = folder / f"{scenario.digest[:16]}-{DROPS}-{'-'.join(references).replace(' ', '')}.json"
        if not path.exists():
            found = measure(scenario, named, DROPS)
            with write_atomically(path) as file:
                file.write(json.dumps({name: [p.slices.tolist(), p.satisfied] for name, p in found.items()}).encode())
        read = json.loads(path.read_text())
        curve.append({name: Point(np.array(each), satisfied) for name, (each, satisfied) in read.items()})
    return curve


def _style(name: str) -> dict[str, Any]:
    return STYLES[name] | {"markersize": 3, "linewidth": 1.2}


def _finish(axis: Axes, title: str, x: str, y: str) -> None:
    axis.set(title=title, xlabel=x, ylabel=y)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=6)
