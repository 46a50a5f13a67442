"""The problem of one RU as arrays: what is left of a report once every UE has chosen its RU.

maximise  sum over u of w[u] sum over k of x[u, k] log2(1 + c[u, k] p[k])
over who owns which PRB (x) and at which power (p), under budget, cap and minimum rates (paper 1, eqs 10-21)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import ConfigError

Array = NDArray[np.float64]
Indices = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One RU and the UEs associated with it."""

    ues: Indices
    """Position of each UE in the report's table, shape (U,)."""
    gain_per_w: Array
    """c: channel gain over noise and interference, shape (U, K) [1/W]."""
    weight: Array
    """w, shape (U,)."""
    min_rate_bps_hz: Array
    """R, shape (U,)."""
    budget_w: float
    """P of the RU."""
    cap_w: float
    """Largest power on one PRB."""

    @property
    def num_ues(self) -> int:
        return self.gain_per_w.shape[0]

    @property
    def num_prbs(self) -> int:
        return self.gain_per_w.shape[1]

    def gain_of(self, owner: Indices) -> Array:
        """c of each PRB's owner, shapes (..., K) give (..., K); 0 where idle."""
        if self.num_ues == 0:
            return np.zeros(owner.shape)
        return np.where(owner >= 0, self.gain_per_w[np.maximum(owner, 0), np.arange(self.num_prbs)], 0.0)

    def rates_bps_hz(self, owner: Indices, power_w: Array) -> Array:
        """Rate of each UE, shapes (..., K) give (..., U) [bps/Hz]."""
        per_prb = np.log1p(self.gain_of(owner) * power_w) / np.log(2.0)
        owned = owner[..., None, :] == np.arange(self.num_ues)[:, None]
        return np.where(owned, per_prb[..., None, :], 0.0).sum(axis=-1)


def gains(report: RadioReport) -> Array:
    """Linear channel gains of a report, shape (..., U, R, K).

    Raises:
        ConfigError: the report carries no channel.
    """
    if report.gain_db is None:
        raise ConfigError("gain_db", None, "the report carries no channel: ask for the group CHANNEL")
    return db_to_linear(report.gain_db)


def strongest_ru(gain: Array) -> Indices:
    """RU of the largest wideband gain of each UE, shapes (..., U, R, K) give (..., U)."""
    return gain.mean(axis=-1).argmax(axis=-1)


def cells(report: RadioReport, serving_ru: Indices | None = None) -> list[Cell]:
    """One problem an RU, for a report without batch axes.

    UEs go to the strongest RU unless ``serving_ru``, shape (U,), says otherwise. Other RUs are taken to split their
    budgets equally over the PRBs, which is what one cell can know before the others have decided.
    """
    gain = gains(report)
    serving = strongest_ru(gain) if serving_ru is None else serving_ru
    share_w = np.minimum(report.ru_power_budget_w / gain.shape[-1], report.prb_power_cap_w)
    return [_cell(report, gain, np.flatnonzero(serving == ru), ru, share_w) for ru in range(report.num_rus)]


def single_cell(report: RadioReport) -> Cell:
    """The problem of the only RU.

    Raises:
        ConfigError: there are several RUs.
    """
    if report.num_rus != 1:
        raise ConfigError("num_rus", report.num_rus, "this allocator is for one RU: with several, cells interfere")
    return cells(report)[0]


def _cell(report: RadioReport, gain: Array, ues: Indices, ru: int, share_w: Array) -> Cell:
    others_w = np.where(np.arange(report.num_rus) == ru, 0.0, share_w)
    interference_w = np.einsum("ujk,j->uk", gain[ues], others_w)
    return Cell(
        ues=ues,
        gain_per_w=gain[ues, ru] / (report.noise_w + interference_w),
        weight=report.weight[ues],
        min_rate_bps_hz=report.min_rate_bps_hz[ues],
        budget_w=float(report.ru_power_budget_w[ru]),
        cap_w=report.prb_power_cap_w,
    )


def compose(report: RadioReport, parts: list[tuple[Cell, Indices, Array]]) -> Allocation:
    """The allocation of all cells: one (cell, owner (K,), power (K,)) an RU, in the order of the RUs."""
    num_prbs = parts[0][0].num_prbs
    serving = np.full(report.num_ues, NOBODY, np.int16)
    prb_owner = np.full((report.num_rus, num_prbs), NOBODY, np.int16)
    power_w = np.zeros(prb_owner.shape)
    for ru, (cell, owner, power) in enumerate(parts):
        serving[cell.ues] = ru
        busy = owner >= 0
        prb_owner[ru, busy] = cell.ues[owner[busy]]
        power_w[ru] = np.where(busy, power, 0.0)
    return Allocation(np.asarray(report.ue_ids), serving, prb_owner, power_w, decision_id=report.report_id)
