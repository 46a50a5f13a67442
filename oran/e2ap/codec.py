"""E2AP messages to octets and back.

Every message goes through its table (:mod:`oran.e2ap.tables`); the four of the control loop take
the short path of :mod:`oran.e2ap.short_path` where they can. Both give the same octets.
"""

from __future__ import annotations

from typing import Any

from oran.aper import encode as encode_value
from oran.aper.composed import decode as decode_value
from oran.e2ap import short_path
from oran.e2ap.containers import read_envelope, read_ies, write_ie, write_pdu
from oran.e2ap.messages import CauseProtocol, Criticality, IeDiagnostic, Pdu, TriggeringMessage
from oran.e2ap.refusal import Outline, PduRefused
from oran.e2ap.tables import BY_CLASS, BY_CODE, IGNORED_IES, Ie, MessageTable, Sent
from oran.errors import DecodeError, LocalProtocolError


def encode(pdu: Pdu) -> bytes:
    """One E2AP-PDU, IEs in the standard's order with the standard's criticalities.

    Raises:
        LocalProtocolError: a value is out of range, or a mandatory list is empty.
    """
    shortcut = short_path.ENCODERS.get(type(pdu))
    octets = shortcut(pdu) if shortcut else None
    return encode_by_table(pdu) if octets is None else octets


def decode(data: bytes) -> Pdu:
    """The message in one E2AP-PDU (one SCTP message). IEs in any order, with any criticality.

    IEs we do not know are skipped unless they are of criticality reject; unknown causes are read
    as "unspecified"; extension additions of later versions are skipped.

    Raises:
        DecodeError: nothing else. ``.cause`` says why: transfer-syntax-error for octets that are no
            encoding, abstract-syntax-error-reject for a missing or incomprehensible IE,
            abstract-syntax-error-falsely-constructed-message for a repeated one. It is a
            :class:`~oran.e2ap.refusal.PduRefused`, which also holds what could be read.
    """
    pdu = short_path.decode(data)
    return decode_by_table(data) if pdu is None else pdu


def encode_by_table(pdu: Pdu) -> bytes:
    """As :func:`encode`, without the short path."""
    table = BY_CLASS.get(type(pdu))
    if table is None:
        raise LocalProtocolError(f"{type(pdu).__name__} is not an E2AP message")
    encoded = []
    for ie in table.ies:
        value = _value_of(pdu, ie)
        if ie.mandatory or ie.sent is Sent.ALWAYS or (ie.sent is Sent.UNLESS_ABSENT and value != ie.absent):
            encoded.append(write_ie(ie.id, ie.criticality, encode_value(ie.kind, value)))
    return write_pdu(table.kind, table.procedure, table.criticality, encoded)


def _value_of(pdu: Pdu, ie: Ie) -> Any:
    if len(ie.attributes) == 1:
        return getattr(pdu, ie.attributes[0])
    return tuple(getattr(pdu, attribute) for attribute in ie.attributes)


def decode_by_table(data: bytes) -> Pdu:
    """As :func:`decode`, without the short path."""
    outline = Outline()
    received: dict[int, tuple[Criticality, bytes]] = {}
    try:
        return _decode(data, outline, received)
    except DecodeError as error:
        outline.identify(received)
        raise PduRefused(error, outline) from error


def _decode(data: bytes, outline: Outline, received: dict[int, tuple[Criticality, bytes]]) -> Pdu:
    outline.kind, outline.procedure, outline.criticality, body, fault = read_envelope(data)
    _split(body, received)
    if fault is not None:
        raise fault
    table = _table_of(outline.kind, outline.procedure)
    _refuse_unknown(table, received, outline)
    fields: dict[str, Any] = {}
    for ie in table.ies:
        value = _read_ie(ie, received.get(ie.id), outline)
        fields.update(zip(ie.attributes, (value,) if len(ie.attributes) == 1 else value, strict=True))
    return table.pdu(**fields)


def _table_of(kind: TriggeringMessage, procedure: int) -> MessageTable:
    table = BY_CODE.get((kind, procedure))
    if table is None:
        raise DecodeError(
            f"procedure {procedure}, {kind.name.lower()}, is not one we know",
            CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT,
        )
    return table


def _split(body: bytes, received: dict[int, tuple[Criticality, bytes]]) -> None:
    for ie_id, criticality, value in read_ies(body):
        if ie_id in received:
            raise DecodeError(f"IE {ie_id} twice", CauseProtocol.ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE)
        received[ie_id] = criticality, value


def _refuse_unknown(table: MessageTable, received: dict[int, tuple[Criticality, bytes]], outline: Outline) -> None:
    known = IGNORED_IES.union(ie.id for ie in table.ies)
    for ie_id, (criticality, _) in received.items():
        if ie_id not in known and criticality is Criticality.REJECT:
            outline.diagnostics.append(IeDiagnostic(criticality, ie_id, missing=False))
    if outline.diagnostics:
        unknown = [diagnostic.ie_id for diagnostic in outline.diagnostics]
        raise DecodeError(f"unknown IEs {unknown} to be rejected", CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT)


def _read_ie(ie: Ie, received: tuple[Criticality, bytes] | None, outline: Outline) -> Any:
    if received is None:
        if not ie.mandatory:
            return ie.absent
        outline.diagnostics.append(IeDiagnostic(ie.criticality, ie.id, missing=True))
        raise DecodeError(f"mandatory IE {ie.id} is missing", CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT)
    criticality, value = received
    try:
        return decode_value(ie.kind, value)
    except DecodeError as error:
        if _may_be_ignored(ie, criticality, error):
            return ie.absent
        outline.diagnostics.append(IeDiagnostic(criticality, ie.id, missing=False))
        raise


def _may_be_ignored(ie: Ie, criticality: Criticality, error: DecodeError) -> bool:
    """A value of a later version in an optional IE of criticality ignore counts as absent (10.3.4.2)."""
    later_version = error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
    return later_version and not ie.mandatory and criticality is not Criticality.REJECT
