from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from oran.platform.a1 import model_policy_type
from oran.platform.a1_messages import (
    HandlerStatus,
    NotEnforcedReason,
    Operation,
    PolicyResponse,
    decode_policy_request,
    encode_policy_query,
    encode_policy_response,
)
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from ric.a1_mediator import NAMESPACE, A1Mediator, PolicyRefused, PolicyUnknown
from ric.metrics import PlatformMetrics
from tests.ric.fakes import PATH, FakeNotifications, MemoryBus, MemorySdl

TYPE = model_policy_type(20100)
EQUAL = {"allocator": "equal"}


class Bench:
    """A mediator between a bus, a database and notifications that are fakes."""

    def __init__(self, sdl: MemorySdl | None = None) -> None:
        self.bus, self.sdl, self.notifications = MemoryBus(), sdl or MemorySdl(), FakeNotifications()
        self.mediator = A1Mediator(self.bus, self.sdl, PlatformMetrics(), self.notifications)  # type: ignore[arg-type]

    def answer(self, status: HandlerStatus, *, instance: str = "p1", reason: NotEnforcedReason | None = None) -> None:
        response = PolicyResponse(20100, instance, "demo", status, reason)
        self.mediator.on_rmr(RmrMessage(MessageType.A1_POLICY_RESP, encode_policy_response(response)), PATH)

    def status(self, instance: str = "p1") -> tuple[str, str]:
        body = self.mediator.instance(20100, instance).status_json()
        return body["enforceStatus"], body["enforceReason"]

    def sent(self) -> list[tuple[str, str]]:
        requests = [decode_policy_request(message.payload) for message in self.bus.posted]
        return [(request.operation, request.policy_instance_id) for request in requests]


def run(scenario: Callable[[Bench], Any], sdl: MemorySdl | None = None, *, with_type: bool = True) -> None:
    async def whole() -> None:
        bench = Bench(sdl)
        if with_type:
            await bench.mediator.create_type(20100, TYPE)
        await scenario(bench)
        await bench.mediator.close()

    asyncio.run(whole())


def test_a_policy_goes_out_with_its_type_as_sub_id_and_every_value_a_string():
    async def scenario(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL)
        message = bench.bus.posted[0]
        assert (message.mtype, message.sub_id) == (MessageType.A1_POLICY_REQ, 20100)
        body = json.loads(message.payload)
        assert body["policy_type_id"] == "20100" and json.loads(body["payload"]) == EQUAL
        assert all(isinstance(value, str) for value in body.values())

    run(scenario)


def test_create_update_and_delete_are_told_apart():
    async def scenario(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL)
        await bench.mediator.put_instance(20100, "p1", {"allocator": "greedy"})
        await bench.mediator.delete_instance(20100, "p1")
        assert bench.sent() == [(Operation.CREATE, "p1"), (Operation.UPDATE, "p1"), (Operation.DELETE, "p1")]
        assert decode_policy_request(bench.bus.posted[-1].payload).payload_text == ""
        with pytest.raises(PolicyUnknown):
            bench.mediator.instance(20100, "p1")

    run(scenario)


def test_a_policy_is_enforced_only_after_a_plain_ok():
    async def scenario(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL)
        assert bench.status() == ("NOT_ENFORCED", "OTHER_REASON")
        bench.answer(HandlerStatus.OK)
        assert bench.status() == ("ENFORCED", "")
        bench.answer(HandlerStatus.ERROR)
        assert bench.status() == ("NOT_ENFORCED", "OTHER_REASON")
        bench.answer(HandlerStatus.ERROR, reason=NotEnforcedReason.STATEMENT_NOT_APPLICABLE)
        assert bench.status() == ("NOT_ENFORCED", "STATEMENT_NOT_APPLICABLE")

    run(scenario)


def test_a_query_brings_one_create_for_each_instance():
    async def scenario(bench: Bench) -> None:
        for name in ("p1", "p2"):
            await bench.mediator.put_instance(20100, name, EQUAL)
        bench.bus.posted.clear()
        bench.mediator.on_rmr(RmrMessage(MessageType.A1_POLICY_QUERY, encode_policy_query(20100)), PATH)
        assert bench.sent() == [(Operation.CREATE, "p1"), (Operation.CREATE, "p2")]

    run(scenario)


@pytest.mark.parametrize(
    ("mtype", "payload"),
    [
        (MessageType.A1_POLICY_RESP, b"garbage"),
        (MessageType.A1_POLICY_RESP, b'{"policy_type_id": "20100"}'),
        (MessageType.A1_POLICY_RESP, encode_policy_response(PolicyResponse(9, "x", "h", HandlerStatus.OK))),
        (MessageType.A1_POLICY_RESP, encode_policy_response(PolicyResponse(20100, "gone", "h", HandlerStatus.DELETED))),
        (MessageType.A1_POLICY_QUERY, encode_policy_query(9)),
        (MessageType.RIC_INDICATION, b"lost its way"),
    ],
)
def test_what_an_xapp_gets_wrong_changes_nothing(mtype: MessageType, payload: bytes):
    async def scenario(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL)
        bench.bus.posted.clear()
        bench.mediator.on_rmr(RmrMessage(mtype, payload), PATH)
        assert bench.bus.posted == [] and bench.status()[0] == "NOT_ENFORCED"

    run(scenario)


@pytest.mark.parametrize(
    "policy", [{}, {"allocator": 3}, {"allocator": "x", "extra": 1}, {"allocator": "x", "model": "m"}, [], "text", None]
)
def test_a_policy_that_its_schema_refuses_is_not_sent(policy: object):
    async def scenario(bench: Bench) -> None:
        with pytest.raises(PolicyRefused):
            await bench.mediator.put_instance(20100, "p1", policy)
        assert bench.bus.posted == [] and bench.mediator.instance_ids(20100) == []

    run(scenario)


def test_types_are_created_once_under_their_own_id_with_a_valid_schema():
    async def scenario(bench: Bench) -> None:
        with pytest.raises(PolicyRefused, match="exists"):
            await bench.mediator.create_type(20100, TYPE)
        with pytest.raises(PolicyRefused, match="names policy type"):
            await bench.mediator.create_type(20999, TYPE)
        broken = TYPE.model_copy(update={"policy_type_id": 5, "create_schema": {"type": "no such type"}})
        with pytest.raises(PolicyRefused, match="create_schema"):
            await bench.mediator.create_type(5, broken)
        assert bench.mediator.type_ids() == [20100]

    run(scenario)


def test_a_type_goes_only_when_its_instances_have_gone():
    async def scenario(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL)
        with pytest.raises(PolicyRefused):
            await bench.mediator.delete_type(20100)
        await bench.mediator.delete_instance(20100, "p1")
        await bench.mediator.delete_type(20100)
        with pytest.raises(PolicyUnknown):
            bench.mediator.policy_type(20100)
        assert bench.sdl.values[NAMESPACE] == {}

    run(scenario)


def test_a_change_of_status_is_posted_where_the_client_wants_it():
    async def scenario(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL, "http://rapp/status")
        bench.answer(HandlerStatus.OK)
        url, body = await asyncio.wait_for(bench.notifications.posted.get(), 5)
        assert (url, body["enforceStatus"]) == ("http://rapp/status", "ENFORCED")
        bench.answer(HandlerStatus.OK)
        await asyncio.sleep(0)
        assert bench.notifications.posted.empty()

    run(scenario)


def test_a_restart_keeps_types_instances_and_statuses():
    sdl = MemorySdl()

    async def before(bench: Bench) -> None:
        await bench.mediator.put_instance(20100, "p1", EQUAL, "http://rapp/status")
        await bench.mediator.put_instance(20100, "p1.1", EQUAL)
        bench.answer(HandlerStatus.OK)
        bench.answer(HandlerStatus.ERROR, instance="p1.1", reason=NotEnforcedReason.SCOPE_NOT_APPLICABLE)
        await asyncio.sleep(0)

    async def after(bench: Bench) -> None:
        await bench.mediator.restore()
        assert bench.mediator.policy_type(20100) == TYPE
        assert bench.mediator.instance(20100, "p1").policy == EQUAL
        assert bench.mediator.instance(20100, "p1").destination == "http://rapp/status"
        assert bench.status() == ("ENFORCED", "")
        assert bench.status("p1.1") == ("NOT_ENFORCED", "SCOPE_NOT_APPLICABLE")
        assert bench.bus.posted == []

    run(before, sdl)
    run(after, sdl, with_type=False)


def test_damaged_records_are_left_out_of_what_is_restored():
    sdl = MemorySdl()
    sdl.values[NAMESPACE] = {
        "a1.policy_type.1": b"{",
        "a1.policy_type.20100": TYPE.model_dump_json().encode(),
        "a1.policy_instance.20100.p1": b"{",
    }

    async def scenario(bench: Bench) -> None:
        await bench.mediator.restore()
        assert bench.mediator.type_ids() == [20100] and bench.mediator.instance_ids(20100) == []

    run(scenario, sdl, with_type=False)
