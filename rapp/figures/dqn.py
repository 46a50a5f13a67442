"""Tables and figure of the DQNs, measured anew and written into ``docs/dqn.md``: ``python -m rapp figures dqn``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario
from rapp.evaluation import Trial, trial
from rapp.figures.accuracy import Accuracy, compare, held_out_labels, trivial
from rapp.figures.drawing import drawn
from rapp.figures.tables import Plan, Say, fill, machine, mean_and_spread, reference, with_load
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.dqn.decoder import UnlearnedAllocator
from xapps.dqn.presets import Decoding
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build
from xapps.ssvae.batches import drops

SCENARIOS = ("cell", "edge", "paper2")
REFERENCES = ("random", "greedy", "matching")
YARDSTICKS = {"edge": "matching"}
"""What rows are held against; otherwise the exact solver. In "edge" it takes many times as long, and matching is within
0.03 % of it (decision 0007)."""

PAPER_TABLE_2 = Accuracy(0.2156, 0.6985, 0.8915, 0.0972, None)
"""Paper 2, Table II, row DQN."""

HEADER = (
    "| allocator | of {yardstick} | at SLA [bps/Hz] | UEs satisfied | drops satisfied | infeasible before projection "
    "| p50 / p99 [ms] | training [CPU s] | seeds |"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant: a preset, and how its values are decoded."""

    title: str
    preset: str = "fair"
    decoding: Mapping[str, Any] = field(default_factory=dict)


BEST_OF_4 = Row(title="DQN fair, best of 4 rollouts")
ONE = Row(title="DQN fair, one rollout", decoding={"rollouts": 1})
EVEN = Row(title="DQN fair, one rollout, even power", decoding={"rollouts": 1, "power": "even"})
PAPER = Row(title="DQN as printed, own power levels", preset="paper")
ROWS = (BEST_OF_4, ONE, EVEN)
LOADS = {"cell": (4, 7, 10, 13, 16, 20, 30), "paper2": (4, 7, 10, 13, 20)}
"""UEs a service of the table of loads, by scenario; 10 are what it was trained with."""
LOAD_DROPS = 60

AS_PRINTED_IN = ("cell",)
"""Scenarios in which the printed variant is trained too; it is the paper's own, and what happens there says enough."""

UNLEARNED = {
    "nothing learned, best of 4 rollouts by the next reward": Decoding(),
    "nothing learned, one rollout by the next reward": Decoding(rollouts=1),
}
"""The fair variant's process and decoder without its network."""


def dqn(plan: Plan, say: Say, only: Sequence[str] = ()) -> None:
    """Measure the tables of the DQNs, write them into ``docs/dqn.md``, draw the figure into ``docs/img``.

    Raises:
        ConfigError: an unknown table or figure, or the page has no place for one.
    """
    figures = {"training": partial(draw_training, plan, say)}
    fill(plan.docs / "dqn.md", tables(plan, say), partial(provenance, plan), figures, only)


def tables(plan: Plan, say: Say) -> dict[str, Callable[[], list[str]]]:
    """Name -> its measurement."""
    measured: dict[str, Callable[[], list[str]]] = {name: partial(comparison, plan, name, say) for name in SCENARIOS}
    return measured | {
        "elsewhere": partial(elsewhere, plan, say),
        "loads": partial(loads, plan, say),
        "table-2": partial(accuracies, plan, say),
    }


def provenance(plan: Plan, table: str) -> str:
    """Where the numbers come from."""
    seeds = " ".join(f"--seeds {seed}" for seed in plan.seeds)
    command = f"python -m rapp figures dqn --held-out {plan.held_out} {seeds} --table {table}"
    return f"*`{command}` on {machine()}; {plan.held_out} held-out drops; processor time.*"


def comparison(plan: Plan, scenario_name: str, say: Say) -> list[str]:
    """Markdown: every variant and reference on the same held-out drops of a scenario."""
    scenario = scenarios.load(scenario_name)
    yardstick = YARDSTICKS.get(scenario_name, "exact")
    best = reference(plan, scenario, yardstick, say)
    lines = [HEADER.format(yardstick=yardstick), f"| --- {'| ---: ' * 8}|"]
    for row in (*ROWS, *([PAPER] if scenario_name in AS_PRINTED_IN else [])):
        found = models(plan, scenario_name, row, say)
        spent_s = np.mean([model.manifest.training["cpu_seconds"] for model in found])
        trials = [_tried(row.title, build(model).allocator, scenario, plan) for model in found]
        lines.append(_line(row.title, trials, best, f"{spent_s:.0f} | {len(trials)}"))
    others = {
        title: _tried(title, UnlearnedAllocator(decoding), scenario, plan) for title, decoding in UNLEARNED.items()
    }
    others |= {name: reference(plan, scenario, name, say) for name in REFERENCES} | {yardstick: best}
    return lines + [_line(f"*{title}*", [each], best, "– | –") for title, each in others.items()]


def elsewhere(plan: Plan, say: Say) -> list[str]:
    """Markdown: the fair variant in scenarios, and at numbers of UEs, that it was not trained for."""
    lines = [
        "| trained in | of exact in cell | of matching in edge | of exact in paper2 |",
        "| --- | ---: | ---: | ---: |",
    ]
    for home in SCENARIOS:
        found = models(plan, home, BEST_OF_4, say)
        cells = [_ratio(plan, found, scenarios.load(away), say) for away in SCENARIOS]
        lines.append(f"| {home} | {' | '.join(cells)} |")
    return lines


def serving(plan: Plan, scenario_name: str, say: Say) -> Allocator:
    """The fair variant, best of 4 rollouts, trained in a scenario with the plan's first seed.

    For the sweeps of other pages too: it decides for any number of UEs and PRBs.
    """
    [model] = models(replace(plan, seeds=plan.seeds[:1]), scenario_name, BEST_OF_4, say)
    return build(model).allocator


def loads(plan: Plan, say: Say) -> list[str]:
    """Markdown: one network at other loads than its own: Fig. 6c of paper 1 ("cell"), Fig. 3b of paper 2 ("paper2").

    Beyond some load minimum rates cannot all be met, so that throughput says little without the share of satisfied UEs.
    """
    named: dict[str, Allocator] = {"nothing learned": UnlearnedAllocator()}
    named |= {name: allocators.build(name) for name in ("greedy", "matching")}
    titles = ["DQN fair, best of 4", *(f"*{name}*" for name in named)]
    lines = [f"| scenario | UEs a service | {' | '.join(titles)} |", f"| --- {'| ---: ' * (len(titles) + 1)}|"]
    for scenario_name, counts in LOADS.items():
        everybody = [serving(plan, scenario_name, say), *named.values()]
        for count in counts:
            say(f"{scenario_name}: {count} UEs a service")
            scenario = with_load(scenarios.load(scenario_name), count)
            tried = [trial("", each, scenario, seed=0, num_drops=LOAD_DROPS) for each in everybody]
            cells = [f"{each.weighted_throughput.mean():.1f} ({each.satisfied.mean():.1%})" for each in tried]
            lines.append(f"| {scenario_name} | {count} | {' | '.join(cells)} |")
    shown = f"Throughput [bps/Hz], in brackets the share of UEs that are satisfied; {LOAD_DROPS} drops a row, seed"
    return [*lines, "", f"{shown} {plan.seeds[0]}."]


def accuracies(plan: Plan, say: Say) -> list[str]:
    """Markdown of paper 2's Table II, row DQN: power and owners of the decisions against matching's, which are
    within 0.03 % of the exact solver's."""
    labelled = held_out_labels(plan, "cell", plan.labels_by)
    rows = {"*paper 2:* DQN": PAPER_TABLE_2}
    for row in (BEST_OF_4, PAPER):
        policy = build(models(plan, "cell", row, say)[0]).allocator
        decided = [policy.decide(drop) for drop in drops(labelled.report)]
        power = np.stack([each.power_w for each in decided]) / labelled.report.prb_power_cap_w
        rows[row.title] = compare(power, np.stack([each.prb_owner for each in decided]), labelled)
    rows |= trivial(labelled)
    lines = ["| row | MAE of p | R² of p | cosine of p | binary error | PRB accuracy |", f"| --- {'| ---: ' * 5}|"]
    return lines + [f"| {title} | {row.cells()} |" for title, row in rows.items()]


def models(plan: Plan, scenario_name: str, row: Row, say: Say) -> list[ModelFile]:
    """A variant's models, one a seed, from their run folders where they are there."""
    found = []
    for seed in plan.seeds:
        say(f"{scenario_name}: {row.title}, seed {seed}")
        model = run_of(plan, scenario_name, row, seed).execute()
        architecture = model.manifest.architecture
        decoding = architecture["decoding"] | dict(row.decoding)
        manifest = model.manifest.model_copy(update={"architecture": architecture | {"decoding": decoding}})
        found.append(ModelFile(manifest, model.weights))
    return found


def run_of(plan: Plan, scenario_name: str, row: Row, seed: int) -> Run:
    """The run of a variant, new or found: that of ``python -m rapp train --allocator dqn``."""
    config = RunConfig(allocator="dqn", model="dqn", preset=row.preset, seed=seed, scenario=scenario_name)
    return Run.create(plan.root / "runs", config)


def draw_training(plan: Plan, say: Say) -> Path:
    """What the greedy decisions are worth on validation drops while the variants learn in "cell"."""
    return drawn(plan.docs / "img" / "dqn-training.png", lambda figure: _training(figure, plan, say), height_in=3.4)


def _training(figure: Figure, plan: Plan, say: Say) -> None:
    left, right = figure.subplots(1, 2)
    for axis, row, label in ((left, BEST_OF_4, "score [bps/Hz]"), (right, PAPER, "reward (22) at the end")):
        models(plan, "cell", row, say)
        for seed in plan.seeds:
            curves = run_of(plan, "cell", row, seed).curves()
            episodes = [each["epoch"] * _episodes(plan, row, seed) for each in curves]
            axis.plot(episodes, [each["validation"] for each in curves], label=f"seed {seed}")
        axis.set(title=row.title.split(",")[0], xlabel="episodes", ylabel=label)
        axis.grid(alpha=0.3)
        axis.legend()


def _episodes(plan: Plan, row: Row, seed: int) -> int:
    training = run_of(plan, "cell", row, seed).model().manifest.training
    return int(training["preset"]["episodes"])


def _tried(name: str, allocator: Allocator, scenario: Scenario, plan: Plan) -> Trial:
    return trial(name, allocator, scenario, seed=0, num_drops=plan.held_out)


def _ratio(plan: Plan, found: Sequence[ModelFile], scenario: Scenario, say: Say) -> str:
    best = reference(plan, scenario, YARDSTICKS.get(scenario.name, "exact"), say)
    rows = [_tried("", build(model).allocator, scenario, plan).summary(best) for model in found]
    return mean_and_spread([100.0 * row["of_exact"] for row in rows])


def _line(title: str, trials: Sequence[Trial], best: Trial, training: str) -> str:
    rows = [each.summary(best) for each in trials]
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    cells = (
        title,
        mean_and_spread([100.0 * row["of_exact"] for row in rows]),
        f"{mean['score']:.1f}",
        f"{mean['satisfied_share']:.2%}",
        f"{mean['drops_all_satisfied']:.1%}",
        f"{mean['infeasible_before_projection']:.1%}",
        f"{mean['latency_p50_ms']:.2f} / {mean['latency_p99_ms']:.2f}",
        training,
    )
    return f"| {' | '.join(cells)} |"
