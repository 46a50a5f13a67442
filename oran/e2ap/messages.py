"""E2AP messages as frozen dataclasses, one a message (O-RAN.WG3.E2AP-v02.03, clause 9).

Common subset of v2.00 to v4: what every peer of section 3 of ``docs/e2.md`` understands.
Enumerations keep the standard's order, so ``member.value`` is the index on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum


class _Indexed(Enum):
    """An ENUMERATED whose value is the standard's spelling; order of definition is the wire index."""

    @property
    def index(self) -> int:
        return list(type(self)).index(self)


class CauseRicRequest(_Indexed):
    """Cause, group RICrequest (9.2.1)."""

    RAN_FUNCTION_ID_INVALID = "ran-function-id-invalid"
    ACTION_NOT_SUPPORTED = "action-not-supported"
    EXCESSIVE_ACTIONS = "excessive-actions"
    DUPLICATE_ACTION = "duplicate-action"
    DUPLICATE_EVENT_TRIGGER = "duplicate-event-trigger"
    FUNCTION_RESOURCE_LIMIT = "function-resource-limit"
    REQUEST_ID_UNKNOWN = "request-id-unknown"
    INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE = "inconsistent-action-subsequent-action-sequence"
    CONTROL_MESSAGE_INVALID = "control-message-invalid"
    RIC_CALL_PROCESS_ID_INVALID = "ric-call-process-id-invalid"
    CONTROL_TIMER_EXPIRED = "control-timer-expired"
    CONTROL_FAILED_TO_EXECUTE = "control-failed-to-execute"
    SYSTEM_NOT_READY = "system-not-ready"
    UNSPECIFIED = "unspecified"


class CauseRicService(_Indexed):
    """Cause, group RICservice."""

    RAN_FUNCTION_NOT_SUPPORTED = "ran-function-not-supported"
    EXCESSIVE_FUNCTIONS = "excessive-functions"
    RIC_RESOURCE_LIMIT = "ric-resource-limit"


class CauseE2Node(_Indexed):
    """Cause, group E2Node."""

    E2NODE_COMPONENT_UNKNOWN = "e2node-component-unknown"


class CauseTransport(_Indexed):
    """Cause, group Transport."""

    UNSPECIFIED = "unspecified"
    TRANSPORT_RESOURCE_UNAVAILABLE = "transport-resource-unavailable"


class CauseProtocol(_Indexed):
    """Cause, group Protocol."""

    TRANSFER_SYNTAX_ERROR = "transfer-syntax-error"
    ABSTRACT_SYNTAX_ERROR_REJECT = "abstract-syntax-error-reject"
    ABSTRACT_SYNTAX_ERROR_IGNORE_AND_NOTIFY = "abstract-syntax-error-ignore-and-notify"
    MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE = "message-not-compatible-with-receiver-state"
    SEMANTIC_ERROR = "semantic-error"
    ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE = "abstract-syntax-error-falsely-constructed-message"
    UNSPECIFIED = "unspecified"


class CauseMisc(_Indexed):
    """Cause, group Misc."""

    CONTROL_PROCESSING_OVERLOAD = "control-processing-overload"
    HARDWARE_FAILURE = "hardware-failure"
    OM_INTERVENTION = "om-intervention"
    UNSPECIFIED = "unspecified"


Cause = CauseRicRequest | CauseRicService | CauseE2Node | CauseTransport | CauseProtocol | CauseMisc
"""Cause CHOICE; the group is the enum's class."""

CAUSE_GROUPS: tuple[type[_Indexed], ...] = (
    CauseRicRequest,
    CauseRicService,
    CauseE2Node,
    CauseTransport,
    CauseProtocol,
    CauseMisc,
)
"""Cause groups in CHOICE order, names on the wire: ricRequest, ricService, e2Node, transport, protocol, misc."""


class ActionType(IntEnum):
    """RICactionType."""

    REPORT = 0
    INSERT = 1
    POLICY = 2


class IndicationType(IntEnum):
    """RICindicationType."""

    REPORT = 0
    INSERT = 1


class ControlAckRequest(IntEnum):
    """RICcontrolAckRequest."""

    NO_ACK = 0
    ACK = 1


class SubsequentActionType(IntEnum):
    """RICsubsequentActionType."""

    CONTINUE = 0
    WAIT = 1


class RicTimeToWait(_Indexed):
    """RICtimeToWait, E2AP v2 order (v1 had an extra leading ``zero``)."""

    W1MS = "w1ms"
    W2MS = "w2ms"
    W5MS = "w5ms"
    W10MS = "w10ms"
    W20MS = "w20ms"
    W30MS = "w30ms"
    W40MS = "w40ms"
    W50MS = "w50ms"
    W100MS = "w100ms"
    W200MS = "w200ms"
    W500MS = "w500ms"
    W1S = "w1s"
    W2S = "w2s"
    W5S = "w5s"
    W10S = "w10s"
    W20S = "w20s"
    W60S = "w60s"


class TimeToWait(_Indexed):
    """TimeToWait of set-up and service-update failures."""

    V1S = "v1s"
    V2S = "v2s"
    V5S = "v5s"
    V10S = "v10s"
    V20S = "v20s"
    V60S = "v60s"

    @property
    def seconds(self) -> float:
        return float(self.value[1:-1])


class InterfaceType(_Indexed):
    """E2nodeComponentInterfaceType, in CHOICE order of E2nodeComponentID."""

    NG = "ng"
    XN = "xn"
    E1 = "e1"
    F1 = "f1"
    W1 = "w1"
    S1 = "s1"
    X2 = "x2"


class TnlUsage(IntEnum):
    """TNLusage."""

    RIC_SERVICE = 0
    SUPPORT_FUNCTION = 1
    BOTH = 2


class Criticality(IntEnum):
    """Criticality."""

    REJECT = 0
    IGNORE = 1
    NOTIFY = 2


class TriggeringMessage(IntEnum):
    """TriggeringMessage."""

    INITIATING = 0
    SUCCESSFUL = 1
    UNSUCCESSFUL = 2


# --- identifiers and list items -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RicRequestId:
    """RICrequestID: requestor (0..65535) and instance (0..65535)."""

    requestor: int
    instance: int


@dataclass(frozen=True, slots=True)
class GlobalGnbId:
    """GlobalE2node-ID, alternative gNB.

    A gNB-DU carries ``du_id``, a CU-UP carries ``cu_up_id``, a CU-CP or monolithic gNB neither.
    """

    plmn: bytes
    """PLMN identity, 3 octets (TS 38.413, 9.3.3.5)."""
    gnb_id: int
    gnb_id_bits: int = 22
    """Length of the gNB identifier, 22..32 bits."""
    cu_up_id: int | None = None
    du_id: int | None = None


@dataclass(frozen=True, slots=True)
class GlobalEnbId:
    """GlobalENB-ID or GlobalngeNB-ID: only inside a component identity of an Xn or X2 interface."""

    plmn: bytes
    enb_id: int
    enb_id_bits: int = 20
    """Macro 20, home 28 (X2 only), short macro 18, long macro 21."""


@dataclass(frozen=True, slots=True)
class GlobalRicId:
    """GlobalRIC-ID: PLMN (3 octets) and 20-bit near-RT RIC identifier."""

    plmn: bytes
    ric_id: int


@dataclass(frozen=True, slots=True)
class RanFunction:
    """RANfunction-Item."""

    id: int
    definition: bytes
    revision: int
    oid: str


@dataclass(frozen=True, slots=True)
class RanFunctionRef:
    """RANfunctionID-Item: function and revision that a RIC accepted."""

    id: int
    revision: int


@dataclass(frozen=True, slots=True)
class RanFunctionRejected:
    """RANfunctionIDcause-Item."""

    id: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class ComponentId:
    """E2nodeComponentID.

    Attributes:
        interface: which alternative.
        value: NG, S1: the AMF or MME name (str). E1: gNB-CU-UP-ID, F1: gNB-DU-ID, W1: ng-eNB-DU-ID (int).
            XN and X2 carry a global node id: ``GlobalGnbId``, or ``GlobalEnbId`` for an (ng-)eNB.
    """

    interface: InterfaceType
    value: str | int | GlobalGnbId | GlobalEnbId


@dataclass(frozen=True, slots=True)
class ComponentConfig:
    """E2nodeComponentConfigAddition-Item (and -Update-Item): a component and its configuration PDUs."""

    component: ComponentId
    request_part: bytes
    response_part: bytes


@dataclass(frozen=True, slots=True)
class ComponentConfigAck:
    """E2nodeComponentConfigAdditionAck-Item; ``failure_cause`` None means success."""

    component: ComponentId
    failure_cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class SubsequentAction:
    """RICsubsequentAction."""

    type: SubsequentActionType
    time_to_wait: RicTimeToWait


@dataclass(frozen=True, slots=True)
class Action:
    """RICaction-ToBeSetup-Item."""

    id: int
    type: ActionType
    definition: bytes | None = None
    subsequent: SubsequentAction | None = None


@dataclass(frozen=True, slots=True)
class ActionNotAdmitted:
    """RICaction-NotAdmitted-Item."""

    id: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class SubscriptionToRemove:
    """RICsubscription-withCause-Item."""

    request_id: RicRequestId
    ran_function_id: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class TnlInformation:
    """TNLinformation: address as 4 (IPv4) or 16 (IPv6) octets, optional port."""

    address: bytes
    port: int | None = None


@dataclass(frozen=True, slots=True)
class TnlConnection:
    """E2connectionUpdate-Item."""

    tnl: TnlInformation
    usage: TnlUsage


@dataclass(frozen=True, slots=True)
class TnlSetupFailed:
    """E2connectionSetupFailed-Item."""

    tnl: TnlInformation
    cause: Cause


@dataclass(frozen=True, slots=True)
class IeDiagnostic:
    """One item of iEsCriticalityDiagnostics; ``missing`` False means not understood."""

    criticality: Criticality
    ie_id: int
    missing: bool


@dataclass(frozen=True, slots=True)
class CriticalityDiagnostics:
    """CriticalityDiagnostics (9.2.2)."""

    procedure_code: int | None = None
    triggering_message: TriggeringMessage | None = None
    procedure_criticality: Criticality | None = None
    request_id: RicRequestId | None = None
    ies: tuple[IeDiagnostic, ...] = ()


# --- E2 Setup (8.3.1), Reset (8.3.3), Error Indication (8.3.2) ---------------------------------


@dataclass(frozen=True, slots=True)
class E2SetupRequest:
    """Node to RIC, procedure 1."""

    transaction_id: int
    node_id: GlobalGnbId
    ran_functions: tuple[RanFunction, ...]
    components: tuple[ComponentConfig, ...]


@dataclass(frozen=True, slots=True)
class E2SetupResponse:
    """RIC to node."""

    transaction_id: int
    ric_id: GlobalRicId
    accepted: tuple[RanFunctionRef, ...] = ()
    rejected: tuple[RanFunctionRejected, ...] = ()
    component_acks: tuple[ComponentConfigAck, ...] = ()


@dataclass(frozen=True, slots=True)
class E2SetupFailure:
    """RIC to node."""

    transaction_id: int
    cause: Cause
    time_to_wait: TimeToWait | None = None
    diagnostics: CriticalityDiagnostics | None = None
    tnl: TnlInformation | None = None


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """Either way, procedure 3."""

    transaction_id: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class ResetResponse:
    """Either way."""

    transaction_id: int
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(frozen=True, slots=True)
class ErrorIndication:
    """Either way, procedure 2; every field optional."""

    transaction_id: int | None = None
    request_id: RicRequestId | None = None
    ran_function_id: int | None = None
    cause: Cause | None = None
    diagnostics: CriticalityDiagnostics | None = None


# --- RIC Subscription (8.2.1), Delete (8.2.2), Delete Required (8.2.2A) ------------------------


@dataclass(frozen=True, slots=True)
class RicSubscriptionRequest:
    """RIC to node, procedure 8."""

    request_id: RicRequestId
    ran_function_id: int
    event_trigger: bytes
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class RicSubscriptionResponse:
    """Node to RIC."""

    request_id: RicRequestId
    ran_function_id: int
    admitted: tuple[int, ...]
    not_admitted: tuple[ActionNotAdmitted, ...] = ()


@dataclass(frozen=True, slots=True)
class RicSubscriptionFailure:
    """Node to RIC."""

    request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(frozen=True, slots=True)
class RicSubscriptionDeleteRequest:
    """RIC to node, procedure 9."""

    request_id: RicRequestId
    ran_function_id: int


@dataclass(frozen=True, slots=True)
class RicSubscriptionDeleteResponse:
    """Node to RIC."""

    request_id: RicRequestId
    ran_function_id: int


@dataclass(frozen=True, slots=True)
class RicSubscriptionDeleteFailure:
    """Node to RIC."""

    request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(frozen=True, slots=True)
class RicSubscriptionDeleteRequired:
    """Node to RIC, procedure 12."""

    subscriptions: tuple[SubscriptionToRemove, ...]


# --- RIC Indication (8.2.3) and Control (8.2.4): the hot messages ------------------------------


@dataclass(frozen=True, slots=True)
class RicIndication:
    """Node to RIC, procedure 5."""

    request_id: RicRequestId
    ran_function_id: int
    action_id: int
    type: IndicationType
    header: bytes
    message: bytes
    sequence_number: int | None = None
    """RICindicationSN, 0..65535."""
    call_process_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class RicControlRequest:
    """RIC to node, procedure 4."""

    request_id: RicRequestId
    ran_function_id: int
    header: bytes
    message: bytes
    call_process_id: bytes | None = None
    ack_request: ControlAckRequest | None = None
    """None: the IE is absent, no acknowledgement wanted."""


@dataclass(frozen=True, slots=True)
class RicControlAcknowledge:
    """Node to RIC."""

    request_id: RicRequestId
    ran_function_id: int
    call_process_id: bytes | None = None
    outcome: bytes | None = None


@dataclass(frozen=True, slots=True)
class RicControlFailure:
    """Node to RIC. CriticalityDiagnostics (v2.03+) is accepted, never sent: v2.00 peers reject the PDU."""

    request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    call_process_id: bytes | None = None
    outcome: bytes | None = None
    diagnostics: CriticalityDiagnostics | None = field(default=None)


# --- RIC Service Update and Query (8.3.4, 8.3.5) -----------------------------------------------


@dataclass(frozen=True, slots=True)
class RicServiceUpdate:
    """Node to RIC, procedure 7."""

    transaction_id: int
    added: tuple[RanFunction, ...] = ()
    modified: tuple[RanFunction, ...] = ()
    deleted: tuple[RanFunctionRef, ...] = ()


@dataclass(frozen=True, slots=True)
class RicServiceUpdateAcknowledge:
    """RIC to node. ``accepted`` is always sent: mandatory in v2.00."""

    transaction_id: int
    accepted: tuple[RanFunctionRef, ...] = ()
    rejected: tuple[RanFunctionRejected, ...] = ()


@dataclass(frozen=True, slots=True)
class RicServiceUpdateFailure:
    """RIC to node."""

    transaction_id: int
    cause: Cause
    time_to_wait: TimeToWait | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(frozen=True, slots=True)
class RicServiceQuery:
    """RIC to node, procedure 6."""

    transaction_id: int
    accepted: tuple[RanFunctionRef, ...] = ()


# --- E2 Connection Update (8.3.6) and Node Configuration Update (8.3.7) ------------------------


@dataclass(frozen=True, slots=True)
class E2ConnectionUpdate:
    """RIC to node, procedure 11."""

    transaction_id: int
    add: tuple[TnlConnection, ...] = ()
    remove: tuple[TnlInformation, ...] = ()
    modify: tuple[TnlConnection, ...] = ()


@dataclass(frozen=True, slots=True)
class E2ConnectionUpdateAcknowledge:
    """Node to RIC."""

    transaction_id: int
    setup: tuple[TnlConnection, ...] = ()
    failed: tuple[TnlSetupFailed, ...] = ()


@dataclass(frozen=True, slots=True)
class E2ConnectionUpdateFailure:
    """Node to RIC."""

    transaction_id: int
    cause: Cause
    time_to_wait: TimeToWait | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(frozen=True, slots=True)
class E2NodeConfigurationUpdate:
    """Node to RIC, procedure 10."""

    transaction_id: int
    node_id: GlobalGnbId | None = None
    additions: tuple[ComponentConfig, ...] = ()
    updates: tuple[ComponentConfig, ...] = ()
    removals: tuple[ComponentId, ...] = ()


@dataclass(frozen=True, slots=True)
class E2NodeConfigurationUpdateAcknowledge:
    """RIC to node."""

    transaction_id: int
    addition_acks: tuple[ComponentConfigAck, ...] = ()
    update_acks: tuple[ComponentConfigAck, ...] = ()
    removal_acks: tuple[ComponentConfigAck, ...] = ()


@dataclass(frozen=True, slots=True)
class E2NodeConfigurationUpdateFailure:
    """RIC to node."""

    transaction_id: int
    cause: Cause
    time_to_wait: TimeToWait | None = None
    diagnostics: CriticalityDiagnostics | None = None


Pdu = (
    E2SetupRequest
    | E2SetupResponse
    | E2SetupFailure
    | ResetRequest
    | ResetResponse
    | ErrorIndication
    | RicSubscriptionRequest
    | RicSubscriptionResponse
    | RicSubscriptionFailure
    | RicSubscriptionDeleteRequest
    | RicSubscriptionDeleteResponse
    | RicSubscriptionDeleteFailure
    | RicSubscriptionDeleteRequired
    | RicIndication
    | RicControlRequest
    | RicControlAcknowledge
    | RicControlFailure
    | RicServiceUpdate
    | RicServiceUpdateAcknowledge
    | RicServiceUpdateFailure
    | RicServiceQuery
    | E2ConnectionUpdate
    | E2ConnectionUpdateAcknowledge
    | E2ConnectionUpdateFailure
    | E2NodeConfigurationUpdate
    | E2NodeConfigurationUpdateAcknowledge
    | E2NodeConfigurationUpdateFailure
)
"""Every message of the common subset."""
