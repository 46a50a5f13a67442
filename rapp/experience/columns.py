"""Steps as arrays and back: one array a field, steps end to end, whatever their numbers of UEs, RUs and PRBs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import GAIN_STEP_DB
from rapp.experience.steps import Step

Array = NDArray[Any]
Names = dict[str, tuple[str, ...]]

SCALARS: Final[dict[str, tuple[str, Callable[[Step], Any]]]] = {
    "sequence": ("i8", lambda s: s.sequence),
    "report_id": ("i8", lambda s: s.report.report_id),
    "outcome_report_id": ("i8", lambda s: s.outcome_report_id),
    "slot": ("i8", lambda s: s.report.slot),
    "time_s": ("f8", lambda s: s.report.time_s),
    "obeyed": ("u1", lambda s: s.obeyed),
    "version": ("i8", lambda s: s.version),
    "corrections": ("i8", lambda s: s.corrections),
    "noise_w": ("f8", lambda s: s.report.noise_w),
    "prb_bandwidth_hz": ("f8", lambda s: s.report.prb_bandwidth_hz),
    "prb_power_cap_w": ("f8", lambda s: s.report.prb_power_cap_w),
    "weighted_throughput_bps_hz": ("f8", lambda s: s.outcome.weighted_throughput_bps_hz),
    "radiated_power_w": ("f8", lambda s: s.outcome.power_w),
    "num_ues": ("i8", lambda s: s.report.num_ues),
    "num_rus": ("i8", lambda s: s.report.num_rus),
    "num_prbs": ("i8", lambda s: s.decision.prb_owner.shape[-1]),
    "num_fronthaul": ("i8", lambda s: len(s.report.fronthaul_capacity_bps_hz)),
    "has_queues": ("u1", lambda s: s.report.queue_bytes is not None),
}
"""One value a step."""

TEXTS: Final[dict[str, Callable[[Step], str]]] = {
    "stream": lambda s: s.stream_id,
    "meid": lambda s: s.meid,
    "allocator": lambda s: s.allocator,
    "model": lambda s: s.model,
    "slice_names": lambda s: json.dumps(s.report.slice_names),
}
"""One string a step, kept as an index into the manifest's names."""

UE, RU, FRONTHAUL, GRID, CHANNEL = "ue", "ru", "fronthaul", "grid", "channel"

TENSORS: Final[dict[str, tuple[str, str, Callable[[Step], Array]]]] = {
    "ue_ids": ("i8", UE, lambda s: s.report.ue_ids),
    "slice_ids": ("i4", UE, lambda s: s.report.slice_ids),
    "weight": ("f8", UE, lambda s: s.report.weight),
    "min_rate_bps_hz": ("f8", UE, lambda s: s.report.min_rate_bps_hz),
    "max_delay_s": ("f8", UE, lambda s: s.report.max_delay_s),
    "queue_bytes": (
        "f8",
        UE,
        lambda s: np.zeros(s.report.num_ues) if s.report.queue_bytes is None else s.report.queue_bytes,
    ),
    "serving_ru": ("i2", UE, lambda s: s.decision.serving_ru),
    "rate_bps_hz": ("f8", UE, lambda s: s.outcome.rate_bps_hz),
    "delay_s": ("f8", UE, lambda s: s.outcome.delay_s),
    "satisfied": ("u1", UE, lambda s: s.outcome.satisfied),
    "ru_power_budget_w": ("f8", RU, lambda s: s.report.ru_power_budget_w),
    "fronthaul_capacity_bps_hz": ("f8", FRONTHAUL, lambda s: s.report.fronthaul_capacity_bps_hz),
    "prb_owner": ("i2", GRID, lambda s: s.decision.prb_owner),
    "power_w": ("f8", GRID, lambda s: s.decision.power_w),
    "gain_steps": ("i2", CHANNEL, lambda s: _gain_steps(np.asarray(s.report.gain_db))),
}
"""Type, extent and source of the arrays of a step; gains in steps of ``GAIN_STEP_DB``, as they came over the wire."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Steps, a column a field."""

    arrays: Mapping[str, Array]
    texts: Mapping[str, NDArray[np.str_]]

    def __len__(self) -> int:
        return len(self.arrays["sequence"])

    def extents(self, extent: str) -> NDArray[np.int64]:
        """Length of each step's stretch in the arrays of an extent, shape (N,)."""
        a = self.arrays
        lengths = {
            UE: a["num_ues"],
            RU: a["num_rus"],
            FRONTHAUL: a["num_fronthaul"],
            GRID: a["num_rus"] * a["num_prbs"],
            CHANNEL: a["num_ues"] * a["num_rus"] * a["num_prbs"],
        }
        return np.asarray(lengths[extent], np.int64)

    def gathered(self, name: str, rows: NDArray[np.int64], shape: tuple[int, ...]) -> Array:
        """An array of the steps ``rows``, which have it in the same ``shape``: shape (n, *shape)."""
        lengths = self.extents(TENSORS[name][1])
        starts = np.cumsum(lengths) - lengths
        size = int(np.prod(shape))
        index = starts[rows][:, None] + np.arange(size)
        return self.arrays[name][index].reshape(len(rows), *shape)


def _gain_steps(gain_db: Array) -> Array:
    """Gains as ``quantise_gain_db`` counts them, any shape."""
    return np.clip(np.rint(gain_db / GAIN_STEP_DB), -32768, 32767)


def joined(steps: Sequence[Step]) -> tuple[dict[str, Array], Names]:
    """The arrays of a segment, and the strings that they refer to."""
    arrays: dict[str, Array] = {
        name: np.array([source(step) for step in steps], dtype) for name, (dtype, source) in SCALARS.items()
    }
    for name, (dtype, _, value) in TENSORS.items():
        arrays[name] = np.concatenate([np.asarray(value(step), dtype).reshape(-1) for step in steps])
    names: Names = {}
    for name, text in TEXTS.items():
        found, index = np.unique([text(step) for step in steps], return_inverse=True)
        names[name] = tuple(found.tolist())
        arrays[name] = index.astype(np.int32)
    return arrays, names


def split(arrays: Mapping[str, Array], names: Names) -> Columns:
    """Inverse of :func:`joined`.

    Raises:
        KeyError, IndexError, ValueError: not the arrays of a segment.
    """
    texts = {name: np.array(names[name], dtype=np.str_)[arrays[name]] for name in TEXTS}
    columns = Columns({name: arrays[name] for name in (*SCALARS, *TENSORS)}, texts)
    for name, (_, extent, _) in TENSORS.items():
        if len(arrays[name]) != columns.extents(extent).sum():
            raise ValueError(f"{name} has {len(arrays[name])} elements")
    return columns
