"""Several interfering RUs as arrays, UEs grouped by the RU that serves them; drops and candidates on leading axes.

Axes: D drops, C candidates of each, R RUs, N members of an RU (padded), K PRBs. Single precision: decisions are
quantised to a few powers, and the last word on rates is the allocation's, in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import gains, strongest_ru

Single = NDArray[np.float32]
Indices = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What does not change while cells are being coordinated."""

    members: Indices
    """Position of each member in the report's table, shape (D, R, N); NOBODY where padded."""
    own: Single
    """Gain from the serving RU over noise, shape (D, R, N, K) [1/W]; 0 where padded."""
    foreign: Single
    """Gain from every RU over noise, shape (D, R, N, R, K) [1/W]; 0 from the serving one and where padded."""
    weight: Single
    """Shape (D, R, N); 0 where padded."""
    wanted: Single
    """Minimum rates, shape (D, R, N) [bps/Hz]; 0 where padded."""
    budget_w: Single
    """Shape (R,)."""
    cap_w: float

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """D, R, N, K."""
        drops, rus, members, prbs = self.own.shape
        return drops, rus, members, prbs

    @classmethod
    def of(cls, report: RadioReport, serving: Indices | None = None) -> Field:
        """The field of a report with arrays (D, U, ...) or without batch axes.

        Args:
            report: the state, with channel.
            serving: RU of each UE, shape (D, U); without it, the strongest. Several rows for a report without batch
                axes make one drop of each.

        Raises:
            ConfigError: the report carries no channel.
        """
        gain = gains(report)
        gain = (gain if gain.ndim == 4 else gain[None]) / report.noise_w
        if serving is None:
            serving = strongest_ru(gain)
        gain = np.broadcast_to(gain, (len(serving), *gain.shape[1:]))
        drops, ues, rus, prbs = gain.shape
        members = _members(serving, rus)
        real = members >= 0
        at = (np.arange(drops)[:, None, None], np.maximum(members, 0))
        heard = np.zeros((drops, rus, members.shape[-1], rus, prbs), np.float32)
        per_ue = np.zeros((2, drops, rus, members.shape[-1]), np.float32)
        if ues:
            heard = np.where(real[..., None, None], gain[at], 0.0).astype(np.float32)
            shares = (np.broadcast_to(field, (drops, ues)) for field in (report.weight, report.min_rate_bps_hz))
            per_ue = np.stack([np.where(real, share[at], 0.0) for share in shares]).astype(np.float32)
        diagonal = np.arange(rus)
        own = np.moveaxis(heard[:, diagonal, :, diagonal], 0, 1).copy()  # (D, R, N, K)
        heard[:, diagonal, :, diagonal] = 0.0
        budget_w = report.ru_power_budget_w.astype(np.float32)
        return cls(members, own, heard, per_ue[0], per_ue[1], budget_w, report.prb_power_cap_w)


@dataclass(slots=True, eq=False)
class State:
    """Who has which PRB at which power; changed in place by the sweeps."""

    owner: Indices
    """Member index, shape (D, C, R, K); NOBODY where silent."""
    power_w: Single
    """Shape (D, C, R, K)."""
    heard: Single
    """Gain from RU i at the owner of (r, k) over noise, shape (D, C, R, R_i, K); 0 from its own RU and where silent."""
    own: Single
    """Gain from the serving RU at the owner, shape (D, C, R, K); 0 where silent."""

    @classmethod
    def silent(cls, field: Field, candidates: int) -> State:
        drops, rus, _, prbs = field.shape
        shape = (drops, candidates, rus, prbs)
        heard = np.zeros((drops, candidates, rus, rus, prbs), np.float32)
        return cls(np.full(shape, NOBODY), np.zeros(shape, np.float32), heard, np.zeros(shape, np.float32))

    def interference(self) -> Single:
        """Over noise, at every owner, shape (D, C, R, K)."""
        return np.einsum("dcrik,dcik->dcrk", self.heard, self.power_w)

    def rate(self) -> Single:
        """Of every owner on its PRB, shape (D, C, R, K) [bps/Hz]."""
        return np.log2(1.0 + self.own * self.power_w / (1.0 + self.interference()))

    def assign(self, field: Field, ru: int, owner: Indices, power_w: Single) -> None:
        """Gives one RU's PRBs to others, shapes (D, C, K); whoever has no power has no PRB."""
        busy = power_w > 0.0
        drop, prb = np.arange(len(owner))[:, None, None], np.arange(owner.shape[-1])
        member = np.where(busy, owner, 0)
        self.owner[:, :, ru] = np.where(busy, owner, NOBODY)
        self.power_w[:, :, ru] = power_w
        self.own[:, :, ru] = np.where(busy, field.own[drop, ru, member, prb], 0.0)
        heard = np.where(busy[..., None], field.foreign[drop, ru, member, :, prb], 0.0)  # (D, C, K, R)
        self.heard[:, :, ru] = np.moveaxis(heard, -1, -2)


def member_rates(field: Field, state: State) -> Single:
    """Rate of each member summed over its PRBs, shape (D, C, R, N) [bps/Hz]."""
    drops, rus, members, _ = field.shape
    candidates = state.owner.shape[1]
    rows = drops * candidates * rus
    columns = members + 1  # the first one collects silent PRBs
    flat = (state.owner + 1).reshape(rows, -1) + columns * np.arange(rows)[:, None]
    sums = np.bincount(flat.ravel(), state.rate().ravel(), minlength=rows * columns)
    return sums.reshape(drops, candidates, rus, columns)[..., 1:].astype(np.float32)


def allocation(report: RadioReport, field: Field, state: State, drop: int, candidate: int) -> Allocation:
    """One candidate of one drop as an allocation on the report's UE table, shape (U,)."""
    members = field.members[drop]
    serving = np.full(report.num_ues, NOBODY, np.int16)
    ru, member = np.nonzero(members >= 0)
    serving[members[ru, member]] = ru
    owner = state.owner[drop, candidate]
    busy = owner >= 0
    ues = members[np.arange(len(members))[:, None], np.maximum(owner, 0)] if members.shape[-1] else owner
    power_w = np.minimum(np.where(busy, state.power_w[drop, candidate], 0.0).astype(np.float64), report.prb_power_cap_w)
    total_w = np.maximum(power_w.sum(axis=-1, keepdims=True), report.ru_power_budget_w[:, None])
    power_w *= report.ru_power_budget_w[:, None] / total_w  # single precision sums to a little more than the budget
    ue_ids = np.asarray(report.ue_ids)[drop] if report.ue_ids.ndim == 2 else np.asarray(report.ue_ids)
    prb_owner = np.where(busy, ues, NOBODY).astype(np.int16)
    return Allocation(ue_ids, serving, prb_owner, power_w, decision_id=report.report_id)


def _members(serving: Indices, rus: int) -> Indices:
    """UEs of each RU in the order of the table, shape (D, R, N), padded with NOBODY."""
    drops, ues = serving.shape
    count = (serving[..., None] == np.arange(rus)).sum(axis=1)  # (D, R)
    members = np.full((drops, rus, int(count.max(initial=0))), NOBODY)
    order = np.argsort(serving, axis=-1, kind="stable")  # grouped by RU
    ru = np.take_along_axis(serving, order, -1)
    first = np.cumsum(count, axis=-1) - count
    place = np.arange(ues) - np.take_along_axis(first, ru, -1)
    members[np.arange(drops)[:, None], ru, place] = order
    return members
