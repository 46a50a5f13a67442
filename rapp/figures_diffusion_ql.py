"""Tables and figures of paper 2, measured anew and written into ``docs/diffusion_ql.md``:
``python -m rapp figures diffusion_ql``."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario, varied
from oran.errors import ConfigError
from rapp import datasets, diffusion_ql_plots
from rapp.accuracy import Accuracy, compare, trivial
from rapp.datasets import Dataset
from rapp.diffusion_ql_rows import (
    ABLATIONS,
    BY_PHYSICS,
    BY_Q,
    WAYS,
    Judge,
    Row,
    classic,
    models,
    served,
    trained,
    unlearned,
)
from rapp.draws import Stream, draw, generator
from rapp.evaluation import REFERENCES, Trial
from rapp.figures import Plan, Say, Variant, insert, reference
from rapp.figures import trained as trained_on_labels
from rapp.runs import Run, RunConfig
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.ssvae.batches import drops, stack

PAPER_TABLE_2 = {
    "*paper:* SS-VAE": Accuracy(0.1407, 0.7237, 0.9745, 0.0545, None),
    "*paper:* DQN": Accuracy(0.2156, 0.6985, 0.8915, 0.0972, None),
    "*paper:* Diffusion-QL": Accuracy(0.1381, 0.7461, 0.9808, 0.0419, None),
}

FIVE_STEPS = Row(title="Diffusion-QL, 5 steps")


def diffusion_ql(plan: Plan, say: Say, only: Sequence[str] = ()) -> None:
    """Measure the tables of Diffusion-QL, write them into ``docs/diffusion_ql.md``, draw its figures into ``docs/img``.

    Raises:
        ConfigError: an unknown table or figure, or the page has no place for one.
    """
    measured = tables(plan, say)
    known = [*measured, *diffusion_ql_plots.FIGURES]
    for name in only or known:
        if name in measured:
            insert(plan.docs / "diffusion_ql.md", name, [*measured[name](), "", provenance(plan, name)])
        elif name in diffusion_ql_plots.FIGURES:
            say(f"figure: {name}")
            diffusion_ql_plots.draw(name, plan, say)
        else:
            raise ConfigError("table", name, f"known are {', '.join(known)}")


def tables(plan: Plan, say: Say) -> dict[str, Callable[[], list[str]]]:
    """Name -> its measurement."""
    return {
        "paper2": lambda: comparison(plan, "paper2", WAYS, say),
        "cell": lambda: comparison(plan, "cell", WAYS, say),
        "ablations": lambda: comparison(plan, "cell", ABLATIONS, say, ("greedy", "matching", "exact")),
        "candidates": lambda: candidates(plan, say),
        "table-2": lambda: table_2(plan, say),
        "table-2-paper2": lambda: table_2_paper2(plan, say),
        "table-3": lambda: costs(plan, say),
    }


def provenance(plan: Plan, table: str) -> str:
    """Where the numbers come from."""
    seeds = " ".join(f"--seeds {seed}" for seed in plan.seeds)
    command = f"python -m rapp figures diffusion_ql --held-out {plan.held_out} {seeds} --table {table}"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return f"*`{command}` on {machine}; {plan.held_out} held-out drops, {len(plan.seeds)} seeds; processor time.*"


def comparison(
    plan: Plan, scenario_name: str, rows: Sequence[Row], say: Say, references: Sequence[str] = REFERENCES
) -> list[str]:
    """Markdown: every row, and what was not learned, on the same held-out drops of a scenario."""
    judge = Judge.of(scenarios.load(scenario_name), plan.held_out)
    exact = reference(plan, judge.scenario, "exact", say)
    header = "| allocator | of exact | at SLA [bps/Hz] | reward | drops satisfied | p50 / p99 [ms] |"
    lines = [f"{header} training [CPU s] | seeds |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        found = models(plan, scenario_name, row, say)
        tried = [judge.tried(row.title, served(model)) for model in found]
        spent_s = np.mean([model.manifest.training["cpu_seconds"] for model in found])
        lines.append(_line(row.title, tried, exact, f"{spent_s:.0f}", str(len(found))))
    others = unlearned() | classic([name for name in references if name != "exact"])
    for name, allocator in others.items():
        say(f"{scenario_name}: {name}")
        lines.append(_line(f"*{name}*", [judge.tried(name, allocator)], exact, "–", "–"))
    return [*lines, _line("*exact*", [(exact, float("nan"))], exact, "–", "–")]


def candidates(plan: Plan, say: Say) -> list[str]:
    """Markdown: what more candidates bring, by who chooses among them and by how loud their noise is ("cell")."""
    judge = Judge.of(scenarios.load("cell"), plan.held_out)
    exact = reference(plan, judge.scenario, "exact", say).score.mean()
    counts = (1, 2, 4, 8, 16)
    lines = [f"| chosen by, noise | {' | '.join(f'K = {count}' for count in counts)} |"]
    lines.append("| --- |" + " ---: |" * len(counts))
    for choose in ("q", "physics"):
        for temperature in (0.5, 1.0, 2.0):
            cells = []
            for count in counts:
                way = {"candidates": count, "choose": choose, "temperature": temperature}
                found = models(plan, "cell", Row(title=f"{choose}, K = {count}", sampling=way), say)
                score = np.mean([judge.tried(choose, served(model))[0].score.mean() for model in found])
                cells.append(f"{score / exact:.2%}")
            title = "Q" if choose == "q" else "own physics"
            lines.append(f"| {title}, {temperature} | {' | '.join(cells)} |")
    return lines


def table_2(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table II: decisions against the exact solver's in "cell", where all three were trained."""
    judged = _exact_decisions(plan, "cell", say)
    cell = scenarios.load("cell")
    others: dict[str, Allocator] = {
        "SS-VAE": served(trained_on_labels(plan, cell, Variant(title="SS-VAE"), plan.seeds[0])),
        "DQN, fair": served(dqn(plan, "cell", "fair")),
        "DQN as printed": served(dqn(plan, "cell", "paper")),
        "Diffusion-QL, 5 steps": served(trained(plan, "cell", FIVE_STEPS, plan.seeds[0])),
    }
    return _accuracies(others | unlearned() | classic(("random", "greedy", "matching")), judged, say)


def table_2_paper2(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table II in the paper's own scenario, with the rows that were trained in it."""
    judged = _exact_decisions(plan, "paper2", say)
    others: dict[str, Allocator] = {
        "Diffusion-QL, 5 steps": served(trained(plan, "paper2", FIVE_STEPS, plan.seeds[0])),
        "Diffusion-QL as printed": served(trained(plan, "paper2", Row(title="paper", preset="paper"), plan.seeds[0])),
    }
    return _accuracies(others | unlearned() | classic(("random", "greedy", "matching")), judged, say)


def dqn(plan: Plan, scenario_name: str, preset: str) -> ModelFile:
    """A trained DQN, new or found."""
    config = RunConfig(allocator="dqn", model="dqn", preset=preset, seed=plan.seeds[0], scenario=scenario_name)
    return Run.create(plan.root / "runs", config).execute()


def costs(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table III as measured cost: a decision's processor time over UEs and PRBs."""
    model = trained(plan, "cell", FIVE_STEPS, plan.seeds[0])
    named: dict[str, Allocator] = {
        "Diffusion-QL, 5 steps": served(model),
        "Diffusion-QL, best of 8 by Q": served(trained(plan, "cell", Row(title="", sampling=BY_Q), plan.seeds[0])),
        "Diffusion-QL, best of 8 by physics": served(
            trained(plan, "cell", Row(title="", sampling=BY_PHYSICS), plan.seeds[0])
        ),
        "Diffusion-QL, 20 steps": served(trained(plan, "cell", Row(title="", sampling={"steps": 20}), plan.seeds[0])),
    }
    named |= classic(("greedy", "matching", "exact"))
    sizes = ((10, 25), (20, 25), (40, 25), (80, 25), (20, 50), (20, 100))
    lines = [f"| allocator | {' | '.join(f'{ues} UEs × {prbs} PRBs' for ues, prbs in sizes)} |"]
    lines.append("| --- |" + " ---: |" * len(sizes))
    for name, allocator in named.items():
        say(f"cost: {name}")
        few = 5 if name == "exact" else 40
        cells = [_latency(allocator, _sized(ues, prbs), few) for ues, prbs in sizes]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", "Median / 99th percentile of a decision [ms]; of *exact* 5 drops, of the others 40."]


def _sized(ues: int, prbs: int) -> Scenario:
    cell = scenarios.load("cell")
    return varied(cell, slices__0__num_ues=ues // 2, slices__1__num_ues=ues // 2, radio__num_prbs=prbs)


def _latency(allocator: Allocator, scenario: Scenario, num_drops: int) -> str:
    reports = list(drops(draw(scenario, generator(Stream.HELD_OUT, 2), num_drops)))
    allocator.decide(reports[0])  # fills caches
    times_ms = []
    for report in reports:
        start_s = time.thread_time()
        allocator.decide(report)
        times_ms.append(1e3 * (time.thread_time() - start_s))
    return "{:.2f} / {:.2f}".format(*np.percentile(times_ms, [50, 99]))


def _exact_decisions(plan: Plan, scenario_name: str, say: Say) -> Dataset:
    """Held-out drops with the exact solver's decisions."""
    say(f"{scenario_name}: exact labels of {plan.held_out} drops")
    described = datasets.describe(scenarios.load(scenario_name), seed=1, num_drops=plan.held_out, labels_by="exact")
    return datasets.build(plan.root / f"{scenario_name}-held-out-exact", described)


def _accuracies(named: Mapping[str, Allocator], judged: Dataset, say: Say) -> list[str]:
    rows = dict(PAPER_TABLE_2)
    cap_w = judged.report.prb_power_cap_w
    for name, allocator in named.items():
        say(f"table 2: {name}")
        decided = stack([allocator.decide(drop) for drop in drops(judged.report)])
        rows[name] = compare(decided.power_w / cap_w, decided.prb_owner.astype(int), judged)
    rows |= trivial(judged)
    lines = [
        "| row | MAE of p | R² of p | cosine of p | BAEP | PRB accuracy |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    return lines + [f"| {title} | {row.cells()} |" for title, row in rows.items()]


def _line(title: str, tried: Sequence[tuple[Trial, float]], exact: Trial, training: str, seeds: str) -> str:
    rows = [trial.summary(exact) for trial, _ in tried]
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    ratios = [100.0 * row["of_exact"] for row in rows]
    spread = f" ± {np.std(ratios, ddof=1):.2f}" if len(ratios) > 1 else ""
    worth = float(np.mean([reward for _, reward in tried]))
    cells = (
        title,
        f"{np.mean(ratios):.2f} %{spread}",
        f"{mean['score']:.1f}",
        "–" if np.isnan(worth) else f"{worth:.4f}",
        f"{mean['drops_all_satisfied']:.1%}",
        f"{mean['latency_p50_ms']:.2f} / {mean['latency_p99_ms']:.2f}",
        training,
        seeds,
    )
    return f"| {' | '.join(cells)} |"
