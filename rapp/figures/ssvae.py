"""Tables and figures of paper 1, measured anew and written into ``docs/ssvae.md``: ``python -m rapp figures ssvae``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from e2sim import scenario as scenarios
from rapp.figures import ssvae_plots, ssvae_sweeps
from rapp.figures.accuracy import accuracy, held_out_labels, trivial
from rapp.figures.ssvae_rows import (
    ARCHITECTURES,
    BEST_OF_8,
    FLAT,
    FLAT_VARIANTS,
    MATCHED,
    MEAN,
    PAPER_TABLE_6,
    ablations,
    label_counts,
    unlearned,
)
from rapp.figures.tables import (
    Plan,
    Say,
    Variant,
    comparison,
    fill,
    learned,
    provenance,
    ratio,
    reference,
    seeds_of,
    trained,
)


def ssvae(plan: Plan, say: Say, only: Sequence[str] = ()) -> None:
    """Measure the tables of SS-VAE, write them into ``docs/ssvae.md``, draw its figures into ``docs/img``.

    Raises:
        ConfigError: an unknown table or figure, or the page has no place for one.
    """
    figures = {name: partial(ssvae_plots.draw, name, plan, say) for name in ssvae_plots.FIGURES}
    fill(plan.docs / "ssvae.md", tables(plan, say), lambda _: provenance(plan), figures, only)


def tables(plan: Plan, say: Say) -> dict[str, Callable[[], list[str]]]:
    """Name -> its measurement."""
    return {
        "cell": lambda: comparison(plan, "cell", ARCHITECTURES, say, unlearned=unlearned()),
        "edge": lambda: comparison(plan, "edge", ARCHITECTURES, say, unlearned=unlearned()),
        "flat": lambda: comparison(plan, "cell", FLAT, say, references=("matching", "greedy")),
        "flat-variants": lambda: comparison(plan, "cell", FLAT_VARIANTS, say, references=("matching",)),
        "ablations": lambda: both_decodings(plan, "edge", ablations(), say),
        "labels": lambda: both_decodings(plan, "edge", label_counts(plan), say),
        "table-6": lambda: accuracies(plan, say),
        "ues": lambda: ssvae_sweeps.table(plan, say),
    }


def both_decodings(plan: Plan, scenario_name: str, variants: Sequence[Variant], say: Say) -> list[str]:
    """Markdown: each variant decoded from its latent's mean and as the best of eight latents."""
    scenario = scenarios.load(scenario_name)
    yardstick = reference(plan, scenario, plan.yardstick, say)
    lines = [f"| trained with | of {plan.yardstick} | best of 8 latents | training [CPU s] | seeds |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for variant in variants:
        mean, spent_s = learned(plan, scenario, replace(variant, decoding=MEAN), say)
        best, _ = learned(plan, scenario, replace(variant, decoding=BEST_OF_8), say)
        cells = (variant.title, ratio(mean, yardstick), ratio(best, yardstick), f"{max(spent_s):.0f}", str(len(mean)))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def accuracies(plan: Plan, say: Say) -> list[str]:
    """Markdown of Table 6: what the heads say against the labels, and what says nothing at all."""
    labelled = held_out_labels(plan, "cell", "exact")
    rows = {"paper": PAPER_TABLE_6}
    for variant in (MATCHED, *FLAT, *FLAT_VARIANTS):
        if variant.decoding.get("assignment") == "argmax" and variant.preset != "paper":
            continue  # the heads are those of the row before
        say(f"table 6: {variant.title}")
        model = trained(plan, scenarios.load("cell"), variant, seeds_of(plan, variant)[0])
        rows[variant.title.removesuffix(", matching decode").removesuffix(", argmax decode")] = accuracy(
            model, labelled
        )
    rows |= trivial(labelled)
    lines = ["| row | MAE of p | R² of p | cosine of p | binary error | PRB accuracy |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    return lines + [f"| {title} | {row.cells()} |" for title, row in rows.items()]
