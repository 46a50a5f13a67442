"""Paper 5 measured anew: ``python -m rapp alcor figures``; every table beside the paper's values, in docs/alcor.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from oran.errors import ConfigError
from rapp import alcor_demands, alcor_plots
from rapp.alcor_runs import trained
from rapp.figures import insert
from xapps.alcor import demand_networks, learned
from xapps.alcor.channels import draw_activity, draw_snr
from xapps.alcor.demand_networks import Effort
from xapps.alcor.links import NOISE_W, rates_bps_hz, switched
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.time_sharing import WEIGHTING, TimeSharing, TimeSharingRule, violation_percent
from xapps.alcor.ura import BestUserUra, PairGreedyUra, Ura, WmmseUra
from xapps.alcor.window import Trajectory, play
from xapps.classic.links.feasibility import demands_feasible
from xapps.classic.links.geometric import geometric_program
from xapps.runtime.model_store import ModelStoreClient

Array = NDArray[np.float64]

app = typer.Typer(no_args_is_help=True, help="ALCOR: train its policies, measure paper 5 anew")
console = Console()

ASCENT = TimeSharingRule(rule="ascent", gamma=1.0)
CORRECTED = TimeSharingRule(rule="corrected", gamma=1.0)
PRINTED = TimeSharingRule(rule="printed", gamma=1.0)
RULES = {"weighting": WEIGHTING, "silencing, ascent": ASCENT, "silencing, printed": PRINTED}
HELD_OUT = 9_999
"""First number of the seeds of test channels; trainings begin theirs with their own, smaller seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is spent."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    channels: int = 1000
    settle: int = 20
    """Iterations before rates count."""
    iterations: int = 150
    """Iterations that count."""
    effort: Effort = field(default_factory=Effort)
    programs: int = 2
    """Channels that GP is solved on, a demand vector."""
    preset: str = "graph"
    root: Path = Path("out/alcor")
    docs: Path = Path("docs")


def graph_policy(plan: Plan) -> Ura:
    """The trained graph policy of the plan's first seed."""
    model = trained(plan.root, plan.preset, seed=plan.seeds[0])
    return learned.from_weights(model.manifest.architecture, model.weights)


def unconstrained(plan: Plan) -> list[str]:
    """Sum rates without demands at N = 5 to 50, one graph policy for all."""
    policies: dict[str, Ura] = {"graph": graph_policy(plan), "WMMSE-100": WmmseUra(), "WMMSE-5": WmmseUra(5)}
    policies |= {"WMMSE-50": WmmseUra(50), "pair-greedy": PairGreedyUra(), "best user": BestUserUra()}
    lines = ["| policy | N = 5 | N = 10 | N = 20 | N = 50 |", "| --- | ---: | ---: | ---: | ---: |"]
    reference = {n: _sum_rates(WmmseUra(), n, 1.0, plan) for n in (5, 10, 20, 50)}
    for name, ura in policies.items():
        found = {n: _sum_rates(ura, n, 1.0, plan) for n in reference}
        cells = [f"{_mean(found[n])} ({np.mean(found[n]) / np.mean(reference[n]):.3f})" for n in reference]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", "In brackets: relative to WMMSE-100 on the same channels."]


def table_1(plan: Plan) -> list[str]:
    """URA at N = 20 for kappa = 0.25 to 1; paper: centralised 5.88/6.38/6.56/6.71, WMMSE 5.88/6.8/7.29/7.72."""
    rows: dict[str, tuple[Ura, str]] = {"WMMSE-100": (WmmseUra(), "5.88 / 6.8 / 7.29 / 7.72")}
    rows["graph"] = (graph_policy(plan), "–")
    for preset, paper in (
        ("perceptron", "5.88 / 6.38 / 6.56 / 6.71"),
        ("perceptron-non-diverse", "5.63 / 6.30 / 6.56 / 6.72"),
        ("local", "5.82 / 6.31 / 6.52 / 6.66"),
        ("local-non-diverse", "5.45 / 6.09 / 6.35 / 6.62"),
    ):
        model = trained(plan.root, preset, seed=plan.seeds[0])
        rows[preset] = (learned.from_weights(model.manifest.architecture, model.weights), paper)
    rows |= {"pair-greedy": (PairGreedyUra(), "–"), "best user": (BestUserUra(), "–")}
    lines = [
        "| policy | κ = .25 | .5 | .75 | 1 | dead users | paper |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, (ura, paper) in rows.items():
        cells = [_mean(_sum_rates(ura, 20, kappa, plan)) for kappa in (0.25, 0.5, 0.75, 1.0)]
        lines.append(f"| {name} | {' | '.join(cells)} | {dead_users(ura, 20, plan)} | {paper} |")
    return lines


def demands_tables(plan: Plan, table: dict[int, Array], paper: str) -> list[str]:
    """Tables II and III: sum rate and violation of time sharing over several black boxes."""
    policies: dict[str, Ura] = {"graph": graph_policy(plan), "pair-greedy": PairGreedyUra()}
    lines = [
        "| policy | rule | " + " | ".join(f"N = {n}" for n in table) + " |",
        "| --- | --- |" + " ---: |" * len(table),
    ]
    for policy, ura in policies.items():
        for rule_name, rule in RULES.items():
            cells = [_sharing_cell(ura, demand, rule, plan) for demand in table.values()]
            lines.append(f"| {policy} | {rule_name} | {' | '.join(cells)} |")
    return [*lines, "", f"Sum rate [bps/Hz] / violation by eq. 12 [%]. Paper: {paper}."]


def table_4(plan: Plan) -> list[str]:
    """N = 5: three demand vectors, several black boxes, networks that learn demands."""
    policies: dict[str, Ura] = {"graph": graph_policy(plan), "WMMSE-100": WmmseUra(), "pair-greedy": PairGreedyUra()}
    lines = ["| scheme | u1 | u2 | u3 |", "| --- | ---: | ---: | ---: |"]
    for policy, ura in policies.items():
        for rule_name, rule in {"weighting": WEIGHTING, "silencing, ascent": ASCENT}.items():
            cells = [_sharing_cell(ura, demand, rule, plan) for demand in alcor_demands.TABLE_4.values()]
            lines.append(f"| {policy}, {rule_name} | {' | '.join(cells)} |")
    lines += _demand_networks(plan)
    paper = "centralised 5.80/5.20/4.90, WMMSE 5.27/5.09/4.81, dynamic DNN 5.66/5.53 (49.5 %)/5.41 (70.8 %)"
    return [*lines, "", f"Sum rate [bps/Hz] / violation by eq. 12 [%]. Paper: {paper}."]


def algorithm(plan: Plan) -> list[str]:
    """Algorithm 1 and its variants at N = 5, u = (.5, .5, 1, 1, 2), after 20 iterations."""
    ura = graph_policy(plan)
    rules = {
        "as printed": PRINTED,
        "corrected": CORRECTED,
        "corrected, gamma 0.3": TimeSharingRule(gamma=0.3),
        "corrected, diminishing": TimeSharingRule(alpha_decay=0.1),
        "projected ascent": ASCENT,
        "projected ascent, dead band 0.05": TimeSharingRule(rule="ascent", dead_band_bps_hz=0.05),
        "weighting": WEIGHTING,
    }
    lines = ["| rule | sum rate / violation | batches to settle |", "| --- | ---: | ---: |"]
    for name, rule in rules.items():
        cell = _sharing_cell(ura, alcor_demands.ALGORITHM, rule, plan)
        settled = [
            window(ura, alcor_demands.ALGORITHM, rule, plan, seed).settled_after(alcor_demands.ALGORITHM)
            for seed in plan.seeds[:2]
        ]
        lines.append(f"| {name} | {cell} | {' / '.join('–' if each is None else str(each) for each in settled)} |")
    return lines


def geometric(plan: Plan) -> list[str]:
    """GP needs demands that hold in every channel: how many channels allow that, and what it reaches on those."""
    lines = ["| demands | N = 10 | N = 20 | N = 50 |", "| --- | ---: | ---: | ---: |"]
    for name, table in (("Table II", alcor_demands.TABLE_2), ("Table III", alcor_demands.TABLE_3)):
        cells = []
        for users, demand in table.items():
            gain = draw_snr("iid", _rng(plan, 0), plan.channels, users) * NOISE_W
            feasible = demands_feasible(gain, NOISE_W, 1.0, demand)
            cells.append(f"{100 * feasible.mean():.2f} %{_gp_sum_rate(gain[feasible][: plan.programs], demand)}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Feasible share of the channels (Perron root, closed form), and GP's mean sum rate on a few of them.",
    ]


def seven_cell(plan: Plan) -> list[str]:
    """Section IV-B without demands."""
    model = trained(plan.root, "graph-cells", seed=plan.seeds[0])
    ura = learned.from_weights(model.manifest.architecture, model.weights)
    lines = ["| policy | N = 7 | 14 | 21 | 35 | 49 |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    policies: dict[str, Ura] = {"graph": ura, "WMMSE-100": WmmseUra(), "pair-greedy": PairGreedyUra()}
    for name, each in policies.items():
        cells = [_mean(_sum_rates(each, n, 1.0, plan, "seven-cell")) for n in (7, 14, 21, 35, 49)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def window(ura: Ura, demand: Array, rule: TimeSharingRule, plan: Plan, seed: int) -> Trajectory:
    """One window of time sharing on held-out channels."""
    rng = _rng(plan, seed)
    batches = (plan.settle + plan.iterations) * (1 if rule.rule == "ascent" else 2)
    return play(ura, TimeSharing(demand, rule), lambda b: draw_snr("iid", rng, b, len(demand)), rng, batches)


def dead_users(ura: Ura, users: int, plan: Plan) -> int:
    """Users who are never above half power on the test channels with everybody active."""
    snr = draw_snr("iid", _rng(plan, 0), max(plan.channels, 1000), users)
    return int((~(ura.shares(snr, np.ones(snr.shape[:2])) > 0.5).any(axis=0)).sum())


def tables(plan: Plan) -> dict[str, Callable[[], list[str]]]:
    """Name -> its measurement."""
    paper_2 = "5.41 / 6.56 / 6.67 without violation; fixed DNN 6.82 / 6.73 / 6.16; GP 3.86 / 3.81 / 4.73"
    paper_3 = "3.85 / 5.35 / 6.09 (violation 0.01 / 0.00 / 1.37 %)"
    return {
        "unconstrained": lambda: unconstrained(plan),
        "table-1": lambda: table_1(plan),
        "table-2": lambda: demands_tables(plan, alcor_demands.TABLE_2, paper_2),
        "table-3": lambda: demands_tables(plan, alcor_demands.TABLE_3, paper_3),
        "table-4": lambda: table_4(plan),
        "algorithm": lambda: algorithm(plan),
        "geometric": lambda: geometric(plan),
        "seven-cell": lambda: seven_cell(plan),
    }


@app.command(name="figures")
def all_figures(
    only: Annotated[list[str], typer.Option(help="Only this table or figure; may be repeated")] = [],  # noqa: B006
    seeds: Annotated[list[int], typer.Option(help="May be repeated")] = [0, 1, 2, 3, 4],  # noqa: B006
    channels: Annotated[int, typer.Option(min=2, help="Test channels a seed")] = 1000,
    iterations: Annotated[int, typer.Option(min=1, help="Iterations of time sharing that count")] = 150,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of the networks that learn demands")] = 2000,
    root: Annotated[Path, typer.Option(help="Folder of training runs")] = Path("out/alcor"),
    docs: Annotated[Path, typer.Option(help="Folder of the pages")] = Path("docs"),
) -> None:
    """Measure tables and draw figures of paper 5 into docs/alcor.md and docs/img."""
    plan = Plan(
        seeds=tuple(seeds),
        channels=channels,
        iterations=iterations,
        effort=Effort(steps=steps),
        root=root,
        docs=docs,
    )
    measured, drawn = tables(plan), alcor_plots.FIGURES
    for name in only or [*measured, *drawn]:
        console.print(name, style="dim")
        if name in measured:
            options = f"--channels {channels} --iterations {iterations} --steps {steps}"
            options += "".join(f" --seeds {seed}" for seed in seeds)
            line = f"*`python -m rapp alcor figures --only {name} {options}`*"
            insert(docs / "alcor.md", name, [*measured[name](), "", line])
        elif name in drawn:
            alcor_plots.draw(name, graph_policy(plan), docs / "img", plan.seeds[0])
        else:
            raise ConfigError("only", name, f"known are {', '.join([*measured, *drawn])}")


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


def _sharing_cell(ura: Ura, demand: Array, rule: TimeSharingRule, plan: Plan) -> str:
    since = plan.settle * (1 if rule.rule == "ascent" else 2)
    found = [window(ura, demand, rule, plan, seed) for seed in plan.seeds]
    violation = np.mean([each.violation_percent(demand, since) for each in found])
    return f"{_mean(np.array([each.mean_rate(since).sum() for each in found]))} / {violation:.2f}"


def _demand_networks(plan: Plan) -> list[str]:
    fixed_shape = PerceptronArchitecture(users=5, hidden=(100, 50))
    dynamic_shape = PerceptronArchitecture(users=5, hidden=(200, 100), extra_inputs=5)
    wanted = alcor_demands.TABLE_4
    makers: dict[str, tuple[PerceptronArchitecture, Callable[[int], dict[str, np.ndarray]]]] = {
        "fixed DNN (trained on u2)": (fixed_shape, lambda s: _fixed(fixed_shape, wanted["u2"], plan, s)),
        "dynamic DNN": (dynamic_shape, lambda s: demand_networks.train_dynamic(dynamic_shape, 3.0, plan.effort, s)),
    }
    lines = []
    for name, (shape, make) in makers.items():
        networks = [make(seed) for seed in plan.seeds[:2]]
        cells = [_network_cell(shape, networks, demand, plan) for demand in wanted.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _fixed(shape: PerceptronArchitecture, demand: Array, plan: Plan, seed: int) -> dict[str, np.ndarray]:
    return demand_networks.train_fixed(shape, demand, plan.effort, seed)


def _network_cell(
    shape: PerceptronArchitecture, networks: Sequence[dict[str, np.ndarray]], demand: Array, plan: Plan
) -> str:
    snr = draw_snr("iid", _rng(plan, 0), 4 * plan.channels, shape.users)
    rates = [demand_networks.mean_rates(shape, w, snr, demand) for w in networks]
    violation = np.mean([violation_percent(demand, rate) for rate in rates])
    return f"{np.mean([rate.sum() for rate in rates]):.2f} / {violation:.1f}"


def _gp_sum_rate(gain: Array, demand: Array) -> str:
    if len(gain) == 0 or gain.shape[-1] > 20:
        return ""
    powers = [geometric_program(each, NOISE_W, 1.0, demand, condensations=2) for each in gain]
    rates = [rates_bps_hz(g / NOISE_W, p).sum() for g, p in zip(gain, powers, strict=True) if p is not None]
    return f", {np.mean(rates):.2f}" if rates else ""


def _sum_rates(ura: Ura, users: int, kappa: float, plan: Plan, layout: str = "iid") -> Array:
    """Mean sum rate of each seed's channels, shape (seeds,) [bps/Hz]."""
    found = []
    for seed in plan.seeds:
        rng = _rng(plan, seed)
        snr = draw_snr(layout, rng, plan.channels, users)
        active = draw_activity(rng, np.full(users, kappa), plan.channels)
        rate = np.concatenate(
            [
                rates_bps_hz(
                    switched(snr[k : k + 250], active[k : k + 250]), ura.shares(snr[k : k + 250], active[k : k + 250])
                )
                for k in range(0, plan.channels, 250)
            ]
        )
        found.append(rate.sum(axis=-1).mean())
    return np.array(found)


def _rng(plan: Plan, seed: int) -> np.random.Generator:
    return np.random.default_rng([HELD_OUT, seed])


def _mean(values: Array) -> str:
    """Mean and the half-width of its normal 95 % interval over seeds."""
    if len(values) < 2:
        return f"{values.mean():.2f}"
    return f"{values.mean():.2f} ± {1.96 * values.std(ddof=1) / np.sqrt(len(values)):.2f}"
