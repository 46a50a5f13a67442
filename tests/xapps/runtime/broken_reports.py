"""Reports as no honest node would send them, and what the xApp answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from e2sim.physics import constraints
from oran import e2ap
from oran._generated import e2sm_rrm_pb2 as pb
from oran.e2ap import IndicationType, RicIndication
from oran.e2sm.rrm import (
    Allocation,
    Clock,
    ControlHeader,
    IndicationHeader,
    RadioReport,
    decode_control_header,
    decode_control_message,
    encode_report,
)
from oran.e2sm.rrm.codec import encode_indication_header
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import (
    FUNCTION_ID,
    MEID,
    REQUEST_ID,
    Rig,
)
from xapps.runtime.inputs import Fault

Change = Callable[[pb.RadioReport], None]


def sent(rig: Rig, since: int = 0) -> list[tuple[ControlHeader, Allocation]]:
    pdus = [e2ap.decode(message.payload) for message in rig.out.of_type(MessageType.RIC_CONTROL_REQ)[since:]]
    return [(decode_control_header(pdu.header), decode_control_message(pdu.message)) for pdu in pdus]


def message_of(report: RadioReport, *changes: Change, clock: Clock = Clock.FREE_RUNNING) -> RmrMessage:
    """An indication whose report was changed on its way, beyond what an honest node could encode."""
    content = pb.RadioReport.FromString(encode_report(report))
    for change in changes:
        change(content)
    body = content.SerializeToString()
    header = encode_indication_header(IndicationHeader(report.report_id, 0, 1, len(body), report.slot, clock))
    kind = IndicationType.INSERT if clock is Clock.LOCK_STEP else IndicationType.REPORT
    pdu = RicIndication(REQUEST_ID, FUNCTION_ID, 1, kind, header, body)
    return RmrMessage(MessageType.RIC_INDICATION, e2ap.encode(pdu), REQUEST_ID.instance, MEID)


def written(values: np.ndarray) -> pb.Tensor:
    codes = {"<f8": pb.Tensor.FLOAT64, "<i8": pb.Tensor.INT64, "<i4": pb.Tensor.INT32}
    return pb.Tensor(dtype=codes[values.dtype.str], shape=values.shape, data=values.tobytes())


def floats(name: str, value: float, share: float = 1.0) -> Change:
    """Puts ``value`` into a share of a tensor's elements."""

    def change(content: pb.RadioReport) -> None:
        tensor = getattr(content, name)
        old = np.full(tuple(tensor.shape), -100.0 if name == "gain_db" else 1.0)
        old.reshape(-1)[: max(1, int(share * old.size))] = value
        tensor.CopyFrom(written(old))

    return change


def integers(name: str, value: int) -> Change:
    def change(content: pb.RadioReport) -> None:
        tensor = getattr(content, name)
        kind = "<i8" if tensor.dtype == pb.Tensor.INT64 else "<i4"
        tensor.CopyFrom(written(np.full(tuple(tensor.shape), value, kind)))

    return change


def scalar(name: str, value: float) -> Change:
    return lambda content: setattr(content, name, value)


def without(name: str) -> Change:
    return lambda content: content.ClearField(name)


NAN, INF = float("nan"), float("inf")
BREAKS: dict[str, tuple[Change, Fault]] = {
    "a gain is NaN": (floats("gain_db", NAN, 0.1), Fault.NOT_FINITE),
    "a gain is infinite": (floats("gain_db", INF, 0.1), Fault.NOT_FINITE),
    "all gains are NaN": (floats("gain_db", NAN), Fault.NOT_FINITE),
    "gains of both infinities": (floats("gain_db", -INF), Fault.NOT_FINITE),
    "no channel": (without("gain_db"), Fault.NO_CHANNEL),
    "a weight is NaN": (floats("weight", NAN, 0.1), Fault.NOT_FINITE),
    "a rate is infinite": (floats("min_rate_bps_hz", INF), Fault.NOT_FINITE),
    "a delay bound is NaN": (floats("max_delay_s", NAN), Fault.NOT_FINITE),
    "a budget is NaN": (floats("ru_power_budget_w", NAN), Fault.BAD_LIMITS),
    "a budget is negative": (floats("ru_power_budget_w", -3.0), Fault.BAD_LIMITS),
    "the cap is NaN": (scalar("prb_power_cap_w", NAN), Fault.BAD_LIMITS),
    "the noise is nothing": (scalar("noise_w", 0.0), Fault.BAD_LIMITS),
    "the bandwidth is infinite": (scalar("prb_bandwidth_hz", INF), Fault.BAD_LIMITS),
    "the same UE everywhere": (integers("ue_ids", 101), Fault.BAD_TABLE),
    "a slice below zero": (integers("slice_ids", -7), Fault.BAD_TABLE),
    "a slice beyond all": (integers("slice_ids", 2**31 - 1), Fault.BAD_TABLE),
}


def feasible(allocation: Allocation, report: RadioReport) -> bool:
    """Would a node with the limits of the doubles obey?"""
    return constraints.violations(allocation, replace(report, gain_db=None)) == []
