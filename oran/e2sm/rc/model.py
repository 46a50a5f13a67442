"""E2SM-RC values as frozen dataclasses (O-RAN.WG3.E2SM-RC-v01.03, clause 9.2; the same octets up to v5).

RAN parameters are trees. In ``Parameter.value`` a bare value is an element (ElementFalse), ``Key``
an element that identifies a list entry (ElementTrue), a tuple of parameters a structure, and
``ParameterList`` a list of structures.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from oran.e2sm.identifiers import RanFunctionName, UeId
from oran.e2sm.values import BitsValue

Value = bool | int | float | BitsValue | bytes | str
"""RANParameter-Value: the alternative follows from the Python type."""


@dataclass(frozen=True, slots=True)
class Key:
    """RANParameter-ValueType-Choice-ElementTrue: the value that identifies a list entry."""

    value: Value


@dataclass(frozen=True, slots=True)
class ParameterList:
    """RANParameter-LIST: one or more structures."""

    structures: tuple[tuple[Parameter, ...], ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A RAN parameter: identifier 1..2^32-1 and value; None is an element without value."""

    id: int
    value: Value | Key | tuple[Parameter, ...] | ParameterList | None


# --- RAN function definition (9.2.2) ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParameterName:
    """Identifier and name of a RAN parameter, as announced; its definition tree is not kept."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class EventTriggerStyle:
    """RANFunctionDefinition-EventTrigger-Style-Item."""

    style: int
    name: str
    format: int


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """RANFunctionDefinition-EventTrigger-Breakpoint-Item."""

    id: int
    name: str
    parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class CallProcess:
    """RANFunctionDefinition-EventTrigger-CallProcess-Item."""

    id: int
    name: str
    breakpoints: tuple[Breakpoint, ...]


@dataclass(frozen=True, slots=True)
class EventTriggerDefinition:
    """RANFunctionDefinition-EventTrigger."""

    styles: tuple[EventTriggerStyle, ...]
    l2_parameters: tuple[ParameterName, ...] = ()
    call_processes: tuple[CallProcess, ...] = ()
    ue_parameters: tuple[ParameterName, ...] = ()
    cell_parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportStyle:
    """RANFunctionDefinition-Report-Item."""

    style: int
    name: str
    event_trigger_style: int
    action_format: int
    header_format: int
    message_format: int
    parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class InsertOffer:
    """RANFunctionDefinition-Insert-Indication-Item."""

    id: int
    name: str
    parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class InsertStyle:
    """RANFunctionDefinition-Insert-Item."""

    style: int
    name: str
    event_trigger_style: int
    action_format: int
    indications: tuple[InsertOffer, ...]
    header_format: int
    message_format: int
    call_process_format: int


@dataclass(frozen=True, slots=True)
class ControlAction:
    """RANFunctionDefinition-Control-Action-Item."""

    id: int
    name: str
    parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlStyle:
    """RANFunctionDefinition-Control-Item."""

    style: int
    name: str
    actions: tuple[ControlAction, ...]
    header_format: int = 1
    message_format: int = 1
    call_process_format: int | None = None
    outcome_format: int = 1
    outcome_parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyAction:
    """RANFunctionDefinition-Policy-Action-Item."""

    id: int
    name: str
    action_format: int
    parameters: tuple[ParameterName, ...] = ()
    condition_parameters: tuple[ParameterName, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyStyle:
    """RANFunctionDefinition-Policy-Item."""

    style: int
    name: str
    event_trigger_style: int
    actions: tuple[PolicyAction, ...] = ()


@dataclass(frozen=True, slots=True)
class RanFunctionDefinition:
    """E2SM-RC-RANFunctionDefinition; an empty tuple or None stands for an absent part."""

    name: RanFunctionName
    event_trigger: EventTriggerDefinition | None = None
    reports: tuple[ReportStyle, ...] = ()
    inserts: tuple[InsertStyle, ...] = ()
    controls: tuple[ControlStyle, ...] = ()
    policies: tuple[PolicyStyle, ...] = ()


# --- event trigger and action definition (9.2.1.1, 9.2.1.2) -----------------------------------


class RrcState(Enum):
    """RRC-State."""

    CONNECTED = "rrc-connected"
    INACTIVE = "rrc-inactive"
    IDLE = "rrc-idle"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class RrcStateChange:
    """TriggerType-Choice-RRCstate: (state changed to, logical OR with the next one or None), at least one."""

    states: tuple[tuple[RrcState, bool | None], ...]


@dataclass(frozen=True, slots=True)
class UeIdChange:
    """TriggerType-Choice-UEID: which UE identifier changed (E2SM-RC, 9.2.1.1.4), 1..512."""

    change: int


@dataclass(frozen=True, slots=True)
class AssociatedUe:
    """EventTrigger-UE-Info-Item for one UE."""

    id: int
    ue: UeId
    logical_or: bool | None = None


@dataclass(frozen=True, slots=True)
class UeInformationChange:
    """E2SM-RC-EventTrigger-Format4-Item."""

    condition_id: int
    trigger: RrcStateChange | UeIdChange
    ues: tuple[AssociatedUe, ...] = ()
    logical_or: bool | None = None


@dataclass(frozen=True, slots=True)
class EventTriggerFormat4:
    """Event trigger format 4: UE information change."""

    changes: tuple[UeInformationChange, ...]


@dataclass(frozen=True, slots=True)
class ActionDefinition:
    """Action definition format 1: the RAN parameters to report."""

    style: int
    parameter_ids: tuple[int, ...]


# --- indication (9.2.1.3, 9.2.1.4) ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeaderFormat1:
    """Indication header format 1."""

    condition_id: int | None = None


@dataclass(frozen=True, slots=True)
class HeaderFormat2:
    """Indication header format 2, of an insert."""

    ue: UeId
    insert_style: int
    insert_id: int


@dataclass(frozen=True, slots=True)
class HeaderFormat3:
    """Indication header format 3."""

    condition_id: int | None = None
    ue: UeId | None = None


IndicationHeader = HeaderFormat1 | HeaderFormat2 | HeaderFormat3


@dataclass(frozen=True, slots=True)
class MessageFormat1:
    """Indication message format 1: RAN parameters."""

    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class UeParameters:
    """E2SM-RC-IndicationMessage-Format2-Item."""

    ue: UeId
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class MessageFormat2:
    """Indication message format 2: RAN parameters of UEs."""

    ues: tuple[UeParameters, ...]


IndicationMessage = MessageFormat1 | MessageFormat2


# --- control (9.2.1.5 to 9.2.1.8) -------------------------------------------------------------


class ControlDecision(Enum):
    """ric-ControlDecision."""

    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ControlHeader:
    """Control header format 1."""

    ue: UeId
    style: int
    action: int
    decision: ControlDecision | None = None


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """Control message format 1."""

    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeParameter:
    """E2SM-RC-ControlOutcome-Format1-Item."""

    id: int
    value: Value


@dataclass(frozen=True, slots=True)
class ControlOutcome:
    """Control outcome format 1."""

    parameters: tuple[OutcomeParameter, ...] = ()
