"""The shield: no decision leaves an xApp that the node would have to refuse.

``project`` repairs what an allocator proposes, step by step; a step repairs one kind of violation and brings none of
the earlier ones back. It changes nothing in a feasible decision, hence nothing in its own output.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import constraints
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import DecisionRefused

Indices = NDArray[np.int16]
Powers = NDArray[np.float64]

_SLACK = 1.0 + constraints.RELATIVE_TOLERANCE


def project(allocation: Allocation, report: RadioReport) -> tuple[Allocation, int]:
    """The decision that is sent in place of ``allocation``, and in how many entries it differs.

    Args:
        allocation: a proposal without batch axes.
        report: the state it was taken for.

    Returns:
        ``allocation`` itself and 0 if it is feasible. Otherwise: UEs that the report does not know and indices out of
        range become NOBODY, PRBs whose owner another RU serves become idle (paper 1, eq. 20), power that is not
        finite, negative or without an owner becomes 0, power a PRB is cut at the cap (eq. 13), and the PRBs of an RU
        above its budget are scaled down together (eq. 11).

    Raises:
        DecisionRefused: the arrays do not have the report's shape (``shape``), so that there is nothing to repair.
    """
    _require_shape(allocation, report)
    table = _one_row_a_ue(allocation)
    serving = _known_and_served(table, report)
    owner = _associated(_in_range(table.prb_owner, len(table.ue_ids)), serving)
    power_w = _within_budget(_within_cap(_audible(table.power_w, owner), report), report)
    changed = _differences(table.ue_ids, allocation.ue_ids) + _differences(table.serving_ru, serving)
    changed += _differences(table.prb_owner, owner) + _differences(table.power_w, power_w)
    if changed == 0:
        return allocation, 0
    return replace(table, serving_ru=serving, prb_owner=owner, power_w=power_w), changed


def require_feasible(allocation: Allocation, report: RadioReport) -> None:
    """Passes what the node would obey.

    Raises:
        DecisionRefused: names the first hard limit that is broken.
    """
    for violation in constraints.violations(allocation, report):
        raise DecisionRefused(violation.reason, violation.detail)


def require_finite(allocation: Allocation) -> Allocation:
    """The same allocation, if its powers are numbers.

    Raises:
        DecisionRefused: ``not_finite``.
    """
    if not np.isfinite(allocation.power_w).all():
        raise DecisionRefused("not_finite", "power is NaN or infinite")
    return allocation


def _require_shape(allocation: Allocation, report: RadioReport) -> None:
    power, owner = np.shape(allocation.power_w), np.shape(allocation.prb_owner)
    prbs = power[-1:] if report.gain_db is None else report.gain_db.shape[-1:]
    ues, served = np.shape(allocation.ue_ids), np.shape(allocation.serving_ru)
    if not (power == owner == (report.num_rus, *prbs) and len(ues) == 1 and served == ues):
        text = f"{ues} UEs, serving {served}, owners {owner}, powers {power} for {report.num_rus} RUs and {prbs} PRBs"
        raise DecisionRefused("shape", text)
    kinds = "".join(array.dtype.kind for array in (allocation.ue_ids, allocation.serving_ru, allocation.prb_owner))
    if kinds != "iii" or allocation.power_w.dtype.kind != "f":
        raise DecisionRefused("shape", f"tables of kinds {kinds}{allocation.power_w.dtype.kind}, not iiif")


def _one_row_a_ue(allocation: Allocation) -> Allocation:
    """The allocation with every UE once in its table: later rows of a UE, and what they own, are dropped."""
    ue_ids, first = np.unique(allocation.ue_ids, return_index=True)
    if len(ue_ids) == len(allocation.ue_ids):
        return allocation
    kept = np.sort(first)
    new_row = np.full(len(allocation.ue_ids), NOBODY, np.int16)
    new_row[kept] = np.arange(len(kept))
    owner = _in_range(allocation.prb_owner, len(new_row))
    owner = np.where(owner == NOBODY, np.int16(NOBODY), new_row[owner])
    return replace(allocation, ue_ids=allocation.ue_ids[kept], serving_ru=allocation.serving_ru[kept], prb_owner=owner)


def _known_and_served(allocation: Allocation, report: RadioReport) -> Indices:
    """Serving RU of each row, shape (U,); NOBODY for UEs and RUs that the report does not have."""
    serving = _in_range(allocation.serving_ru, report.num_rus)
    if np.array_equal(allocation.ue_ids, report.ue_ids):  # the usual case, and much faster than a set
        return serving
    return np.where(np.isin(allocation.ue_ids, report.ue_ids), serving, np.int16(NOBODY))


def _in_range(index: Indices, size: int) -> Indices:
    return np.where((index >= 0) & (index < size), index, np.int16(NOBODY))


def _associated(owner: Indices, serving: Indices) -> Indices:
    """Owners that are served by the RU of their PRB, shape (R, K); NOBODY elsewhere (eq. 20)."""
    if serving.size == 0:
        return np.full_like(owner, NOBODY)
    own_ru = np.arange(owner.shape[0])[:, None]
    return np.where((owner >= 0) & (serving[owner] == own_ru), owner, np.int16(NOBODY))


def _audible(power_w: Powers, owner: Indices) -> Powers:
    """Power where there is an owner and the power is a positive number, shape (R, K); 0 elsewhere (eq. 12)."""
    return np.where((owner >= 0) & np.isfinite(power_w) & (power_w > 0.0), power_w, 0.0)


def _within_cap(power_w: Powers, report: RadioReport) -> Powers:
    cap_w = report.prb_power_cap_w
    return np.where(power_w > cap_w * _SLACK, cap_w, power_w)


def _within_budget(power_w: Powers, report: RadioReport) -> Powers:
    total_w = power_w.sum(axis=-1)
    budget_w = report.ru_power_budget_w
    above = total_w > budget_w * _SLACK
    if not above.any():
        return power_w
    scale = np.where(above, budget_w / np.where(above, total_w, 1.0), 1.0)
    return power_w * scale[:, None]


def _differences(before: NDArray[Any], after: NDArray[Any]) -> int:
    """Entries that differ; rows dropped count as one each."""
    if before.shape != after.shape:
        return abs(before.shape[0] - after.shape[0])
    return int(np.count_nonzero(before != after))
