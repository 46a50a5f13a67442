"""Tables and figures of paper 2, measured anew and written into ``docs/diffusion_ql.md``:
``python -m rapp figures diffusion_ql``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario, varied
from rapp import datasets
from rapp.datasets import Dataset
from rapp.draws import Stream, draw, generator
from rapp.evaluation import REFERENCES, Trial
from rapp.figures import diffusion_ql_hard, diffusion_ql_plots
from rapp.figures.accuracy import Accuracy, compare, trivial
from rapp.figures.diffusion_ql_rows import (
    ABLATIONS,
    BY_PHYSICS,
    BY_Q,
    FIVE_STEPS,
    STEPS,
    WAYS,
    Judge,
    Row,
    classic,
    dqn_run,
    models,
    run_of,
    served,
    trained,
    unlearned,
)
from rapp.figures.tables import Plan, Say, Variant, fill, machine, reference
from rapp.figures.tables import run_of as run_on_labels
from rapp.figures.trials import kept_decisions
from rapp.runs import Run
from xapps import allocators
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.ssvae.batches import drops, stack

PAPER_TABLE_2 = {
    "*paper:* SS-VAE": Accuracy(0.1407, 0.7237, 0.9745, 0.0545, None),
    "*paper:* DQN": Accuracy(0.2156, 0.6985, 0.8915, 0.0972, None),
    "*paper:* Diffusion-QL": Accuracy(0.1381, 0.7461, 0.9808, 0.0419, None),
}

TIMED = 60
"""Decisions timed a size."""

ONE_STEP = Row(title="Diffusion-QL, 1 step")


def diffusion_ql(plan: Plan, say: Say, only: Sequence[str] = ()) -> None:
    """Measure the tables of Diffusion-QL, write them into ``docs/diffusion_ql.md``, draw its figures into ``docs/img``.

    Raises:
        ConfigError: an unknown table or figure, or the page has no place for one.
    """
    figures = {name: partial(diffusion_ql_plots.draw, name, plan, say) for name in diffusion_ql_plots.FIGURES}
    fill(plan.docs / "diffusion_ql.md", tables(plan, say), partial(provenance, plan), figures, only)


def tables(plan: Plan, say: Say) -> dict[str, Callable[[], list[str]]]:
    """Name -> its measurement."""
    return {
        "paper2": lambda: comparison(plan, "paper2", WAYS, say),
        "cell": lambda: comparison(plan, "cell", WAYS, say),
        "ablations": lambda: comparison(plan, "cell", ABLATIONS, say, ("greedy", "matching", "exact")),
        "steps": lambda: steps(plan, say),
        "candidates": lambda: candidates(plan, say),
        "table-2": lambda: table_2(plan, say),
        "table-2-paper2": lambda: table_2_paper2(plan, say),
        "table-3": lambda: costs(plan, say),
        "imperfect": lambda: diffusion_ql_hard.imperfect(plan, say),
        "interfering": lambda: diffusion_ql_hard.interfering(plan, say),
    }


def provenance(plan: Plan, table: str) -> str:
    """Where the numbers come from."""
    seeds = " ".join(f"--seeds {seed}" for seed in plan.seeds)
    command = f"python -m rapp figures diffusion_ql --held-out {plan.held_out} {seeds} --table {table}"
    drops = f"{plan.held_out} held-out drops"
    return f"*`{command}` on {machine()}; {drops}; processor time, on a machine with other work.*"


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
    """Markdown: what more candidates bring, by who chooses among them and by how loud their noise is ("cell").

    On validation drops: what the other tables serve with is chosen here.
    """
    judge = Judge.of(scenarios.load("cell"), plan.held_out, Stream.VALIDATION)
    matching = judge.tried("matching", classic(["matching"])["matching"])[0].score.mean()
    counts = (1, 2, 4, 8)
    lines = [f"| chosen by, noise | {' | '.join(f'K = {count}' for count in counts)} |"]
    lines.append("| --- |" + " ---: |" * len(counts))
    for choose in ("q", "physics"):
        for temperature in (0.5, 2.0):
            cells = []
            for count in counts:
                way = {"steps": 1, "candidates": count, "choose": choose, "temperature": temperature}
                found = models(plan, "cell", Row(title=f"{choose}, K = {count}", sampling=way, seeds=3), say)
                score = np.mean([judge.tried(choose, served(model))[0].score.mean() for model in found])
                cells.append(f"{score / matching:.2%}")
            title = "Q" if choose == "q" else "own physics"
            lines.append(f"| {title}, {temperature} | {' | '.join(cells)} |")
    return lines


def steps(plan: Plan, say: Say) -> list[str]:
    """Markdown: score relative to matching on validation drops of "cell", and time, by the steps of an answer."""
    judge = Judge.of(scenarios.load("cell"), plan.held_out, Stream.VALIDATION)
    matching = judge.tried("matching", classic(["matching"])["matching"])[0].score.mean()
    counts = ("1", "2", "5", "20")
    lines = [f"| steps | {' | '.join(counts)} |", "| --- |" + " ---: |" * len(counts)]
    for title, rows in STEPS.items():
        cells = {row.title: _quality_and_time(judge, models(plan, "cell", row, say), matching) for row in rows}
        lines.append(f"| {title} | {' | '.join(cells.get(count, '–') for count in counts)} |")
    return lines


def _quality_and_time(judge: Judge, found: Sequence[ModelFile], matching: float) -> str:
    tried = [judge.tried("", served(model))[0] for model in found]
    scores = [100.0 * trial.score.mean() / matching for trial in tried]
    spread = f" ± {np.std(scores, ddof=1):.2f}" if len(scores) > 1 else ""
    return f"{np.mean(scores):.2f}{spread} %, {_p50_ms(tried):.1f} ms"


def _p50_ms(tried: Sequence[Trial]) -> float:
    return float(np.median([np.median(trial.latency_ms) for trial in tried]))


def table_2(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table II: decisions against the exact solver's in "cell", where all three can be trained."""
    runs = {
        "SS-VAE": run_on_labels(plan, scenarios.load("cell"), Variant(title="SS-VAE"), plan.seeds[0]),
        "DQN, fair": dqn_run(plan, "cell", "fair", plan.seeds[0]),
        "DQN as printed": dqn_run(plan, "cell", "paper", plan.seeds[0]),
    } | _own_runs(plan, "cell")
    return _accuracies(plan, "cell", runs, say)


def table_2_paper2(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table II in the paper's own scenario, with the rows that were trained in it."""
    dqn = {"DQN, fair": dqn_run(plan, "paper2", "fair", plan.seeds[0])}
    return _accuracies(plan, "paper2", dqn | _own_runs(plan, "paper2"), say)


def _own_runs(plan: Plan, scenario_name: str) -> dict[str, Run]:
    rows = {
        "Diffusion-QL, 1 step": ONE_STEP,
        "Diffusion-QL without a prior, 5 steps": Row(title="", preset="plain"),
        "Diffusion-QL as printed": Row(title="", preset="paper"),
    }
    return {title: run_of(plan, scenario_name, row, plan.seeds[0]) for title, row in rows.items()}


def costs(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table III as measured cost: a decision's processor time over UEs and PRBs."""
    ways: dict[str, dict[str, Any]] = {
        "Diffusion-QL, 1 step": {"steps": 1},
        "Diffusion-QL, 5 steps": FIVE_STEPS,
        "Diffusion-QL, best of 8 by Q": BY_Q,
        "Diffusion-QL, best of 8 by physics": BY_PHYSICS,
        "Diffusion-QL, 20 steps": {"steps": 20},
    }
    named: dict[str, Allocator] = {
        title: served(trained(plan, "cell", Row(title="", sampling=way), plan.seeds[0])) for title, way in ways.items()
    }
    named |= classic(("greedy", "matching"))
    sizes = ((10, 25), (20, 25), (40, 25), (80, 25), (20, 50), (20, 100))
    lines = [f"| allocator | {' | '.join(f'{ues} UEs × {prbs} PRBs' for ues, prbs in sizes)} |"]
    lines.append("| --- |" + " ---: |" * len(sizes))
    for name, allocator in named.items():
        say(f"cost: {name}")
        cells = [_latency(allocator, _sized(ues, prbs)) for ues, prbs in sizes]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", f"Median / 99th percentile of {TIMED} decisions [ms]; the exact solver's stand above."]


def _sized(ues: int, prbs: int) -> Scenario:
    cell = scenarios.load("cell")
    return varied(cell, slices__0__num_ues=ues // 2, slices__1__num_ues=ues // 2, radio__num_prbs=prbs)


def _latency(allocator: Allocator, scenario: Scenario) -> str:
    reports = list(drops(draw(scenario, generator(Stream.HELD_OUT, 2), TIMED)))
    allocator.decide(reports[0])  # fills caches
    times_ms = []
    for report in reports:
        start_s = time.thread_time()
        allocator.decide(report)
        times_ms.append(1e3 * (time.thread_time() - start_s))
    return "{:.2f} / {:.2f}".format(*np.percentile(times_ms, [50, 99]))


def _exact_decisions(plan: Plan, scenario: Scenario) -> Dataset:
    """The held-out drops of the tables above, with the exact solver's decisions."""
    build = partial(allocators.build, "exact")
    report, decision = kept_decisions(plan.root / "trials", "exact", build, scenario, seed=0, num_drops=plan.held_out)
    return Dataset(datasets.describe(scenario, seed=0, num_drops=plan.held_out), report, decision)


def _accuracies(plan: Plan, scenario_name: str, runs: Mapping[str, Run], say: Say) -> list[str]:
    """Rows of the runs that are finished; the others are named below the table, as theirs to train are other pages."""
    say(f"{scenario_name}: exact decisions on {plan.held_out} drops")
    judged = _exact_decisions(plan, scenarios.load(scenario_name))
    named = {title: served(run.model()) for title, run in runs.items() if run.state == "done"}
    rows = dict(PAPER_TABLE_2)
    for name, allocator in (named | unlearned() | classic(("random", "greedy", "matching"))).items():
        say(f"table 2: {name}")
        decided = stack([allocator.decide(drop) for drop in drops(judged.report)])
        rows[name] = compare(decided.power_w / judged.report.prb_power_cap_w, decided.prb_owner.astype(int), judged)
    rows |= trivial(judged)
    lines = ["| row | MAE of p | R² of p | cosine of p | BAEP | PRB accuracy |"]
    lines += [
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {title} | {row.cells()} |" for title, row in rows.items()),
    ]
    missing = [title for title in runs if title not in named]
    return [*lines, "", f"Not trained yet: {', '.join(missing)}."] if missing else lines


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
