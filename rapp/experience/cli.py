"""``python -m rapp experience list | show | export``: what came back from the field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from rapp.experience.loading import Transitions, load
from rapp.experience.segments import manifests
from xapps.runtime.model_file import digest

app = typer.Typer(no_args_is_help=True, help="What xApps sent back from the field")
console = Console()

Folder = Annotated[Path, typer.Argument(help="Folder of the segments")]
Meid = Annotated[str, typer.Option(help="Only of this node")]
Allocator = Annotated[str, typer.Option(help="Only decisions of this allocator")]

ARRAYS = ("gain_db", "ue_ids", "slice_ids", "weight", "min_rate_bps_hz", "max_delay_s", "queue_bytes")
"""Fields of the report that an export holds, beside decision, outcome and origin."""


@app.command(name="list")
def list_segments(folder: Folder = Path("out/experience")) -> None:
    """The segments, oldest first, and what became of each stream's numbers."""
    found = manifests(folder)
    table = Table("segment", "written", "transitions", "bytes", "xApp", "nodes", "stored", "dropped", "lost")
    for each in found:
        written = datetime.fromtimestamp(each.created_unix_s, UTC).isoformat(timespec="seconds")
        span = each.span
        cells = (each.number, written, each.steps, each.size_bytes, span.xapp, " ".join(each.meids))
        table.add_row(*map(str, (*cells, span.stored, span.dropped, span.lost)))
    console.print(table)
    console.print(f"{sum(each.steps for each in found)} transitions in {sum(each.size_bytes for each in found)} bytes")


@app.command()
def show(folder: Folder = Path("out/experience"), meid: Meid = "", allocator: Allocator = "") -> None:
    """What can be trained on, as JSON: one entry a shape; every segment's digest is checked."""
    console.print_json(json.dumps([_summary(batch) for batch in load(folder, meid=meid, allocator=allocator)]))


@app.command()
def export(
    output: Annotated[Path, typer.Argument(help="Folder of the .npz files, one a shape")],
    folder: Folder = Path("out/experience"),
    meid: Meid = "",
    allocator: Allocator = "",
) -> None:
    """Write the transitions as plain arrays, for tools that know nothing of us."""
    output.mkdir(parents=True, exist_ok=True)
    for batch in load(folder, meid=meid, allocator=allocator):
        ues, rus, prbs = _shape(batch)
        path = output / f"transitions-{ues}ue-{rus}ru-{prbs}prb-{_limits_key(batch)}.npz"
        np.savez_compressed(path, **_arrays(batch))
        console.print(f"{len(batch)} transitions in {path}", highlight=False)


def _shape(batch: Transitions) -> tuple[int, ...]:
    return tuple(np.asarray(batch.report.gain_db).shape[1:])


def _limits_key(batch: Transitions) -> str:
    """Tells batches of one shape and other radio constants apart."""
    report = batch.report
    constants = (report.noise_w, report.prb_bandwidth_hz, report.prb_power_cap_w, report.slice_names)
    return digest(repr(constants).encode() + report.ru_power_budget_w.tobytes())[:8]


def _summary(batch: Transitions) -> dict[str, Any]:
    ues, rus, prbs = _shape(batch)
    return {
        "transitions": len(batch),
        "ues": ues,
        "rus": rus,
        "prbs": prbs,
        "slices": batch.report.slice_names,
        "nodes": sorted(set(batch.meid.tolist())),
        "allocators": sorted(set(batch.allocator.tolist())),
        "obeyed_ratio": float(batch.obeyed.mean()),
        "weighted_throughput_bps_hz": float(np.mean(batch.outcome.weighted_throughput_bps_hz)),
        "satisfied_ratio": float(batch.outcome.satisfied.mean()) if ues else 1.0,
        "corrected_ratio": float((batch.corrections > 0).mean()),
    }


def _arrays(batch: Transitions) -> dict[str, Any]:
    report, decision, outcome = batch.report, batch.decision, batch.outcome
    arrays: dict[str, Any] = {name: value for name in ARRAYS if (value := getattr(report, name)) is not None}
    arrays |= {
        "noise_w": np.array(report.noise_w),
        "prb_bandwidth_hz": np.array(report.prb_bandwidth_hz),
        "prb_power_cap_w": np.array(report.prb_power_cap_w),
        "ru_power_budget_w": report.ru_power_budget_w,
        "slice_names": np.array(report.slice_names),
    }
    arrays |= {name: getattr(decision, name) for name in ("serving_ru", "prb_owner", "power_w")}
    arrays |= {name: getattr(outcome, name) for name in ("weighted_throughput_bps_hz", "rate_bps_hz", "delay_s")}
    arrays |= {"satisfied": outcome.satisfied, "radiated_power_w": np.asarray(outcome.power_w)}
    own = ("obeyed", "next_index", "slot", "meid", "allocator", "model", "version", "corrections")
    return arrays | {name: getattr(batch, name) for name in own}
