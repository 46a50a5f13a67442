"""What the pages' tables are made of: runs of variants, judged on the same held-out drops, written into ``docs/``.

Data sets, runs and the exact solver's trials are resumable, so a table that was cut continues, and one that is asked
for again costs the decisions only.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario
from oran.errors import ConfigError
from rapp import datasets
from rapp.evaluation import REFERENCES, Trial, trial
from rapp.figures.trials import kept_trial
from rapp.files import write_atomically
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row: a preset with changes, and how its scores are decoded."""

    title: str
    preset: str = "sane"
    changes: Mapping[str, Any] = field(default_factory=dict)
    labels: int = 0
    """Labelled drops; 0: as many as the plan says."""
    decoding: Mapping[str, Any] = field(default_factory=dict)
    loads: Mapping[int, int] = field(default_factory=dict)
    """Drops of cells with so many UEs in each slice that are learned from beside the scenario's own."""
    seeds: int = 0
    """Of the plan's seeds the first so many; 0: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is spent on a page."""

    page: str = "ssvae"
    labels: int = 2000
    pool: int = 4000
    """Labelled drops of a scenario's data set; a row learns from the first ``labels`` of them."""
    labels_by: str = "matching"
    """Who labels. In one cell matching is within 0.03 % of the exact solver, at a hundredth of its time and less."""
    seeds: tuple[int, ...] = (0,)
    held_out: int = 200
    yardstick: str = "exact"
    """The reference that scores are shares of."""
    unlabelled: int = 2000
    workers: int | None = None
    """Processes that label; None: one a core."""
    root: Path = Path("out/figures")
    docs: Path = Path("docs")

    @property
    def command(self) -> str:
        seeds = " ".join(f"--seeds {seed}" for seed in self.seeds)
        command = f"python -m rapp figures {self.page} --labels {self.labels} --held-out {self.held_out} {seeds}"
        return command + ("" if self.yardstick == "exact" else f" --yardstick {self.yardstick}")


def fill(
    page: Path,
    tables: Mapping[str, Callable[[], Iterable[str]]],
    source: Callable[[str], str],
    figures: Mapping[str, Callable[[], object]],
    only: Sequence[str] = (),
) -> None:
    """Measure tables into a page, each with a line about where it comes from, and draw figures.

    Args:
        source: that line, by the table's name.
        only: names of those that are wanted; all if there are none.

    Raises:
        ConfigError: an unknown table or figure, or the page has no place for one.
    """
    known = [*tables, *figures]
    for name in only or known:
        if name in tables:
            insert(page, name, [*tables[name](), "", source(name)])
        elif name in figures:
            figures[name]()
        else:
            raise ConfigError("table", name, f"known are {', '.join(known)}")


def insert(page: Path, name: str, lines: Iterable[str]) -> None:
    """Put lines between ``<!-- table: name -->`` and ``<!-- end -->`` of a page.

    Raises:
        ConfigError: the page has no such place.
    """
    text = page.read_text()
    start = f"<!-- table: {name} -->\n"
    pattern = re.compile(re.escape(start) + r".*?(?=<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise ConfigError("page", page.name, f"has no place for the table {name!r}")
    content = start + "\n".join(lines) + "\n"
    with write_atomically(page) as file:
        file.write(pattern.sub(lambda _: content, text).encode())


def provenance(plan: Plan) -> str:
    """Where the numbers come from."""
    return f"*`{plan.command}` on {machine()}; {plan.held_out} held-out drops, labels by {plan.labels_by}.*"


def machine() -> str:
    """What it was measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def comparison(
    plan: Plan,
    scenario_name: str,
    variants: Sequence[Variant],
    say: Say,
    references: Sequence[str] = REFERENCES,
    unlearned: Mapping[str, Allocator] | None = None,
) -> list[str]:
    """Markdown: every variant, what nobody learned, and every reference on the same held-out drops of a scenario."""
    scenario = scenarios.load(scenario_name)
    yardstick = reference(plan, scenario, plan.yardstick, say)
    header = f"| allocator | of {plan.yardstick} | at SLA [bps/Hz] | UEs satisfied | drops satisfied | p50 / p99 [ms] |"
    lines = [f"{header} training [CPU s] | seeds |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for variant in variants:
        trials, spent_s = learned(plan, scenario, variant, say)
        lines.append(_row(variant.title, trials, yardstick, f"{np.max(spent_s):.0f}"))
    for title, allocator in (unlearned or {}).items():
        tried = trial(title, allocator, scenario, seed=0, num_drops=plan.held_out)
        lines.append(_row(f"*{title}*", [tried], yardstick, "–"))
    shown = [name for name in references if name != "exact" or plan.yardstick == "exact"]
    return [*lines, *(_row(f"*{name}*", [reference(plan, scenario, name, say)], yardstick, "–") for name in shown)]


def learned(plan: Plan, scenario: Scenario, variant: Variant, say: Say) -> tuple[list[Trial], list[float]]:
    """A variant's trials, one a seed, and what each training cost [CPU s]."""
    models = []
    for seed in seeds_of(plan, variant):
        say(f"{scenario.name}: {variant.title}, seed {seed}")
        models.append(trained(plan, scenario, variant, seed))
    trials = [
        trial(variant.title, build(model).allocator, scenario, seed=0, num_drops=plan.held_out) for model in models
    ]
    return trials, [model.manifest.training["cpu_seconds"] for model in models]


def reference(plan: Plan, scenario: Scenario, name: str, say: Say) -> Trial:
    """A classic allocator's trial; the exact solver's is kept, as it takes longer than all others together.

    Raises:
        ConfigError: no such allocator.
    """
    say(f"{scenario.name}: {name}")
    if name != "exact":
        return trial(name, allocators.build(name), scenario, seed=0, num_drops=plan.held_out)
    root = plan.root / "trials"
    return kept_trial(root, name, lambda: allocators.build(name), scenario, seed=0, num_drops=plan.held_out)


def seeds_of(plan: Plan, variant: Variant) -> tuple[int, ...]:
    """The seeds that a variant is trained with."""
    return plan.seeds[: variant.seeds or None]


def run_of(plan: Plan, scenario: Scenario, variant: Variant, seed: int) -> Run:
    """The run of a variant, new or found; its data set is there afterwards."""
    config = RunConfig(
        preset=variant.preset,
        changes=dict(variant.changes),
        seed=seed,
        dataset=str(labelled(plan, scenario)),
        labelled_drops=variant.labels or plan.labels,
        more_datasets=tuple(str(_loaded(plan, scenario, *each)) for each in variant.loads.items()),
        unlabelled_drops=plan.unlabelled,
    )
    return Run.create(plan.root / "runs", config)


def trained(plan: Plan, scenario: Scenario, variant: Variant, seed: int) -> ModelFile:
    """The model of a variant, from its run folder if it is there."""
    model = run_of(plan, scenario, variant, seed).execute()
    architecture = model.manifest.architecture
    decoding = architecture["decoding"] | dict(variant.decoding)
    manifest = model.manifest.model_copy(update={"architecture": architecture | {"decoding": decoding}})
    return ModelFile(manifest, model.weights)


def labelled(plan: Plan, scenario: Scenario) -> Path:
    """Folder of a scenario's data set, made if it is not there."""
    return _built(plan, scenario, plan.root / f"{scenario.name}-{plan.pool}-{plan.labels_by}", plan.pool)


def with_load(scenario: Scenario, ues: int) -> Scenario:
    """The scenario with so many UEs in each of its slices."""
    return scenarios.varied(scenario, **{f"slices__{index}__num_ues": ues for index in range(len(scenario.slices))})


def _loaded(plan: Plan, scenario: Scenario, ues: int, num_drops: int) -> Path:
    folder = plan.root / f"{scenario.name}-{ues}-ues-{num_drops}-{plan.labels_by}"
    return _built(plan, with_load(scenario, ues), folder, num_drops)


def _built(plan: Plan, scenario: Scenario, folder: Path, num_drops: int) -> Path:
    described = datasets.describe(scenario, seed=0, num_drops=num_drops, labels_by=plan.labels_by)
    datasets.build(folder, described, workers=plan.workers)
    return folder


def ratio(trials: Sequence[Trial], yardstick: Trial) -> str:
    """Score relative to the yardstick's over the drops that it can satisfy: mean and deviation over seeds [%]."""
    return mean_and_spread([100.0 * each.summary(yardstick)["of_exact"] for each in trials])


def mean_and_spread(ratios: Sequence[float]) -> str:
    """Mean and, of several, standard deviation [%]."""
    spread = f" ± {np.std(ratios, ddof=1):.2f}" if len(ratios) > 1 else ""
    return f"{np.mean(ratios):.2f} %{spread}"


def _row(title: str, trials: Sequence[Trial], yardstick: Trial, training: str) -> str:
    rows = [each.summary(yardstick) for each in trials]
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    cells = (
        title,
        ratio(trials, yardstick),
        f"{mean['score']:.1f}",
        f"{mean['satisfied_share']:.2%}",
        f"{mean['drops_all_satisfied']:.1%}",
        f"{mean['latency_p50_ms']:.2f} / {mean['latency_p99_ms']:.2f}",
        training,
        "–" if training == "–" else str(len(trials)),
    )
    return f"| {' | '.join(cells)} |"
