"""From the integers an agent picks to an allocation within the hard limits, for environments and for looking around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.association import ru_of_owner
from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import ConfigError

Array = NDArray[np.float64]


def serving_by_gain(gain_db: Array) -> NDArray[np.int16]:
    """RU of the largest mean gain of each UE, shapes (..., U, R, K) give (..., U)."""
    return db_to_linear(gain_db).mean(axis=-1).argmax(axis=-1).astype(np.int16)


def reported_gain_db(report: RadioReport) -> Array:
    """Gains of a report, shape (..., U, R, K).

    Raises:
        ConfigError: the report carries no channel.
    """
    if report.gain_db is None:
        raise ConfigError("gain_db", None, "the report carries no channel")
    return report.gain_db


def even_allocation(report: RadioReport, owner: NDArray[np.integer]) -> Allocation:
    """Owners as wanted where their UE is associated with the RU, each RU's budget split over its busy PRBs.

    Args:
        report: the state, with channel.
        owner: index of a UE or NOBODY, shape (..., R, K); a UE of another RU leaves the PRB idle.
    """
    serving = serving_by_gain(reported_gain_db(report))
    busy = (owner >= 0) & (ru_of_owner(serving, owner) == np.arange(owner.shape[-2])[:, None])
    share_w = report.ru_power_budget_w / np.maximum(busy.sum(axis=-1), 1)  # (..., R)
    power_w = np.where(busy, np.minimum(share_w, report.prb_power_cap_w)[..., None], 0.0)
    held = np.where(busy, owner, NOBODY).astype(np.int16)
    return Allocation(np.asarray(report.ue_ids), serving, held, power_w, decision_id=report.report_id)


def best_channel(report: RadioReport) -> Allocation:
    """Every PRB to the associated UE with the best channel, powers even."""
    gain_db = reported_gain_db(report)
    serving = serving_by_gain(gain_db)
    associated = serving[..., None] == np.arange(gain_db.shape[-2])  # (..., U, R)
    return even_allocation(report, np.where(associated[..., None], gain_db, -np.inf).argmax(axis=-3))


def best_moment(report: RadioReport) -> Allocation:
    """Every PRB to the associated UE whose channel is best beside its own mean over the PRBs, powers even.

    Near and far UEs get equal shares, each where its fading is kind (proportional fair without a past).
    """
    gain_db = reported_gain_db(report)
    serving = serving_by_gain(gain_db)
    associated = serving[..., None] == np.arange(gain_db.shape[-2])  # (..., U, R)
    relative_db = gain_db - gain_db.mean(axis=-1, keepdims=True)
    return even_allocation(report, np.where(associated[..., None], relative_db, -np.inf).argmax(axis=-3))
