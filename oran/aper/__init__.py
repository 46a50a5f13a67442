"""Aligned PER (ITU-T X.691, BASIC-PER ALIGNED): bits below, declarative types above.

``BitWriter`` and ``BitReader`` know fields, lengths, fragments and open types. On them stand types
that map ASN.1 to Python values; E2AP and the service models are tables of such types.
Reading raises DecodeError only, in time and memory bounded by the length of the input.
"""

from oran.aper.composed import Choice, Field, Recursive, Sequence, SequenceOf, Wrapped, by_class, decode, encode
from oran.aper.faults import malformed, not_comprehended
from oran.aper.reader import BitReader
from oran.aper.real import Real, real_octets, real_value
from oran.aper.types import BitString, Boolean, Enumerated, Integer, Mapped, Null, OctetString, PrintableString, Type
from oran.aper.writer import BitWriter, counted, fragments, length_octets

__all__ = [
    "BitReader",
    "BitString",
    "BitWriter",
    "Boolean",
    "Choice",
    "Enumerated",
    "Field",
    "Integer",
    "Mapped",
    "Null",
    "OctetString",
    "PrintableString",
    "Real",
    "Recursive",
    "Sequence",
    "SequenceOf",
    "Type",
    "Wrapped",
    "by_class",
    "counted",
    "decode",
    "encode",
    "fragments",
    "length_octets",
    "malformed",
    "not_comprehended",
    "real_octets",
    "real_value",
]
