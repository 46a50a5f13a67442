"""One transition as it came over the wire, checked: report, decision and outcome over one table of UEs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from e2sim.physics import constraints
from e2sim.simulator import reindexed
from oran._generated import experience_pb2 as messages
from oran.e2sm.rrm import Allocation, Kpi, RadioReport, decode_report
from oran.errors import DecodeError
from xapps.runtime.inputs import Fault, content_fault


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A transition of one stream."""

    stream_id: str
    sequence: int
    meid: str
    report: RadioReport
    """Without ``in_force`` and ``kpi``."""
    decision: Allocation
    """What was sent, over the report's UEs."""
    outcome: Kpi
    """Rows are the report's UEs."""
    outcome_report_id: int
    obeyed: bool
    allocator: str
    model: str
    version: int
    corrections: int


def decode(stream_id: str, message: messages.Transition) -> Step:
    """A step from its message.

    Raises:
        DecodeError: the report is malformed, or lacks channel, decision or outcome, or they do not fit together, or the
            decision breaks a hard limit: what was sent has passed the shield.
    """
    whole = decode_report(message.report)
    decision, outcome, gain_db = whole.in_force, whole.kpi, whole.gain_db
    if decision is None or outcome is None or gain_db is None:
        raise DecodeError("experience: a transition has a channel, a decision and an outcome")
    rows = {outcome.rate_bps_hz.shape, outcome.delay_s.shape, outcome.satisfied.shape}
    if rows != {whole.ue_ids.shape} or decision.prb_owner.shape != gain_db.shape[1:]:
        raise DecodeError("experience: decision or outcome do not fit the report")
    if content_fault(whole) not in (None, Fault.NO_UES) or not _finite(outcome):
        raise DecodeError("experience: values that are not finite or cannot be")  # learners must not meet them
    if max(_numbers(message, whole)) >= 2**63:
        raise DecodeError("experience: numbers beyond all counting")
    decision = _over(whole, decision)
    broken = constraints.violations(decision, whole)
    if broken:
        raise DecodeError(f"experience: no node would obey the decision: {broken[0].reason}")
    return Step(
        stream_id=stream_id,
        sequence=message.sequence,
        meid=message.meid,
        report=replace(whole, in_force=None, kpi=None),
        decision=decision,
        outcome=outcome,
        outcome_report_id=message.outcome_report_id,
        obeyed=message.obeyed,
        allocator=message.allocator,
        model=message.model,
        version=message.version,
        corrections=message.corrections,
    )


def _finite(outcome: Kpi) -> bool:
    rates = (outcome.weighted_throughput_bps_hz, outcome.rate_bps_hz, outcome.power_w)
    return all(bool(np.isfinite(values).all()) for values in rates)


def _numbers(message: messages.Transition, report: RadioReport) -> tuple[int, ...]:
    """What the wire holds in 64 bits without a sign, and we in 63."""
    return report.report_id, report.slot, message.sequence, message.outcome_report_id


def _over(report: RadioReport, decision: Allocation) -> Allocation:
    """The decision over the report's table of UEs: its own may have another order, or leave out whom it serves not."""
    ues = len(decision.ue_ids)
    if decision.serving_ru.shape != (ues,) or decision.prb_owner.shape != decision.power_w.shape:
        raise DecodeError("experience: the tables of the decision do not fit together")
    if decision.prb_owner.size and not -1 <= decision.prb_owner.min() <= decision.prb_owner.max() < ues:
        raise DecodeError("experience: a PRB of the decision belongs to nobody in its table")
    if np.array_equal(decision.ue_ids, report.ue_ids):
        return decision
    return reindexed(decision, report.ue_ids)
