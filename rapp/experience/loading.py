"""Experience as learners want it: batches of transitions with one leading axis."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import GAIN_STEP_DB, Allocation, Kpi, RadioReport
from rapp.experience.columns import Columns
from rapp.experience.segments import manifests, read

Text = NDArray[np.str_]
Rows = NDArray[np.int64]

CONSTANTS = (
    "num_ues",
    "num_rus",
    "num_prbs",
    "num_fronthaul",
    "has_queues",
    "noise_w",
    "prb_bandwidth_hz",
    "prb_power_cap_w",
)
"""What all transitions of a batch have in common, with the budgets, the capacities and the names of the slices."""


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """N transitions of one shape (U, R, K) under one set of radio constants, oldest first."""

    report: RadioReport
    """What was decided on: gains (N, U, R, K), UE tables (N, U); without ``in_force`` and ``kpi``. ``report_id``,
    ``slot`` and ``time_s`` are the first one's."""
    decision: Allocation
    """What was sent, over the UEs of the report: (N, U) and (N, R, K)."""
    outcome: Kpi
    """What the interval brought that the decision governed: (N,) and (N, U)."""
    obeyed: NDArray[np.bool_]
    """The node counted neither a late nor a refused decision in the interval, so that the outcome is the decision's
    own; shape (N,)."""
    next_index: Rows
    """Row of the same node's transition that began where this one ended; -1 where it is not in the batch; (N,)."""
    slot: Rows
    meid: Text
    allocator: Text
    model: Text
    """Name and version of the model, empty and 0 where the allocator has none; shape (N,)."""
    version: Rows
    corrections: Rows
    """Entries of the decision that the shield changed, shape (N,)."""

    def __len__(self) -> int:
        return len(self.obeyed)


def load(folder: Path, *, meid: str = "", allocator: str = "") -> list[Transitions]:
    """What a folder of experience holds, one element a shape and set of radio constants, most transitions first.

    Args:
        meid: only of this node.
        allocator: only decisions of this allocator.

    Raises:
        ModelError: a segment is missing or none; DigestMismatch: its bytes have changed.
    """
    wanted = [each for each in manifests(folder) if meid in ("", *each.meids) and allocator in ("", *each.allocators)]
    parts: dict[tuple[Any, ...], list[tuple[Columns, Rows]]] = {}
    for manifest in wanted:
        columns = read(folder, manifest)
        chosen = np.flatnonzero(_matches(columns.texts["meid"], meid) & _matches(columns.texts["allocator"], allocator))
        for key, rows in _groups(columns, chosen):
            parts.setdefault(key, []).append((columns, rows))
    batches = [_batch(each) for each in parts.values()]
    return sorted(batches, key=len, reverse=True)


def _matches(texts: Text, wanted: str) -> NDArray[np.bool_]:
    return np.ones(len(texts), bool) if wanted == "" else texts == wanted


def _groups(columns: Columns, chosen: Rows) -> Iterator[tuple[tuple[Any, ...], Rows]]:
    """The chosen rows by what a batch has in common."""
    keys: dict[tuple[Any, ...], list[int]] = {}
    scalars = [columns.arrays[name].tolist() for name in CONSTANTS]
    names = columns.texts["slice_names"].tolist()
    for row in chosen.tolist():
        keys.setdefault((*(values[row] for values in scalars), names[row]), []).append(row)
    for key, rows in keys.items():
        yield from _by_limits(columns, key, np.array(rows, np.int64))


def _by_limits(columns: Columns, key: tuple[Any, ...], rows: Rows) -> Iterator[tuple[tuple[Any, ...], Rows]]:
    """Rows of equal scalars by their budgets and capacities."""
    first = int(rows[0])
    rus, links = int(columns.arrays["num_rus"][first]), int(columns.arrays["num_fronthaul"][first])
    limits = np.concatenate(
        [
            columns.gathered("ru_power_budget_w", rows, (rus,)),
            columns.gathered("fronthaul_capacity_bps_hz", rows, (links,)),
        ],
        axis=1,
    )
    distinct, which = np.unique(limits, axis=0, return_inverse=True)
    for index, limit in enumerate(distinct):
        yield (*key, limit.tobytes()), rows[which.reshape(-1) == index]


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The rows of a batch, segment by segment."""

    parts: Sequence[tuple[Columns, Rows]]

    def scalar(self, name: str) -> Any:
        """The first step's, which is every step's for ``CONSTANTS``."""
        columns, rows = self.parts[0]
        return columns.arrays[name][rows[0]].item()

    def limits(self, name: str, count: int) -> NDArray[np.float64]:
        columns, rows = self.parts[0]
        return columns.gathered(name, rows[:1], (count,))[0]

    def per_step(self, name: str) -> NDArray[Any]:
        return np.concatenate([columns.arrays[name][rows] for columns, rows in self.parts])

    def text(self, name: str) -> Text:
        return np.concatenate([columns.texts[name][rows] for columns, rows in self.parts])

    def stacked(self, name: str, *shape: int) -> NDArray[Any]:
        return np.concatenate([columns.gathered(name, rows, shape) for columns, rows in self.parts])


def _batch(parts: Sequence[tuple[Columns, Rows]]) -> Transitions:
    all_of = _Parts(parts)
    ues, rus, prbs = (all_of.scalar(name) for name in ("num_ues", "num_rus", "num_prbs"))
    report = _report(all_of, ues, rus, prbs)
    return Transitions(
        report=report,
        decision=_decision(all_of, report, rus, prbs),
        outcome=_outcome(all_of, ues),
        obeyed=all_of.per_step("obeyed").astype(np.bool_),
        next_index=_following(
            all_of.text("stream"),
            all_of.text("meid"),
            all_of.per_step("report_id"),
            all_of.per_step("outcome_report_id"),
        ),
        slot=all_of.per_step("slot"),
        meid=all_of.text("meid"),
        allocator=all_of.text("allocator"),
        model=all_of.text("model"),
        version=all_of.per_step("version"),
        corrections=all_of.per_step("corrections"),
    )


def _report(all_of: _Parts, ues: int, rus: int, prbs: int) -> RadioReport:
    gain_steps = all_of.stacked("gain_steps", ues, rus, prbs)
    return RadioReport(
        report_id=all_of.scalar("report_id"),
        slot=all_of.scalar("slot"),
        time_s=all_of.scalar("time_s"),
        prb_bandwidth_hz=all_of.scalar("prb_bandwidth_hz"),
        noise_w=all_of.scalar("noise_w"),
        ru_power_budget_w=all_of.limits("ru_power_budget_w", rus),
        prb_power_cap_w=all_of.scalar("prb_power_cap_w"),
        ue_ids=all_of.stacked("ue_ids", ues),
        slice_ids=all_of.stacked("slice_ids", ues),
        weight=all_of.stacked("weight", ues),
        min_rate_bps_hz=all_of.stacked("min_rate_bps_hz", ues),
        max_delay_s=all_of.stacked("max_delay_s", ues),
        slice_names=tuple(json.loads(str(all_of.text("slice_names")[0]))),
        fronthaul_capacity_bps_hz=all_of.limits("fronthaul_capacity_bps_hz", all_of.scalar("num_fronthaul")),
        gain_db=gain_steps.astype(np.float64) * GAIN_STEP_DB,
        queue_bytes=all_of.stacked("queue_bytes", ues) if all_of.scalar("has_queues") else None,
    )


def _decision(all_of: _Parts, report: RadioReport, rus: int, prbs: int) -> Allocation:
    return Allocation(
        ue_ids=report.ue_ids,
        serving_ru=all_of.stacked("serving_ru", report.num_ues),
        prb_owner=all_of.stacked("prb_owner", rus, prbs),
        power_w=all_of.stacked("power_w", rus, prbs),
        decision_id=report.report_id,
    )


def _outcome(all_of: _Parts, ues: int) -> Kpi:
    return Kpi(
        weighted_throughput_bps_hz=all_of.per_step("weighted_throughput_bps_hz"),
        rate_bps_hz=all_of.stacked("rate_bps_hz", ues),
        delay_s=all_of.stacked("delay_s", ues),
        satisfied=all_of.stacked("satisfied", ues).astype(np.bool_),
        power_w=all_of.per_step("radiated_power_w"),
    )


def _following(stream: Text, meid: Text, report_id: Rows, outcome_report_id: Rows) -> Rows:
    """Row of the transition whose report brought this one's outcome, shape (N,); -1 where there is none."""
    sources = list(zip(stream.tolist(), meid.tolist(), strict=True))
    row_of = {
        (source, number): row for row, (source, number) in enumerate(zip(sources, report_id.tolist(), strict=True))
    }
    after = zip(sources, outcome_report_id.tolist(), strict=True)
    return np.array([row_of.get(each, -1) for each in after], np.int64)
