"""What each end may send, when, and how procedures pair requests with answers.

Three tables, all of O-RAN.WG3.E2AP-v02.03: which PDU is legal from whom in which state
(``TRANSITIONS``), the class 1 procedures (``PROCEDURES``), and how a request that cannot be
served is answered (``refusal_of``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from oran.e2ap import messages as m
from oran.e2ap.refusal import Outline
from oran.e2ap.tables import BY_CLASS


class Role(Enum):
    """An end of the E2 interface."""

    E2_NODE = "E2 node"
    RIC = "near-RT RIC"

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.RIC if self is Role.E2_NODE else Role.E2_NODE


class State(Enum):
    """Where an association stands."""

    IDLE = "idle"
    SETUP_SENT = "set-up sent"
    SETUP_RECEIVED = "set-up received"
    READY = "ready"
    CLOSED = "closed"


# --- legality ---------------------------------------------------------------------------------

_IDLE, _SENT, _RECEIVED, _READY = State.IDLE, State.SETUP_SENT, State.SETUP_RECEIVED, State.READY
_NODE, _RIC = Role.E2_NODE, Role.RIC

_IN_READY: tuple[tuple[Role | None, type], ...] = (
    (_RIC, m.RicSubscriptionRequest),  # 8.2.1
    (_NODE, m.RicSubscriptionResponse),  # 8.2.1.2
    (_NODE, m.RicSubscriptionFailure),  # 8.2.1.3
    (_RIC, m.RicSubscriptionDeleteRequest),  # 8.2.2
    (_NODE, m.RicSubscriptionDeleteResponse),  # 8.2.2.2
    (_NODE, m.RicSubscriptionDeleteFailure),  # 8.2.2.3
    (_NODE, m.RicSubscriptionDeleteRequired),  # 8.2.2A
    (_NODE, m.RicIndication),  # 8.2.3
    (_RIC, m.RicControlRequest),  # 8.2.4
    (_NODE, m.RicControlAcknowledge),  # 8.2.4.2
    (_NODE, m.RicControlFailure),  # 8.2.4.3
    (None, m.ResetRequest),  # 8.3.3
    (None, m.ResetResponse),  # 8.3.3
    (_NODE, m.RicServiceUpdate),  # 8.3.4
    (_RIC, m.RicServiceUpdateAcknowledge),  # 8.3.4.2
    (_RIC, m.RicServiceUpdateFailure),  # 8.3.4.3
    (_RIC, m.RicServiceQuery),  # 8.3.4
    (_NODE, m.E2NodeConfigurationUpdate),  # 8.3.5
    (_RIC, m.E2NodeConfigurationUpdateAcknowledge),  # 8.3.5.2
    (_RIC, m.E2NodeConfigurationUpdateFailure),  # 8.3.5.3
    (_RIC, m.E2ConnectionUpdate),  # 8.3.6
    (_NODE, m.E2ConnectionUpdateAcknowledge),  # 8.3.6.2
    (_NODE, m.E2ConnectionUpdateFailure),  # 8.3.6.3
)
"""(sender, PDU) in state READY, which none of them leaves; None: either end."""


def _transitions() -> dict[tuple[Role, Role, State, type], State]:
    table: dict[tuple[Role, Role, State, type], State] = {
        # (own role, sender, state, PDU) -> next state; 8.3.1, also again on a live association (node restart)
        (_NODE, _NODE, _IDLE, m.E2SetupRequest): _SENT,
        (_NODE, _NODE, _READY, m.E2SetupRequest): _SENT,
        (_NODE, _RIC, _SENT, m.E2SetupResponse): _READY,  # 8.3.1.2
        (_NODE, _RIC, _SENT, m.E2SetupFailure): _IDLE,  # 8.3.1.3
        (_RIC, _NODE, _IDLE, m.E2SetupRequest): _RECEIVED,
        (_RIC, _NODE, _READY, m.E2SetupRequest): _RECEIVED,
        (_RIC, _RIC, _RECEIVED, m.E2SetupResponse): _READY,
        (_RIC, _RIC, _RECEIVED, m.E2SetupFailure): _IDLE,
    }
    for own in Role:
        for state in (_IDLE, _SENT, _RECEIVED, _READY):
            for sender in Role:
                table[own, sender, state, m.ErrorIndication] = state  # 8.3.2
        for only, pdu in _IN_READY:
            for sender in Role if only is None else (only,):
                table[own, sender, _READY, pdu] = _READY
    return table


TRANSITIONS = _transitions()
"""(own role, sender, state, PDU class) -> next state; what is not in it is illegal."""


# --- class 1 procedures -----------------------------------------------------------------------

Key = Callable[[Any], Hashable]


def _by_transaction(pdu: Any) -> Hashable:
    return pdu.transaction_id


def _by_request(pdu: Any) -> Hashable:
    return pdu.request_id, pdu.ran_function_id


def _by_call(pdu: Any) -> Hashable:
    return pdu.request_id, pdu.ran_function_id, pdu.call_process_id


@dataclass(frozen=True, slots=True)
class Procedure:
    """A class 1 procedure: a request that must be answered.

    Attributes:
        request: class of the request.
        answers: classes of the answers, success first.
        initiator: the end that starts it; None if either may.
        key: what answer and request have in common.
        timeout_s: how long the initiator waits; E2AP leaves it to the implementation.
    """

    request: type
    answers: tuple[type, ...]
    initiator: Role | None
    key: Key
    timeout_s: float

    @property
    def code(self) -> int:
        """Procedure code."""
        return BY_CLASS[self.request].procedure


PROCEDURES: tuple[Procedure, ...] = (
    Procedure(m.E2SetupRequest, (m.E2SetupResponse, m.E2SetupFailure), _NODE, _by_transaction, 10.0),
    Procedure(m.ResetRequest, (m.ResetResponse,), None, _by_transaction, 10.0),
    Procedure(m.RicControlRequest, (m.RicControlAcknowledge, m.RicControlFailure), _RIC, _by_call, 2.0),
    Procedure(
        m.RicServiceUpdate, (m.RicServiceUpdateAcknowledge, m.RicServiceUpdateFailure), _NODE, _by_transaction, 10.0
    ),
    Procedure(m.RicSubscriptionRequest, (m.RicSubscriptionResponse, m.RicSubscriptionFailure), _RIC, _by_request, 5.0),
    Procedure(
        m.RicSubscriptionDeleteRequest,
        (m.RicSubscriptionDeleteResponse, m.RicSubscriptionDeleteFailure),
        _RIC,
        _by_request,
        5.0,
    ),
    Procedure(
        m.E2NodeConfigurationUpdate,
        (m.E2NodeConfigurationUpdateAcknowledge, m.E2NodeConfigurationUpdateFailure),
        _NODE,
        _by_transaction,
        10.0,
    ),
    Procedure(
        m.E2ConnectionUpdate,
        (m.E2ConnectionUpdateAcknowledge, m.E2ConnectionUpdateFailure),
        _RIC,
        _by_transaction,
        10.0,
    ),
)

PROCEDURE_OF_REQUEST: dict[type, Procedure] = {procedure.request: procedure for procedure in PROCEDURES}
PROCEDURE_OF_ANSWER: dict[type, Procedure] = {answer: p for p in PROCEDURES for answer in p.answers}
_PROCEDURE_OF_CODE: dict[int, Procedure] = {procedure.code: procedure for procedure in PROCEDURES}

_ON_STREAM_1 = frozenset((4, 5, 8, 9, 12))


def stream_of(pdu: m.Pdu) -> int:
    """SCTP stream: 1 for control, indication and subscription (RIC functional), 0 for the rest (global)."""
    return int(BY_CLASS[type(pdu)].procedure in _ON_STREAM_1)


# --- refusing what a peer sent ----------------------------------------------------------------


def outline_of(pdu: m.Pdu) -> Outline:
    """The outline of a PDU that was understood and is refused all the same."""
    table = BY_CLASS[type(pdu)]
    return Outline(
        table.kind,
        table.procedure,
        table.criticality,
        transaction_id=getattr(pdu, "transaction_id", None),
        request_id=getattr(pdu, "request_id", None),
        ran_function_id=getattr(pdu, "ran_function_id", None),
        call_process_id=getattr(pdu, "call_process_id", None),
    )


def refusal_of(outline: Outline, cause: m.Cause, sender: Role) -> m.Pdu | None:
    """What to answer to a PDU that cannot be served: the procedure's failure, an ErrorIndication, or nothing.

    Nothing for an ErrorIndication (two ends would never stop) and for an unknown procedure of
    criticality ignore (10.3.3). A missing RANfunctionID is answered as 0: the failure must carry one.
    """
    if outline.procedure == BY_CLASS[m.ErrorIndication].procedure:
        return None
    known = any(table.procedure == outline.procedure for table in BY_CLASS.values())
    if not known and outline.criticality is m.Criticality.IGNORE:
        return None
    return _failure_of(outline, cause, sender) or error_indication(outline, cause)


def _failure_of(outline: Outline, cause: m.Cause, sender: Role) -> m.Pdu | None:
    procedure = _PROCEDURE_OF_CODE.get(-1 if outline.procedure is None else outline.procedure)
    starts_it = outline.kind is m.TriggeringMessage.INITIATING and procedure is not None
    if procedure is None or not starts_it or procedure.initiator is not sender:
        return None
    if procedure.key is _by_transaction:
        return _global_failure(procedure, outline, cause)
    return _functional_failure(procedure, outline, cause)


def _global_failure(procedure: Procedure, outline: Outline, cause: m.Cause) -> m.Pdu | None:
    if outline.transaction_id is None:
        return None
    failure: m.Pdu = procedure.answers[-1](
        transaction_id=outline.transaction_id, cause=cause, diagnostics=outline.criticality_diagnostics()
    )
    return failure


def _functional_failure(procedure: Procedure, outline: Outline, cause: m.Cause) -> m.Pdu | None:
    request_id, function_id = outline.request_id, outline.ran_function_id or 0
    if request_id is None:
        return None
    if procedure.request is m.RicControlRequest:
        return m.RicControlFailure(request_id, function_id, cause, outline.call_process_id)
    failure: m.Pdu = procedure.answers[-1](request_id, function_id, cause, outline.criticality_diagnostics())
    return failure


def error_indication(outline: Outline, cause: m.Cause) -> m.ErrorIndication:
    """An ErrorIndication (8.3.2) naming whatever is known of the PDU at fault."""
    return m.ErrorIndication(
        transaction_id=outline.transaction_id,
        request_id=outline.request_id,
        ran_function_id=outline.ran_function_id,
        cause=cause,
        diagnostics=None if outline.kind is None else outline.criticality_diagnostics(),
    )
