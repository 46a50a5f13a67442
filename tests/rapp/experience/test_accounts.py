"""The sink's accounts against a client that drops, mangles, breaks off and meets restarts: right to the last number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from hypothesis import given, settings
from hypothesis import strategies as st

from oran._generated import experience_pb2 as messages
from rapp.experience import ExperienceFolder, load
from rapp.experience.sink import Account, ExperienceServicer, SegmentLimits
from rapp.metrics import ExperienceMetrics
from tests.rapp.experience.doubles import message_of, request_of

GOOD, MANGLED, DROPPED = "good", "mangled", "dropped"
CLOSES, BREAKS, RESTARTS = "closes", "breaks off", "closes, and the sink restarts"

connections = st.lists(
    st.tuples(
        st.lists(st.sampled_from([GOOD, GOOD, GOOD, MANGLED, DROPPED]), max_size=7),
        st.sampled_from([CLOSES, BREAKS, RESTARTS]),
    ),
    max_size=5,
)
WELL_FORMED = {number: message_of(number) for number in range(1, 40)}


class Broken(grpc.RpcError):
    """What gRPC raises out of the requests of a client that has gone."""


@dataclass
class Client:
    """Numbers, drops and resends as ``ExperienceStream`` does, without threads."""

    recorded: int = 0
    dropped: int = 0
    good: list[int] = field(default_factory=list)
    mangled: int = 0
    under_way: list[messages.Transition] = field(default_factory=list)
    through: int = 0
    """The newest acknowledgement."""

    def requests(self, fates: list[str], end: str) -> Iterator[messages.StreamRequest]:
        yield messages.StreamRequest(opening=messages.Opening(stream_id="s", xapp="ssvae"))
        self.settle(self.through)
        for message in self.under_way:
            yield request_of(message)
        for fate in fates:
            self.recorded += 1
            if fate == DROPPED:
                self.dropped += 1
                continue
            yield request_of(self.sent(fate))
        if end == BREAKS:
            raise Broken
        yield messages.StreamRequest(farewell=messages.Farewell(recorded=self.recorded, dropped=self.dropped))

    def sent(self, fate: str) -> messages.Transition:
        message = messages.Transition()
        message.CopyFrom(WELL_FORMED[self.recorded])
        message.dropped = self.dropped
        if fate == MANGLED:
            message.report = b"\xff"
            self.mangled += 1
        else:
            self.good.append(self.recorded)
        self.under_way.append(message)
        return message

    def settle(self, through: int) -> None:
        self.under_way = [message for message in self.under_way if message.sequence > through]

    def connect(self, servicer: ExperienceServicer, fates: list[str], end: str) -> Account:
        for ack in servicer.Stream(self.requests(fates, end), None):  # type: ignore[arg-type]
            self.through = ack.through
        if end != BREAKS:  # otherwise the last acknowledgement never arrives
            self.settle(self.through)
        account = servicer.account("s")
        assert account is not None
        return account


def open_sink(root: Path) -> ExperienceServicer:
    folder = ExperienceFolder(root, max_bytes=10**9)
    return ExperienceServicer(folder, ExperienceMetrics(), SegmentLimits(max_steps=3))


@settings(max_examples=40, deadline=None)
@given(connections)
def test_every_number_is_stored_once_or_dropped_or_lost(life: list[tuple[list[str], str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        client, servicer = Client(), open_sink(Path(folder))
        for fates, end in life:
            client.connect(servicer, fates, end)
            if end == RESTARTS:
                servicer = open_sink(Path(folder))
        account = client.connect(servicer, [], CLOSES)
        assert client.under_way == []
        assert (account.through, account.held) == (client.recorded, 0)
        assert (account.stored, account.dropped) == (len(client.good), client.dropped)
        assert account.lost == client.mangled
        assert account.stored + account.dropped + account.lost == client.recorded
        stored = sorted(slot - 5 for batch in load(Path(folder)) for slot in batch.slot.tolist())
        assert stored == client.good
