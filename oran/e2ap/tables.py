"""Every message as a table of its IEs, in the order of the standard (O-RAN.WG3.E2AP-v02.03, 9.1 and 9.3).

Sent in this order with these criticalities; received in any order with any criticality.
RICsubscriptionDeleteRequired follows v2.03 (list bound 1024), which a v2.00 peer cannot read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from oran.aper.types import Type
from oran.e2ap import information_elements as ie
from oran.e2ap import messages as m
from oran.e2ap.messages import Criticality, TriggeringMessage

REJECT, IGNORE = Criticality.REJECT, Criticality.IGNORE
INITIATING, SUCCESSFUL, UNSUCCESSFUL = TriggeringMessage


class Sent(Enum):
    """When an optional IE is put into a message."""

    UNLESS_ABSENT = 0
    ALWAYS = 1
    NEVER = 2
    """Understood when received, never sent, because v2.00 peers refuse the whole PDU."""


@dataclass(frozen=True, slots=True)
class Ie:
    """One IE of a message.

    Attributes:
        id: identifier on the wire.
        criticality: criticality it is sent with.
        attributes: attribute of the message it carries; more than one for an IE that holds several.
        kind: its type.
        mandatory: whether a message without it is refused.
        absent: value of the attribute when an optional IE is missing.
        sent: when an optional IE is sent.
    """

    id: int
    criticality: Criticality
    attributes: tuple[str, ...]
    kind: Type
    mandatory: bool
    absent: Any = None
    sent: Sent = Sent.UNLESS_ABSENT


@dataclass(frozen=True, slots=True)
class MessageTable:
    """One message: its class, where it travels, its IEs."""

    pdu: Callable[..., m.Pdu]
    kind: TriggeringMessage
    procedure: int
    criticality: Criticality
    ies: tuple[Ie, ...]


def _must(ie_id: int, criticality: Criticality, attribute: str, kind: Type) -> Ie:
    return Ie(ie_id, criticality, (attribute,), kind, mandatory=True)


def _may(ie_id: int, criticality: Criticality, attribute: str, kind: Type, absent: Any = None) -> Ie:
    return Ie(ie_id, criticality, (attribute,), kind, mandatory=False, absent=absent)


_TX = _must(49, REJECT, "transaction_id", ie.TRANSACTION_ID)
_REQUEST = _must(29, REJECT, "request_id", ie.REQUEST_ID)
_FUNCTION = _must(5, REJECT, "ran_function_id", ie.RAN_FUNCTION_ID)
_CALL = _may(20, REJECT, "call_process_id", ie.OCTETS)
_CAUSE = _must(1, IGNORE, "cause", ie.CAUSE)
_CAUSE_REJECT = _must(1, REJECT, "cause", ie.CAUSE)
_CAUSE_OPTIONAL = replace(_CAUSE_REJECT, mandatory=False, absent=m.CauseMisc.UNSPECIFIED, sent=Sent.ALWAYS)
_WAIT = _may(31, IGNORE, "time_to_wait", ie.TIME_TO_WAIT)
_DIAGNOSTICS = _may(2, IGNORE, "diagnostics", ie.DIAGNOSTICS)
_DIAGNOSTICS_NOT_SENT = replace(_DIAGNOSTICS, sent=Sent.NEVER)
_OUTCOME = _may(32, REJECT, "outcome", ie.OCTETS)
_DETAILS = Ie(30, REJECT, ("event_trigger", "actions"), ie.SUBSCRIPTION_DETAILS, mandatory=True)

TABLES: tuple[MessageTable, ...] = (
    # E2 Setup
    MessageTable(
        m.E2SetupRequest,
        INITIATING,
        1,
        REJECT,
        (
            _TX,
            _must(3, REJECT, "node_id", ie.GLOBAL_E2_NODE_ID),
            _must(10, REJECT, "ran_functions", ie.RAN_FUNCTIONS),
            _must(50, REJECT, "components", ie.COMPONENT_ADDITIONS),
        ),
    ),
    MessageTable(
        m.E2SetupResponse,
        SUCCESSFUL,
        1,
        REJECT,
        (
            _TX,
            _must(4, REJECT, "ric_id", ie.GLOBAL_RIC_ID),
            _may(9, REJECT, "accepted", ie.RAN_FUNCTION_IDS, ()),
            _may(13, REJECT, "rejected", ie.RAN_FUNCTIONS_REJECTED, ()),
            _must(52, REJECT, "component_acks", ie.COMPONENT_ADDITION_ACKS),
        ),
    ),
    MessageTable(
        m.E2SetupFailure,
        UNSUCCESSFUL,
        1,
        REJECT,
        (_TX, _CAUSE, _WAIT, _DIAGNOSTICS, _may(48, IGNORE, "tnl", ie.TNL_INFORMATION)),
    ),
    # Error Indication, Reset
    MessageTable(
        m.ErrorIndication,
        INITIATING,
        2,
        IGNORE,
        (
            _may(49, REJECT, "transaction_id", ie.TRANSACTION_ID),
            _may(29, REJECT, "request_id", ie.REQUEST_ID),
            _may(5, REJECT, "ran_function_id", ie.RAN_FUNCTION_ID),
            _may(1, IGNORE, "cause", ie.CAUSE),
            _DIAGNOSTICS,
        ),
    ),
    MessageTable(m.ResetRequest, INITIATING, 3, REJECT, (_TX, _CAUSE)),
    MessageTable(m.ResetResponse, SUCCESSFUL, 3, REJECT, (_TX, _DIAGNOSTICS)),
    # RIC Control
    MessageTable(
        m.RicControlRequest,
        INITIATING,
        4,
        REJECT,
        (
            _REQUEST,
            _FUNCTION,
            _CALL,
            _must(22, REJECT, "header", ie.OCTETS),
            _must(23, REJECT, "message", ie.OCTETS),
            _may(21, REJECT, "ack_request", ie.CONTROL_ACK_REQUEST),
        ),
    ),
    MessageTable(m.RicControlAcknowledge, SUCCESSFUL, 4, REJECT, (_REQUEST, _FUNCTION, _CALL, _OUTCOME)),
    MessageTable(
        m.RicControlFailure,
        UNSUCCESSFUL,
        4,
        REJECT,
        (_REQUEST, _FUNCTION, _CALL, _CAUSE, _OUTCOME, _DIAGNOSTICS_NOT_SENT),
    ),
    # RIC Indication
    MessageTable(
        m.RicIndication,
        INITIATING,
        5,
        IGNORE,
        (
            _REQUEST,
            _FUNCTION,
            _must(15, REJECT, "action_id", ie.ACTION_ID),
            _may(27, REJECT, "sequence_number", ie.INDICATION_SN),
            _must(28, REJECT, "type", ie.INDICATION_TYPE),
            _must(25, REJECT, "header", ie.OCTETS),
            _must(26, REJECT, "message", ie.OCTETS),
            _CALL,
        ),
    ),
    # RIC Service Query and Update
    MessageTable(m.RicServiceQuery, INITIATING, 6, IGNORE, (_TX, _may(9, REJECT, "accepted", ie.RAN_FUNCTION_IDS, ()))),
    MessageTable(
        m.RicServiceUpdate,
        INITIATING,
        7,
        REJECT,
        (
            _TX,
            _may(10, REJECT, "added", ie.RAN_FUNCTIONS, ()),
            _may(12, REJECT, "modified", ie.RAN_FUNCTIONS, ()),
            _may(11, REJECT, "deleted", ie.RAN_FUNCTION_IDS, ()),
        ),
    ),
    MessageTable(
        m.RicServiceUpdateAcknowledge,
        SUCCESSFUL,
        7,
        REJECT,
        (
            _TX,
            _may(9, REJECT, "accepted", ie.RAN_FUNCTION_IDS, ()),
            _may(13, REJECT, "rejected", ie.RAN_FUNCTIONS_REJECTED, ()),
        ),
    ),
    MessageTable(m.RicServiceUpdateFailure, UNSUCCESSFUL, 7, REJECT, (_TX, _CAUSE_REJECT, _WAIT, _DIAGNOSTICS)),
    # RIC Subscription, Delete, Delete Required
    MessageTable(m.RicSubscriptionRequest, INITIATING, 8, REJECT, (_REQUEST, _FUNCTION, _DETAILS)),
    MessageTable(
        m.RicSubscriptionResponse,
        SUCCESSFUL,
        8,
        REJECT,
        (
            _REQUEST,
            _FUNCTION,
            _must(17, REJECT, "admitted", ie.ACTIONS_ADMITTED),
            _may(18, REJECT, "not_admitted", ie.ACTIONS_NOT_ADMITTED, ()),
        ),
    ),
    MessageTable(m.RicSubscriptionFailure, UNSUCCESSFUL, 8, REJECT, (_REQUEST, _FUNCTION, _CAUSE_REJECT, _DIAGNOSTICS)),
    MessageTable(m.RicSubscriptionDeleteRequest, INITIATING, 9, REJECT, (_REQUEST, _FUNCTION)),
    MessageTable(m.RicSubscriptionDeleteResponse, SUCCESSFUL, 9, REJECT, (_REQUEST, _FUNCTION)),
    MessageTable(m.RicSubscriptionDeleteFailure, UNSUCCESSFUL, 9, REJECT, (_REQUEST, _FUNCTION, _CAUSE, _DIAGNOSTICS)),
    MessageTable(
        m.RicSubscriptionDeleteRequired,
        INITIATING,
        12,
        IGNORE,
        (_must(60, IGNORE, "subscriptions", ie.SUBSCRIPTIONS_TO_REMOVE),),
    ),
    # E2 Node Configuration Update
    MessageTable(
        m.E2NodeConfigurationUpdate,
        INITIATING,
        10,
        REJECT,
        (
            _TX,
            _may(3, REJECT, "node_id", ie.GLOBAL_E2_NODE_ID),
            _may(50, REJECT, "additions", ie.COMPONENT_ADDITIONS, ()),
            _may(33, REJECT, "updates", ie.COMPONENT_UPDATES, ()),
            _may(54, REJECT, "removals", ie.COMPONENT_REMOVALS, ()),
        ),
    ),
    MessageTable(
        m.E2NodeConfigurationUpdateAcknowledge,
        SUCCESSFUL,
        10,
        REJECT,
        (
            _TX,
            _may(52, REJECT, "addition_acks", ie.COMPONENT_ADDITION_ACKS, ()),
            _may(35, REJECT, "update_acks", ie.COMPONENT_UPDATE_ACKS, ()),
            _may(56, REJECT, "removal_acks", ie.COMPONENT_REMOVAL_ACKS, ()),
        ),
    ),
    MessageTable(m.E2NodeConfigurationUpdateFailure, UNSUCCESSFUL, 10, REJECT, (_TX, _CAUSE, _WAIT, _DIAGNOSTICS)),
    # E2 Connection Update
    MessageTable(
        m.E2ConnectionUpdate,
        INITIATING,
        11,
        REJECT,
        (
            _TX,
            _may(44, REJECT, "add", ie.TNL_CONNECTIONS, ()),
            _may(46, REJECT, "remove", ie.TNL_REMOVALS, ()),
            _may(45, REJECT, "modify", ie.TNL_CONNECTIONS, ()),
        ),
    ),
    MessageTable(
        m.E2ConnectionUpdateAcknowledge,
        SUCCESSFUL,
        11,
        REJECT,
        (
            _TX,
            _may(39, REJECT, "setup", ie.TNL_CONNECTIONS, ()),
            _may(40, REJECT, "failed", ie.TNL_FAILURES, ()),
        ),
    ),
    MessageTable(
        m.E2ConnectionUpdateFailure,
        UNSUCCESSFUL,
        11,
        REJECT,
        (_TX, _CAUSE_OPTIONAL, _WAIT, _DIAGNOSTICS),
    ),
)

IGNORED_IES = frozenset({62, 63})
"""Start and end time of a v3 subscription: criticality reject, but known, and skipped on purpose."""

BY_CLASS: dict[Any, MessageTable] = {table.pdu: table for table in TABLES}
BY_CODE: dict[tuple[TriggeringMessage, int], MessageTable] = {(table.kind, table.procedure): table for table in TABLES}
