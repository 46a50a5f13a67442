"""Declarative PER types built of others: SEQUENCE, SEQUENCE OF, CHOICE, open and recursive types."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, signature
from operator import attrgetter
from typing import Any

from oran.aper.faults import malformed, not_comprehended
from oran.aper.reader import BitReader
from oran.aper.types import UNBOUNDED_SIZE, Type
from oran.aper.writer import BitWriter, field_width, fragments
from oran.errors import LocalProtocolError


def encode(kind: Type, value: Any) -> bytes:
    """The complete encoding of one value."""
    writer = BitWriter()
    kind.write(writer, value)
    return writer.to_bytes()


def decode(kind: Type, data: bytes) -> Any:
    """One value from its complete encoding; octets after it are ignored, as in an open type.

    Raises:
        DecodeError: the octets do not encode a value of the type.
    """
    return kind.read(BitReader(data))


@dataclass(frozen=True, slots=True)
class Field:
    """One component of a SEQUENCE.

    Attributes:
        name: attribute of the Python value.
        kind: its type.
        optional: whether the component may be missing.
        absent: the attribute's value that stands for a missing component.
    """

    name: str
    kind: Type
    optional: bool = False
    absent: Any = None


class Sequence:
    """SEQUENCE (clause 19), with an extension marker unless told otherwise.

    Args:
        fields: the root components, in order.
        of: class of the Python value, called with the fields by name; without it the value is a tuple.
        additions: extension additions we know, in order, all optional. Others are skipped.
    """

    def __init__(
        self,
        *fields: Field,
        of: Callable[..., Any] | None = None,
        extensible: bool = True,
        additions: tuple[Field, ...] = (),
    ) -> None:
        self.fields = fields
        self.additions = additions
        self.extensible = extensible
        names = tuple(field.name for field in (*fields, *additions))
        self._count = len(names)
        self._pack = _packer(names, of)
        self._build = _builder(names, of)
        optional = [index for index, field in enumerate(fields) if field.optional]
        self._preamble = len(optional) + extensible
        self._extended_bit = 1 << len(optional) if extensible else 0
        bits = {index: 1 << len(optional) - 1 - place for place, index in enumerate(optional)}
        self._optional = tuple((index, bit, fields[index].absent) for index, bit in bits.items())
        self._writes = tuple((field.kind.write, bits.get(index, 0)) for index, field in enumerate(fields))
        self._reads = tuple((field.kind.read, bits.get(index, 0), field.absent) for index, field in enumerate(fields))
        self._absent_additions = tuple(field.absent for field in additions)

    @cached_property
    def min_bits(self) -> int:
        return self._preamble + sum(field.kind.min_bits for field in self.fields if not field.optional)

    def write(self, writer: BitWriter, value: Any) -> None:
        values = self._pack(value)
        if len(values) != self._count:
            raise LocalProtocolError(f"{len(values)} values for {self._count} components")
        present = 0
        for index, bit, absent in self._optional:
            if values[index] != absent:
                present |= bit
        later = values[len(self.fields) :]
        if later and later != self._absent_additions:
            present |= self._extended_bit
        writer.bits(present, self._preamble)
        for (write, bit), item in zip(self._writes, values, strict=False):
            if not bit or present & bit:
                write(writer, item)
        if present & self._extended_bit:
            self._write_additions(writer, later)

    def _write_additions(self, writer: BitWriter, values: Listed[Any]) -> None:
        present = [item != field.absent for field, item in zip(self.additions, values, strict=True)]
        writer.small_length(len(present))
        for bit in present:
            writer.bits(bit, 1)
        for field, item, here in zip(self.additions, values, present, strict=True):
            if here:
                writer.open_type(encode(field.kind, item))

    def read(self, reader: BitReader) -> Any:
        present = reader.bits(self._preamble) if self._preamble else 0
        values = [read(reader) if not bit or present & bit else absent for read, bit, absent in self._reads]
        if present & self._extended_bit:
            values += self._read_additions(reader)
        else:
            values += self._absent_additions
        return self._build(values)

    def _read_additions(self, reader: BitReader) -> list[Any]:
        bitmap = reader.extension_bitmap()
        values = [field.absent for field in self.additions]
        for index, bit in enumerate(bin(bitmap)[3:]):
            if bit == "1":
                encoding = reader.open_type()
                if index < len(self.additions):
                    values[index] = _read_open(self.additions[index].kind, encoding, reader.depth)
        return values


def _packer(names: tuple[str, ...], of: Callable[..., Any] | None) -> Callable[[Any], tuple[Any, ...]]:
    """Python value -> component values in order."""
    if of is None:
        return tuple
    if len(names) > 1:
        return attrgetter(*names)
    single = attrgetter(names[0])
    return lambda value: (single(value),)


def _builder(names: tuple[str, ...], of: Callable[..., Any] | None) -> Callable[[list[Any]], Any]:
    """Component values in order -> Python value; by position where the class has that order too."""
    if of is None:
        return tuple
    parameters = signature(of).parameters.values()
    positional = [parameter.name for parameter in parameters if parameter.kind is not Parameter.KEYWORD_ONLY]
    if positional == list(names):
        return lambda values: of(*values)
    return lambda values: of(**dict(zip(names, values, strict=True)))


def _read_open(kind: Type, encoding: bytes, depth: int) -> Any:
    inner = BitReader(encoding)
    inner.depth = depth
    return kind.read(inner)


class Wrapped:
    """SEQUENCE of one mandatory component, whose value stands for the whole."""

    def __init__(self, kind: Type, *, extensible: bool = True) -> None:
        self.kind = kind
        self.extensible = extensible

    @cached_property
    def min_bits(self) -> int:
        return self.extensible + self.kind.min_bits

    def write(self, writer: BitWriter, value: Any) -> None:
        if self.extensible:
            writer.bits(0, 1)
        self.kind.write(writer, value)

    def read(self, reader: BitReader) -> Any:
        extended = reader.bits(1) if self.extensible else 0
        value = self.kind.read(reader)
        if extended:
            reader.skip_additions()
        return value


class SequenceOf:
    """SEQUENCE OF (clause 20); the value is a tuple."""

    def __init__(self, kind: Type, low: int = 0, high: int | None = None) -> None:
        self.kind = kind
        self.low = low
        self.high = high
        self.bounded = high is not None and high < UNBOUNDED_SIZE

    @cached_property
    def min_bits(self) -> int:
        return 0 if self.bounded else 8

    def write(self, writer: BitWriter, value: Listed[Any]) -> None:
        if len(value) < self.low or (self.high is not None and len(value) > self.high):
            raise LocalProtocolError(f"{len(value)} elements, {self.low}..{self.high} allowed")
        if self.bounded and self.high is not None:
            writer.constrained(len(value), self.low, self.high)
            for item in value:
                self.kind.write(writer, item)
            return
        for determinant, start, stop in fragments(len(value)):
            writer.octets(determinant)
            for item in value[start:stop]:
                self.kind.write(writer, item)

    def read(self, reader: BitReader) -> tuple[Any, ...]:
        if self.bounded and self.high is not None:
            return self._items(reader, reader.constrained(self.low, self.high))
        items: tuple[Any, ...] = ()
        more = True
        while more:
            count, more = reader.length()
            items += self._items(reader, count)
        if len(items) < self.low:
            raise malformed(f"{len(items)} elements, at least {self.low} needed")
        return items

    def _items(self, reader: BitReader, count: int) -> tuple[Any, ...]:
        reader.require(count * max(self.kind.min_bits, 1))
        read = self.kind.read
        return tuple([read(reader) for _ in range(count)])


class Choice:
    """CHOICE (clause 23).

    Args:
        root: the root alternatives, in order.
        index_of: Python value -> index of its alternative, counted through root and additions.
        additions: alternatives after the extension marker that we know.
        unknown: what an alternative of a later version is read as; without it such a choice is refused.
    """

    def __init__(
        self,
        root: Listed[Type],
        index_of: Callable[[Any], int],
        *,
        extensible: bool = True,
        additions: Listed[Type] = (),
        unknown: Any = None,
    ) -> None:
        self.root = tuple(root)
        self.index_of = index_of
        self.extensible = extensible
        self.additions = tuple(additions)
        self.unknown = unknown
        self._width = field_width(len(self.root))

    @cached_property
    def min_bits(self) -> int:
        least = min(kind.min_bits for kind in self.root)
        return self.extensible + self._width + (0 if self.extensible else least)

    def write(self, writer: BitWriter, value: Any) -> None:
        index = self.index_of(value)
        if index < len(self.root):
            writer.bits(index, self._width + self.extensible)
            self.root[index].write(writer, value)
            return
        writer.bits(1, 1)
        writer.small_number(index - len(self.root))
        writer.open_type(encode(self.additions[index - len(self.root)], value))

    def read(self, reader: BitReader) -> Any:
        if self.extensible and reader.bits(1):
            return self._read_addition(reader)
        index = reader.bits(self._width)
        if index >= len(self.root):
            raise malformed(f"alternative {index} of {len(self.root)}")
        return self.root[index].read(reader)

    def _read_addition(self, reader: BitReader) -> Any:
        index = reader.small_number()
        encoding = reader.open_type()
        if index < len(self.additions):
            return _read_open(self.additions[index], encoding, reader.depth)
        if self.unknown is None:
            raise not_comprehended(f"alternative {index} of a later version")
        return self.unknown


def by_class(*classes: type) -> Callable[[Any], int]:
    """An ``index_of`` for alternatives that differ in the class of their value."""
    index = {cls: number for number, cls in enumerate(classes)}

    def index_of(value: Any) -> int:
        number = index.get(type(value))
        if number is None:
            raise LocalProtocolError(f"{value!r} is none of the alternatives {[cls.__name__ for cls in classes]}")
        return number

    return index_of


class Recursive:
    """A type that contains itself, named before it exists; the depth on the wire is bounded."""

    min_bits = 1

    def __init__(self, kind: Callable[[], Type]) -> None:
        self._kind = kind

    def write(self, writer: BitWriter, value: Any) -> None:
        self._kind().write(writer, value)

    def read(self, reader: BitReader) -> Any:
        reader.enter()
        value = self._kind().read(reader)
        reader.leave()
        return value
