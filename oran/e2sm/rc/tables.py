"""E2SM-RC types on the PER runtime (O-RAN.WG3.E2SM-RC-v01.03, clause 9.3).

Formats this project does not use are recognised and refused as not comprehended.
"""

from __future__ import annotations

from typing import Any

from oran.aper import (
    BitReader,
    BitString,
    BitWriter,
    Boolean,
    Choice,
    Enumerated,
    Field,
    Integer,
    Mapped,
    OctetString,
    PrintableString,
    Real,
    Recursive,
    Sequence,
    SequenceOf,
    Wrapped,
    by_class,
    not_comprehended,
)
from oran.aper.types import Type
from oran.e2sm.identifiers import NAME, RAN_FUNCTION_NAME, STYLE, UE_ID
from oran.e2sm.rc import model as m
from oran.e2sm.values import BitsValue
from oran.errors import LocalProtocolError

_MANY = 65535
_ID16 = Integer(1, 65535, extensible=True)
PARAMETER_ID = Integer(1, 2**32 - 1, extensible=True)
_LOGICAL_OR = Field("logical_or", Enumerated((True, False)), optional=True)


class _Unsupported:
    """An alternative that is recognised and refused."""

    min_bits = 0

    def __init__(self, what: str) -> None:
        self.what = what

    def write(self, writer: BitWriter, value: Any) -> None:
        raise LocalProtocolError(f"{self.what} is not supported")

    def read(self, reader: BitReader) -> Any:
        raise not_comprehended(f"{self.what} is not supported")


# --- RAN parameters ---------------------------------------------------------------------------

VALUE = Choice(
    [
        Boolean(),
        Integer(),
        Real(),
        Mapped(BitString(), lambda value: (value.number, value.count), lambda parts: BitsValue(*parts)),
        OctetString(),
        PrintableString(),
    ],
    by_class(bool, int, float, BitsValue, bytes, str),
)

_KEY, _ELEMENT, _STRUCTURE, _LIST = range(4)


def _kind_of(value: Any) -> int:
    if isinstance(value, m.Key):
        return _KEY
    if isinstance(value, tuple):
        return _STRUCTURE
    return _LIST if isinstance(value, m.ParameterList) else _ELEMENT


_PARAMETER = Sequence(
    Field("id", PARAMETER_ID),
    Field(
        "value",
        Choice(
            [
                Sequence(Field("value", VALUE), of=m.Key),
                Mapped(Sequence(Field("value", VALUE, optional=True)), lambda value: (value,), lambda parts: parts[0]),
                Wrapped(Recursive(lambda: _STRUCTURE_TYPE)),
                Wrapped(Recursive(lambda: _LIST_TYPE)),
            ],
            _kind_of,
        ),
    ),
    of=m.Parameter,
)
_STRUCTURE_TYPE: Type = Mapped(
    Sequence(Field("parameters", SequenceOf(_PARAMETER, 1, _MANY), optional=True, absent=())),
    lambda parameters: (parameters,),
    lambda parts: parts[0],
)
_LIST_TYPE: Type = Sequence(Field("structures", SequenceOf(_STRUCTURE_TYPE, 1, _MANY)), of=m.ParameterList)

# --- RAN function definition ------------------------------------------------------------------

_PARAMETER_NAME = Sequence(Field("id", PARAMETER_ID), Field("name", NAME), of=m.ParameterName)


def _several(name: str, kind: Type, limit: int = _MANY) -> Field:
    """A list that is absent rather than empty."""
    return Field(name, SequenceOf(kind, 1, limit), optional=True, absent=())


def _names(name: str, limit: int = _MANY) -> Field:
    return _several(name, _PARAMETER_NAME, limit)


_BREAKPOINT = Sequence(Field("id", _ID16), Field("name", NAME), _names("parameters"), of=m.Breakpoint)
_CALL_PROCESS = Sequence(
    Field("id", _ID16), Field("name", NAME), Field("breakpoints", SequenceOf(_BREAKPOINT, 1, _MANY)), of=m.CallProcess
)
_EVENT_TRIGGER_DEFINITION = Sequence(
    Field(
        "styles",
        SequenceOf(
            Sequence(Field("style", STYLE), Field("name", NAME), Field("format", STYLE), of=m.EventTriggerStyle), 1, 63
        ),
    ),
    _names("l2_parameters"),
    _several("call_processes", _CALL_PROCESS),
    _names("ue_parameters"),
    _names("cell_parameters"),
    of=m.EventTriggerDefinition,
)
_REPORT_STYLE = Sequence(
    Field("style", STYLE),
    Field("name", NAME),
    Field("event_trigger_style", STYLE),
    Field("action_format", STYLE),
    Field("header_format", STYLE),
    Field("message_format", STYLE),
    _names("parameters"),
    of=m.ReportStyle,
)
_INSERT_OFFER = Sequence(Field("id", _ID16), Field("name", NAME), _names("parameters"), of=m.InsertOffer)
_INSERT_STYLE = Sequence(
    Field("style", STYLE),
    Field("name", NAME),
    Field("event_trigger_style", STYLE),
    Field("action_format", STYLE),
    _several("indications", _INSERT_OFFER),
    Field("header_format", STYLE),
    Field("message_format", STYLE),
    Field("call_process_format", STYLE),
    of=m.InsertStyle,
)
_CONTROL_ACTION = Sequence(Field("id", _ID16), Field("name", NAME), _names("parameters"), of=m.ControlAction)
_CONTROL_STYLE = Sequence(
    Field("style", STYLE),
    Field("name", NAME),
    _several("actions", _CONTROL_ACTION),
    Field("header_format", STYLE),
    Field("message_format", STYLE),
    Field("call_process_format", STYLE, optional=True),
    Field("outcome_format", STYLE),
    _names("outcome_parameters", 255),
    of=m.ControlStyle,
)
_POLICY_ACTION = Sequence(
    Field("id", _ID16),
    Field("name", NAME),
    Field("action_format", STYLE),
    _names("parameters"),
    _names("condition_parameters"),
    of=m.PolicyAction,
)
_POLICY_STYLE = Sequence(
    Field("style", STYLE),
    Field("name", NAME),
    Field("event_trigger_style", STYLE),
    _several("actions", _POLICY_ACTION),
    of=m.PolicyStyle,
)


def _styles(name: str, kind: Type) -> Field:
    return Field(name, Wrapped(SequenceOf(kind, 1, 63)), optional=True, absent=())


RAN_FUNCTION_DEFINITION = Sequence(
    Field("name", RAN_FUNCTION_NAME),
    Field("event_trigger", _EVENT_TRIGGER_DEFINITION, optional=True),
    _styles("reports", _REPORT_STYLE),
    _styles("inserts", _INSERT_STYLE),
    _styles("controls", _CONTROL_STYLE),
    _styles("policies", _POLICY_STYLE),
    of=m.RanFunctionDefinition,
)

# --- event trigger and action definition ------------------------------------------------------

_RRC_STATE_CHANGE = Sequence(
    Field(
        "states",
        SequenceOf(Sequence(Field("state", Enumerated(tuple(m.RrcState))), _LOGICAL_OR), 1, 8),
    ),
    of=m.RrcStateChange,
)
_TRIGGER = Choice(
    [
        _RRC_STATE_CHANGE,
        Sequence(Field("change", Integer(1, 512, extensible=True)), of=m.UeIdChange),
        _Unsupported("an L2 state trigger"),
    ],
    by_class(m.RrcStateChange, m.UeIdChange),
)
_INDIVIDUAL = Mapped(
    Sequence(
        Field("ue", UE_ID),
        Field("testing", _Unsupported("a UE test"), optional=True),
    ),
    lambda ue: (ue, None),
    lambda parts: parts[0],
)
_ASSOCIATED_UE = Sequence(
    Field("id", _ID16),
    Field("ue", Choice([_INDIVIDUAL, _Unsupported("a group of UEs")], lambda _: 0)),
    _LOGICAL_OR,
    of=m.AssociatedUe,
)
_UE_CHANGE = Sequence(
    Field("condition_id", _ID16),
    Field("trigger", _TRIGGER),
    Field("ues", Wrapped(SequenceOf(_ASSOCIATED_UE, 1, _MANY)), optional=True, absent=()),
    _LOGICAL_OR,
    of=m.UeInformationChange,
)
_FORMAT_4 = 3
EVENT_TRIGGER = Wrapped(
    Choice(
        [
            _Unsupported("event trigger format 1"),
            _Unsupported("event trigger format 2"),
            _Unsupported("event trigger format 3"),
            Sequence(Field("changes", SequenceOf(_UE_CHANGE, 1, _MANY)), of=m.EventTriggerFormat4),
            _Unsupported("event trigger format 5"),
        ],
        lambda _: _FORMAT_4,
    )
)
ACTION_DEFINITION = Sequence(
    Field("style", STYLE),
    Field(
        "parameter_ids",
        Choice(
            [
                Wrapped(SequenceOf(Wrapped(PARAMETER_ID), 1, _MANY)),
                _Unsupported("action definition format 2"),
                _Unsupported("action definition format 3"),
            ],
            lambda _: 0,
        ),
    ),
    of=m.ActionDefinition,
)

# --- indication -------------------------------------------------------------------------------

INDICATION_HEADER = Wrapped(
    Choice(
        [
            Sequence(Field("condition_id", _ID16, optional=True), of=m.HeaderFormat1),
            Sequence(Field("ue", UE_ID), Field("insert_style", STYLE), Field("insert_id", _ID16), of=m.HeaderFormat2),
        ],
        by_class(m.HeaderFormat1, m.HeaderFormat2, m.HeaderFormat3),
        additions=[
            Sequence(Field("condition_id", _ID16, optional=True), Field("ue", UE_ID, optional=True), of=m.HeaderFormat3)
        ],
    )
)
_PARAMETERS = Field("parameters", SequenceOf(_PARAMETER, 1, _MANY))
_UE_PARAMETERS = Sequence(Field("ue", UE_ID), _PARAMETERS, of=m.UeParameters)
INDICATION_MESSAGE = Wrapped(
    Choice(
        [
            Sequence(_PARAMETERS, of=m.MessageFormat1),
            Sequence(Field("ues", SequenceOf(_UE_PARAMETERS, 1, _MANY)), of=m.MessageFormat2),
            _Unsupported("indication message format 3"),
            _Unsupported("indication message format 4"),
            _Unsupported("indication message format 5"),
        ],
        by_class(m.MessageFormat1, m.MessageFormat2),
    )
)

# --- control ----------------------------------------------------------------------------------

CONTROL_HEADER = Wrapped(
    Choice(
        [
            Sequence(
                Field("ue", UE_ID),
                Field("style", STYLE),
                Field("action", _ID16),
                Field("decision", Enumerated(tuple(m.ControlDecision)), optional=True),
                of=m.ControlHeader,
            )
        ],
        lambda _: 0,
    )
)
CONTROL_MESSAGE = Wrapped(
    Choice([Sequence(Field("parameters", SequenceOf(_PARAMETER, 0, _MANY)), of=m.ControlMessage)], lambda _: 0)
)
_OUTCOME_PARAMETER = Sequence(Field("id", PARAMETER_ID), Field("value", VALUE), of=m.OutcomeParameter)
CONTROL_OUTCOME = Wrapped(
    Choice([Sequence(Field("parameters", SequenceOf(_OUTCOME_PARAMETER, 0, 255)), of=m.ControlOutcome)], lambda _: 0)
)
CALL_PROCESS_ID = Wrapped(Choice([Wrapped(PARAMETER_ID)], lambda _: 0))
