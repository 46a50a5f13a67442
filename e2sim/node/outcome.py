"""What one slot delivered, counted the way measurements need it: by UE, and by cell and slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.energy import PowerModel, consumed_w
from e2sim.physics.objective import effective_owner
from e2sim.physics.queues import Served
from e2sim.physics.rates import sum_over_owned
from e2sim.scenario import Scenario
from oran.e2sm.rrm import Allocation, Kpi, RadioReport

Array = NDArray[np.float64]

QUANTITIES = ("ue_slots", "active_s", "bits", "dropped_bits", "prb_slots", "delay_s", "delay_slots")
"""Rows of the tables below; every one of them adds up over slots and over UEs."""

POWER_MODEL = PowerModel()


@dataclass(frozen=True, slots=True, eq=False)
class SlotOutcome:
    """One slot; U UEs, R cells (one an RU), S slices, Q quantities."""

    slot_s: float
    prbs: int
    """PRBs of one cell."""
    ue_ids: NDArray[np.int64]
    """Shape (U,)."""
    slice_ids: NDArray[np.int32]
    cells: NDArray[np.int16]
    """Cell that each UE is attached to, shape (U,)."""
    rsrp_dbm: Array
    """Power received on a PRB of that cell at nominal power, shape (U,)."""
    by_ue: Array
    """Shape (Q, U)."""
    by_cell: Array
    """Shape (Q, R, S)."""
    energy_j: Array
    """Energy drawn by each RU, shape (R,)."""


def outcome(
    scenario: Scenario,
    report: RadioReport,
    gain_db: Array,
    obeyed: Allocation,
    cells: NDArray[np.int16],
    kpi: Kpi,
    served: Served | None,
) -> SlotOutcome:
    """The outcome of the slot that ``report`` showed.

    Args:
        scenario: sizes and traffic.
        report: the slot's own report.
        gain_db: the channel as it was, shape (U, R, K).
        obeyed: the allocation that governed the slot, on the report's UE table.
        cells: cell of each UE, shape (U,).
        kpi: what the simulator found.
        served: what the queues did; None where no slice has queues.
    """
    by_ue = _by_ue(scenario, report, obeyed, kpi, served)
    return SlotOutcome(
        slot_s=scenario.slot_s,
        prbs=scenario.num_prbs,
        ue_ids=report.ue_ids,
        slice_ids=report.slice_ids,
        cells=cells,
        rsrp_dbm=_rsrp_dbm(report, gain_db, cells),
        by_ue=by_ue,
        by_cell=_by_cell(by_ue, cells, report.slice_ids, scenario.num_rus, len(scenario.slices)),
        energy_j=consumed_w(obeyed.power_w, POWER_MODEL) * scenario.slot_s,
    )


def _by_ue(scenario: Scenario, report: RadioReport, obeyed: Allocation, kpi: Kpi, served: Served | None) -> Array:
    full_buffer = np.array([each.traffic == "full-buffer" for each in scenario.slices])[report.slice_ids]
    bits = kpi.rate_bps_hz * scenario.radio.prb_bandwidth_hz * scenario.slot_s
    dropped = np.zeros_like(bits)
    active = np.ones(len(bits), bool)
    if served is not None and report.queue_bytes is not None:
        bits = np.where(full_buffer, bits, 8.0 * served.delivered_bytes)
        dropped = np.where(full_buffer, 0.0, 8.0 * served.dropped_bytes)
        active = full_buffer | (report.queue_bytes > 0)
    owner = effective_owner(obeyed)
    prbs = sum_over_owned(np.ones(owner.shape), owner, len(bits))
    moved = (bits > 0) & np.isfinite(kpi.delay_s)
    delay_s = np.where(moved, kpi.delay_s, 0.0)
    return np.stack([np.ones(len(bits)), active * scenario.slot_s, bits, dropped, prbs, delay_s, moved.astype(float)])


def _by_cell(
    by_ue: Array, cells: NDArray[np.int16], slice_ids: NDArray[np.int32], num_cells: int, num_slices: int
) -> Array:
    place = cells.astype(np.intp) * num_slices + slice_ids
    size = num_cells * num_slices
    rows = [np.bincount(place, row, minlength=size).astype(np.float64) for row in by_ue]  # ints where there is no UE
    return np.stack(rows).reshape(-1, num_cells, num_slices)


def _rsrp_dbm(report: RadioReport, gain_db: Array, cells: NDArray[np.int16]) -> Array:
    nominal_w = np.minimum(report.ru_power_budget_w / gain_db.shape[-1], report.prb_power_cap_w)
    own_db = np.take_along_axis(gain_db.mean(axis=-1), cells[:, None].astype(np.intp), axis=1)[:, 0]
    return own_db + 10.0 * np.log10(nominal_w[cells] * 1e3)
