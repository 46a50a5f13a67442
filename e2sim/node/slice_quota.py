"""PRB quotas of slices (TS 28.541, RRMPolicyRatio): what a cell may give to whom, enforced on what is obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oran.e2ap import CauseRicRequest
from oran.e2sm.rrm import NOBODY, Allocation
from oran.errors import DecisionRefused

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quota:
    """Shares of every cell's PRBs for some slices together."""

    slices: tuple[int, ...]
    """Indices of the slices."""
    min_percent: int
    """Kept for them while one of their UEs is in the cell."""
    max_percent: int
    """What they may hold at most."""
    dedicated_percent: int
    """What nobody else may hold, whether they are there or not."""


def check(quotas: Sequence[Quota]) -> None:
    """Can the quotas hold all at once?

    Raises:
        DecisionRefused: a slice stands in two of them, ratios contradict, or more than all PRBs are promised.
    """
    named = [index for quota in quotas for index in quota.slices]
    if len(named) != len(set(named)):
        raise _refused("overlap", "a slice stands in two quotas")
    for quota in quotas:
        if not quota.dedicated_percent <= quota.min_percent <= quota.max_percent:
            raise _refused("ratio_order", f"{quota}: dedicated <= min <= max does not hold")
    if sum(quota.min_percent for quota in quotas) > 100:
        raise _refused("overbooked", "the minimum ratios add up to more than 100 percent")


def _refused(reason: str, text: str) -> DecisionRefused:
    return DecisionRefused(reason, text, CauseRicRequest.CONTROL_MESSAGE_INVALID)


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Quotas in PRBs. Columns are groups: one a quota, then one of all slices that none names."""

    group_of_slice: IntArray
    """Shape (S,)."""
    reserved: IntArray
    """PRBs that other groups leave free, shape (R, G)."""
    most: IntArray
    """PRBs that the group may hold, shape (R, G); already without what is reserved for the others."""

    @classmethod
    def of(cls, quotas: Sequence[Quota], present: NDArray[np.bool_], prbs: int) -> Bounds:
        """Bounds of cells of ``prbs`` PRBs, where ``present`` says which slices have UEs in which cell, (R, S)."""
        group_of_slice = _groups(quotas, present.shape[1])
        num_groups = len(quotas) + 1
        there = (present @ (group_of_slice[:, None] == np.arange(num_groups))).astype(bool)  # (R, G)
        low, high, own = (np.zeros(num_groups, np.int64) for _ in range(3))
        high[:] = prbs
        for index, quota in enumerate(quotas):
            low[index] = quota.min_percent * prbs // 100  # down, so that they fit together
            high[index] = quota.max_percent * prbs // 100
            own[index] = quota.dedicated_percent * prbs // 100
        reserved = np.minimum(np.where(there, low, own), high)
        left = prbs - (reserved.sum(axis=1, keepdims=True) - reserved)
        return cls(group_of_slice, reserved, np.clip(left, 0, high))


def _groups(quotas: Sequence[Quota], num_slices: int) -> IntArray:
    group_of_slice = np.full(num_slices, len(quotas), np.int64)
    for index, quota in enumerate(quotas):
        group_of_slice[list(quota.slices)] = index
    return group_of_slice


def enforced(
    allocation: Allocation, slice_ids: NDArray[np.int32], gain_db: NDArray[np.float64], bounds: Bounds
) -> Allocation:
    """The allocation without the PRBs that its slices must not hold; the same object where they hold none.

    Of a group that holds too many, the PRBs on which its UEs hear their RU worst fall silent.

    Args:
        allocation: on the UE table of ``slice_ids`` and ``gain_db``.
        slice_ids: shape (U,).
        gain_db: shape (U, R, K).
        bounds: of the same cells.
    """
    owner = allocation.prb_owner
    held = owner >= 0
    if not held.any():
        return allocation
    of_owner = np.where(held, bounds.group_of_slice[slice_ids[np.maximum(owner, 0)]], -1)  # (R, K)
    heard_db = np.where(held, _gain_of_owner_db(gain_db, owner), -np.inf)
    surplus = np.zeros_like(held)
    for group in range(bounds.most.shape[1]):
        surplus |= _worst(heard_db, of_owner == group, bounds.most[:, group])
    # Every group may fit by itself and all of them together still leave too little of what is reserved.
    surplus |= _beyond_the_common_part(heard_db, of_owner, held & ~surplus, bounds, owner.shape[1])
    if not surplus.any():
        return allocation
    return replace(
        allocation,
        prb_owner=np.where(surplus, NOBODY, owner).astype(owner.dtype),
        power_w=np.where(surplus, 0.0, allocation.power_w),
    )


def _gain_of_owner_db(gain_db: NDArray[np.float64], owner: NDArray[np.integer]) -> NDArray[np.float64]:
    rus, prbs = owner.shape
    return gain_db[np.maximum(owner, 0), np.arange(rus)[:, None], np.arange(prbs)]


def _worst(heard_db: NDArray[np.float64], mine: NDArray[np.bool_], most: NDArray[np.integer]) -> NDArray[np.bool_]:
    """PRBs of ``mine`` (R, K) that come after the ``most`` (R,) best ones."""
    order = np.argsort(np.where(mine, -heard_db, np.inf), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return mine & (rank >= most[:, None])


def _beyond_the_common_part(
    heard_db: NDArray[np.float64],
    of_owner: NDArray[np.integer],
    held: NDArray[np.bool_],
    bounds: Bounds,
    prbs: int,
) -> NDArray[np.bool_]:
    """What groups hold above their reserved part has to fit into what is reserved for nobody."""
    common = prbs - bounds.reserved.sum(axis=1)
    within = np.zeros_like(held)
    for group in range(bounds.most.shape[1]):
        mine = held & (of_owner == group)
        within |= mine & ~_worst(heard_db, mine, bounds.reserved[:, group])
    return _worst(heard_db, held & ~within, common)
