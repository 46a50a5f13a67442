"""Bounded local search over interfering cells, from any start.

A move changes one PRB of one RU: another owner of that RU, another power, or silence. All moves are valued at once by
what they do to everybody on that PRB, and the best is made, as long as it helps and the bound on moves allows. Missed
minimum rates cost ``SHORTFALL_PRICE`` a bps/Hz. There is no certificate: the end is a local optimum at best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import Array, Indices, gains
from xapps.classic.matching import MatchingAllocator

MOST_MOVES = 60
SHORTFALL_PRICE = 100.0
POWER_SHARES = (0.1, 0.3, 1.0)
"""Powers tried, as shares of the most that cap and remaining budget allow."""


class LocalSearchAllocator:
    """Matching in every cell, then local search over all of them.

    Args:
        most_moves: bound on the moves of one decision.
    """

    name = "local-search"

    def __init__(self, most_moves: int = MOST_MOVES) -> None:
        self._start: Callable[[RadioReport], Allocation] = MatchingAllocator().decide
        self._most_moves = most_moves

    def decide(self, report: RadioReport) -> Allocation:
        return improve(report, self._start(report), self._most_moves)


def improve(report: RadioReport, start: Allocation, most_moves: int = MOST_MOVES) -> Allocation:
    """The allocation after at most ``most_moves`` improving moves; associations stay. No batch axes.

    Args:
        report: the state, with channel.
        start: any allocation within the hard limits, on the report's UE table.
        most_moves: bound on the moves.
    """
    if report.num_ues == 0:
        return start
    field = _Field.of(report, start)
    owner, power_w = start.prb_owner.astype(np.intp), start.power_w.copy()
    for _ in range(most_moves):
        move = field.best_move(owner, power_w)
        if move is None:
            break
        ru, prb, owner[ru, prb], power_w[ru, prb] = move
    return replace(start, prb_owner=owner.astype(start.prb_owner.dtype), power_w=power_w)


def penalised(rate_bps_hz: Array, weight: Array, min_rate_bps_hz: Array) -> Array:
    """Weighted throughput less the price of missed minimum rates, element by element, shape (..., U)."""
    return weight * rate_bps_hz - SHORTFALL_PRICE * np.maximum(min_rate_bps_hz - rate_bps_hz, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """What does not change during a search."""

    gain: Array
    """Over noise, shape (U, R, K) [1/W]."""
    serving: Indices
    """Shape (U,)."""
    members: Indices
    """UEs of each RU, padded with NOBODY, shape (R, N)."""
    weight: Array
    min_rate_bps_hz: Array
    budget_w: Array
    cap_w: float

    @classmethod
    def of(cls, report: RadioReport, start: Allocation) -> _Field:
        serving = start.serving_ru.astype(np.intp)
        mine = [np.flatnonzero(serving == ru) for ru in range(report.num_rus)]
        members = np.full((report.num_rus, max(map(len, mine), default=0)), NOBODY)
        for ru, ues in enumerate(mine):
            members[ru, : len(ues)] = ues
        return cls(
            gain=gains(report) / report.noise_w,
            serving=serving,
            members=members,
            weight=report.weight,
            min_rate_bps_hz=report.min_rate_bps_hz,
            budget_w=report.ru_power_budget_w,
            cap_w=report.prb_power_cap_w,
        )

    def best_move(self, owner: Indices, power_w: Array) -> tuple[int, int, int, float] | None:
        """(RU, PRB, new owner, new power) of the move that helps most; None if none helps."""
        ues, powers = self._options(owner, power_w)  # (R, O), (R, K, O)
        gain_of_move = self._value_change(owner, power_w, ues, powers)  # (R, K, O)
        best = int(gain_of_move.argmax())
        if gain_of_move.ravel()[best] <= 1e-9:
            return None
        ru, prb, option = (int(index) for index in np.unravel_index(best, gain_of_move.shape))
        return ru, prb, int(ues[ru, option]), float(powers[ru, prb, option])

    def _options(self, owner: Indices, power_w: Array) -> tuple[Indices, Array]:
        """New owners (R, O) and powers (R, K, O): silence, and every UE of the RU at every share of what is left."""
        rus = len(self.members)
        left_w = np.maximum(self.budget_w - power_w.sum(axis=-1), 0.0)
        most_w = np.minimum(self.cap_w, power_w + left_w[:, None])  # (R, K)
        shares = np.tile(POWER_SHARES, self.members.shape[1])
        ues = np.concatenate([np.full((rus, 1), NOBODY), np.repeat(self.members, len(POWER_SHARES), axis=1)], axis=1)
        powers = most_w[..., None] * np.concatenate([[0.0], shares])
        return ues, np.where(ues[:, None, :] >= 0, powers, 0.0)

    def _value_change(self, owner: Indices, power_w: Array, ues: Indices, powers: Array) -> Array:
        rus, prbs = owner.shape
        rate, total = self._rates(owner, power_w)
        mine = np.maximum(ues, 0)[:, None, :]
        at = (np.arange(rus)[:, None, None], np.arange(prbs)[:, None])
        new_rate = np.log2(
            1.0 + powers * self.gain[mine, at[0], at[1]] / (1.0 + self._interference(power_w)[mine, at[1]])
        )
        new_rate = np.where(ues[:, None, :] >= 0, new_rate, 0.0)
        change = self._own_change(owner, rate, total, ues, new_rate)
        return change + self._change_to_others(owner, power_w, rate, total, powers)

    def _own_change(self, owner: Indices, rate: Array, total: Array, ues: Indices, new_rate: Array) -> Array:
        """What the old and the new owner lose and win, shape (R, K, O)."""
        old = owner[..., None]
        new = np.broadcast_to(ues[:, None, :], new_rate.shape)
        same = new == old
        loss = np.where(same, 0.0, self._change(old, total, -np.where(old >= 0, rate[..., None], 0.0)))
        return loss + self._change(new, total, new_rate - np.where(same, rate[..., None], 0.0))

    def _change_to_others(self, owner: Indices, power_w: Array, rate: Array, total: Array, powers: Array) -> Array:
        """What a new power on (r, k) does to the owners of k at the other RUs, shape (R, K, O)."""
        rus, prbs = owner.shape
        prb = np.arange(prbs)
        victim = np.maximum(owner, 0)  # (R_i, K)
        own = self.gain[victim, np.arange(rus)[:, None], prb] * power_w
        interference = self._interference(power_w)[victim, prb]
        cross = self.gain[victim[:, None, :], np.arange(rus)[None, :, None], prb]  # (R_i, R_r, K)
        extra = (powers - power_w[..., None])[None] * cross[..., None]  # (R_i, R_r, K, O)
        disturbed = np.log2(1.0 + own[:, None, :, None] / np.maximum(1.0 + interference[:, None, :, None] + extra, 1.0))
        change = self._change(owner[:, None, :, None], total, disturbed - rate[:, None, :, None])
        change[np.arange(rus), np.arange(rus)] = 0.0
        return change.sum(axis=0)

    def _change(self, ue: Indices, total: Array, extra_rate: Array) -> Array:
        """Change of the penalised value if a UE had more or less rate; 0 for nobody."""
        index = np.maximum(ue, 0)
        before, weight, wanted = total[index], self.weight[index], self.min_rate_bps_hz[index]
        change = penalised(before + extra_rate, weight, wanted) - penalised(before, weight, wanted)
        return np.where(ue >= 0, change, 0.0)

    def _interference(self, power_w: Array) -> Array:
        """Of the RUs that do not serve it, at each UE, over noise, shape (U, K)."""
        foreign: NDArray[np.bool_] = np.arange(len(self.budget_w)) != self.serving[:, None]
        return np.einsum("ujk,jk->uk", np.where(foreign[..., None], self.gain, 0.0), power_w)

    def _rates(self, owner: Indices, power_w: Array) -> tuple[Array, Array]:
        """Rate on each PRB (R, K) and of each UE (U,)."""
        rus, prbs = owner.shape
        index = np.maximum(owner, 0)
        own = self.gain[index, np.arange(rus)[:, None], np.arange(prbs)] * power_w
        rate = np.log2(1.0 + own / (1.0 + self._interference(power_w)[index, np.arange(prbs)]))
        rate = np.where(owner >= 0, rate, 0.0)
        total: Array = np.bincount(index.ravel(), rate.ravel(), minlength=len(self.serving)).astype(np.float64)
        return rate, total
