"""E2AP's containers: the PDU envelope, the IE container inside it, and lists of single containers.

A container is whole octets from end to end, so it is handled in octets, not bits:
``id(2) criticality(1) length value`` (O-RAN.WG3.E2AP-v02.03, 9.3.6 and 9.3.7).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from oran.aper import BitReader, BitWriter, counted, encode, malformed
from oran.aper.composed import decode
from oran.aper.types import Type
from oran.aper.writer import field_width
from oran.e2ap.messages import Criticality, TriggeringMessage
from oran.errors import DecodeError, LocalProtocolError

CRITICALITY_OCTET = {Criticality.REJECT: b"\x00", Criticality.IGNORE: b"\x40", Criticality.NOTIFY: b"\x80"}
MAX_IES = 64
"""IEs read from one message; no message of any E2AP version has a quarter of it."""

RawIe = tuple[int, Criticality, bytes]
"""Identifier, criticality as received, octets of the open type."""


def criticality_of(octet: int) -> Criticality:
    """The criticality in the two leading bits of an octet."""
    if octet >> 6 > 2:
        raise malformed(f"criticality octet {octet:#04x}")
    return Criticality(octet >> 6)


def write_ie(ie_id: int, criticality: Criticality, value: bytes) -> bytes:
    """One IE: identifier, criticality, open type."""
    return ie_id.to_bytes(2, "big") + CRITICALITY_OCTET[criticality] + counted(value)


def write_pdu(kind: TriggeringMessage, procedure: int, criticality: Criticality, ies: Sequence[bytes]) -> bytes:
    """The envelope round a message's encoded IEs."""
    body = b"\x00" + len(ies).to_bytes(2, "big") + b"".join(ies)
    return bytes((kind << 5, procedure)) + CRITICALITY_OCTET[criticality] + counted(body)


def read_envelope(data: bytes) -> tuple[TriggeringMessage, int, Criticality, bytes, DecodeError | None]:
    """(message class, procedure code, procedure criticality, message, what is wrong with its length).

    A message that is shorter or longer than its length says is returned as far as it goes, so that
    a refusal can still name the procedure and the identifiers in it.

    Raises:
        DecodeError: not an E2AP PDU at all.
    """
    reader = BitReader(data)
    first, procedure, criticality = reader.octets(3)
    if first & 0x80 or first >> 5 > 2:
        raise malformed(f"PDU octet {first:#04x}")
    fault = None
    try:
        body = reader.open_type()
    except DecodeError as error:
        body, fault = data[4 + (data[3:4] >= b"\x80") :], error
    if fault is None and reader.position != reader.end:
        fault = malformed(f"{(reader.end - reader.position) // 8} octets after the PDU")
    return TriggeringMessage(first >> 5), procedure, criticality_of(criticality), body, fault


def read_ies(body: bytes) -> Iterator[RawIe]:
    """The IEs of a message, one by one, so that those before a fault are still seen.

    Raises:
        DecodeError: while iterating, at the first octet that makes no sense.
    """
    reader = BitReader(body)
    reader.octets(1)
    count = int.from_bytes(reader.octets(2), "big")
    if count > MAX_IES:
        raise malformed(f"{count} information elements")
    for _ in range(count):
        head = reader.octets(3)
        yield head[0] << 8 | head[1], criticality_of(head[2]), reader.open_type()


class SingleContainerList:
    """SEQUENCE OF ProtocolIE-SingleContainer: a list whose items are IEs of one identifier.

    Args:
        ie_id: identifier of the items.
        criticality: criticality they are sent with.
        item: their type.
        low, high: bounds of the number of items.
    """

    def __init__(self, ie_id: int, criticality: Criticality, item: Type, low: int, high: int) -> None:
        self.ie_id = ie_id
        self.criticality = criticality
        self.item = item
        self.low = low
        self.high = high
        self.min_bits = field_width(high - low + 1)

    def write(self, writer: BitWriter, value: Sequence[Any]) -> None:
        if not self.low <= len(value) <= self.high:
            raise LocalProtocolError(f"{len(value)} items of IE {self.ie_id}, {self.low}..{self.high} allowed")
        writer.constrained(len(value), self.low, self.high)
        for item in value:
            writer.octets(write_ie(self.ie_id, self.criticality, encode(self.item, item)))

    def read(self, reader: BitReader) -> tuple[Any, ...]:
        count = reader.constrained(self.low, self.high)
        reader.require(count * 32)
        items = []
        for _ in range(count):
            head = reader.octets(3)
            criticality = criticality_of(head[2])
            encoding = reader.open_type()
            if head[0] << 8 | head[1] == self.ie_id:
                items.append(decode(self.item, encoding))
            elif criticality is Criticality.REJECT:
                raise self._foreign(head[0] << 8 | head[1])
        return tuple(items)

    def _foreign(self, ie_id: int) -> DecodeError:
        from oran.e2ap.messages import CauseProtocol

        return DecodeError(
            f"IE {ie_id} in a list of IE {self.ie_id}",
            CauseProtocol.ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE,
        )
