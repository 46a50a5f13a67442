"""E2SM-RRM values to and from the octet strings that E2AP carries (``proto/e2sm_rrm.proto``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

import numpy as np
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from oran._generated import e2sm_rrm_pb2 as pb
from oran.e2ap.messages import CauseRicRequest
from oran.e2sm.rrm import plain, tensors
from oran.e2sm.rrm.tensors import malformed
from oran.e2sm.rrm.types import (
    GAIN_STEP_DB,
    NOBODY,
    ActionDefinition,
    Allocation,
    Clock,
    ControlHeader,
    ControlKind,
    ControlOutcome,
    EventTrigger,
    IndicationHeader,
    Kpi,
    RadioReport,
    RanFunctionDefinition,
    ReportGroup,
)
from oran.errors import DecodeError, LocalProtocolError

M = TypeVar("M", bound=Message)
ALL_GROUPS = tuple(ReportGroup)

_REPORT = plain.plain_of(pb.RadioReport.DESCRIPTOR)
_ALLOCATION = plain.plain_of(pb.Allocation.DESCRIPTOR)
_KPI = plain.plain_of(pb.Kpi.DESCRIPTOR)
_INDICATION_HEADER = plain.plain_of(pb.IndicationHeader.DESCRIPTOR)
_CONTROL_HEADER = plain.plain_of(pb.ControlHeader.DESCRIPTOR)
_CONTROL_OUTCOME = plain.plain_of(pb.ControlOutcome.DESCRIPTOR)
_CONTROL_MESSAGE = plain.plain_of(pb.ControlMessage.DESCRIPTOR)


def _parse(kind: type[M], data: bytes) -> M:
    """A message, or its plain form, which has the same attributes. Raises: DecodeError."""
    try:
        return cast(M, plain.read(plain.plain_of(kind.DESCRIPTOR), data))
    except plain.Unusual:
        return _parse_anything(kind, data)


def _parse_anything(kind: type[M], data: bytes) -> M:
    message = kind()
    try:
        message.ParseFromString(data)
    except (ProtobufDecodeError, RuntimeWarning, ValueError, UnicodeDecodeError) as error:
        raise malformed(f"not a {kind.__name__}: {error}") from error
    return message


def _clock(value: int) -> Clock:
    try:
        return Clock(value)
    except ValueError as error:
        raise DecodeError(f"E2SM-RRM: unknown clock {value}", CauseRicRequest.ACTION_NOT_SUPPORTED) from error


# --- RAN function definition, event trigger, action definition -------------------------------------


def encode_ran_function(definition: RanFunctionDefinition) -> bytes:
    """Octets of ranFunctionDefinition."""
    message = pb.RanFunctionDefinition(
        **{name: getattr(definition, name) for name in definition.__slots__}  # one field each, same names
    )
    return message.SerializeToString()


def decode_ran_function(data: bytes) -> RanFunctionDefinition:
    """Inverse of :func:`encode_ran_function`; enumeration values of later versions are left out.

    Raises:
        DecodeError: not a RanFunctionDefinition.
    """
    message = _parse(pb.RanFunctionDefinition, data)
    return RanFunctionDefinition(
        name=message.name,
        description=message.description,
        clocks=tuple(Clock(c) for c in message.clocks if c in set(Clock)),
        report_groups=tuple(ReportGroup(g) for g in message.report_groups if g in set(ReportGroup)),
        control_kinds=tuple(ControlKind(k) for k in message.control_kinds if k in set(ControlKind)),
        min_period_ms=message.min_period_ms,
        max_period_ms=message.max_period_ms,
        num_rus=message.num_rus,
        num_prbs=message.num_prbs,
        max_ues=message.max_ues,
        max_fragment_bytes=message.max_fragment_bytes,
    )


def encode_event_trigger(trigger: EventTrigger) -> bytes:
    """Octets of ricEventTriggerDefinition."""
    return pb.EventTrigger(clock=trigger.clock, period_ms=trigger.period_ms).SerializeToString()


def decode_event_trigger(data: bytes) -> EventTrigger:
    """Inverse of :func:`encode_event_trigger`.

    Raises:
        DecodeError: malformed, unknown clock (action-not-supported) or a period of zero.
    """
    message = _parse(pb.EventTrigger, data)
    if message.period_ms == 0:
        raise malformed("event trigger without a period")
    return EventTrigger(_clock(message.clock), message.period_ms)


def encode_action_definition(definition: ActionDefinition) -> bytes:
    """Octets of ricActionDefinition."""
    return pb.ActionDefinition(
        report_groups=definition.report_groups, max_fragment_bytes=definition.max_fragment_bytes
    ).SerializeToString()


def decode_action_definition(data: bytes) -> ActionDefinition:
    """Inverse of :func:`encode_action_definition`.

    Raises:
        DecodeError: malformed, or a report group that this version does not know (action-not-supported).
    """
    message = _parse(pb.ActionDefinition, data)
    unknown = [g for g in message.report_groups if g not in set(ReportGroup)]
    if unknown:
        raise DecodeError(f"E2SM-RRM: unknown report groups {unknown}", CauseRicRequest.ACTION_NOT_SUPPORTED)
    return ActionDefinition(tuple(ReportGroup(g) for g in message.report_groups), message.max_fragment_bytes)


# --- indication header ---------------------------------------------------------------------------


def encode_indication_header(header: IndicationHeader) -> bytes:
    """Octets of ricIndicationHeader."""
    return plain.write(_INDICATION_HEADER, **{name: getattr(header, name) for name in header.__slots__})


def decode_indication_header(data: bytes) -> IndicationHeader:
    """Inverse of :func:`encode_indication_header`.

    Raises:
        DecodeError: malformed, or a fragment number outside its report.
    """
    message = _parse(pb.IndicationHeader, data)
    if not 0 <= message.fragment < message.num_fragments:
        raise malformed(f"fragment {message.fragment} of {message.num_fragments}")
    return IndicationHeader(
        message.report_id,
        message.fragment,
        message.num_fragments,
        message.total_bytes,
        message.slot,
        _clock(message.clock),
    )


# --- radio report ----------------------------------------------------------------------------------


def encode_report(report: RadioReport, groups: Iterable[ReportGroup] = ALL_GROUPS) -> bytes:
    """The whole report with the groups asked for (those that it has).

    Raises:
        LocalProtocolError: batch axes, or values the wire cannot hold.
    """
    if report.ue_ids.ndim != 1:
        raise LocalProtocolError("a report with batch axes cannot be sent")
    wanted = set(groups)
    gain_db = report.gain_db if ReportGroup.CHANNEL in wanted else None
    queue_bytes = report.queue_bytes if ReportGroup.QUEUES in wanted else None
    in_force = report.in_force if ReportGroup.DECISION in wanted else None
    kpi = report.kpi if ReportGroup.KPI in wanted else None
    return plain.write(
        _REPORT,
        report_id=report.report_id,
        slot=report.slot,
        time_s=report.time_s,
        prb_bandwidth_hz=report.prb_bandwidth_hz,
        noise_w=report.noise_w,
        ru_power_budget_w=tensors.encoded(report.ru_power_budget_w, "<f8"),
        prb_power_cap_w=report.prb_power_cap_w,
        ue_ids=tensors.encoded(report.ue_ids, "<i8"),
        slice_ids=tensors.encoded(report.slice_ids, "<i4"),
        weight=tensors.encoded(report.weight, "<f8"),
        min_rate_bps_hz=tensors.encoded(report.min_rate_bps_hz, "<f8"),
        max_delay_s=tensors.encoded(report.max_delay_s, "<f8"),
        gain_db=None if gain_db is None else tensors.encoded(gain_db, "<i2", scale=GAIN_STEP_DB),
        queue_bytes=None if queue_bytes is None else tensors.encoded(queue_bytes, "<f8"),
        in_force=None if in_force is None else _allocation_octets(in_force),
        kpi=None if kpi is None else _kpi_octets(kpi),
        slice_names=report.slice_names,
        fronthaul_capacity_bps_hz=tensors.encoded(report.fronthaul_capacity_bps_hz, "<f8"),
    )


def decode_report(data: bytes) -> RadioReport:
    """Inverse of :func:`encode_report`, up to the quantisation of the gains.

    Raises:
        DecodeError: malformed, or tensors whose shapes do not fit together.
    """
    message = _parse(pb.RadioReport, data)
    report = RadioReport(
        report_id=message.report_id,
        slot=message.slot,
        time_s=message.time_s,
        prb_bandwidth_hz=message.prb_bandwidth_hz,
        noise_w=message.noise_w,
        ru_power_budget_w=tensors.get(message.ru_power_budget_w, 1),
        prb_power_cap_w=message.prb_power_cap_w,
        ue_ids=tensors.get(message.ue_ids, 1, np.int64),
        slice_ids=tensors.get(message.slice_ids, 1, np.int32),
        weight=tensors.get(message.weight, 1),
        min_rate_bps_hz=tensors.get(message.min_rate_bps_hz, 1),
        max_delay_s=tensors.get(message.max_delay_s, 1),
        slice_names=tuple(message.slice_names),
        fronthaul_capacity_bps_hz=tensors.get(message.fronthaul_capacity_bps_hz, 1),
        gain_db=tensors.get(message.gain_db, 3) if message.HasField("gain_db") else None,
        queue_bytes=tensors.get(message.queue_bytes, 1) if message.HasField("queue_bytes") else None,
        in_force=_get_allocation(message.in_force) if message.HasField("in_force") else None,
        kpi=_get_kpi(message.kpi) if message.HasField("kpi") else None,
    )
    _check_report(report)
    return report


def _check_report(report: RadioReport) -> None:
    ues, rus = report.num_ues, report.num_rus
    per_ue = (report.slice_ids, report.weight, report.min_rate_bps_hz, report.max_delay_s)
    if any(len(field) != ues for field in per_ue):
        raise malformed("per-UE fields of different lengths")
    if report.gain_db is not None and report.gain_db.shape[:2] != (ues, rus):
        raise malformed(f"gains of shape {report.gain_db.shape} for {ues} UEs and {rus} RUs")
    if report.queue_bytes is not None and len(report.queue_bytes) != ues:
        raise malformed("queue lengths do not fit the UE table")


def _kpi_octets(kpi: Kpi) -> bytes:
    return plain.write(
        _KPI,
        weighted_throughput_bps_hz=float(kpi.weighted_throughput_bps_hz),
        rate_bps_hz=tensors.encoded(kpi.rate_bps_hz, "<f8"),
        delay_s=tensors.encoded(kpi.delay_s, "<f8"),
        satisfied=tensors.encoded(kpi.satisfied, "u1"),
        power_w=float(kpi.power_w),
        late_decisions=kpi.late_decisions,
        applied_decisions=kpi.applied_decisions,
        refused_decisions=kpi.refused_decisions,
    )


def _get_kpi(message: pb.Kpi) -> Kpi:
    return Kpi(
        weighted_throughput_bps_hz=message.weighted_throughput_bps_hz,
        rate_bps_hz=tensors.get(message.rate_bps_hz, 1),
        delay_s=tensors.get(message.delay_s, 1),
        satisfied=tensors.get(message.satisfied, 1, np.bool_),
        power_w=message.power_w,
        late_decisions=message.late_decisions,
        applied_decisions=message.applied_decisions,
        refused_decisions=message.refused_decisions,
    )


# --- control ------------------------------------------------------------------------------------------


def _allocation_octets(allocation: Allocation) -> bytes:
    return plain.write(
        _ALLOCATION,
        ue_ids=tensors.encoded(allocation.ue_ids, "<i8"),
        serving_ru=tensors.encoded(allocation.serving_ru, "<i2"),
        prb_owner=tensors.encoded(allocation.prb_owner, "<i2"),
        power_w=tensors.encoded(allocation.power_w, "<f8"),
        decision_id=allocation.decision_id,
    )


def _get_allocation(message: pb.Allocation) -> Allocation:
    allocation = Allocation(
        ue_ids=tensors.get(message.ue_ids, 1, np.int64),
        serving_ru=tensors.get(message.serving_ru, 1, np.int16),
        prb_owner=tensors.get(message.prb_owner, 2, np.int16),
        power_w=tensors.get(message.power_w, 2),
        decision_id=message.decision_id,
    )
    ues = len(allocation.ue_ids)
    if len(allocation.serving_ru) != ues or allocation.prb_owner.shape != allocation.power_w.shape:
        raise malformed("allocation tensors of different shapes")
    owners = allocation.prb_owner
    if owners.size and (owners.min() < NOBODY or owners.max() >= ues):
        raise malformed("PRB owner outside the UE table")
    return allocation


def encode_control_header(header: ControlHeader) -> bytes:
    """Octets of ricControlHeader."""
    return plain.write(_CONTROL_HEADER, **{name: getattr(header, name) for name in header.__slots__})


def decode_control_header(data: bytes) -> ControlHeader:
    """Inverse of :func:`encode_control_header`.

    Raises:
        DecodeError: malformed.
    """
    message = _parse(pb.ControlHeader, data)
    return ControlHeader(message.report_id, message.allocator, message.model_version)


def encode_allocation(allocation: Allocation) -> bytes:
    """Octets of ricControlMessage with an allocation.

    Raises:
        LocalProtocolError: batch axes, or values the wire cannot hold.
    """
    if allocation.ue_ids.ndim != 1:
        raise LocalProtocolError("an allocation with batch axes cannot be sent")
    return plain.write(_CONTROL_MESSAGE, allocation=_allocation_octets(allocation))


def decode_control_message(data: bytes) -> Allocation:
    """The allocation of a ricControlMessage.

    Raises:
        DecodeError: malformed, or a kind of control that this version does not know.
    """
    message = _parse(pb.ControlMessage, data)
    if message.WhichOneof("control") != "allocation":
        raise malformed("control message of an unknown kind")
    return _get_allocation(message.allocation)


def encode_outcome(outcome: ControlOutcome) -> bytes:
    """Octets of ricControlOutcome."""
    return plain.write(_CONTROL_OUTCOME, **{name: getattr(outcome, name) for name in outcome.__slots__})


def decode_outcome(data: bytes) -> ControlOutcome:
    """Inverse of :func:`encode_outcome`.

    Raises:
        DecodeError: malformed.
    """
    message = _parse(pb.ControlOutcome, data)
    return ControlOutcome(message.decision_id, message.slot, message.reason, message.detail)
