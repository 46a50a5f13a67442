"""The four messages of the control loop, written and read as runs of octets without the tables.

Only the usual form is handled: IEs in the standard's order with its criticalities, no fragments,
no unknown IEs. Anything else makes these functions return None, and the tables take over; so the
short path never has to judge a message, and both paths agree on every octet.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import Any

from oran.aper import encode
from oran.e2ap.containers import write_ie
from oran.e2ap.information_elements import CAUSE
from oran.e2ap.messages import (
    CAUSE_GROUPS,
    ControlAckRequest,
    Criticality,
    IndicationType,
    Pdu,
    RicControlAcknowledge,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
)

SHORT = 0x3F00
"""Strings from this size on leave the short path: with what surrounds them they may need fragments."""

# id (2), criticality (1), length (1) of IEs of fixed size, and the first octet of those with an extension bit
_REQUEST, _FUNCTION, _ACTION, _SN, _TYPE = 0x001D0005, 0x00050002, 0x000F0001, 0x001B0002, 0x001C0001
_ACK_REQUEST = b"\x00\x15\x00\x01"
_INDICATION_MARKS = (0, _REQUEST, 0, _FUNCTION, _ACTION, _TYPE)
_CONTROL_MARKS = (0, _REQUEST, 0, _FUNCTION)
_INDICATION, _CONTROL, _ACKNOWLEDGE, _FAILURE = b"\x00\x05\x40", b"\x00\x04\x00", b"\x20\x04\x00", b"\x40\x04\x00"
_HEADER, _MESSAGE, _CALL = b"\x00\x19\x00", b"\x00\x1a\x00", b"\x00\x14\x00"
_CONTROL_HEADER, _CONTROL_MESSAGE, _OUTCOME = b"\x00\x16\x00", b"\x00\x17\x00", b"\x00\x20\x00"
_CAUSE_IES: dict[Any, bytes] = {
    cause: write_ie(1, Criticality.IGNORE, encode(CAUSE, cause)) for group in CAUSE_GROUPS for cause in group
}
_CAUSE_OF = {octets: cause for cause, octets in _CAUSE_IES.items()}

_IDS = Struct(">BHIBHHIH")  # extension bit, count of IEs, RICrequestID, RANfunctionID
_WITH_SN = Struct(">BHIBHHIHIBIHIB")
_WITHOUT_SN = Struct(">BHIBHHIHIBIB")
_TYPES = {IndicationType.REPORT: 0x00, IndicationType.INSERT: 0x40}
_TYPE_OF = {octet: kind for kind, octet in _TYPES.items()}
_ACKS = {ControlAckRequest.NO_ACK: b"\x00", ControlAckRequest.ACK: b"\x40"}
_ACK_OF = {octets[0]: kind for kind, octets in _ACKS.items()}


def _length(count: int) -> bytes:
    return count.to_bytes(1, "big") if count < 0x80 else (0x8000 | count).to_bytes(2, "big")


def _string(head: bytes, value: bytes) -> bytes:
    """An IE that is an OCTET STRING: its own length inside the length of the open type."""
    inner = _length(len(value))
    return head + _length(len(inner) + len(value)) + inner + value


def _envelope(head: bytes, parts: list[bytes]) -> bytes | None:
    body = b"".join(parts)
    return head + _length(len(body)) + body if len(body) < 0x4000 else None


# --- writing ----------------------------------------------------------------------------------


def _encode_indication(pdu: RicIndication) -> bytes | None:
    call = pdu.call_process_id
    if len(pdu.header) + len(pdu.message) + len(call or b"") >= SHORT or not 0 <= pdu.ran_function_id <= 4095:
        return None
    request, count = pdu.request_id, 6 if call is None else 7
    ids = (_REQUEST, 0, request.requestor, request.instance, _FUNCTION, pdu.ran_function_id, _ACTION, pdu.action_id)
    try:
        if pdu.sequence_number is None:
            fixed = _WITHOUT_SN.pack(0, count, *ids, _TYPE, _TYPES[pdu.type])
        else:
            fixed = _WITH_SN.pack(0, count + 1, *ids, _SN, pdu.sequence_number, _TYPE, _TYPES[pdu.type])
    except (error, KeyError):
        return None
    parts = [fixed, _string(_HEADER, pdu.header), _string(_MESSAGE, pdu.message)]
    if call is not None:
        parts.append(_string(_CALL, call))
    return _envelope(_INDICATION, parts)


def _encode_control(pdu: RicControlRequest) -> bytes | None:
    if len(pdu.header) + len(pdu.message) >= SHORT:
        return None
    tail = [_string(_CONTROL_HEADER, pdu.header), _string(_CONTROL_MESSAGE, pdu.message)]
    if pdu.ack_request is not None:
        acknowledge = _ACKS.get(pdu.ack_request)
        if acknowledge is None:
            return None
        tail.append(_ACK_REQUEST + acknowledge)
    return _identified(_CONTROL, pdu, tail)


def _encode_acknowledge(pdu: RicControlAcknowledge) -> bytes | None:
    if pdu.outcome is None:
        return _identified(_ACKNOWLEDGE, pdu, [])
    if len(pdu.outcome) >= SHORT:
        return None
    return _identified(_ACKNOWLEDGE, pdu, [_string(_OUTCOME, pdu.outcome)])


def _encode_failure(pdu: RicControlFailure) -> bytes | None:
    cause = _CAUSE_IES.get(pdu.cause)
    if cause is None or len(pdu.outcome or b"") >= SHORT:
        return None
    return _identified(_FAILURE, pdu, [cause] if pdu.outcome is None else [cause, _string(_OUTCOME, pdu.outcome)])


def _identified(head: bytes, pdu: Any, tail: list[bytes]) -> bytes | None:
    """A control message: RICrequestID, RANfunctionID and RICcallProcessID in front of ``tail``."""
    request, call = pdu.request_id, pdu.call_process_id
    if not 0 <= pdu.ran_function_id <= 4095 or len(call or b"") >= SHORT:
        return None
    if call is not None:
        tail.insert(0, _string(_CALL, call))
    ids = (_REQUEST, 0, request.requestor, request.instance, _FUNCTION, pdu.ran_function_id)
    try:
        return _envelope(head, [_IDS.pack(0, 2 + len(tail), *ids), *tail])
    except error:
        return None


ENCODERS: dict[type, Callable[[Any], bytes | None]] = {
    RicIndication: _encode_indication,
    RicControlRequest: _encode_control,
    RicControlAcknowledge: _encode_acknowledge,
    RicControlFailure: _encode_failure,
}
"""Message class -> short writer; None from it means: use the table."""


# --- reading ----------------------------------------------------------------------------------


def decode(data: bytes) -> Pdu | None:
    """The message, if it is one of the four in its usual form; None leaves it to the tables."""
    decoder = _DECODERS.get(data[:3])
    if decoder is None:
        return None
    try:
        return decoder(data, _body_start(data))
    except (_Unusual, IndexError, error):
        return None


class _Unusual(Exception):
    """Not the usual form."""


def _body_start(data: bytes) -> int:
    first = data[3]
    start, size = (4, first) if first < 0x80 else (5, (first & 0x3F) << 8 | data[4])
    if first >= 0xC0 or start + size != len(data):
        raise _Unusual
    return start


def _decode_indication(data: bytes, start: int) -> RicIndication:
    sequence_number: int | None
    if data[start + 23 : start + 27] == b"\x00\x1b\x00\x02":
        fields = _WITH_SN.unpack_from(data, start)
        sequence_number, at, others = fields[11], start + _WITH_SN.size, 1
    else:
        fields = _WITHOUT_SN.unpack_from(data, start)
        sequence_number, at, others = None, start + _WITHOUT_SN.size, 0
    extension, count, request, extended, requestor, instance, function, function_id, action, action_id = fields[:10]
    if (extension, request, extended, function, action, fields[-2]) != _INDICATION_MARKS or function_id > 4095:
        raise _Unusual
    header, at = _take(data, at, _HEADER)
    message, at = _take(data, at, _MESSAGE)
    call, at = _take(data, at, _CALL) if at < len(data) else (None, at)
    if at != len(data) or count != 6 + others + (call is not None) or fields[-1] not in _TYPE_OF:
        raise _Unusual
    ids = RicRequestId(requestor, instance)
    kind = _TYPE_OF[fields[-1]]
    return RicIndication(ids, function_id, action_id, kind, header, message, sequence_number, call)


def _decode_control(data: bytes, start: int) -> RicControlRequest:
    request_id, function_id, count, call, at = _read_identified(data, start)
    header, at = _take(data, at, _CONTROL_HEADER)
    message, at = _take(data, at, _CONTROL_MESSAGE)
    acknowledge = None
    if at < len(data):
        if data[at : at + 4] != _ACK_REQUEST or data[at + 4] not in _ACK_OF:
            raise _Unusual
        acknowledge, at = _ACK_OF[data[at + 4]], at + 5
    _end(data, at, count, 4 + (call is not None) + (acknowledge is not None))
    return RicControlRequest(request_id, function_id, header, message, call, acknowledge)


def _decode_acknowledge(data: bytes, start: int) -> RicControlAcknowledge:
    request_id, function_id, count, call, at = _read_identified(data, start)
    outcome, at = _take(data, at, _OUTCOME) if at < len(data) else (None, at)
    _end(data, at, count, 2 + (call is not None) + (outcome is not None))
    return RicControlAcknowledge(request_id, function_id, call, outcome)


def _decode_failure(data: bytes, start: int) -> RicControlFailure:
    request_id, function_id, count, call, at = _read_identified(data, start)
    size = 4 + data[at + 3]
    cause = _CAUSE_OF.get(data[at : at + size])
    if cause is None:
        raise _Unusual
    outcome, at = _take(data, at + size, _OUTCOME) if at + size < len(data) else (None, at + size)
    _end(data, at, count, 3 + (call is not None) + (outcome is not None))
    return RicControlFailure(request_id, function_id, cause, call, outcome)


def _read_identified(data: bytes, start: int) -> tuple[RicRequestId, int, int, bytes | None, int]:
    """(request, RAN function, count of IEs, call process, offset of the next IE)."""
    extension, count, request, extended, requestor, instance, function, function_id = _IDS.unpack_from(data, start)
    if (extension, request, extended, function) != _CONTROL_MARKS or function_id > 4095:
        raise _Unusual
    call, at = None, start + _IDS.size
    if data[at : at + 3] == _CALL:
        call, at = _take(data, at, _CALL)
    return RicRequestId(requestor, instance), function_id, count, call, at


def _take(data: bytes, at: int, head: bytes) -> tuple[bytes, int]:
    """The OCTET STRING of the IE at ``at`` and the offset after it."""
    if data[at : at + 3] != head:
        raise _Unusual
    outer, at = data[at + 3], at + 4
    if outer >= 0x80:
        outer, at = _long(outer, data[at]), at + 1
    stop = at + outer
    inner, at = data[at], at + 1
    if inner >= 0x80:
        inner, at = _long(inner, data[at]), at + 1
    if at + inner != stop or stop > len(data):
        raise _Unusual
    return data[at:stop], stop


def _long(first: int, second: int) -> int:
    if first >= 0xC0:
        raise _Unusual
    return (first & 0x3F) << 8 | second


def _end(data: bytes, at: int, count: int, expected: int) -> None:
    if at != len(data) or count != expected:
        raise _Unusual


_DECODERS: dict[bytes, Callable[[bytes, int], Pdu]] = {
    _INDICATION: _decode_indication,
    _CONTROL: _decode_control,
    _ACKNOWLEDGE: _decode_acknowledge,
    _FAILURE: _decode_failure,
}
