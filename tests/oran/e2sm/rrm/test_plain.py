"""Plain values against the protobuf library: the same messages, the same refusals, the same octets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oran._generated import e2sm_rrm_pb2 as pb
from oran.e2sm import rrm
from oran.e2sm.rrm import codec, plain
from oran.e2sm.rrm.plain import Plain, Unusual, plain_of, read, write
from oran.errors import DecodeError, LocalProtocolError
from tests.oran.e2sm.rrm.test_codec import make_report

KINDS: tuple[type[Message], ...] = (
    pb.RadioReport,
    pb.ControlMessage,
    pb.IndicationHeader,
    pb.ControlHeader,
    pb.ControlOutcome,
    pb.EventTrigger,
    pb.ActionDefinition,
    pb.RanFunctionDefinition,
)
EDGES = {
    FieldDescriptor.TYPE_UINT32: st.sampled_from([0, 1, 127, 128, 16_384, 2**32 - 1]) | st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.sampled_from([0, 1, 127, 128, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_ENUM: st.integers(-3, 6),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_STRING: st.text(max_size=200),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=200),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message] | None = None) -> Message:
    """Any message of any type, sense or nonsense."""
    message = (kind or draw(st.sampled_from(KINDS)))()
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        if field.label == FieldDescriptor.LABEL_REPEATED:
            getattr(message, field.name).extend(draw(st.lists(EDGES[field.type], max_size=4)))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            nested = draw(messages(getattr(pb, field.message_type.name)))
            getattr(message, field.name).CopyFrom(nested)
        else:
            setattr(message, field.name, draw(EDGES[field.type]))
    return message


def as_dict(message: Any) -> dict[str, Any]:
    """Every field, whichever object holds it; nested messages that were not sent as None."""
    if isinstance(message, Plain):
        names = {name: how == plain._MESSAGE for name, how, _ in message.fields.values()}
    else:
        names = {each.name: each.type == FieldDescriptor.TYPE_MESSAGE for each in message.DESCRIPTOR.fields}
    return {name: _field(message, name, nested=nested) for name, nested in names.items()}


def _field(message: Any, name: str, *, nested: bool) -> Any:
    value = getattr(message, name)
    if nested:
        return as_dict(value) if message.HasField(name) else None
    if isinstance(value, float):
        return "nan" if value != value else (value, str(value))  # the sign of zero counts
    return value if isinstance(value, int | str | bytes) else list(value)


def assert_agrees(kind: type[Message], octets: bytes) -> bool:
    """Whether the octets were read; if so as the library does."""
    try:
        found = read(plain_of(kind.DESCRIPTOR), octets)
    except Unusual:
        return False
    assert as_dict(found) == as_dict(kind.FromString(octets))
    return True


@given(messages())
@settings(max_examples=200, deadline=None)
def test_a_message_that_the_library_has_written_is_read_as_the_library_reads_it(message: Message) -> None:
    assert_agrees(type(message), message.SerializeToString())


@given(messages(), st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_octets_are_read_as_the_library_reads_them_or_left_to_it(message: Message, data: st.DataObject) -> None:
    octets = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(octets)))
        cut = data.draw(st.integers(0, 2))
        octets[place : place + cut] = data.draw(st.binary(max_size=3))
    assert_agrees(type(message), bytes(octets))


@given(st.sampled_from(KINDS), st.binary(max_size=60))
@example(pb.IndicationHeader, b"\x88\x00\x07")  # a tag in a longer form than it needs: an unknown field
@example(pb.IndicationHeader, b"\x08\x01\x08\x02")  # twice
@example(pb.IndicationHeader, b"\x08\x81\x00")
@example(pb.IndicationHeader, b"\x10" + b"\xff" * 9 + b"\x01")  # 64 bits in a field of 32
@example(pb.RadioReport, b"\x1a\x01\x00")
@example(pb.RadioReport, b"\x19\x00\x00")
@example(pb.RadioReport, b"\x8a\x01\x01\xff")  # no UTF-8
@example(pb.RadioReport, b"\x32\x03\x21\x00\x00" + b"\x00" * 9)  # a number that leaves its message
@example(pb.Tensor, b"\x10\x03")  # a shape that is not packed
@example(pb.Tensor, b"\x12\x01\x80\x01")
@settings(max_examples=300, deadline=None)
def test_any_octets_are_read_as_the_library_reads_them_or_left_to_it(kind: type[Message], octets: bytes) -> None:
    assert_agrees(kind, octets)


@given(st.integers(0, 9), st.integers(1, 3), st.integers(1, 7), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_what_we_send_is_never_left_to_the_library_and_has_its_octets(ues: int, rus: int, prbs: int, seed: int) -> None:
    report = make_report(ues, rus, prbs, seed)
    header = rrm.IndicationHeader(2**40, 0, 1, 70_000, 41, rrm.Clock.FREE_RUNNING)
    sent = {
        pb.RadioReport: rrm.encode_report(report),
        pb.ControlMessage: rrm.encode_allocation(report.in_force),
        pb.IndicationHeader: rrm.encode_indication_header(header),
        pb.ControlHeader: rrm.encode_control_header(rrm.ControlHeader(2**40, "ssvae", "")),
        pb.ControlOutcome: rrm.encode_outcome(rrm.ControlOutcome(0, 300, "unknown_ue", "UE é")),
    }
    for kind, octets in sent.items():
        assert assert_agrees(kind, octets)
        assert kind.FromString(octets).SerializeToString() == octets


@given(st.data(), st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_decoders_answer_the_same_with_and_without_the_library(data: st.DataObject, seed: int) -> None:
    """Damaged reports and controls: the same values or the same error."""
    report = make_report(3, 1, 4, seed)
    decode, octets = data.draw(
        st.sampled_from(
            [
                (rrm.decode_report, rrm.encode_report(report)),
                (rrm.decode_control_message, rrm.encode_allocation(report.in_force)),
            ]
        )
    )
    place = data.draw(st.integers(0, len(octets) - 1))
    damaged = octets[:place] + data.draw(st.binary(max_size=2)) + octets[place + 1 :]
    plainly = _outcome(decode, damaged)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(codec, "_parse", codec._parse_anything)
        assert _outcome(decode, damaged) == plainly


def _outcome(decode: Any, octets: bytes) -> str:
    try:
        with np.printoptions(threshold=10_000):
            return repr(decode(octets))
    except DecodeError as error:
        return f"{error} {error.cause}"


@pytest.mark.parametrize(
    "broken",
    [{"report_id": -1}, {"report_id": 2**64}, {"slot": -5}, {"slice_ids": np.array([2**40, 0, 0])}],
)
def test_numbers_that_the_wire_cannot_hold_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        rrm.encode_report(replace(make_report(3, 1, 4), **broken))


def test_defaults_are_not_sent() -> None:
    kind = plain_of(pb.Tensor.DESCRIPTOR)
    assert write(kind, dtype=0, shape=(), data=b"", scale=-0.0) == pb.Tensor(scale=-0.0).SerializeToString() == b""


def test_garbage_is_the_library_s_to_refuse() -> None:
    with pytest.raises(ProtobufDecodeError):
        pb.RadioReport.FromString(b"\xff\xff")
    with pytest.raises(DecodeError):
        rrm.decode_report(b"\xff\xff")
