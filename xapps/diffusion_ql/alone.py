"""Cells of several RUs, one by one: every RU's own report, with what the others send as noise.

UEs go to their strongest RU and the others are taken to split their budgets equally, as ``xapps.classic.cell`` has it:
what one RU can know before the others have decided. For whoever looks at it, such a report is one of a single RU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.units import linear_to_db
from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import gains, strongest_ru
from xapps.ssvae.batches import with_ues

Array = NDArray[np.float64]
Indices = NDArray[np.integer]


def own_reports(report: RadioReport) -> Iterator[tuple[int, Indices, RadioReport]]:
    """Every RU that somebody is associated with, those UEs, and its report (u, 1, K), for one without batch axes.

    Raises:
        ConfigError: the report carries no channel.
    """
    serving = strongest_ru(gains(report))
    gain_db = _over_interference_db(report)
    for ru in range(report.num_rus):
        ues = np.flatnonzero(serving == ru)
        if ues.size:
            yield ru, ues, _of_ru(report, ru, ues, gain_db[ues, ru][:, None])


def own_drops(report: RadioReport) -> list[RadioReport]:
    """The same of a batch of drops, arrays (N, U, R, K): one batch (M, u, 1, K) for each RU and number u of its UEs.

    Raises:
        ConfigError: the report carries no channel.
    """
    if report.num_rus == 1:
        return [report]
    serving = strongest_ru(gains(report))  # (N, U)
    gain_db = _over_interference_db(report)
    found = []
    for ru in range(report.num_rus):
        count = (serving == ru).sum(axis=-1)
        for ues in np.unique(count[count > 0]):
            drops = np.flatnonzero(count == ues)[:, None]
            members = np.argsort(serving[drops[:, 0]] != ru, axis=-1, kind="stable")[:, :ues]
            found.append(_of_ru(report, ru, (drops, members), gain_db[drops, members, ru][:, :, None]))
    return found


def _over_interference_db(report: RadioReport) -> Array:
    """Gains at which noise alone does what noise and the other RUs do, shape (..., U, R, K) [dB]."""
    gain = gains(report)
    share_w = np.minimum(report.ru_power_budget_w / gain.shape[-1], report.prb_power_cap_w)
    heard_w = gain * share_w[:, None]
    others_w = np.maximum(heard_w.sum(axis=-2, keepdims=True) - heard_w, 0.0)
    return np.asarray(linear_to_db(gain * report.noise_w / (report.noise_w + others_w)))


def _of_ru(report: RadioReport, ru: int, ues: Indices | tuple[Indices, Indices], gain_db: Array) -> RadioReport:
    shape = np.asarray(report.gain_db).shape[:-2]

    def pick(field: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.broadcast_to(field, shape)[ues])

    own = with_ues(report, pick, gain_db)
    return replace(own, ru_power_budget_w=report.ru_power_budget_w[ru : ru + 1])
