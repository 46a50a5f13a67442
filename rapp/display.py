"""Progress bars and tables of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from rapp.evaluation import Verdict
from rapp.runs import RunProgress

COLUMNS = {
    "of exact": ("of_exact", "{:.2%}"),
    "at SLA bps/Hz": ("score", "{:.1f}"),
    "95 % interval": ("score_low", "{:.1f}"),
    "weighted bps/Hz": ("weighted_throughput", "{:.1f}"),
    "UEs satisfied": ("satisfied_share", "{:.2%}"),
    "drops satisfied": ("drops_all_satisfied", "{:.1%}"),
    "repaired": ("infeasible_before_projection", "{:.1%}"),
    "p50 ms": ("latency_p50_ms", "{:.2f}"),
    "p99 ms": ("latency_p99_ms", "{:.2f}"),
}
"""Heading -> (key of ``Trial.summary``, format)."""


@contextmanager
def dataset_bar(console: Console, num_drops: int) -> Iterator[Callable[[int, int], None]]:
    """A bar of labelled drops; yields the callback of ``datasets.build``."""
    with _bar(console) as bar:
        task = bar.add_task("labelling", total=num_drops)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def training_bar(console: Console) -> Iterator[Callable[[RunProgress], None]]:
    """A bar of epochs; yields the callback of ``Run.execute``."""
    with _bar(console) as bar:
        task = bar.add_task("training", total=None)

        def update(progress: RunProgress) -> None:
            accuracy = progress.curves.get("validation_accuracy")
            text = "training" if accuracy is None else f"training (PRB accuracy {accuracy:.1%})"
            bar.update(task, completed=progress.epoch, total=progress.epochs, description=text)

        yield update


def show_verdict(console: Console, verdict: Verdict) -> None:
    """The table of everybody who decided the same drops, and the judgement."""
    table = Table(title=f"{verdict.scenario}: {verdict.num_drops} held-out drops, seed {verdict.seed}")
    table.add_column("allocator")
    for heading in COLUMNS:
        table.add_column(heading, justify="right")
    for name, row in verdict.rows.items():
        table.add_row(name, *(_cell(row, key, form) for key, form in COLUMNS.values()))
    console.print(table)
    gain = f"gain {verdict.gain:.2f} bps/Hz, 95 % interval {verdict.gain_low:.2f} to {verdict.gain_high:.2f}"
    console.print(
        f"[green]accepted[/]: {gain}" if verdict.accepted else f"[red]refused[/]: {'; '.join(verdict.reasons)}"
    )


def _cell(row: Mapping[str, float], key: str, form: str) -> str:
    if key == "score_low":
        return f"{row['score_low']:.1f} to {row['score_high']:.1f}"
    return form.format(row[key]) if key in row else "-"


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
