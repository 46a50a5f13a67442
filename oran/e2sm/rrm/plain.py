"""Protobuf messages to and from plain values, several times faster than the library's own objects in pure Python.

Only what ordinary writers send is read here: known fields of the right wire type, singular ones once, varints that fit,
numbers packed. Anything else raises ``Unusual``, and the library decides what it is; so both always agree. What is
written are the very octets that the library writes. The tables come from its descriptors: ``proto/e2sm_rrm.proto``
stays the one place that says what a field is.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from oran.errors import LocalProtocolError

_unpack_double, _pack_double = struct.Struct("<d").unpack_from, struct.Struct("<d").pack

_VARINT_BITS = {
    FieldDescriptor.TYPE_UINT32: 32,
    FieldDescriptor.TYPE_UINT64: 64,
    FieldDescriptor.TYPE_ENUM: 31,  # beyond it is negative
}


class Unusual(Exception):
    """Octets that are left to the protobuf library: rare, of a later version, or malformed."""


_VARINT, _DOUBLE, _BYTES, _MESSAGE, _STRING, _STRINGS, _VARINTS = range(7)
"""How a field's octets are read."""

_SMALL = [bytes((value,)) for value in range(128)]


class Plain:
    """A message: attributes named as its fields; those that were not sent have the library's defaults.

    Subclasses are made by ``plain_of``, one a message type.
    """

    fields: ClassVar[dict[int, tuple[str, int, Any]]] = {}
    """Tag on the wire -> name, kind, and the message type or the limit of a varint."""
    oneofs: ClassVar[dict[str, frozenset[str]]] = {}
    writing: ClassVar[dict[str, tuple[bytes, int, Any]]] = {}
    """Name -> octets of the tag, kind, and the limit of a varint."""

    def HasField(self, name: str) -> bool:  # noqa: N802 - the library's name
        """Whether a message field was sent."""
        return name in self.__dict__

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - the library's name
        """The field of a group that was sent."""
        return next((name for name in self.oneofs[group] if name in self.__dict__), None)


_KNOWN: dict[str, type[Plain]] = {}


def plain_of(descriptor: Descriptor) -> type[Plain]:
    """The plain form of a message type."""
    known = _KNOWN.get(descriptor.full_name)
    if known is None:
        known = _KNOWN[descriptor.full_name] = _made(descriptor)
    return known


def _made(descriptor: Descriptor) -> type[Plain]:
    fields: dict[int, tuple[str, int, Any]] = {}
    writing: dict[str, tuple[bytes, int, Any]] = {}
    defaults: dict[str, Any] = {}
    for field in descriptor.fields:
        kind, detail, wire_type, default = _read_as(field)
        tag = field.number << 3 | wire_type
        fields[tag], writing[field.name] = (field.name, kind, detail), (_number(tag), kind, detail)
        defaults[field.name] = default
    oneofs = {each.name: frozenset(field.name for field in each.fields) for each in descriptor.oneofs}
    return type(descriptor.name, (Plain,), defaults | {"fields": fields, "oneofs": oneofs, "writing": writing})


def _read_as(field: FieldDescriptor) -> tuple[int, Any, int, Any]:
    """Kind, detail, wire type and default of a field."""
    repeated = field.label == FieldDescriptor.LABEL_REPEATED
    if field.type in _VARINT_BITS:
        limit = 1 << _VARINT_BITS[field.type]
        return (_VARINTS, limit, 2, ()) if repeated else (_VARINT, limit, 0, 0)
    if field.type == FieldDescriptor.TYPE_STRING:
        return (_STRINGS, None, 2, ()) if repeated else (_STRING, None, 2, "")
    simple = {
        FieldDescriptor.TYPE_DOUBLE: (_DOUBLE, None, 1, 0.0),
        FieldDescriptor.TYPE_BYTES: (_BYTES, None, 2, b""),
    }
    if field.type in simple and not repeated:
        return simple[field.type]
    if field.type == FieldDescriptor.TYPE_MESSAGE and not repeated:
        nested = plain_of(field.message_type)
        return _MESSAGE, nested, 2, nested()
    raise TypeError(f"{field.full_name}: no plain form for fields of this type")


def read(kind: type[Plain], data: bytes) -> Plain:
    """A message of octets.

    Raises:
        Unusual: the library has to look at it.
    """
    try:
        return _read(kind, data, 0, len(data))
    except (KeyError, IndexError, struct.error, UnicodeDecodeError) as error:  # tag, end of the octets, text
        raise Unusual(repr(error)) from error


def _read(kind: type[Plain], data: bytes, at: int, end: int) -> Plain:
    message, fields = kind(), kind.fields
    found = message.__dict__
    while at < end:
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = _varint(data, at - 1)
        name, how, detail = fields[tag]
        if how == _VARINT:
            value: Any = data[at]
            at += 1
            if value > 127:
                value, at = _varint(data, at - 1)
                if value >= detail:
                    raise Unusual(name)
        elif how == _DOUBLE:
            (value,) = _unpack_double(data, at)
            at += 8
        else:
            size = data[at]
            at += 1
            if size > 127:
                size, at = _varint(data, at - 1)
            start, at = at, at + size
            if at > end:
                raise Unusual(name)
            if how == _BYTES:
                value = data[start:at]
            elif how == _MESSAGE:
                value = _read(detail, data, start, at)
            elif how == _VARINTS:
                value = _varints(data, start, at, detail)
            else:
                value = data[start:at].decode()
        if how == _STRINGS:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise Unusual(name)  # the last one counts, or both are merged
        else:
            found[name] = value
    if at != end:
        raise Unusual("a field goes beyond its message")
    return message


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in its shortest form, and where it ends."""
    value, shift = 0, 0
    while True:
        octet = data[at]
        at += 1
        value |= (octet & 127) << shift
        if octet < 128:
            break
        shift += 7
    if not octet or shift > 63:
        raise Unusual("a number in a longer form than it needs")
    return value, at


def _varints(data: bytes, at: int, end: int, limit: int) -> tuple[int, ...]:
    values = []
    while at < end:
        value, at = (data[at], at + 1) if data[at] < 128 else _varint(data, at)
        if value >= limit:
            raise Unusual("a number beyond its type")
        values.append(value)
    if at != end:
        raise Unusual("a number goes beyond its list")
    return tuple(values)


def write(kind: type[Plain], **values: Any) -> bytes:
    """The octets of a message, fields in the order given (the library's is that of their numbers).

    Values are numbers, text, octets (a nested message too) or sequences of numbers or text; None and the defaults are
    left out.

    Raises:
        LocalProtocolError: a number that its field cannot hold.
    """
    parts: list[bytes] = []
    for name, value in values.items():
        tag, how, detail = kind.writing[name]
        if how == _MESSAGE:
            if value is not None:
                parts += (tag, _number(len(value)), value)
        elif how == _STRINGS:
            for text in map(str.encode, value):
                parts += (tag, _number(len(text)), text)
        elif how == _VARINTS:
            if len(value):
                packed = b"".join([_within(each, detail, name) for each in value])
                parts += (tag, _number(len(packed)), packed)
        elif not value:
            continue
        elif how == _VARINT:
            parts += (tag, _within(value, detail, name))
        elif how == _DOUBLE:
            parts += (tag, _pack_double(value))
        else:
            octets = value.encode() if how == _STRING else value
            parts += (tag, _number(len(octets)), octets)
    return b"".join(parts)


def _within(value: int, limit: int, name: str) -> bytes:
    if not 0 <= value < limit:
        raise LocalProtocolError(f"{name} {value} is out of range")
    return _number(int(value))


def _number(value: int) -> bytes:
    """A varint."""
    if value < 128:
        return _SMALL[value]
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)
