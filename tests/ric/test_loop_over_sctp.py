"""The loop over kernel SCTP: RIC, simulated node and an xApp; PDUs of 60 kB, associations that end and come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from e2sim.node.clock import Clock
from e2sim.node.e2_node import E2Node
from e2sim.node.metrics import NodeMetrics
from e2sim.node.rrm_function import RrmFunction
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from e2sim.scenario import load
from oran.e2ap import (
    ControlAckRequest,
    RicControlAcknowledge,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionRequest,
    decode,
    encode,
)
from oran.e2sm import rrm
from oran.inspect.doctor import Examination
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionRequest
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from oran.transport.sctp import kernel_has_sctp
from ric.platform import NearRtRic
from tests.ric.actors import (
    FUNCTION,
    GNB_NAME,
    RawXapp,
    RedisServer,
    ScriptedNode,
    eventually,
    settings,
    settings_again,
)
from xapps.allocators import build

pytestmark = [
    pytest.mark.sctp,
    pytest.mark.skipif(not kernel_has_sctp(), reason="this kernel has no SCTP"),
]
SCTP = "sctp://127.0.0.1:0"
LARGE_BYTES = 60_000
DECISIONS = 10
NODE_NAME = "gnb_001_001_000001"


@contextlib.asynccontextmanager
async def ric_and_scripted_node(redis: RedisServer) -> AsyncIterator[tuple[NearRtRic, ScriptedNode]]:
    async with NearRtRic(settings(redis, e2_url=SCTP)) as ric:
        assert ric.addresses["e2"].startswith("sctp://")
        node = ScriptedNode()
        await node.attach(ric.addresses["e2"])
        try:
            yield ric, node
        finally:
            await node.detach()


@contextlib.asynccontextmanager
async def simulated_node(url: str) -> AsyncIterator[E2Node]:
    world = World(load("tiny"), seed=5)
    node_settings = NodeSettings(ric_url=url, reconnect_first_s=0.05, reconnect_limit_s=0.2)
    node = E2Node(node_settings, world, [RrmFunction(world.scenario)], NodeMetrics())
    tasks = [asyncio.create_task(node.run()), asyncio.create_task(Clock(node, 0.02).run())]
    try:
        yield node
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def radio_subscription(xapp: RawXapp) -> SubscriptionRequest:
    request = xapp.request(NODE_NAME, trigger=rrm.encode_event_trigger(rrm.EventTrigger(rrm.Clock.FREE_RUNNING, 100)))
    definition = rrm.encode_action_definition(rrm.ActionDefinition(tuple(rrm.ReportGroup)))
    action = request.details[0].actions[0].model_copy(update={"definition": definition})
    detail = request.details[0].model_copy(update={"actions": (action,)})
    return request.model_copy(update={"ran_function_id": rrm.RAN_FUNCTION_ID, "details": (detail,)})


def answer(indication: RicIndication, report: rrm.RadioReport) -> bytes:
    decision = replace(build("equal").decide(report), decision_id=report.report_id)
    header = rrm.encode_control_header(rrm.ControlHeader(report.report_id, "equal"))
    control = RicControlRequest(
        indication.request_id,
        indication.ran_function_id,
        header,
        rrm.encode_allocation(decision),
        None,
        ControlAckRequest.ACK,
    )
    return encode(control)


async def decide_and_be_obeyed(xapp: RawXapp, decisions: int) -> None:
    """Answer reports until that many decisions have been acknowledged by the node."""
    assembler, acknowledged = rrm.ReportAssembler(), 0
    while acknowledged < decisions:
        delivery = await asyncio.to_thread(xapp.data.receive, 10.0)
        assert delivery is not None
        pdu = decode(delivery[0].payload)
        if isinstance(pdu, RicControlAcknowledge):
            acknowledged += 1
        elif isinstance(pdu, RicIndication):
            report = assembler.add(pdu.header, pdu.message)
            if report is not None:
                xapp.send(RmrMessage(MessageType.RIC_CONTROL_REQ, answer(pdu, report), meid=NODE_NAME))
        else:
            pytest.fail(f"unexpected {pdu}")


def test_the_simulated_node_obeys_an_xapp_and_again_after_a_restart_of_the_ric(redis: RedisServer):
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with NearRtRic(settings(redis, e2_url=SCTP)) as first:
                node = await stack.enter_async_context(simulated_node(first.addresses["e2"]))
                again = settings_again(redis, first)
                with RawXapp(first, "one") as xapp, NodeInventoryClient(first.addresses["e2mgr"]) as inventory:
                    await eventually(lambda: any(s.connected for s in inventory.states()), within_s=20)
                    await xapp.register()
                    await xapp.subscribe(radio_subscription(xapp))
                    await decide_and_be_obeyed(xapp, DECISIONS)
            assert not node.subscriptions or await eventually(lambda: not node.subscriptions)
            async with NearRtRic(again) as second:
                with RawXapp(second, "two") as xapp, NodeInventoryClient(second.addresses["e2mgr"]) as inventory:
                    await eventually(lambda: inventory.node(NODE_NAME).connected, within_s=20)
                    await xapp.register()
                    await xapp.subscribe(radio_subscription(xapp))
                    await decide_and_be_obeyed(xapp, 3)

    asyncio.run(scenario())


def test_pdus_of_60_kb_pass_both_ways_whole_and_in_order(redis: RedisServer):
    async def scenario() -> None:
        async with ric_and_scripted_node(redis) as (ric, node):
            with RawXapp(ric) as xapp:
                await xapp.register()
                _, instance = await xapp.subscribe()
                await node.expect(RicSubscriptionRequest)
                for number in range(8):
                    await node.indicate(instance, bytes((number,)) * LARGE_BYTES)
                for number in range(8):
                    pdu = decode((await xapp.receive(MessageType.RIC_INDICATION)).payload)
                    assert isinstance(pdu, RicIndication) and pdu.message == bytes((number,)) * LARGE_BYTES
                request_id = RicRequestId(123, instance)
                control = RicControlRequest(request_id, FUNCTION.id, b"", bytes(range(240)) * 250)
                xapp.send(RmrMessage(MessageType.RIC_CONTROL_REQ, encode(control), meid=GNB_NAME))
                assert await node.expect(RicControlRequest) == control

    asyncio.run(scenario())


def test_a_node_whose_association_ends_is_noticed_and_served_when_it_is_back(redis: RedisServer):
    async def scenario() -> None:
        async with ric_and_scripted_node(redis) as (ric, node):
            with RawXapp(ric) as xapp, NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                await xapp.register()
                await xapp.subscribe()
                await node.detach()
                await eventually(lambda: not inventory.node(GNB_NAME).connected)
                back = ScriptedNode()
                await back.attach(ric.addresses["e2"])
                _, instance = await xapp.subscribe()
                await back.indicate(instance)
                assert (await xapp.receive(MessageType.RIC_INDICATION)).sub_id == instance
                await back.detach()

    asyncio.run(scenario())


def test_the_doctor_finds_the_ric_healthy(redis: RedisServer):
    async def scenario() -> None:
        async with NearRtRic(settings(redis, e2_url=SCTP)) as ric:
            steps = [step async for step in Examination(ric.addresses["e2"]).steps()]
            assert [step.name for step in steps if not step.passed] == []
            assert steps[-1].name == "E2setupResponse"

    asyncio.run(scenario())
