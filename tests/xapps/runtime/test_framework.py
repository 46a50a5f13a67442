"""The framework under our hand, with RMR as it is on this machine, and a peer on the other side."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oran.errors import ConfigError, NoRoute
from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.library import install_if_absent
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.test_process import free_ports

STAND_IN = install_if_absent(logging.getLogger(__name__))
from xapps.runtime.framework import Framework  # noqa: E402 - it imports librmr or what stands in for it

HOST = "127.0.0.1"


class Link:
    """A framework on its own thread and a peer that talks RMR to it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.peer = RmrEndpoint(HOST, 0)
        self.peer.start()
        seed = folder / "seed.rt"
        routes = f"mse|12040|-1|{HOST}:{self.peer.port}\nmse|20012|-1|{HOST}:1\n"
        seed.write_text(f"newrt|start\n{routes}newrt|end|2\n")
        for name, value in {"RMR_SEED_RT": str(seed), "RMR_RTG_SVC": "-1", "RMR_SRC_ID": HOST}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("CONFIG_FILE", raising=False)
        self.batches: queue.Queue[list[RmrMessage]] = queue.Queue()
        self.dropped: list[int] = []
        self.fail = False
        self.failed = threading.Event()
        self.port = free_ports(1)[0]
        self.framework = Framework(self.port, self._deliver, max_queue=3, on_drop=self.dropped.append)
        self.thread = threading.Thread(target=self.framework.serve)
        self.thread.start()

    def _deliver(self, batch: list[RmrMessage]) -> None:
        if self.fail:
            self.fail = False
            self.failed.set()
            raise RuntimeError("a handler's bug")
        self.batches.put(batch)

    def tell(self, mtype: int, payload: bytes, sub_id: int = -1, meid: str = "") -> None:
        self.peer.send_to(f"{HOST}:{self.port}", RmrMessage(mtype, payload, sub_id, meid))

    def close(self) -> None:
        self.framework.end()
        self.tell(1, b"wakes the receiver")  # otherwise it looks only every five seconds
        self.thread.join(10)
        self.framework._rmr_loop.stop()
        self.peer.close()


@pytest.fixture
def link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Link]:
    connected = Link(tmp_path, monkeypatch)
    yield connected
    connected.close()


def test_messages_arrive_with_type_payload_subscription_and_node(link: Link) -> None:
    payload = bytes(range(256)) * 200  # larger than RMR's default buffer, zeros included
    link.tell(MessageType.RIC_INDICATION, payload, 7, "gnb_1")
    [message] = link.batches.get(timeout=10)
    assert (message.mtype, message.payload, message.sub_id, message.meid) == (12050, payload, 7, "gnb_1")


@pytest.mark.parametrize("sub_id", [0, 7, -1])
def test_what_is_sent_carries_subscription_and_node(link: Link, sub_id: int) -> None:
    payload = b"\0control\0" * 900
    link.framework.send(RmrMessage(MessageType.RIC_CONTROL_REQ, payload, sub_id, "gnb_1"))
    delivery = link.peer.receive(10)
    assert delivery is not None
    message, _ = delivery
    assert (message.mtype, message.payload, message.sub_id, message.meid) == (12040, payload, sub_id, "gnb_1")


def test_without_a_route_or_a_listener_sending_is_an_error(link: Link) -> None:
    with pytest.raises(NoRoute):
        link.framework.send(RmrMessage(MessageType.A1_POLICY_RESP, b"{}"))
    with pytest.raises(NoRoute):
        link.framework.send(RmrMessage(MessageType.A1_POLICY_QUERY, b"{}"))


def test_health_is_answered_to_the_sender(link: Link) -> None:
    link.framework.check_health()
    link.tell(MessageType.RIC_HEALTH_CHECK_REQ, b"\0")
    delivery = link.peer.receive(10)
    assert delivery is not None
    assert (delivery[0].mtype, delivery[0].payload) == (MessageType.RIC_HEALTH_CHECK_RESP, b"OK\n")
    assert link.framework.alive


def test_a_handler_that_raises_does_not_end_the_loop(link: Link) -> None:
    link.fail = True
    link.tell(MessageType.RIC_INDICATION, b"first")
    assert link.failed.wait(10)
    link.tell(MessageType.A1_POLICY_REQ, b"second")
    assert [message.payload for message in link.batches.get(timeout=10)] == [b"second"]


def test_of_too_many_waiting_messages_only_the_oldest_indications_are_dropped(link: Link) -> None:
    policy = RmrMessage(MessageType.A1_POLICY_REQ, b"p")
    indications = [RmrMessage(MessageType.RIC_INDICATION, bytes([number])) for number in range(5)]
    kept = link.framework._bounded([policy, *indications])
    assert kept == [policy, *indications[3:]]
    assert link.dropped == [3]
    assert link.framework._bounded(kept) == kept


@pytest.mark.skipif(not STAND_IN, reason="librmr shares a taken port with whoever has it")
def test_a_port_that_is_taken_is_an_error_that_says_so(link: Link) -> None:
    with pytest.raises(ConfigError, match="rmr_port"):
        Framework(link.port, link.batches.put, max_queue=3, on_drop=link.dropped.append)
