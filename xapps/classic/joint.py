"""Up to three interfering RUs solved jointly: one binary for each PRB and joint configuration of all RUs on it.

A configuration says for every RU which of its UEs it serves on the PRB and at which power level, or that it is silent;
its rates, interference included, are then constants. Rows: one configuration a PRB, the RUs' budgets, and minimum rates
on truncated rates; minimum rates are elastic at the price of :mod:`~xapps.classic.local_search`. The solver's optimum
is exact for these levels and for UEs at their strongest RU; a local search then leaves the levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import ConfigError
from xapps.classic.cell import Array, Indices, gains, strongest_ru
from xapps.classic.local_search import SHORTFALL_PRICE, improve
from xapps.classic.mixed_integer import Program, minimise

LEVEL_SHARES = (0.25, 0.5, 1.0)
MOST_COLUMNS = 60_000
RELATIVE_GAP = 2e-3
TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class JointSolution:
    """An allocation and the bound that holds for these levels and associations."""

    allocation: Allocation
    bound: float
    """Of throughput less the price of shortfalls, over all allocations on the levels."""


class JointAllocator:
    """Joint optimum over levels for up to three RUs, polished by local search."""

    name = "joint"

    def decide(self, report: RadioReport) -> Allocation:
        return improve(report, solve(report).allocation)


def solve(report: RadioReport) -> JointSolution:
    """The joint optimum over power levels. No batch axes.

    Raises:
        ConfigError: there are too many configurations, or the report has no channel.
    """
    table = _Configurations.of(report)
    if report.num_ues == 0:
        return JointSolution(table.allocation(report, np.zeros(table.num_prbs, np.intp)), 0.0)
    chosen, bound = _choose(report, table)
    return JointSolution(table.allocation(report, chosen), bound)


@dataclass(frozen=True, slots=True, eq=False)
class _Configurations:
    """All joint configurations, the same for every PRB, and what they yield on each."""

    serving: Indices
    """Shape (U,)."""
    owner: Indices
    """Shape (C, R)."""
    power_w: Array
    """Shape (C, R)."""
    rate: Array
    """Of the owner at each RU, shape (K, C, R) [bps/Hz]."""

    @property
    def num_prbs(self) -> int:
        return self.rate.shape[0]

    @classmethod
    def of(cls, report: RadioReport) -> _Configurations:
        gain = gains(report) / report.noise_w
        serving = strongest_ru(gain) if report.num_ues else np.zeros(0, np.intp)
        options = [_options(np.flatnonzero(serving == ru), report.prb_power_cap_w) for ru in range(report.num_rus)]
        count = int(np.prod([len(ue) for ue, _ in options]))
        if count * gain.shape[-1] > MOST_COLUMNS:
            raise ConfigError(
                "num_rus", report.num_rus, f"{count} joint configurations a PRB are more than can be solved"
            )
        pick = np.indices([len(ue) for ue, _ in options]).reshape(report.num_rus, -1)  # (R, C)
        owner = np.stack([ue[index] for (ue, _), index in zip(options, pick, strict=True)], axis=-1)
        power = np.stack([level[index] for (_, level), index in zip(options, pick, strict=True)], axis=-1)
        return cls(serving, owner, power, _rates(gain, owner, power))

    def allocation(self, report: RadioReport, chosen: Indices) -> Allocation:
        """The allocation of one configuration a PRB, shape (K,)."""
        owner, power_w = self.owner[chosen].T.astype(np.int16), self.power_w[chosen].T.copy()
        serving = self.serving.astype(np.int16)
        return Allocation(np.asarray(report.ue_ids), serving, owner, power_w, decision_id=report.report_id)


def _options(ues: Indices, cap_w: float) -> tuple[Indices, Array]:
    """UEs and powers that one RU can choose on a PRB; the first is silence."""
    levels = np.array(LEVEL_SHARES) * cap_w
    return np.concatenate([[NOBODY], np.repeat(ues, len(levels))]), np.concatenate([[0.0], np.tile(levels, len(ues))])


def _rates(gain: Array, owner: Indices, power_w: Array) -> Array:
    """Rates of the owners, shape (K, C, R)."""
    if gain.shape[0] == 0:
        return np.zeros((gain.shape[-1], *owner.shape))
    to_owner = gain[np.maximum(owner, 0)]  # (C, R_i, R_j, K)
    received = to_owner * power_w[:, None, :, None]
    diagonal = np.arange(owner.shape[-1])
    own = received[:, diagonal, diagonal].copy()
    received[:, diagonal, diagonal] = 0.0
    rate = np.where(owner[..., None] >= 0, np.log2(1.0 + own / (1.0 + received.sum(axis=2))), 0.0)  # (C, R, K)
    return np.moveaxis(rate, -1, 0)


def _choose(report: RadioReport, table: _Configurations) -> tuple[Indices, float]:
    """Configuration of each PRB, shape (K,), and the bound."""
    prbs, configurations, rus = table.rate.shape
    columns, ues = prbs * configurations, report.num_ues
    owner = np.broadcast_to(table.owner, table.rate.shape)
    busy = owner >= 0
    column = np.broadcast_to(np.arange(columns).reshape(prbs, configurations, 1), owner.shape)
    weight = np.where(busy, report.weight[np.maximum(owner, 0)], 0.0)
    counted = np.minimum(table.rate, report.min_rate_bps_hz[np.maximum(owner, 0)])
    one_a_prb = sparse.csr_matrix((np.ones(columns), (np.arange(columns) // configurations, np.arange(columns))))
    budget = sparse.csr_matrix(np.tile(table.power_w, (prbs, 1)).T)
    minimum = sparse.csr_matrix((counted[busy], (owner[busy], column[busy])), shape=(ues, columns))
    rows = sparse.bmat([[one_a_prb, None], [budget, None], [minimum, sparse.eye(ues)]]).tocsc()
    program = Program(
        cost=np.concatenate([-(weight * table.rate).sum(axis=-1).ravel(), np.full(ues, SHORTFALL_PRICE)]),
        rows=rows.tocsr(),
        low=np.concatenate([np.ones(prbs), np.full(rus, -np.inf), report.min_rate_bps_hz]),
        high=np.concatenate([np.ones(prbs), report.ru_power_budget_w, np.full(ues, np.inf)]),
        upper=np.concatenate([np.ones(columns), np.full(ues, np.inf)]),
        integral=np.arange(columns + ues) < columns,
    )
    result = minimise(program, RELATIVE_GAP, TIME_LIMIT_S)
    if result.x is None:  # silence everywhere is always a point, so only the time limit leads here
        return np.zeros(prbs, np.intp), np.inf
    return result.x[:columns].reshape(prbs, configurations).argmax(axis=-1), -result.bound
