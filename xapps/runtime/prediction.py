"""What a decision promises by the model's own physics on the channel that was reported."""

from __future__ import annotations

import numpy as np

from e2sim.physics import objective
from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import DecisionRefused
from xapps.runtime.arms import Outcome


def predicted(allocation: Allocation, report: RadioReport) -> Outcome:
    """Weighted throughput and share of satisfied UEs of a feasible decision, without batch axes.

    The reported minimum rates stand for delay bounds too; the true channel may differ from the reported one.

    Raises:
        DecisionRefused: ``no_channel``, the report has no channel group.
    """
    if report.gain_db is None:
        raise DecisionRefused("no_channel", "the report shows no channel gains")
    decided = _aligned(allocation, report)
    rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decided, report.noise_w)
    satisfied = objective.rate_satisfied(rate, report.min_rate_bps_hz)
    throughput = float(objective.weighted_throughput_bps_hz(rate, report.weight))
    return Outcome(throughput, float(satisfied.mean()) if satisfied.size else 1.0)


def agreement(one: Allocation, other: Allocation) -> float:
    """Share of PRBs that both decisions give to the same UE, or to nobody."""
    same = _owner_ids(one) == _owner_ids(other)
    return float(same.mean()) if same.size else 1.0


def _aligned(allocation: Allocation, report: RadioReport) -> Allocation:
    """The decision on the report's table of UEs; PRBs of UEs that it does not have fall silent."""
    if np.array_equal(allocation.ue_ids, report.ue_ids):
        return allocation
    row_of = {int(ue_id): row for row, ue_id in enumerate(report.ue_ids)}
    rows = np.array([row_of.get(int(ue_id), NOBODY) for ue_id in allocation.ue_ids] + [NOBODY], np.int16)
    serving = np.full(report.num_ues, NOBODY, np.int16)
    known = rows[:-1] != NOBODY
    serving[rows[:-1][known]] = allocation.serving_ru[known]
    owner = rows[allocation.prb_owner]  # NOBODY is -1: the last row
    power_w = np.where(owner == NOBODY, 0.0, allocation.power_w)
    return Allocation(report.ue_ids, serving, owner, power_w, allocation.decision_id)


def _owner_ids(allocation: Allocation) -> np.ndarray:
    """UE identifier on each PRB, NOBODY where idle, shape (R, K)."""
    return np.append(allocation.ue_ids, NOBODY)[allocation.prb_owner]
