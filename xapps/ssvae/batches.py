"""Batches of drops: reports and labels whose arrays carry one leading axis N."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError

Index = int | slice | NDArray[np.int64]


def num_drops(report: RadioReport) -> int:
    """Length N of the leading axis.

    Raises:
        ConfigError: the report has no channel or no batch axis.
    """
    if report.gain_db is None or report.gain_db.ndim != 4:
        raise ConfigError("report", getattr(report.gain_db, "shape", None), "a batch of drops (N, U, R, K) is needed")
    return int(report.gain_db.shape[0])


def take(report: RadioReport, index: Index) -> RadioReport:
    """The drops at ``index``: an integer drops the batch axis, anything else keeps it.

    Per-UE fields that the batch shares (shape (U,)) are spread over it first. ``in_force`` and ``kpi`` are left out:
    they belong to a history that a drawn-out drop does not have.
    """
    n, num_ues = num_drops(report), report.num_ues

    def pick(field: NDArray) -> NDArray:
        return np.broadcast_to(field, (n, num_ues))[index]

    return with_ues(report, pick, None if report.gain_db is None else report.gain_db[index])


def with_ues(report: RadioReport, pick: Callable[[NDArray], NDArray], gain_db: NDArray | None) -> RadioReport:
    """A report of other UEs: every per-UE field as ``pick`` has it, with their gains; without a history."""
    return replace(
        report,
        ue_ids=pick(report.ue_ids),
        slice_ids=pick(report.slice_ids),
        weight=pick(report.weight),
        min_rate_bps_hz=pick(report.min_rate_bps_hz),
        max_delay_s=pick(report.max_delay_s),
        queue_bytes=None if report.queue_bytes is None else pick(report.queue_bytes),
        gain_db=gain_db,
        in_force=None,
        kpi=None,
    )


def drops(report: RadioReport) -> Iterator[RadioReport]:
    """The drops of a batch one by one, as an xApp would see them; ``report_id`` counts up from the batch's own."""
    for index in range(num_drops(report)):
        yield replace(take(report, index), report_id=report.report_id + index)


def stack(allocations: Sequence[Allocation]) -> Allocation:
    """Allocations of single drops as one with a leading axis N."""
    return Allocation(
        ue_ids=np.stack([a.ue_ids for a in allocations]),
        serving_ru=np.stack([a.serving_ru for a in allocations]),
        prb_owner=np.stack([a.prb_owner for a in allocations]),
        power_w=np.stack([a.power_w for a in allocations]),
        decision_id=allocations[0].decision_id if allocations else 0,
    )


def take_labels(labels: Allocation, index: Index) -> Allocation:
    """The labels at ``index``, as ``take`` does for reports."""
    return replace(
        labels,
        ue_ids=labels.ue_ids[index],
        serving_ru=labels.serving_ru[index],
        prb_owner=labels.prb_owner[index],
        power_w=labels.power_w[index],
    )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Labelled drops with the exact solver's decisions, and drops without labels."""

    report: RadioReport
    """Labelled drops, arrays (N, ...)."""
    label: Allocation
    """Optimal decisions of the labelled drops, arrays (N, ...)."""
    unlabelled: RadioReport | None = None
    """Drops without labels, arrays (M, ...); None trains on the labelled ones alone."""
    more: tuple[TrainingSet, ...] = ()
    """Labelled drops of cells of other sizes, learned from beside these; an equivariant network can take them."""

    def __post_init__(self) -> None:
        if num_drops(self.report) != self.label.prb_owner.shape[0]:
            raise ConfigError("label", self.label.prb_owner.shape, f"{num_drops(self.report)} labels expected")
