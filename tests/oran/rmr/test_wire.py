"""RMR frames: the captured example, round trips, every way to cut a stream, and garbage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.errors import DecodeError, LocalProtocolError
from oran.rmr.wire import MAX_FRAME_BYTES, FrameReader, RmrMessage, decode, encode

CAPTURED = RmrMessage(
    mtype=12050,
    payload=b"hello-e2",
    sub_id=7,
    meid="gnb_001",
    transaction_id=b"0123456789abcdef" * 2,
    source="service-ricxapp-demo-rmr.ricxapp:15561",
    source_ip="127.0.0.1:15561",
)


def captured_frame(undefined: int) -> bytes:
    """The 342 octets librmr 4.9.4 sent for CAPTURED, laid out by offset; undefined octets as given."""
    frame = bytearray([undefined]) * 342
    frame[0x32:0x14A] = bytes(280)
    for offset, octets in {
        0x000: bytes.fromhex("56 01 00 00 00 00 01 56 24"),
        0x032: bytes.fromhex("00 00 2f 12 00 00 00 08 00 00 00 03"),
        0x03E: b"0123456789abcdef0123456789abcdef",
        0x07E: b"service-ricxapp-demo-rmr.ricxapp:15561",
        0x0BE: b"gnb_001",
        0x0F2: bytes.fromhex("00 00 00 00 00 00 01 18 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 07"),
        0x10A: b"127.0.0.1:15561",
        0x14A: b"\0",
        0x14E: b"hello-e2",
    }.items():
        frame[offset : offset + len(octets)] = octets
    return bytes(frame)


latin_names = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=31)
int32 = st.integers(-(2**31), 2**31 - 1)
messages = st.builds(
    RmrMessage,
    mtype=int32,
    payload=st.binary(max_size=300),
    sub_id=int32,
    meid=latin_names,
    transaction_id=st.binary(max_size=32).map(lambda octets: octets.rstrip(b"\0")),
    source=latin_names,
    source_ip=latin_names,
    flags=int32,
    call_id=st.integers(0, 255),
    trace=st.binary(max_size=250),
)


def test_the_captured_frame_is_read():
    assert decode(captured_frame(undefined=0)) == CAPTURED


def test_the_captured_message_is_written_octet_for_octet():
    assert encode(CAPTURED) == captured_frame(undefined=0)


def test_octets_librmr_leaves_undefined_are_not_looked_at():
    frame = bytearray(captured_frame(undefined=0xA5))
    frame[0x14A] = 0  # the call id is defined
    assert FrameReader().feed(bytes(frame)) == [CAPTURED]


def test_e2_termination_traces_move_the_payload_to_534():
    frame = encode(RmrMessage(12050, b"pdu", trace=bytes(200)))
    assert frame[534:] == b"pdu"
    assert decode(frame).payload == b"pdu"


def test_a_second_data_area_and_a_longer_header_are_skipped():
    frame = bytearray(encode(RmrMessage(1, b"payload", call_id=9)))
    frame[0xF6:0xFA] = struct.pack(">i", 284)  # len0: four octets more
    frame[0x102:0x106] = struct.pack(">i", 3)  # len3: d2
    frame[0x14A:0x14A] = b"more"
    frame[0x14A + 8 : 0x14A + 8] = b"d2!"
    frame[0:4] = struct.pack("<I", len(frame))
    assert decode(frame) == RmrMessage(1, b"payload", call_id=9)


def test_without_a_d1_area_the_call_id_is_zero():
    frame = bytearray(encode(RmrMessage(1, b"payload", call_id=9)))
    frame[0xFE:0x102] = struct.pack(">i", 0)
    del frame[0x14A:0x14E]
    assert decode(frame).call_id == 0
    assert decode(frame).payload == b"payload"


@given(messages)
def test_every_message_survives_the_wire(message):
    assert decode(encode(message)) == message


@given(st.lists(messages, max_size=4), st.lists(st.integers(1, 400), min_size=1))
def test_a_stream_reads_the_same_however_it_is_cut(sent, cuts):
    stream, reader, received, position = b"".join(map(encode, sent)), FrameReader(), [], 0
    for turn in range(len(stream)):
        step = cuts[turn % len(cuts)]
        received += reader.feed(stream[position : position + step])
        position += step
    assert received == sent


def test_one_octet_at_a_time_is_enough():
    reader = FrameReader()
    received = [message for octet in encode(CAPTURED) for message in reader.feed(bytes([octet]))]
    assert received == [CAPTURED]


def test_the_little_endian_length_alone_is_enough():
    frame = bytearray(encode(CAPTURED))
    frame[4:50] = bytes(46)
    assert FrameReader().feed(bytes(frame)) == [CAPTURED]


def test_the_little_endian_length_wins_over_the_big_endian_copy():
    frame = bytearray(encode(CAPTURED))
    frame[4:8] = struct.pack(">I", 5000)
    assert FrameReader().feed(bytes(frame)) == [CAPTURED]


def test_five_megabytes_arrive_whole():
    payload = bytes(range(256)) * 20_000
    assert FrameReader().feed(encode(RmrMessage(1, payload)))[0].payload == payload


@pytest.mark.parametrize("plen", [9, 2**31 - 1, -1])
def test_a_payload_length_that_leaves_the_frame_is_refused(plen):
    frame = bytearray(encode(CAPTURED))
    frame[0x36:0x3A] = struct.pack(">i", plen)
    with pytest.raises(DecodeError, match="payload"):
        decode(frame)


@pytest.mark.parametrize("offset", [0xF6, 0xFA, 0xFE, 0x102])
@pytest.mark.parametrize("value", [-1, 2**31 - 1, 100_000])
def test_area_lengths_that_leave_the_frame_are_refused(offset, value):
    frame = bytearray(encode(CAPTURED))
    frame[offset : offset + 4] = struct.pack(">i", value)
    with pytest.raises(DecodeError):
        decode(frame)


@pytest.mark.parametrize("length", [0, 49, 329, MAX_FRAME_BYTES + 1, 2**32 - 1])
def test_an_impossible_announced_length_is_refused_before_anything_is_buffered(length):
    with pytest.raises(DecodeError, match="announces"):
        FrameReader().feed(struct.pack("<I", length))


def test_messages_before_garbage_are_delivered_and_the_stream_then_ends():
    reader = FrameReader()
    assert reader.feed(encode(CAPTURED) + b"\1\0\0\0") == [CAPTURED]
    for _ in range(2):
        with pytest.raises(DecodeError):
            reader.feed(encode(CAPTURED))


@given(st.binary(max_size=700))
def test_garbage_raises_nothing_but_decode_error(data):
    try:
        decode(data)
        FrameReader().feed(data)
    except DecodeError:
        pass


@given(st.lists(st.tuples(st.integers(0, 341), st.integers(0, 255)), max_size=12))
def test_a_damaged_frame_gives_a_message_or_a_decode_error(damage):
    frame = bytearray(encode(CAPTURED))
    for offset, octet in damage:
        frame[offset] = octet
    try:
        for message in FrameReader().feed(bytes(frame)):
            assert len(message.payload) <= len(frame)
            encode(message)  # whatever was read can be sent back
    except DecodeError:
        pass


@pytest.mark.parametrize(
    "message",
    [
        RmrMessage(2**31, b""),
        RmrMessage(1, b"", sub_id=-(2**31) - 1),
        RmrMessage(1, b"", flags=2**31),
        RmrMessage(1, b"", call_id=256),
        RmrMessage(1, b"", transaction_id=bytes(33)),
        RmrMessage(1, b"", meid="g" * 32),
        RmrMessage(1, b"", source="s" * 64),
        RmrMessage(1, b"", source_ip="\0"),
        RmrMessage(1, b"", meid="gnb\N{SNOWMAN}"),
        RmrMessage(1, bytes(MAX_FRAME_BYTES)),
    ],
    ids=lambda message: repr(message)[:60],
)
def test_what_does_not_fit_the_header_is_our_own_fault(message):
    with pytest.raises(LocalProtocolError):
        encode(message)
