"""The runtime on hostile input, at its limits, and on values that have no encoding."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.aper import (
    BitReader,
    BitString,
    BitWriter,
    Boolean,
    Choice,
    Enumerated,
    Field,
    Integer,
    Null,
    OctetString,
    PrintableString,
    Real,
    Recursive,
    Sequence,
    SequenceOf,
    counted,
    decode,
    encode,
    fragments,
    real_octets,
    real_value,
)
from oran.aper.reader import MAX_DEPTH
from oran.e2ap.messages import CauseProtocol
from oran.errors import DecodeError, LocalProtocolError

TREE = Sequence(Field("number", Integer(0, 255)), Field("children", SequenceOf(Recursive(lambda: TREE), 0, 255)))

TYPES = [
    Integer(),
    Integer(0, 2**32 - 1),
    Integer(0, 255, extensible=True),
    Enumerated("abcde"),
    OctetString(),
    OctetString(0, 20),
    PrintableString(1, 150, extensible=True),
    BitString(),
    BitString(22, 32),
    Real(),
    SequenceOf(Null(), 0, 65535),
    SequenceOf(Boolean(), 0, None),
    TREE,
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: type(kind).__name__)
@given(octets=st.binary(max_size=40))
def test_any_octets_are_a_value_or_a_decode_error_with_a_cause(kind, octets):
    try:
        decode(kind, octets)
    except DecodeError as error:
        assert isinstance(error.cause, CauseProtocol)


@given(st.binary(max_size=40), st.lists(st.integers(0, 70), max_size=30))
def test_bits_are_those_of_the_octets_in_order(octets, widths):
    everything = "".join(f"{octet:08b}" for octet in octets)
    reader, at = BitReader(octets), 0
    for width in widths:
        if at + width > len(everything):
            with pytest.raises(DecodeError):
                reader.bits(width)
            return
        assert reader.bits(width) == int(everything[at : at + width] or "0", 2)
        at += width


@given(st.lists(st.integers(0, 70).flatmap(lambda n: st.tuples(st.integers(0, 2**n - 1), st.just(n)))))
def test_written_bits_are_read_back(fields):
    writer = BitWriter()
    for value, width in fields:
        writer.bits(value, width)
    reader = BitReader(writer.to_bytes())
    assert [(reader.bits(width), width) for _, width in fields] == fields


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 16_385, 49_152, 65_536, 81_920, 98_304, 200_001])
def test_counted_octets_of_any_size_are_read_back(size):
    data = bytes(i & 0xFF for i in range(size))
    assert BitReader(counted(data)).counted() == data


def test_fragments_are_four_units_at_most_and_end_with_a_short_piece():
    pieces = list(fragments(16_384 * 5))
    assert [(head.hex(), stop - start) for head, start, stop in pieces] == [("c4", 65_536), ("c1", 16_384), ("00", 0)]


@pytest.mark.parametrize("size", [16_383, 16_384, 40_000])
def test_a_list_of_any_length_is_read_back(size):
    kind = SequenceOf(Integer(0, 7), 0, None)
    values = tuple(i & 7 for i in range(size))
    assert decode(kind, encode(kind, values)) == values


def test_small_numbers_switch_to_a_length_at_64():
    for value in (0, 63, 64, 255, 256, 100_000):
        writer = BitWriter()
        writer.small_number(value)
        assert BitReader(writer.to_bytes()).small_number() == value


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (SequenceOf(Integer(0, 255), 0, 65535), b"\xff\xff\x00"),
        (SequenceOf(OctetString(), 0, None), b"\xc4" + bytes(60)),
        (SequenceOf(Null(), 0, 65535), b"\xff\xff"),
        (OctetString(), b"\xbf\xff\x00"),
        (BitString(), b"\xbf\xff\x00"),
    ],
    ids=["items", "fragment", "nothing", "octets", "bits"],
)
def test_a_count_beyond_the_input_is_refused_without_allocating(kind, octets):
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode(kind, octets)
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


def nested(depth):
    value = (0, ())
    for _ in range(depth):
        value = (0, (value,))
    return value


def test_recursion_is_followed_to_its_limit_and_no_further():
    assert decode(TREE, encode(TREE, nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(DecodeError):
        decode(TREE, encode(TREE, nested(MAX_DEPTH + 1)))


def test_recursion_through_open_types_is_bounded_too():
    kind = Choice([Null()], lambda value: int(value is not None), additions=[Recursive(lambda: kind)])
    octets = b"\x00"
    for _ in range(100):
        octets = b"\x80" + counted(octets)
    with pytest.raises(DecodeError):
        decode(kind, octets)


def test_a_missing_extension_count_is_refused():
    kind = Sequence(Field("number", Integer(0, 255)))
    with pytest.raises(DecodeError):
        decode(kind, b"\x80\x05\xff\xc1\x00")


@pytest.mark.parametrize(
    "octets",
    ["44", "4000", "80", "8000", "b00001", "83", "8300", "839901", "0341", "0041", "02", "80ff7f", "8101"],
)
def test_reals_that_mean_nothing_are_refused_or_are_numbers(octets):
    try:
        value = real_value(bytes.fromhex(octets))
    except DecodeError:
        return
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("", 0.0),
        ("40", float("inf")),
        ("41", float("-inf")),
        ("80fe0d", 3.25),
        ("c0fe0d", -3.25),
        ("8000" + "06", 6.0),
        ("8100000d", 13.0),
        ("9001" + "01", 8.0),
        ("a001" + "01", 16.0),
        ("8c00" + "01", 8.0),
        ("83020001" + "03", 6.0),
        ("03" + b"15E-1".hex(), 1.5),
        ("01" + b" 42".hex(), 42.0),
        ("02" + b"-3,5".hex(), -3.5),
    ],
)
def test_reals_of_every_form_are_read(octets, value):
    assert real_value(bytes.fromhex(octets)) == value


def test_reals_are_written_with_an_odd_mantissa():
    assert real_octets(3.25).hex() == "80fe0d"
    assert real_octets(-96.0).hex() == "c00503"
    assert real_octets(1e-300)[0] == 0x81


@pytest.mark.parametrize("octets", ["8202007f01", "817fff01"])
def test_a_real_beyond_a_double_is_refused(octets):
    with pytest.raises(DecodeError):
        real_value(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Integer(0, 255), 256),
        (Integer(0, 255), -1),
        (Integer(1), 0),
        (Enumerated("abc"), "d"),
        (OctetString(3, 3), b"ab"),
        (OctetString(3), b"ab"),
        (PrintableString(1, 150, extensible=True), "under_score"),
        (PrintableString(1, 150, extensible=True), "umläut"),
        (BitString(20, 20), (0, 21)),
        (BitString(20, 20), (1 << 20, 20)),
        (Null(), 0),
        (SequenceOf(Integer(0, 255), 1, 16), ()),
        (SequenceOf(Integer(0, 255), 1, 16), (0,) * 17),
        (Sequence(Field("a", Boolean()), Field("b", Boolean())), (True,)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_without_an_encoding_is_our_own_error(kind, value):
    with pytest.raises(LocalProtocolError):
        encode(kind, value)


def test_names_with_characters_outside_the_repertoire_are_read():
    kind = PrintableString(1, 150, extensible=True)
    assert decode(kind, bytes.fromhex("0080") + b"_&") == "_&"
