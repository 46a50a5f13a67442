"""A dialogue of a node and a RIC with all three service models in it."""

from __future__ import annotations

from typing import Final

from oran.e2ap import (
    Action,
    ActionType,
    CauseRicRequest,
    ComponentConfig,
    ComponentId,
    ControlAckRequest,
    E2SetupRequest,
    GlobalGnbId,
    IndicationType,
    InterfaceType,
    Pdu,
    RanFunction,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionRequest,
)
from oran.e2sm import kpm, rc, rrm
from oran.inspect.doctor import kpm_function, rc_function
from tests.fuzz.seeds import rrm_allocation, rrm_definition, rrm_report

REQUEST: Final = RicRequestId(123, 7)
DU_UE: Final = kpm.GnbDuUeId(41)
SLICE: Final = kpm.Label(plmn=b"\x13\x00\x14", slice=kpm.Snssai(1, 2))
METRICS: Final = (kpm.Measurement("RRU.PrbUsedDl", (SLICE, kpm.NO_LABEL)), kpm.Measurement("DRB.UEThpDl"))
NODE: Final = GlobalGnbId(b"\x00\xf1\x10", 0x19B, 22, du_id=7)
COMPONENT: Final = ComponentConfig(ComponentId(InterfaceType.F1, 7), b"", b"")
QUOTA: Final = rc.SliceQuota((rc.PolicyMember(b"\x00\xf1\x10", rc.Snssai(1, 1)),), 10, 60, 5)
RRM_FUNCTION: Final = RanFunction(5, rrm.encode_ran_function(rrm_definition()), 1, rrm.OID)
SETUP: Final = E2SetupRequest(1, NODE, (kpm_function(), rc_function(), RRM_FUNCTION), (COMPONENT,))


def kpm_subscription() -> RicSubscriptionRequest:
    action = kpm.encode_action(kpm.ActionDefinition(1, kpm.ActionFormat1(METRICS, 1000)))
    trigger = kpm.encode_event_trigger(kpm.EventTrigger(1000))
    return RicSubscriptionRequest(REQUEST, 2, trigger, (Action(1, ActionType.REPORT, action),))


def kpm_indication(message: kpm.IndicationMessage | None = None) -> RicIndication:
    header = kpm.encode_header(kpm.IndicationHeader(kpm.ntp_time(1_700_000_000.0)), kpm.SRSRAN)
    report = message or kpm.MessageFormat1((kpm.Record((12, None, 3.25)),), METRICS, 1000)
    return RicIndication(REQUEST, 2, 1, IndicationType.REPORT, header, kpm.encode_message(report), 7)


def rc_control(style: int, action: int, message: rc.ControlMessage) -> RicControlRequest:
    header = rc.encode_control_header(rc.ControlHeader(DU_UE, style, action))
    return RicControlRequest(REQUEST, 3, header, rc.encode_control_message(message), None, ControlAckRequest.ACK)


def rrm_indications(function_id: int = 5, max_fragment_bytes: int = 200) -> list[RicIndication]:
    clock, limit = rrm.Clock.LOCK_STEP, max_fragment_bytes
    parts = rrm.split_report(rrm_report(), clock=clock, max_fragment_bytes=limit)
    return [
        RicIndication(REQUEST, function_id, 1, IndicationType.INSERT, header, message, number)
        for number, (header, message) in enumerate(parts)
    ]


def rrm_control() -> tuple[Pdu, Pdu]:
    """A control and its refusal."""
    header = rrm.encode_control_header(rrm.ControlHeader(9, "ssvae", "3"))
    outcome = rrm.encode_outcome(rrm.ControlOutcome(9, 41, "unknown_ue", "UE 3 has left"))
    cause = CauseRicRequest.CONTROL_FAILED_TO_EXECUTE
    return (
        RicControlRequest(REQUEST, 5, header, rrm.encode_allocation(rrm_allocation(3, 2, 4)), b"\x01"),
        RicControlFailure(REQUEST, 5, cause, b"\x01", outcome),
    )
