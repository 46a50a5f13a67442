"""E2SM-KPM values to the octet strings that E2AP carries, and back.

Decoders raise DecodeError and nothing else; encoders raise LocalProtocolError for a value out of range.
"""

from __future__ import annotations

from oran.aper import BitReader, decode, encode, malformed
from oran.aper.types import Type
from oran.aper.writer import counted
from oran.e2sm.kpm import tables
from oran.e2sm.kpm.model import (
    ActionDefinition,
    EventTrigger,
    IndicationHeader,
    IndicationMessage,
    MessageFormat1,
    MessageFormat3,
    Profile,
    RanFunctionDefinition,
)
from oran.e2sm.kpm.reports import MAX_COUNT, ReportWriter, read_report, read_ue_report
from oran.errors import DecodeError, LocalProtocolError

_HEADERS: dict[int, Type] = {octets: tables.header_type(octets) for octets in (4, 8)}


def encode_ran_function(definition: RanFunctionDefinition) -> bytes:
    """RAN function definition of the E2SetupRequest."""
    return encode(tables.RAN_FUNCTION_DEFINITION, definition)


def decode_ran_function(data: bytes) -> RanFunctionDefinition:
    """RAN function definition of the E2SetupRequest."""
    return decode(tables.RAN_FUNCTION_DEFINITION, data)


def encode_event_trigger(trigger: EventTrigger) -> bytes:
    """Event trigger definition of a subscription."""
    return encode(tables.EVENT_TRIGGER, trigger)


def decode_event_trigger(data: bytes) -> EventTrigger:
    """Event trigger definition of a subscription."""
    return decode(tables.EVENT_TRIGGER, data)


def encode_action(action: ActionDefinition) -> bytes:
    """Action definition of a subscription."""
    return encode(tables.ACTION_DEFINITION, action)


def decode_action(data: bytes) -> ActionDefinition:
    """Action definition of a subscription."""
    return decode(tables.ACTION_DEFINITION, data)


def encode_header(header: IndicationHeader, profile: Profile) -> bytes:
    """Indication header with the time stamp of ``profile``."""
    return encode(_HEADERS[profile.time_octets], header)


def decode_header(data: bytes, profile: Profile | None = None) -> IndicationHeader:
    """Indication header of a known profile, or with whichever time stamp makes sense of all octets.

    4 octets are tried first: a header with 4 may be read as one with 8 whose first string is
    empty, while the fraction of a second hardly ever is the length and the characters of a string.
    """
    if profile is not None:
        return decode(_HEADERS[profile.time_octets], data)
    for kind in _HEADERS.values():
        reader = BitReader(data)
        try:
            header: IndicationHeader = kind.read(reader)
        except DecodeError:
            continue  # the other time stamp may fit; if none does, that is the error
        if reader.end - reader.position < 8 and _is_legible(header):
            return header
    raise malformed(f"{len(data)} octets are no KPM indication header of either time stamp")


def _is_legible(header: IndicationHeader) -> bool:
    strings = header.file_format_version, header.sender_name, header.sender_type, header.vendor_name
    return all(string is None or string.isprintable() for string in strings)


def encode_message(message: IndicationMessage) -> bytes:
    """Indication message of format 1, 2 or 3."""
    if isinstance(message, MessageFormat1):
        return _encode_format_1(message)
    if isinstance(message, MessageFormat3):
        return _encode_format_3(message)
    return encode(tables.INDICATION_MESSAGE, message)


def _encode_format_1(message: MessageFormat1) -> bytes:
    writer = ReportWriter()
    writer.bits(0, 3)
    writer.report(message)
    return writer.to_bytes()


def _encode_format_3(message: MessageFormat3) -> bytes:
    if not 1 <= len(message.reports) <= MAX_COUNT:
        raise LocalProtocolError(f"{len(message.reports)} UE reports, 1..{MAX_COUNT} allowed")
    writer = ReportWriter()
    writer.octets(b"\x00" + (len(message.reports) - 1).to_bytes(2, "big"))
    for item in message.reports:
        writer.ue_report(item)
    return b"\x40\x00" + counted(writer.to_bytes())


_MIN_UE_REPORT_BITS = 40


def decode_message(data: bytes) -> IndicationMessage:
    """Indication message of format 1, 2 or 3."""
    if data[:2] == b"\x40\x00":
        reader = BitReader(data)
        reader.position = 16
        return _decode_format_3(reader.open_type())
    if data and data[0] >> 5 == 0:
        reader = BitReader(data)
        reader.position = 3
        return read_report(reader)
    return decode(tables.INDICATION_MESSAGE, data)


def _decode_format_3(encoding: bytes) -> MessageFormat3:
    reader = BitReader(encoding)
    extended = reader.bits(1)
    count = int.from_bytes(reader.octets(2), "big") + 1
    reader.require(count * _MIN_UE_REPORT_BITS)
    reports = tuple([read_ue_report(reader) for _ in range(count)])
    if extended:
        reader.skip_additions()
    return MessageFormat3(reports)
