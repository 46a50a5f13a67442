"""The fair variant's decision process: the PRBs of one RU are given away one by one, to UEs that take turns.

State: who got what so far, and the channel. Rates on the way are counted at one power for all PRBs, a ``level`` times
an equal split; when the last PRB is gone, exact water-filling says what the assignment is worth. Rewards on the way are
differences of a potential (Ng et al. 1999, ICML), so an episode's rewards add up to the worth of its end, whatever the
level is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, RadioReport
from oran.errors import ConfigError
from xapps.classic import waterfilling
from xapps.classic.cell import Cell, gains

Array = NDArray[np.float64]
Indices = NDArray[np.integer]
Owners = NDArray[np.int16]
"""Who has each PRB, NOBODY where it is free, shape (N, K)."""
Mask = NDArray[np.bool_]

LEVELS = (0.5, 1.0, 1.6, 2.5)
"""Powers a PRB at which rates are counted, in shares of an equal split: one rollout each where power is short."""

REWARD_SCALE = 0.05
SHORTFALL_WEIGHT = 5.0
"""Price of a bps/Hz that a UE lacks, in weighted bps/Hz."""
MISSED_WEIGHT = 40.0
"""Price of a UE below its minimum rate, in weighted bps/Hz: above what the PRBs for it would earn elsewhere."""
TOLERANCE = 1e-6
LEAST_RATE = 1e-3
"""Rates below this are treated as this where PRBs are counted [bps/Hz]."""


@dataclass(frozen=True, slots=True, eq=False)
class Problems:
    """Assignment problems of one RU each, batch axis first; equal numbers of UEs and PRBs."""

    gain_per_w: Array
    """c: gain over noise and interference, shape (N, U, K) [1/W]."""
    weight: Array
    """w over its mean, shape (N, U)."""
    min_rate_bps_hz: Array
    """R, shape (N, U)."""
    budget_w: Array
    """P, shape (N,)."""
    cap_w: Array
    """Largest power a PRB, shape (N,)."""
    level: Array
    """Power at which rates are counted, in shares of an equal split, shape (N,)."""
    rate: Array
    """Rate of each pair at that power, shape (N, U, K) [bps/Hz]."""
    regret: Array
    """Weighted rate that a pair stays behind the best UE on its PRB, shape (N, U, K) [bps/Hz]."""

    @classmethod
    def of(
        cls, gain_per_w: Array, weight: Array, min_rate_bps_hz: Array, budget_w: Array, cap_w: Array, level: Array
    ) -> Problems:
        """Problems from what is given; rates and regrets follow."""
        relative = weight / np.maximum(weight.mean(axis=-1, keepdims=True), 1e-12)
        share_w = counting_power_w(level, budget_w, cap_w, gain_per_w.shape[-1])
        rate = np.log2(1.0 + gain_per_w * share_w[:, None, None])
        worth = relative[..., None] * rate
        regret = worth.max(axis=-2, keepdims=True) - worth
        return cls(gain_per_w, relative, min_rate_bps_hz, budget_w, cap_w, level, rate, regret)

    def __len__(self) -> int:
        return len(self.gain_per_w)

    @property
    def num_pairs(self) -> int:
        """Of UE and PRB, in each problem."""
        return self.num_ues * self.num_prbs

    @property
    def num_ues(self) -> int:
        return int(self.gain_per_w.shape[-2])

    @property
    def num_prbs(self) -> int:
        return int(self.gain_per_w.shape[-1])

    @property
    def share_w(self) -> Array:
        """Power a PRB at which rates are counted, shape (N,) [W]."""
        return counting_power_w(self.level, self.budget_w, self.cap_w, self.num_prbs)

    @property
    def best_possible(self) -> Array:
        """Sum over the PRBs of what the best UE earns at the counting power, minimum rates aside, shape (N,)."""
        best: Array = (self.weight[..., None] * self.rate).max(axis=1).sum(axis=-1)
        return best

    def at(self, index: Indices) -> Problems:
        """The problems at ``index``, repeated where it repeats."""
        names = ("gain_per_w", "weight", "min_rate_bps_hz", "budget_w", "cap_w", "level", "rate", "regret")
        return Problems(**{name: getattr(self, name)[index] for name in names})

    def unassigned(self) -> Owners:
        """The state in which nothing has been given away, shape (N, K)."""
        return np.full((len(self), self.num_prbs), NOBODY, np.int16)


def counting_power_w(level: Array, budget_w: Array, cap_w: Array, num_prbs: int) -> Array:
    """A level times an equal split of the budget, at most the cap, shape (N,) [W]."""
    return np.minimum(level * budget_w / num_prbs, cap_w)


def of_drops(report: RadioReport, level: Array) -> Problems:
    """Problems of a batch of drops with one RU, arrays (N, U, 1, K); ``level`` of shape (N,).

    Raises:
        ConfigError: there are several RUs, or the report carries no channel.
    """
    gain = gains(report)
    if report.num_rus != 1:
        raise ConfigError("num_rus", report.num_rus, "DQN learns in one cell; it serves several, each by itself")
    n = len(gain)
    per_ue = (n, report.num_ues)
    return Problems.of(
        gain[:, :, 0] / report.noise_w,
        np.broadcast_to(report.weight, per_ue),
        np.broadcast_to(report.min_rate_bps_hz, per_ue),
        np.full(n, report.ru_power_budget_w[0]),
        np.full(n, report.prb_power_cap_w),
        level,
    )


def of_cell(cell: Cell, levels: tuple[float, ...]) -> Problems:
    """One cell's problem once for every level."""
    n = len(levels)
    return Problems.of(
        np.repeat(cell.gain_per_w[None], n, axis=0),
        np.broadcast_to(cell.weight, (n, cell.num_ues)),
        np.broadcast_to(cell.min_rate_bps_hz, (n, cell.num_ues)),
        np.full(n, cell.budget_w),
        np.full(n, cell.cap_w),
        np.array(levels),
    )


def owned(owner: Indices, num_ues: int) -> Mask:
    """beta, shape (N, U, K)."""
    beta: Mask = owner[:, None, :] == np.arange(num_ues)[:, None]
    return beta


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What complete assignments are worth at exact powers, arrays (N,)."""

    throughput: Array
    """Sum of w R, weights over their mean [bps/Hz]."""
    missed: NDArray[np.int64]
    """UEs below their minimum rate."""
    value: Array
    """Throughput less the price of what is lacking."""
    power_w: Array
    """Shape (N, K) [W]."""


def worth(problems: Problems, owner: Indices) -> Worth:
    """Water-fills complete assignments, shape (N, K), and says what they are worth."""
    gain = np.take_along_axis(problems.gain_per_w, np.maximum(owner, 0)[:, None].astype(np.intp), axis=1)[:, 0]
    minimum = problems.min_rate_bps_hz
    power_w = np.empty_like(gain)
    for cap_w in np.unique(problems.cap_w):  # one value in any one scenario
        rows = problems.cap_w == cap_w
        power_w[rows], _ = waterfilling.fill(
            gain[rows], owner[rows], problems.weight[rows], minimum[rows], problems.budget_w[rows], float(cap_w)
        )
    per_prb = np.where(owner >= 0, np.log2(1.0 + gain * power_w), 0.0)
    rate = np.where(owned(owner, minimum.shape[1]), per_prb[:, None], 0.0).sum(axis=-1)
    lack = np.where(rate < minimum * (1.0 - TOLERANCE), minimum - rate, 0.0)
    throughput = (problems.weight * rate).sum(axis=-1)
    return Worth(throughput, (lack > 0.0).sum(axis=-1), throughput - price(lack), power_w)


def price(lack: Array) -> Array:
    """Price of what UEs lack, shape (N, U), in weighted bps/Hz, shape (N,)."""
    return SHORTFALL_WEIGHT * lack.sum(axis=-1) + MISSED_WEIGHT * (lack > 0.0).sum(axis=-1)
