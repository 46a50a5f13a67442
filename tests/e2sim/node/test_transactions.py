"""Procedures of the whole node: set-ups that nobody answers, connection updates, requests given twice."""

from __future__ import annotations

import asyncio

from e2sim.node.e2_node import E2Node
from e2sim.node.metrics import NodeMetrics
from e2sim.node.rrm_function import RrmFunction
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from e2sim.scenario import load
from oran.e2ap import (
    CauseTransport,
    E2ConnectionUpdate,
    E2ConnectionUpdateAcknowledge,
    E2SetupRequest,
    RicIndication,
    RicSubscriptionResponse,
    TnlConnection,
    TnlInformation,
    TnlSetupFailed,
    TnlUsage,
)
from oran.transport import listen
from tests.e2sim.node.scripted_ric import ScriptedRic, node_and_ric, subscription_request
from tests.e2sim.node.test_e2_node import in_loop


@in_loop
async def test_a_set_up_that_is_not_answered_in_time_is_tried_again() -> None:
    ric = ScriptedRic()
    listener = await listen("memory://", ric.serve)
    world = World(load("tiny"), seed=5)
    settings = NodeSettings(ric_url=listener.url, setup_timeout_s=0.05, reconnect_first_s=0.01, reconnect_limit_s=0.02)
    node = E2Node(settings, world, [RrmFunction(world.scenario)], NodeMetrics())
    running = asyncio.create_task(node.run())
    try:
        await asyncio.wait_for(ric.attached.wait(), 5)
        first_channel = ric.channel
        await ric.expect(E2SetupRequest)  # and say nothing
        ric.attached.clear()
        await ric.accept_setup()
        assert ric.channel is not first_channel
        await ric.send(subscription_request())
        await ric.expect(RicSubscriptionResponse)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await listener.close()


@in_loop
async def test_a_connection_update_is_answered_item_by_item_and_the_association_stays() -> None:
    async with node_and_ric() as (_, ric):
        await ric.accept_setup()
        added = TnlConnection(TnlInformation(b"\x0a\x00\x00\x02", 36422), TnlUsage.BOTH)
        modified = TnlConnection(TnlInformation(b"\x0a\x00\x00\x01", 36422), TnlUsage.RIC_SERVICE)
        await ric.send(E2ConnectionUpdate(9, add=(added,), modify=(modified,)))
        refused = TnlSetupFailed(added.tnl, CauseTransport.TRANSPORT_RESOURCE_UNAVAILABLE)
        answer = await ric.expect(E2ConnectionUpdateAcknowledge)
        assert answer == E2ConnectionUpdateAcknowledge(9, (modified,), (refused,))
        await ric.send(subscription_request())
        await ric.expect(RicSubscriptionResponse)


@in_loop
async def test_a_subscription_request_sent_again_is_answered_again_and_reports_once_a_period() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        request = subscription_request()
        for _ in range(2):
            await ric.send(request)
            await ric.expect(RicSubscriptionResponse)
        assert list(node.subscriptions) == [request.request_id]
        first = await ric.expect(RicIndication)
        numbers = [first.sequence_number] + [(await ric.expect(RicIndication)).sequence_number for _ in range(3)]
        assert numbers == [first.sequence_number + step for step in range(4)]


@in_loop
async def test_sequence_numbers_wrap_at_65536() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        await ric.expect(RicSubscriptionResponse)
        (subscription,) = node.subscriptions.values()
        subscription.sequence_number = 65535
        numbers: list[int | None] = []
        while 65535 not in numbers or len(numbers) - numbers.index(65535) < 3:
            numbers.append((await ric.expect(RicIndication)).sequence_number)
        assert numbers[numbers.index(65535) :] == [65535, 0, 1]
