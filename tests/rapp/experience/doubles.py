"""Steps, messages and xApps that the tests of experience share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oran._generated import experience_pb2 as messages
from oran.e2sm.rrm import NOBODY, Allocation, Kpi, RadioReport, encode_report

MEID = "gnb_001_001_0000019b"


def make_report(number: int = 1, *, ues: int = 3, rus: int = 1, prbs: int = 4, queues: bool = False) -> RadioReport:
    rng = np.random.default_rng([number, ues, rus, prbs])
    return RadioReport(
        report_id=number,
        slot=number + 5,
        time_s=number * 0.02,
        prb_bandwidth_hz=180e3,
        noise_w=7e-16,
        ru_power_budget_w=np.full(rus, 10.0),
        prb_power_cap_w=4.0,
        ue_ids=np.arange(100, 100 + ues, dtype=np.int64),
        slice_ids=(np.arange(ues) % 2).astype(np.int32),
        weight=np.ones(ues),
        min_rate_bps_hz=np.full(ues, 2.0),
        max_delay_s=np.full(ues, np.inf),
        slice_names=("embb", "urllc"),
        gain_db=np.rint(rng.uniform(-120, -80, (ues, rus, prbs)) * 100) / 100,
        queue_bytes=rng.uniform(0, 1e4, ues) if queues else None,
    )


def make_decision(report: RadioReport) -> Allocation:
    assert report.gain_db is not None
    ues, rus, prbs = report.gain_db.shape
    rng = np.random.default_rng(report.report_id)
    serving = rng.integers(rus, size=ues).astype(np.int16) if ues else np.zeros(0, np.int16)
    owner = rng.integers(-1, ues, (rus, prbs)).astype(np.int16) if ues else np.full((rus, prbs), NOBODY, np.int16)
    if ues:
        owner = np.where((owner >= 0) & (serving[owner] == np.arange(rus)[:, None]), owner, np.int16(NOBODY))
    power_w = np.where(owner >= 0, rng.uniform(0.1, 1.0, (rus, prbs)), 0.0)
    return Allocation(report.ue_ids, serving, owner, power_w, report.report_id)


def make_outcome(report: RadioReport, late: int = 0) -> Kpi:
    rate = np.random.default_rng(report.report_id + 1).uniform(0, 5, report.num_ues)
    return Kpi(float(rate.sum()), rate, np.full(report.num_ues, 0.01), rate > 2.0, 3.25, late, report.report_id, 0)


def message_of(sequence: int, of: RadioReport | None = None, *, dropped: int = 0, **fields) -> messages.Transition:
    """A transition as an xApp sends it."""
    report = make_report(sequence) if of is None else of
    whole = replace(report, in_force=make_decision(report), kpi=make_outcome(report))
    values = {
        "outcome_report_id": report.report_id + 1,
        "obeyed": True,
        "allocator": "ssvae",
        "model": "m",
        "version": 3,
    }
    encoded = {"meid": MEID, "report": encode_report(whole), "corrections": 2}
    return messages.Transition(sequence=sequence, dropped=dropped, **(encoded | values | fields))


def request_of(*transitions: messages.Transition) -> messages.StreamRequest:
    """A batch."""
    return messages.StreamRequest(batch=messages.Batch(transitions=transitions))
