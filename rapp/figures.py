"""Tables of the papers, measured anew and written into ``docs/``: ``python -m rapp figures ssvae``.

A table is rows of runs that decide the same held-out drops. Data sets and runs are resumable, so a figure that was
cut continues, and one that is asked for again costs the decisions only.
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
from rapp.accuracy import Accuracy, accuracy, trivial
from rapp.evaluation import REFERENCES, Trial, trial
from rapp.files import write_atomically
from rapp.runs import Run, RunConfig
from xapps import allocators
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
    """Labelled drops; 0: all there are."""
    decoding: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is spent on a figure."""

    labels: int = 2000
    seeds: tuple[int, ...] = (0,)
    held_out: int = 300
    unlabelled: int = 2000
    root: Path = Path("out/figures")
    docs: Path = Path("docs")

    @property
    def command(self) -> str:
        seeds = " ".join(f"--seeds {seed}" for seed in self.seeds)
        return f"python -m rapp figures ssvae --labels {self.labels} --held-out {self.held_out} {seeds}"


UNSUPERVISED_OFF = {"unlabelled_batch_size": 0, "contrastive_weight": 0.0}
VAE_OFF = {"vae_weight": 0.0}

ARCHITECTURES = (
    Variant(title="SS-VAE equivariant, best of 8 latents", decoding={"candidates": 8, "spread": 3.0}),
    Variant(title="SS-VAE equivariant, matching decode"),
    Variant(title="SS-VAE equivariant, argmax decode", decoding={"assignment": "argmax"}),
    Variant(title="SS-VAE flat, matching decode", preset="flat"),
    Variant(title="SS-VAE flat, argmax decode", preset="flat", decoding={"assignment": "argmax"}),
    Variant(title="SS-VAE as printed (Table 5), argmax decode", preset="paper"),
)

ABLATIONS = (
    Variant(title="all terms"),
    Variant(title="without contrastive (26)", changes={"contrastive_weight": 0.0}),
    Variant(title="without VAE (23)", changes=VAE_OFF),
    Variant(title="without both", changes=UNSUPERVISED_OFF | VAE_OFF),
    Variant(title="without the decoder-aware loss", changes={"structured_weight": 0.0}),
)


def label_counts(plan: Plan) -> tuple[Variant, ...]:
    """Rows with fewer and fewer labels, with and without the unsupervised terms."""
    counts = [count for count in (250, 500, 1000, 2000, 4000) if count <= plan.labels]
    off = UNSUPERVISED_OFF | VAE_OFF
    return tuple(
        Variant(title=f"{count} labels, {kind}", labels=count, changes=changes)
        for count in counts
        for kind, changes in (("all terms", {}), ("supervised only", off))
    )


def ssvae(plan: Plan, say: Say, only: Sequence[str] = ()) -> None:
    """Measure the tables of SS-VAE and write them into ``docs/ssvae.md``.

    Raises:
        ConfigError: an unknown table, or the page has no place for one.
    """
    tables: dict[str, Callable[[], list[str]]] = {
        "cell": lambda: _comparison(plan, "cell", ARCHITECTURES, say),
        "edge": lambda: _comparison(plan, "edge", ARCHITECTURES, say),
        "ablations": lambda: _comparison(plan, "edge", ABLATIONS, say, references=("matching", "exact")),
        "labels": lambda: _comparison(plan, "edge", label_counts(plan), say, references=("matching", "exact")),
        "table-6": lambda: _accuracies(plan, "cell", ARCHITECTURES[1:], say),
    }
    for name in only or tables:
        if name not in tables:
            raise ConfigError("table", name, f"known are {', '.join(tables)}")
        insert(plan.docs / "ssvae.md", name, [*tables[name](), "", provenance(plan)])


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
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return f"*`{plan.command}` on {machine}; {plan.held_out} held-out drops.*"


def _comparison(
    plan: Plan, scenario_name: str, variants: Sequence[Variant], say: Say, references: Sequence[str] = REFERENCES
) -> list[str]:
    """Markdown: every variant and reference on the same held-out drops of a scenario."""
    scenario = scenarios.load(scenario_name)
    classic = {}
    for name in references:
        say(f"{scenario_name}: {name}")
        classic[name] = _tried(name, [lambda name=name: allocators.build(name)], scenario, plan)  # type: ignore[misc]
    learned = {variant.title: _learned(plan, scenario, variant, say) for variant in variants}
    header = (
        "| allocator | of exact | at SLA [bps/Hz] | UEs satisfied | drops satisfied | p50 / p99 [ms] | training [s] |"
    )
    lines = [header, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    exact = classic["exact"][0]
    for title, (trials, seconds) in learned.items():
        lines.append(_row(title, trials, exact, f"{np.mean(seconds):.0f}"))
    return [*lines, *(_row(f"*{name}*", trials, exact, "–") for name, trials in classic.items())]


def _learned(plan: Plan, scenario: Scenario, variant: Variant, say: Say) -> tuple[list[Trial], list[float]]:
    models = []
    for seed in plan.seeds:
        say(f"{scenario.name}: {variant.title}, seed {seed}")
        models.append(_trained(plan, scenario, variant, seed))
    factories = [lambda model=model: build(model).allocator for model in models]  # type: ignore[misc]
    return _tried(variant.title, factories, scenario, plan), [model.manifest.training["seconds"] for model in models]


def _tried(name: str, factories: Sequence[Callable[[], Any]], scenario: Scenario, plan: Plan) -> list[Trial]:
    return [trial(name, factory(), scenario, seed=0, num_drops=plan.held_out) for factory in factories]


def _trained(plan: Plan, scenario: Scenario, variant: Variant, seed: int) -> ModelFile:
    """The model of a variant, from its run folder if it is there."""
    config = RunConfig(
        preset=variant.preset,
        changes=dict(variant.changes),
        seed=seed,
        dataset=str(_labelled(plan, scenario)),
        labelled_drops=variant.labels,
        unlabelled_drops=plan.unlabelled,
    )
    model = Run.create(plan.root / "runs", config).execute()
    architecture = model.manifest.architecture
    decoding = architecture["decoding"] | dict(variant.decoding)
    manifest = model.manifest.model_copy(update={"architecture": architecture | {"decoding": decoding}})
    return ModelFile(manifest, model.weights)


def _labelled(plan: Plan, scenario: Scenario) -> Path:
    folder = plan.root / f"{scenario.name}-{plan.labels}"
    datasets.build(folder, datasets.describe(scenario, seed=0, num_drops=plan.labels))
    return folder


def _row(title: str, trials: Sequence[Trial], exact: Trial, training: str) -> str:
    rows = [each.summary(exact) for each in trials]
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    ratios = [100.0 * row["of_exact"] for row in rows]
    spread = f" ± {np.std(ratios, ddof=1):.2f}" if len(ratios) > 1 else ""
    cells = (
        title,
        f"{np.mean(ratios):.2f} %{spread}",
        f"{mean['score']:.1f}",
        f"{mean['satisfied_share']:.2%}",
        f"{mean['drops_all_satisfied']:.1%}",
        f"{mean['latency_p50_ms']:.2f} / {mean['latency_p99_ms']:.2f}",
        training,
    )
    return f"| {' | '.join(cells)} |"


def _accuracies(plan: Plan, scenario_name: str, variants: Sequence[Variant], say: Say) -> list[str]:
    """Markdown of Table 6: what the heads say against the labels, and what says nothing at all."""
    scenario = scenarios.load(scenario_name)
    held_out = datasets.build(
        plan.root / f"{scenario_name}-held-out", datasets.describe(scenario, seed=1, num_drops=plan.held_out)
    )
    rows = {"paper": Accuracy(0.0921, 0.7680, 0.9880, 0.047, None)}
    for variant in variants:
        if variant.decoding.get("assignment") == "argmax" and variant.preset != "paper":
            continue  # the heads are those of the row before
        say(f"table 6: {variant.title}")
        model = _trained(plan, scenario, variant, plan.seeds[0])
        rows[variant.title.split(",")[0]] = accuracy(model, held_out)
    rows |= trivial(held_out)
    lines = ["| row | MAE of p | R² of p | cosine of p | binary error | PRB accuracy |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    return lines + [f"| {title} | {row.cells()} |" for title, row in rows.items()]
