"""Every PER type against asn1tools: the same octets, the same values."""

import math

import asn1tools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.aper import (
    BitString,
    Boolean,
    Choice,
    Enumerated,
    Field,
    Integer,
    Null,
    OctetString,
    PrintableString,
    Real,
    Sequence,
    SequenceOf,
    Wrapped,
    decode,
    encode,
)

PRINTABLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"


def integers(low, high):
    edges = [v for v in (low, low + 1, high - 1, high, (low + high) // 2) if low <= v <= high]
    return st.sampled_from(edges) | st.integers(low, high)


def same(value):
    return value


def bits_of(value):
    number, count = value
    return (number << -count % 8).to_bytes((count + 7) // 8, "big"), count


@st.composite
def bit_strings(draw, low, high):
    count = draw(st.integers(low, high))
    return draw(st.integers(0, 2**count - 1)), count


RANGES = [
    (5, 5),
    (0, 1),
    (0, 2),
    (-3, 4),
    (0, 254),
    (1, 255),
    (0, 255),
    (1, 256),
    (0, 256),
    (0, 4095),
    (0, 65534),
    (0, 65535),
    (1, 65536),
    (0, 65536),
    (1, 2**32 - 1),
    (0, 2**32 - 1),
    (0, 2**36 - 1),
    (0, 2**40 - 1),
]

# name, ASN.1, our type, values, our value -> asn1tools value
CASES = [
    *[
        (f"Range{n}", f"INTEGER ({low}..{high})", Integer(low, high), integers(low, high), same)
        for n, (low, high) in enumerate(RANGES)
    ],
    ("Free", "INTEGER", Integer(), st.integers(-(2**70), 2**70) | st.integers(-300, 300), same),
    (
        "Extended",
        "INTEGER (0..255, ...)",
        Integer(0, 255, extensible=True),
        st.integers(-1000, 1000),
        same,
    ),
    ("Truth", "BOOLEAN", Boolean(), st.booleans(), same),
    ("Nothing", "NULL", Null(), st.none(), same),
    ("One", "ENUMERATED {a}", Enumerated("a", extensible=False), st.just("a"), same),
    ("Three", "ENUMERATED {a, b, c}", Enumerated("abc", extensible=False), st.sampled_from("abc"), same),
    ("Three2", "ENUMERATED {a, b, c, ...}", Enumerated("abc"), st.sampled_from("abc"), same),
    ("Octets", "OCTET STRING", OctetString(), st.binary(max_size=300), same),
    ("Octets1", "OCTET STRING (SIZE (1))", OctetString(1, 1), st.binary(min_size=1, max_size=1), same),
    ("Octets2", "OCTET STRING (SIZE (2))", OctetString(2, 2), st.binary(min_size=2, max_size=2), same),
    ("Octets3", "OCTET STRING (SIZE (3))", OctetString(3, 3), st.binary(min_size=3, max_size=3), same),
    ("Octets4", "OCTET STRING (SIZE (0..20))", OctetString(0, 20), st.binary(max_size=20), same),
    (
        "Octets5",
        "OCTET STRING (SIZE (3, ...))",
        OctetString(3, 3, extensible=True),
        st.binary(min_size=3, max_size=3),
        same,
    ),
    (
        "Name",
        "PrintableString (SIZE (1..150, ...))",
        PrintableString(1, 150, extensible=True),
        st.text(PRINTABLE, min_size=1, max_size=150),
        same,
    ),
    (
        "Oid",
        "PrintableString (SIZE (1..1000, ...))",
        PrintableString(1, 1000, extensible=True),
        st.text(PRINTABLE, min_size=1, max_size=1000),
        same,
    ),
    (
        "Short",
        "PrintableString (SIZE (0..8, ...))",
        PrintableString(0, 8, extensible=True),
        st.text(PRINTABLE, max_size=8),
        same,
    ),
    ("Bits6", "BIT STRING (SIZE (6))", BitString(6, 6), bit_strings(6, 6), bits_of),
    ("Bits16", "BIT STRING (SIZE (16))", BitString(16, 16), bit_strings(16, 16), bits_of),
    ("Bits20", "BIT STRING (SIZE (20))", BitString(20, 20), bit_strings(20, 20), bits_of),
    ("Bits36", "BIT STRING (SIZE (36))", BitString(36, 36), bit_strings(36, 36), bits_of),
    ("BitsRange", "BIT STRING (SIZE (22..32))", BitString(22, 32), bit_strings(22, 32), bits_of),
    (
        "BitsMany",
        "BIT STRING (SIZE (1..160, ...))",
        BitString(1, 160, extensible=True),
        bit_strings(1, 160),
        bits_of,
    ),
    ("BitsFree", "BIT STRING", BitString(), bit_strings(0, 200), bits_of),
    (
        "Numbers",
        "SEQUENCE (SIZE (1..16)) OF INTEGER (0..255)",
        SequenceOf(Integer(0, 255), 1, 16),
        st.lists(st.integers(0, 255), min_size=1, max_size=16).map(tuple),
        list,
    ),
    (
        "Numbers2",
        "SEQUENCE (SIZE (1..2147483647)) OF INTEGER (0..7)",
        SequenceOf(Integer(0, 7), 1, 2**31 - 1),
        st.lists(st.integers(0, 7), min_size=1, max_size=200).map(tuple),
        list,
    ),
    (
        "Numbers3",
        "SEQUENCE (SIZE (0..65535)) OF BOOLEAN",
        SequenceOf(Boolean(), 0, 65535),
        st.lists(st.booleans(), max_size=40).map(tuple),
        list,
    ),
]

# Each type once at an octet boundary and once three bits after it, so that alignment is exercised.
SPECIFICATION = "Cases DEFINITIONS AUTOMATIC TAGS ::= BEGIN\n"
for _name, _text, *_ in CASES:
    SPECIFICATION += f"{_name} ::= {_text}\n"
    SPECIFICATION += f"{_name}After ::= SEQUENCE {{ before INTEGER (0..7), value {_name}, after BOOLEAN }}\n"
SPECIFICATION += """
Body ::= SEQUENCE { first INTEGER (0..7), second OCTET STRING OPTIONAL, third Three2 OPTIONAL, ...,
                    fourth INTEGER OPTIONAL, fifth Name OPTIONAL }
Plain ::= SEQUENCE { first BOOLEAN, second INTEGER (0..4095) OPTIONAL }
Pick ::= CHOICE { number INTEGER (0..255), text Name, none NULL, ..., octets OCTET STRING, more Plain }
Pair ::= CHOICE { number INTEGER (0..255), text Name }
END
"""
ORACLE = asn1tools.compile_string(SPECIFICATION, "per")
IDS = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "_", "kind", "values", "foreign"), CASES, ids=IDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_type_is_written_and_read_as_asn1tools_does(name, _, kind, values, foreign, data):
    value = data.draw(values)
    octets = ORACLE.encode(name, foreign(value))
    # where a value has no bits asn1tools leaves the encoding empty; a complete encoding has an octet (X.691, 11.1.3)
    assert encode(kind, value) == (octets or b"\x00")
    assert decode(kind, octets or b"\x00") == value


@pytest.mark.parametrize(("name", "_", "kind", "values", "foreign"), CASES, ids=IDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_type_inside_a_sequence_is_aligned_as_asn1tools_does(name, _, kind, values, foreign, data):
    value = data.draw(values)
    before, after = data.draw(st.integers(0, 7)), data.draw(st.booleans())
    sequence = Sequence(
        Field("before", Integer(0, 7)), Field("value", kind), Field("after", Boolean()), extensible=False
    )
    octets = ORACLE.encode(f"{name}After", {"before": before, "value": foreign(value), "after": after})
    assert encode(sequence, (before, value, after)) == octets
    assert decode(sequence, octets) == (before, value, after)


NAME = PrintableString(1, 150, extensible=True)
BODY = Sequence(
    Field("first", Integer(0, 7)),
    Field("second", OctetString(), optional=True),
    Field("third", Enumerated("abc"), optional=True),
    additions=(Field("fourth", Integer(), optional=True), Field("fifth", NAME, optional=True)),
)
OLD_BODY = Sequence(
    Field("first", Integer(0, 7)),
    Field("second", OctetString(), optional=True),
    Field("third", Enumerated("abc"), optional=True),
)
PLAIN = Sequence(Field("first", Boolean()), Field("second", Integer(0, 4095), optional=True), extensible=False)
PICKS = ("number", "text", "none", "octets", "more")

bodies = st.tuples(
    st.integers(0, 7),
    st.none() | st.binary(max_size=20),
    st.none() | st.sampled_from("abc"),
    st.none() | st.integers(-1000, 1000),
    st.none() | st.text(PRINTABLE, min_size=1, max_size=20),
)


def named(names, values):
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_an_extended_sequence_is_read_by_both_versions(value):
    foreign = named(("first", "second", "third", "fourth", "fifth"), value)
    octets = ORACLE.encode("Body", foreign)
    ours = encode(BODY, value)
    assert ORACLE.decode("Body", ours) == foreign
    assert decode(BODY, octets) == decode(BODY, ours) == value
    assert decode(OLD_BODY, octets) == value[:3]


@settings(max_examples=100, deadline=None)
@given(bodies.filter(lambda value: value[3] is not None))
def test_extension_additions_are_the_octets_of_asn1tools(value):
    foreign = named(("first", "second", "third", "fourth", "fifth"), value)
    assert encode(BODY, value) == ORACLE.encode("Body", foreign)


def tagged(name, kind):
    class Inner:
        min_bits = kind.min_bits

        def write(self, writer, value):
            kind.write(writer, value[1])

        def read(self, reader):
            return (name, kind.read(reader))

    return Inner()


PICK = Choice(
    [tagged("number", Integer(0, 255)), tagged("text", NAME), tagged("none", Null())],
    lambda value: PICKS.index(value[0]),
    additions=[tagged("octets", OctetString()), tagged("more", PLAIN)],
)


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.just("number"), st.integers(0, 255))
    | st.tuples(st.just("text"), st.text(PRINTABLE, min_size=1, max_size=10))
    | st.just(("none", None))
    | st.tuples(st.just("octets"), st.binary(max_size=200))
    | st.tuples(st.just("more"), st.tuples(st.booleans(), st.none() | st.integers(0, 4095)))
)
def test_a_choice_and_its_extensions_are_the_octets_of_asn1tools(value):
    foreign = value
    if value[0] == "more":
        foreign = ("more", named(("first", "second"), value[1]))
    octets = ORACLE.encode("Pick", foreign)
    assert encode(PICK, value) == octets
    assert decode(PICK, octets) == value


@pytest.mark.parametrize(("value", "octets"), [(1, "0100"), (128, "017f"), (256, "01ff"), (257, "020100")])
def test_a_semi_constrained_integer_is_an_offset_from_its_bound(value, octets):
    assert encode(Integer(1), value).hex() == octets  # asn1tools writes the value itself, against X.691, 11.7
    assert decode(Integer(1), bytes.fromhex(octets)) == value


def test_a_wrapped_component_stands_for_its_sequence():
    assert encode(Wrapped(Integer(0, 255)), 7) == b"\x00\x07"
    assert decode(Wrapped(Integer(0, 255)), b"\x80\x07\x00\x40\x01\x00") == 7


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False))
def test_every_double_survives_as_a_real(value):
    again = decode(Real(), encode(Real(), value))
    assert again == value
    assert math.copysign(1.0, again) == math.copysign(1.0, value)


def test_not_a_number_survives_as_a_real():
    assert math.isnan(decode(Real(), encode(Real(), math.nan)))
