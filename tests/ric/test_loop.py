"""The loop through the RIC: set up, register, subscribe, indication, control, acknowledgement, delete."""

from __future__ import annotations

import asyncio

from oran.e2ap import (
    ControlAckRequest,
    RicControlAcknowledge,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionDeleteRequest,
    RicSubscriptionRequest,
    decode,
    encode,
)
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionClient
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.ric.actors import FUNCTION, GNB_NAME, RawXapp, RedisServer, eventually, ric_with_node


def control(instance: int) -> bytes:
    return encode(
        RicControlRequest(
            RicRequestId(123, instance), FUNCTION.id, b"header", b"power up", b"call-1", ControlAckRequest.ACK
        )
    )


def test_an_xapp_is_served_from_setup_to_deletion(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp, NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                states = await asyncio.to_thread(inventory.states)
                assert [(state.inventory_name, state.connected) for state in states] == [(GNB_NAME, True)]
                await xapp.register()

                subscription_id, instance = await xapp.subscribe()
                request = await node.expect(RicSubscriptionRequest)
                assert request.request_id == RicRequestId(123, instance)
                assert (request.event_trigger, request.actions[0].definition) == (b"every 20 ms", b"all of it")

                await node.indicate(instance, b"radio state")
                indication = await xapp.receive(MessageType.RIC_INDICATION)
                assert (indication.sub_id, indication.meid) == (instance, GNB_NAME)
                assert len(indication.trace) == 200
                assert indication.source == ric.addresses["rmr"]
                pdu = decode(indication.payload)
                assert isinstance(pdu, RicIndication) and pdu.message == b"radio state"

                xapp.send(RmrMessage(MessageType.RIC_CONTROL_REQ, control(instance), meid=GNB_NAME))
                await node.expect(RicControlRequest)
                assert node.raw[-1] == control(instance)
                ack = await xapp.receive(MessageType.RIC_CONTROL_ACK)
                assert (ack.sub_id, ack.meid) == (instance, GNB_NAME)
                assert isinstance(decode(ack.payload), RicControlAcknowledge)

                await xapp.unsubscribe(subscription_id)
                deletion = await node.expect(RicSubscriptionDeleteRequest)
                assert deletion.request_id == RicRequestId(123, instance)
                with SubscriptionClient(ric.addresses["submgr"]) as client:
                    await eventually(lambda: client.subscriptions() == [])

    asyncio.run(scenario())
