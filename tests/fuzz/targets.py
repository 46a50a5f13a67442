"""Everything of ours that reads a peer's octets, each under a name.

A target takes octets and returns, or raises DecodeError. Whatever else it does is a bug.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from oran import e2ap
from oran.e2sm import kpm, rc, rrm
from oran.errors import DecodeError
from oran.inspect.reading import MessageReader
from oran.inspect.source import messages_of_file
from oran.inspect.tree import tree
from oran.platform import a1, a1_messages
from oran.rmr import wire
from oran.rmr.route_records import RouteTableReader

CORPUS: Final = Path(__file__).parent / "corpus"
_LENGTHS: Final = (b"\xff\xff", b"\x7f\xff", b"\xbf\xff", b"\xc4\x00", b"\xc1", b"\x80\x00", b"\x00\x00", b"\xff\xfe")
_ROUTE_WORDS: Final = (
    *(b"newrt|start", b"newrt|end|", b"updatert|start", b"meid_map|start", b"meid_map|end", b"mse|12050|", b"mme_ar|"),
    *(b"del|", b"|", b",", b";", b"\n", b"%meid", b"-1", b"99999999999999999999", b"#"),
)
_JSON_WORDS: Final = (
    *(b'"', b"{", b"}", b"[", b"]", b"null", b"true", b"1e999", b"-1", b"NaN", b'\\"', b"\\ud800", b"\x00", b"\xff"),
    *(b'"operation"', b'"policy_type_id"', b'"payload"', b'"CREATE"', b"99999999999999999999"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One reader.

    Attributes:
        name: also the folder of its corpus.
        read: takes octets; returns, or raises DecodeError.
        tokens: pieces worth inserting when its input is mutated.
    """

    name: str
    read: Callable[[bytes], Any]
    tokens: tuple[bytes, ...] = _LENGTHS

    def seeds(self) -> list[bytes]:
        """The committed corpus, in order of the file names."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]


class PromiseBroken(AssertionError):
    """A reader returned, but not what it promises."""


def read_pdu(data: bytes) -> None:
    """Decode; what was read must be a PDU, and a refusal must carry the cause to report."""
    try:
        pdu = e2ap.decode(data)
    except DecodeError as error:
        if not isinstance(error.cause, e2ap.CauseProtocol):
            raise PromiseBroken(f"refused with cause {error.cause}") from error
        raise
    if not isinstance(pdu, e2ap.Pdu):
        raise PromiseBroken(f"a {type(pdu).__name__} is no PDU")


def attend_association(data: bytes) -> None:
    """Give octets to a ready association of either role: it never raises, and what it answers can be read."""
    association = e2ap.E2Association(tuple(e2ap.Role)[data[0] % 2 if data else 0])
    association.state = e2ap.State.READY
    events = association.receive(data[1:], 1.0)
    for event in events:
        if isinstance(event, e2ap.ProtocolViolation) and event.error.cause is None:
            raise PromiseBroken("a violation without a cause")
    for _, octets in association.outbox():
        try:
            e2ap.decode(octets)
        except DecodeError as error:
            raise PromiseBroken(f"answered with octets that nobody can read: {octets.hex()}") from error


def read_fragments(data: bytes) -> None:
    """Octets as indications of one subscription: one octet of length, header, two octets of length, message."""
    assembler = rrm.ReportAssembler()
    position = 0
    while position < len(data):
        header_end = position + 1 + data[position]
        message_start = header_end + 2
        message_end = message_start + int.from_bytes(data[header_end:message_start], "big")
        assembler.add(data[position + 1 : header_end], data[message_start:message_end])
        position = message_end


def read_frames(data: bytes) -> None:
    """Octets as an RMR stream that arrives in two pieces; what is read can be written again."""
    reader = wire.FrameReader()
    cut = len(data) // 3
    for message in (*reader.feed(data[:cut]), *reader.feed(data[cut:])):
        wire.encode(message)
    if reader.error is not None:
        raise reader.error


def read_routes(data: bytes) -> None:
    """Octets as route records behind a full table; the outcome can be rendered and read again."""
    reader = RouteTableReader()
    reader.feed("newrt|start|1\nmse|12050|-1|127.0.0.1:1\nnewrt|end|1\n")
    reader.feed(data.decode("latin-1"))
    reader.table.seen_by({"a:1"}).targets(12050, 1, "gnb")
    reader.table.render("2")


def read_policy(data: bytes) -> None:
    """Octets as an A1 policy request, its payload as either of our policies."""
    payload = a1_messages.decode_policy_request(data).payload()
    json.dumps(payload)
    try:
        a1.ModelPolicy.from_json(payload)
    except DecodeError:
        a1.ReportingPolicy.from_json(payload)


def read_capture(data: bytes) -> None:
    """Octets as a file that a person wants decoded; whatever message is in it can be read and drawn."""
    reader = MessageReader()
    for message in messages_of_file(data):
        tree(reader.read(message))


TARGETS: Final = {
    target.name: target
    for target in (
        Target("e2ap", read_pdu),
        Target("e2ap-association", attend_association),
        Target("kpm-ran-function", kpm.decode_ran_function),
        Target("kpm-event-trigger", kpm.decode_event_trigger),
        Target("kpm-action", kpm.decode_action),
        Target("kpm-header", kpm.decode_header),
        Target("kpm-message", kpm.decode_message),
        Target("rc-ran-function", rc.decode_ran_function),
        Target("rc-event-trigger", rc.decode_event_trigger),
        Target("rc-action", rc.decode_action),
        Target("rc-indication-header", rc.decode_indication_header),
        Target("rc-indication-message", rc.decode_indication_message),
        Target("rc-control-header", rc.decode_control_header),
        Target("rc-control-message", rc.decode_control_message),
        Target("rc-quotas", rc.decode_quotas),
        Target("rc-handover", lambda data: rc.read_target(rc.decode_control_message(data))),
        Target("rc-control-outcome", rc.decode_control_outcome),
        Target("rc-call-process-id", rc.decode_call_process_id),
        Target("rrm-ran-function", rrm.decode_ran_function),
        Target("rrm-event-trigger", rrm.decode_event_trigger),
        Target("rrm-action", rrm.decode_action_definition),
        Target("rrm-fragments", read_fragments),
        Target("rrm-report", rrm.decode_report),
        Target("rrm-control-header", rrm.decode_control_header),
        Target("rrm-control-message", rrm.decode_control_message),
        Target("rrm-outcome", rrm.decode_outcome),
        Target("rmr-frames", read_frames),
        Target("rmr-routes", read_routes, _ROUTE_WORDS),
        Target("a1-policy", read_policy, _JSON_WORDS),
        Target("a1-response", a1_messages.decode_policy_response, _JSON_WORDS),
        Target("a1-query", a1_messages.decode_policy_query, _JSON_WORDS),
        Target("capture", read_capture),
    )
}
"""Targets by name."""
