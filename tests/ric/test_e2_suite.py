"""Procedures of E2 that the other files leave open: several service models, many nodes, controls that fail, instance
ids that run out, and the damaged octets that have killed E2 terminations elsewhere."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from oran.e2ap import (
    CauseRicRequest,
    ControlAckRequest,
    E2SetupRequest,
    E2SetupResponse,
    ErrorIndication,
    GlobalGnbId,
    IndicationType,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionDeleteRequest,
    RicSubscriptionRequest,
    decode,
    encode,
)
from oran.inspect.doctor import kpm_function, rc_function
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionInstance, SubscriptionRequest
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from ric.subscription_book import MAX_INSTANCE_ID, E2Subscription
from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS
from tests.ric.actors import (
    COMPONENT,
    FUNCTION,
    GNB_NAME,
    RawXapp,
    RedisServer,
    ScriptedNode,
    ric_with_node,
)
from tests.ric.test_subscription_manager import MEID, Bench, body, run, settle

NODES = 8


def of_function(request: SubscriptionRequest, function_id: int) -> SubscriptionRequest:
    """The same for another function, with a trigger of its own: equal ones are merged whatever the function."""
    detail = request.details[0].model_copy(update={"event_trigger": bytes((function_id,))})
    return request.model_copy(update={"ran_function_id": function_id, "details": (detail,)})


def test_a_node_with_several_service_models_serves_a_subscription_of_each(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            functions = (FUNCTION, kpm_function(), rc_function())
            await node.send(E2SetupRequest(2, node.node_id, functions, (COMPONENT,)))
            answer = await node.expect(E2SetupResponse)
            assert {ref.id for ref in answer.accepted} == {function.id for function in functions}
            with RawXapp(ric) as xapp, NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                listed = await asyncio.to_thread(inventory.node, GNB_NAME)
                assert {(item.id, item.oid) for item in listed.gnb.ran_functions} == {(f.id, f.oid) for f in functions}
                await xapp.register()
                instances = {}
                for function in functions:
                    _, instances[function.id] = await xapp.subscribe(of_function(xapp.request(), function.id))
                    request = await node.expect(RicSubscriptionRequest)
                    assert request.ran_function_id == function.id
                assert len(set(instances.values())) == len(functions)
                for function_id, instance in instances.items():
                    request_id = RicRequestId(123, instance)
                    await node.send(RicIndication(request_id, function_id, 1, IndicationType.REPORT, b"h", b"m"))
                    received = await xapp.receive(MessageType.RIC_INDICATION)
                    assert (received.sub_id, decode(received.payload).ran_function_id) == (instance, function_id)

    asyncio.run(scenario())


def test_many_nodes_at_once_are_told_apart(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, _):
            nodes = [ScriptedNode(GlobalGnbId(b"\x00\xf1\x10", 0x300 + number, 22)) for number in range(NODES)]
            await asyncio.gather(*(node.attach(ric.addresses["e2"]) for node in nodes))
            with RawXapp(ric) as xapp:
                await xapp.register()
                names = [f"gnb_001_001_{0x300 + number:06x}" for number in range(NODES)]
                instances = [(await xapp.subscribe(xapp.request(name)))[1] for name in names]
                assert len(set(instances)) == NODES
                await asyncio.gather(*(n.indicate(i) for n, i in zip(nodes, instances, strict=True)))
                received = [await xapp.receive(MessageType.RIC_INDICATION) for _ in nodes]
                assert {(message.meid, message.sub_id) for message in received} == set(
                    zip(names, instances, strict=True)
                )
            await asyncio.gather(*(node.detach() for node in nodes))

    asyncio.run(scenario())


class RefusingNode(ScriptedNode):
    """Refuses every control as invalid."""

    def _answer(self, pdu: Any) -> None:
        if isinstance(pdu, RicControlRequest):
            cause = CauseRicRequest.CONTROL_MESSAGE_INVALID
            self.association.send(RicControlFailure(pdu.request_id, pdu.ran_function_id, cause), 0.0)
        else:
            super()._answer(pdu)


def test_the_failure_of_an_invalid_control_reaches_the_xapp_that_sent_it_and_no_other(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, _):
            node = RefusingNode(GlobalGnbId(b"\x00\xf1\x10", 0x2AB, 22))
            await node.attach(ric.addresses["e2"])
            with RawXapp(ric, "one") as one, RawXapp(ric, "two") as two:
                await one.register()
                await two.register()
                name = "gnb_001_001_0002ab"
                _, instance = await one.subscribe(one.request(name))
                await two.subscribe(two.request(name, trigger=b"another"))
                request_id = RicRequestId(123, instance)
                control = RicControlRequest(request_id, FUNCTION.id, b"", b"\xff", None, ControlAckRequest.ACK)
                one.send(RmrMessage(MessageType.RIC_CONTROL_REQ, encode(control), meid=name))
                failure = await one.receive(MessageType.RIC_CONTROL_FAILURE)
                assert decode(failure.payload).cause is CauseRicRequest.CONTROL_MESSAGE_INVALID
                assert two.data.receive(0) is None
            await node.detach()

    asyncio.run(scenario())


def test_a_subscription_cancelled_by_one_xapp_goes_on_for_the_other(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric, "one") as one, RawXapp(ric, "two") as two:
                await one.register()
                await two.register()
                cancelled, shared = await one.subscribe()
                kept, again = await two.subscribe()
                assert shared == again
                await node.expect(RicSubscriptionRequest)
                await one.unsubscribe(cancelled)
                await node.indicate(shared)
                assert (await two.receive(MessageType.RIC_INDICATION)).sub_id == shared
                assert node.received.empty()  # no deletion yet
                await two.unsubscribe(kept)
                await node.expect(RicSubscriptionDeleteRequest)

    asyncio.run(scenario())


async def next_of_node(xapp: RawXapp, name: str) -> RmrMessage:
    """The next message of a node; routes look at the instance id alone, so others' damaged indications may come too."""
    while True:
        delivery = await asyncio.to_thread(xapp.data.receive, 5.0)
        assert delivery is not None
        if delivery[0].meid == name:
            return delivery[0]


def test_a_thousand_damaged_pdus_of_one_node_leave_the_termination_serving_another(redis: RedisServer):
    rng, seeds = random.Random(11), TARGETS["e2ap"].seeds()

    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            hostile = ScriptedNode(GlobalGnbId(b"\x00\xf1\x10", 0x2AB, 22))
            await hostile.attach(ric.addresses["e2"])
            with RawXapp(ric) as xapp:
                await xapp.register()
                _, instance = await xapp.subscribe()
                for number in range(1_000):
                    await hostile.send_raw(mutate(rng, seeds, TARGETS["e2ap"].tokens) or b"\x00")
                    if number % 100 == 0:
                        await node.indicate(instance, str(number).encode())
                        received = await next_of_node(xapp, GNB_NAME)
                        assert decode(received.payload).message == str(number).encode()
                assert any(isinstance(decode(octets), ErrorIndication) for octets in hostile.raw[1:])
            await hostile.detach()

    asyncio.run(scenario())


def occupied(bench: Bench, instances: range) -> None:
    """These instance ids are in use."""
    detail = body().details[0].model_copy(update={"event_trigger": b"of another"})
    bench.book.e2.update({number: E2Subscription(number, MEID, 1, detail) for number in instances})


@pytest.mark.parametrize(("used", "expected"), [(range(1, 3), [3, 4]), (range(2, 65534), [1, 65534, 1])])
def test_instance_ids_stay_in_1_to_65534_and_leave_out_those_in_use(used: range, expected: list[int]):
    async def scenario(bench: Bench) -> None:
        occupied(bench, used)
        found = []
        for number in range(len(expected)):
            rest_id, outcome = await bench.subscribe(body(trigger=number))
            found.append(outcome.e2_event_instance_id)
            await bench.manager.unsubscribe(rest_id)
            await settle()
        assert found == expected

    run(scenario)


def test_when_every_instance_id_is_in_use_the_subscription_fails_and_says_so():
    async def scenario(bench: Bench) -> None:
        occupied(bench, range(1, MAX_INSTANCE_ID + 1))
        _, outcome = await bench.subscribe(body())
        assert isinstance(outcome, SubscriptionInstance) and not outcome.succeeded
        assert outcome.error_source == "SUBMGR"
        assert bench.node.requests == []

    run(scenario)
