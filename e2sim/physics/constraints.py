"""The hard limits of an allocation (paper 1, eqs 11-13, 15 and 17-21): what a node refuses and an xApp projects onto.

Minimum rates and delays (14, 16) are not among them: they are service levels, counted and not enforced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.association import ru_of_owner
from e2sim.physics.fronthaul import fronthaul_rate_bps_hz
from oran.e2sm.rrm import Allocation, RadioReport

BoolArray = NDArray[np.bool_]

RELATIVE_TOLERANCE = 1e-9
"""Powers may exceed a limit by this relative amount: sums of a few hundred float64 round by less."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A hard limit that an allocation breaks."""

    reason: str
    """Machine-readable code: ``ru_power_budget``, ``unknown_ue``, ..."""
    detail: str


# --- structure: can the tables be read at all (no batch axes) -------------------------------------------------------


def _shape(allocation: Allocation, report: RadioReport) -> Violation | None:
    ues, rus = allocation.ue_ids.shape, report.num_rus
    prbs = allocation.power_w.shape[-1:] if report.gain_db is None else report.gain_db.shape[-1:]
    expected = (rus, *prbs)
    found = (ues, allocation.serving_ru.shape, allocation.prb_owner.shape, allocation.power_w.shape)
    if len(ues) == 1 and found[1:] == (ues, expected, expected):
        return None
    return Violation("shape", f"tables of shapes {found} for {rus} RUs and {prbs} PRBs")


def _bad_index(allocation: Allocation, report: RadioReport) -> Violation | None:
    ues = len(allocation.ue_ids)
    if len(np.unique(allocation.ue_ids)) != ues:
        return Violation("bad_index", "a UE stands twice in the table")
    if np.any((allocation.serving_ru < -1) | (allocation.serving_ru >= report.num_rus)):
        return Violation("bad_index", f"serving RU outside -1..{report.num_rus - 1}")
    if np.any((allocation.prb_owner < -1) | (allocation.prb_owner >= ues)):
        return Violation("bad_index", f"PRB owner outside -1..{ues - 1}")
    return None


def _unknown_ue(allocation: Allocation, report: RadioReport) -> Violation | None:
    used = allocation.serving_ru >= 0
    used[allocation.prb_owner[allocation.prb_owner >= 0]] = True
    unknown = allocation.ue_ids[used & ~np.isin(allocation.ue_ids, report.ue_ids)]
    return Violation("unknown_ue", f"UE {unknown.tolist()} not in the cell") if unknown.size else None


def _not_finite(allocation: Allocation, report: RadioReport) -> Violation | None:
    return None if np.isfinite(allocation.power_w).all() else Violation("not_finite", "power is NaN or infinite")


_STRUCTURE: tuple[Callable[[Allocation, RadioReport], Violation | None], ...] = (
    _shape,
    _bad_index,
    _unknown_ue,
    _not_finite,
)


# --- masks: True where the limit holds, batch axes lead -------------------------------------------------------------


def association_holds(allocation: Allocation) -> BoolArray:
    """beta <= alpha (eq. 20): owners are served by the RU of their PRB, shape (..., R, K). Indices must be in range."""
    owner, serving = allocation.prb_owner, allocation.serving_ru
    if serving.shape[-1] == 0:
        return owner < 0
    return (owner < 0) | (ru_of_owner(serving, owner) == np.arange(owner.shape[-2])[:, None])


def power_not_negative(allocation: Allocation) -> BoolArray:
    """p >= 0 (eq. 12), shape (..., R, K)."""
    return allocation.power_w >= 0.0


def power_within_cap(allocation: Allocation, report: RadioReport) -> BoolArray:
    """p <= cap a PRB (eq. 13), shape (..., R, K)."""
    return allocation.power_w <= report.prb_power_cap_w * (1.0 + RELATIVE_TOLERANCE)


def power_within_budget(allocation: Allocation, report: RadioReport) -> BoolArray:
    """sum of p over the PRBs <= budget of the RU (eq. 11), shape (..., R)."""
    return np.less_equal(allocation.power_w.sum(axis=-1), report.ru_power_budget_w * (1.0 + RELATIVE_TOLERANCE))


def idle_prbs_silent(allocation: Allocation) -> BoolArray:
    """No power on a PRB without owner, shape (..., R, K)."""
    return (allocation.prb_owner >= 0) | (allocation.power_w == 0.0)


def fronthaul_within_capacity(
    allocation: Allocation, capacity_bps_hz: NDArray[np.float64], quantisation_noise_w: float
) -> BoolArray:
    """C_b <= C_max (eq. 15), shape (..., R)."""
    rate = fronthaul_rate_bps_hz(allocation.power_w, quantisation_noise_w)
    return rate <= capacity_bps_hz * (1.0 + RELATIVE_TOLERANCE)


def feasible(allocation: Allocation, report: RadioReport) -> BoolArray:
    """All numeric hard limits at once, one truth a batch element, shape (...). Indices must be in range."""
    per_prb = association_holds(allocation) & power_not_negative(allocation) & idle_prbs_silent(allocation)
    per_prb &= power_within_cap(allocation, report)
    return np.logical_and(per_prb.all(axis=(-2, -1)), power_within_budget(allocation, report).all(axis=-1))


# --- the whole set, named, for one allocation -----------------------------------------------------------------------


def violations(
    allocation: Allocation, report: RadioReport, quantisation_noise_w: float | None = None
) -> list[Violation]:
    """Every hard limit that one allocation (no batch axes) breaks; empty if the node would obey it.

    Args:
        allocation: the decision.
        report: the state it is taken for: UEs in the cell, budgets, caps.
        quantisation_noise_w: sigma_1^2, with which the reported fronthaul capacity is checked by name. Without it the
            capacity still binds, as part of the reported power budget.
    """
    for check in _STRUCTURE:
        broken = check(allocation, report)
        if broken is not None:
            return [broken]  # nothing beyond can be read with confidence
    return [*_fronthaul_violations(allocation, report, quantisation_noise_w), *_power_violations(allocation, report)]


def _power_violations(allocation: Allocation, report: RadioReport) -> list[Violation]:
    cap_w, budget_w = report.prb_power_cap_w, report.ru_power_budget_w
    checks = (
        ("unit_association", association_holds(allocation), "PRBs owned by UEs of another RU at (RU, PRB) {}"),
        ("negative_power", power_not_negative(allocation), "negative power at (RU, PRB) {}"),
        ("prb_power_cap", power_within_cap(allocation, report), f"more than {cap_w:.6g} W at (RU, PRB) {{}}"),
        ("ru_power_budget", power_within_budget(allocation, report), f"more than {budget_w} W at RU {{}}"),
        ("idle_prb_power", idle_prbs_silent(allocation), "power without an owner at (RU, PRB) {}"),
    )
    return [Violation(reason, text.format(_where(~mask))) for reason, mask, text in checks if not mask.all()]


def _fronthaul_violations(
    allocation: Allocation, report: RadioReport, quantisation_noise_w: float | None
) -> list[Violation]:
    capacity = report.fronthaul_capacity_bps_hz
    if quantisation_noise_w is None or capacity.size == 0:
        return []
    within = fronthaul_within_capacity(allocation, capacity, quantisation_noise_w)
    return [] if within.all() else [Violation("fronthaul_capacity", f"above {capacity} bps/Hz at RU {_where(~within)}")]


def _where(mask: BoolArray) -> str:
    hits = np.argwhere(mask).tolist()
    return ", ".join(str(tuple(hit)) for hit in hits[:4]) + (", ..." if len(hits) > 4 else "")
