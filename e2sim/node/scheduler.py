"""The node's own MAC scheduler: round robin within the slices' quotas, equal power. It works until an xApp decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.node.slice_quota import Bounds
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport

IntArray = NDArray[np.int64]


def round_robin(report: RadioReport, cells: NDArray[np.int16], bounds: Bounds, prbs: int) -> Allocation:
    """Every cell shares its PRBs among the UEs attached to it, as evenly as the quotas allow.

    Args:
        report: the slot; its number turns the order, so that all are served where UEs outnumber PRBs.
        cells: cell of each UE, shape (U,).
        bounds: quotas in PRBs, for the same cells.
        prbs: PRBs of a cell.
    """
    groups = bounds.group_of_slice[report.slice_ids]
    members = np.zeros(bounds.most.shape, np.int64)
    np.add.at(members, (cells, groups), 1)
    owner = _owners(cells, groups, members, _shares(members, bounds, prbs), prbs, report.slot)
    power_w = np.minimum(report.ru_power_budget_w / prbs, report.prb_power_cap_w)[:, None]
    return Allocation(
        ue_ids=report.ue_ids,
        serving_ru=cells,
        prb_owner=owner.astype(np.int16),
        power_w=np.where(owner >= 0, power_w, 0.0),
        decision_id=report.report_id,
    )


def _shares(members: IntArray, bounds: Bounds, prbs: int) -> IntArray:
    """PRBs of each group, shape (R, G): a level of PRBs a UE, cut off at the group's bounds."""
    low = np.where(members > 0, bounds.reserved, 0)
    high = np.where(members > 0, bounds.most, 0)
    idle = np.where(members > 0, 0, bounds.reserved).sum(axis=1)
    total = np.minimum(prbs - idle, high.sum(axis=1))
    below, above = np.zeros(len(members)), np.full(len(members), float(prbs))
    for _ in range(50):  # bisection of the level; 2^-50 of a PRB is far below rounding
        level = (below + above) / 2
        enough = np.clip(level[:, None] * members, low, high).sum(axis=1) >= total
        above, below = np.where(enough, level, above), np.where(enough, below, level)
    return _whole(np.clip(above[:, None] * members, low, high), high, total)


def _whole(shares: NDArray[np.float64], high: IntArray, total: IntArray) -> IntArray:
    """Largest remainders: whole PRBs, ``total`` (R,) in every row."""
    whole = np.floor(shares + 1e-9).astype(np.int64)
    remainder = np.where(whole < high, shares - whole, -np.inf)
    rank = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1, kind="stable")
    return whole + (rank < (total - whole.sum(axis=1))[:, None])


def _owners(
    cells: NDArray[np.int16], groups: IntArray, members: IntArray, shares: IntArray, prbs: int, slot: int
) -> IntArray:
    """UE index of each PRB, shape (R, K): groups side by side, in each one UE after the other."""
    num_groups = members.shape[1]
    by_group = np.lexsort((groups, cells))  # UEs sorted by cell, then by group
    first = np.concatenate([[0], np.cumsum(members.ravel())[:-1]]).reshape(members.shape)
    ends = np.cumsum(shares, axis=1)
    prb = np.arange(prbs)
    group = (prb[None, :, None] >= ends[:, None, :]).sum(axis=-1)  # (R, K); num_groups where nobody has it
    idle = group == num_groups
    group = np.minimum(group, num_groups - 1)
    start = np.take_along_axis(ends - shares, group, axis=1)
    size = np.maximum(np.take_along_axis(members, group, axis=1), 1)
    turn = (prb - start + slot * np.take_along_axis(shares, group, axis=1)) % size
    index = np.take_along_axis(first, group, axis=1) + turn
    if by_group.size == 0:
        return np.full(idle.shape, NOBODY, np.int64)
    return np.where(idle, NOBODY, by_group[np.minimum(index, by_group.size - 1)])
