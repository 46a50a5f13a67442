"""E2SM-RC values to the octet strings that E2AP carries, and back.

Decoders raise DecodeError and nothing else; encoders raise LocalProtocolError for a value out of range.
"""

from __future__ import annotations

from oran.aper import decode, encode
from oran.e2sm.rc import parameters, tables
from oran.e2sm.rc.model import (
    ActionDefinition,
    ControlHeader,
    ControlMessage,
    ControlOutcome,
    EventTriggerFormat4,
    IndicationHeader,
    IndicationMessage,
    RanFunctionDefinition,
)


def encode_ran_function(definition: RanFunctionDefinition) -> bytes:
    """RAN function definition of the E2SetupRequest."""
    return encode(tables.RAN_FUNCTION_DEFINITION, definition)


def decode_ran_function(data: bytes) -> RanFunctionDefinition:
    """RAN function definition of the E2SetupRequest."""
    return decode(tables.RAN_FUNCTION_DEFINITION, data)


def encode_event_trigger(trigger: EventTriggerFormat4) -> bytes:
    """Event trigger definition of a subscription, format 4."""
    return encode(tables.EVENT_TRIGGER, trigger)


def decode_event_trigger(data: bytes) -> EventTriggerFormat4:
    """Event trigger definition of a subscription, format 4."""
    return decode(tables.EVENT_TRIGGER, data)


def encode_action(action: ActionDefinition) -> bytes:
    """Action definition of a subscription, format 1."""
    return encode(tables.ACTION_DEFINITION, action)


def decode_action(data: bytes) -> ActionDefinition:
    """Action definition of a subscription, format 1."""
    return decode(tables.ACTION_DEFINITION, data)


def encode_indication_header(header: IndicationHeader) -> bytes:
    """Indication header of format 1, 2 or 3."""
    return encode(tables.INDICATION_HEADER, header)


def decode_indication_header(data: bytes) -> IndicationHeader:
    """Indication header of format 1, 2 or 3."""
    return decode(tables.INDICATION_HEADER, data)


def encode_indication_message(message: IndicationMessage) -> bytes:
    """Indication message of format 1 or 2."""
    return encode(tables.INDICATION_MESSAGE, message)


def decode_indication_message(data: bytes) -> IndicationMessage:
    """Indication message of format 1 or 2."""
    return decode(tables.INDICATION_MESSAGE, data)


def encode_control_header(header: ControlHeader) -> bytes:
    """Control header of format 1."""
    return encode(tables.CONTROL_HEADER, header)


def decode_control_header(data: bytes) -> ControlHeader:
    """Control header of format 1."""
    return decode(tables.CONTROL_HEADER, data)


def encode_control_message(message: ControlMessage) -> bytes:
    """Control message of format 1."""
    octets = parameters.encode_message(message)
    return encode(tables.CONTROL_MESSAGE, message) if octets is None else octets


def decode_control_message(data: bytes) -> ControlMessage:
    """Control message of format 1."""
    message = parameters.decode_message(data)
    return decode(tables.CONTROL_MESSAGE, data) if message is None else message


def encode_control_outcome(outcome: ControlOutcome) -> bytes:
    """Control outcome of format 1."""
    return encode(tables.CONTROL_OUTCOME, outcome)


def decode_control_outcome(data: bytes) -> ControlOutcome:
    """Control outcome of format 1."""
    return decode(tables.CONTROL_OUTCOME, data)


def encode_call_process_id(number: int) -> bytes:
    """Call process identifier of format 1."""
    return encode(tables.CALL_PROCESS_ID, number)


def decode_call_process_id(data: bytes) -> int:
    """Call process identifier of format 1."""
    return decode(tables.CALL_PROCESS_ID, data)
