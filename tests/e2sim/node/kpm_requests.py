"""Subscriptions to KPM and what comes back, for tests."""

from __future__ import annotations

from collections.abc import Iterable

from oran.e2ap import Action, ActionType, RicIndication, RicRequestId, RicSubscriptionRequest
from oran.e2sm import kpm

KPM_REQUEST_ID = RicRequestId(123, 21)
EVERY_UE = (kpm.UeCondition(kpm.TestCondition(kpm.TestType.UL_RSRP, kpm.TestExpression.LESS_THAN, 1000)),)


def format_1(
    names: Iterable[str | int],
    granularity_ms: int,
    labels: tuple[kpm.Label, ...] = (kpm.NO_LABEL,),
    cell: kpm.NrCgi | None = None,
) -> kpm.ActionFormat1:
    return kpm.ActionFormat1(tuple(kpm.Measurement(name, labels) for name in names), granularity_ms, cell)


def cell_action(
    names: Iterable[str | int],
    granularity_ms: int = 20,
    labels: tuple[kpm.Label, ...] = (kpm.NO_LABEL,),
    cell: kpm.NrCgi | None = None,
) -> kpm.ActionDefinition:
    return kpm.ActionDefinition(1, format_1(names, granularity_ms, labels, cell))


def ue_action(
    names: Iterable[str], granularity_ms: int = 20, conditions: tuple[kpm.UeCondition, ...] = EVERY_UE
) -> kpm.ActionDefinition:
    return kpm.ActionDefinition(4, kpm.ActionFormat4(conditions, format_1(names, granularity_ms)))


def kpm_subscription(
    *actions: kpm.ActionDefinition, period_ms: int = 20, request_id: RicRequestId = KPM_REQUEST_ID
) -> RicSubscriptionRequest:
    return RicSubscriptionRequest(
        request_id,
        kpm.RAN_FUNCTION_ID,
        kpm.encode_event_trigger(kpm.EventTrigger(period_ms)),
        tuple(Action(number, ActionType.REPORT, kpm.encode_action(action)) for number, action in enumerate(actions, 1)),
    )


def cell_values(indication: RicIndication) -> list[dict[str, kpm.Value]]:
    """Values of a format 1 message by measurement name, one mapping a record; one label each."""
    message = kpm.decode_message(indication.message)
    assert isinstance(message, kpm.MessageFormat1)
    names = [measurement.type for measurement in message.measurements for _ in measurement.labels]
    return [dict(zip(names, record.values, strict=True)) for record in message.records]


def ue_values(indications: Iterable[RicIndication]) -> dict[int, list[dict[str, kpm.Value]]]:
    """Values of format 3 messages by UE."""
    values: dict[int, list[dict[str, kpm.Value]]] = {}
    for indication in indications:
        message = kpm.decode_message(indication.message)
        assert isinstance(message, kpm.MessageFormat3)
        for item in message.reports:
            names = [measurement.type for measurement in item.report.measurements]
            values.setdefault(item.ue.f1ap_id, []).extend(
                dict(zip(names, record.values, strict=True)) for record in item.report.records
            )
    return values
