"""What goes wrong around the RIC, and that it goes on: nodes, xApps, the database and the RIC itself."""

from __future__ import annotations

import asyncio

import pytest

from oran.e2ap import (
    CauseMisc,
    E2SetupFailure,
    E2SetupRequest,
    ErrorIndication,
    ResetRequest,
    ResetResponse,
    RicControlRequest,
    RicRequestId,
    RicServiceUpdate,
    RicServiceUpdateAcknowledge,
    RicSubscriptionDeleteRequest,
    RicSubscriptionRequest,
    TimeToWait,
    encode,
)
from oran.errors import PlatformError
from oran.platform.a1 import A1Client, model_policy_type
from oran.platform.a1_messages import (
    HandlerStatus,
    PolicyResponse,
    decode_policy_request,
    encode_policy_query,
    encode_policy_response,
)
from oran.platform.app_manager import AppManagerClient
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionClient
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from oran.transport import connect
from ric.platform import NearRtRic
from tests.ric.actors import (
    COMPONENT,
    FUNCTION,
    GNB,
    GNB_NAME,
    OTHER_GNB,
    OTHER_NAME,
    RawXapp,
    RedisServer,
    ScriptedNode,
    eventually,
    ric_with_node,
    settings,
    settings_again,
)


def test_two_nodes_and_two_xapps_get_what_is_theirs_and_share_what_is_the_same(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            other = ScriptedNode(OTHER_GNB)
            await other.attach(ric.addresses["e2"])
            with RawXapp(ric, "one") as one, RawXapp(ric, "two") as two:
                await one.register()
                await two.register()
                _, shared = await one.subscribe()
                _, again = await two.subscribe()
                _, private = await two.subscribe(two.request(OTHER_NAME))
                assert shared == again != private

                await node.indicate(shared)
                await other.indicate(private)
                assert (await one.receive(MessageType.RIC_INDICATION)).meid == GNB_NAME
                heard = {(await two.receive(MessageType.RIC_INDICATION)).meid for _ in range(2)}
                assert heard == {GNB_NAME, OTHER_NAME}
                assert one.data.receive(0) is None

                request = RicControlRequest(RicRequestId(123, private), FUNCTION.id, b"", b"x")
                two.send(RmrMessage(MessageType.RIC_CONTROL_REQ, encode(request), meid=OTHER_NAME))
                await other.expect(RicSubscriptionRequest)
                await other.expect(RicControlRequest)
                assert node.received.qsize() == 1  # its own subscription request and no control
            await other.detach()

    asyncio.run(scenario())


def test_a_node_that_dies_and_comes_back_is_subscribed_anew(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp, NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                await xapp.register()
                first_id, first = await xapp.subscribe()
                await node.detach()
                await eventually(lambda: not inventory.node(GNB_NAME).connected)
                with pytest.raises(PlatformError) as refused:
                    await xapp.post(xapp.request())
                assert refused.value.status == 503
                with SubscriptionClient(ric.addresses["submgr"]) as client:
                    assert await asyncio.to_thread(client.subscriptions) == []

                back = ScriptedNode()
                await back.attach(ric.addresses["e2"])
                await eventually(lambda: inventory.node(GNB_NAME).connected)
                second_id, second = await xapp.subscribe()
                assert second_id != first_id and second != first
                await back.indicate(second)
                assert (await xapp.receive(MessageType.RIC_INDICATION)).sub_id == second
                await back.detach()

    asyncio.run(scenario())


def test_a_node_that_comes_back_before_its_old_connection_ended_takes_its_place(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp, NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                await xapp.register()
                back = ScriptedNode()
                await back.attach(ric.addresses["e2"])
                await node.detach()
                assert (await asyncio.to_thread(inventory.node, GNB_NAME)).connected
                _, instance = await xapp.subscribe()
                await back.indicate(instance)
                await xapp.receive(MessageType.RIC_INDICATION)
                await back.detach()

    asyncio.run(scenario())


@pytest.mark.parametrize("data", [b"\x00", b"\xff" * 40, b"\x00\x05\x40\x80\x10" + b"\x55" * 16])
def test_garbage_from_a_node_is_answered_and_the_association_goes_on(redis: RedisServer, data: bytes):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp:
                await xapp.register()
                _, instance = await xapp.subscribe()
                await node.expect(RicSubscriptionRequest)
                await node.send_raw(data)
                await node.expect(ErrorIndication)
                await node.indicate(instance)
                await xapp.receive(MessageType.RIC_INDICATION)

    asyncio.run(scenario())


def test_garbage_before_the_set_up_keeps_no_other_node_out(redis: RedisServer):
    async def scenario() -> None:
        async with NearRtRic(settings(redis)) as ric:
            stranger = await connect(ric.addresses["e2"])
            await stranger.send(b"not E2AP")
            node = ScriptedNode()
            await node.attach(ric.addresses["e2"])
            await stranger.close()
            await node.detach()

    asyncio.run(scenario())


def test_indications_and_controls_with_wrong_ids_reach_nobody_and_hurt_nobody(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp:
                await xapp.register()
                _, instance = await xapp.subscribe()
                await node.expect(RicSubscriptionRequest)
                await node.indicate(instance + 1)
                control = RmrMessage(MessageType.RIC_CONTROL_REQ, b"whatever", meid="gnb_999_999_000000")
                xapp.data.send_to(ric.addresses["rmr"], control)
                xapp.data.send_to(ric.addresses["rmr"], RmrMessage(MessageType.RIC_INDICATION, b"", meid=GNB_NAME))
                await node.indicate(instance, b"right")
                assert (await xapp.receive(MessageType.RIC_INDICATION)).sub_id == instance
                assert node.received.empty()

    asyncio.run(scenario())


def test_a_control_request_that_is_none_is_passed_on_byte_for_byte(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp:
                await xapp.register()
                garbage = RmrMessage(MessageType.RIC_CONTROL_REQ, b"\x00\x04\x00\x01\x99", meid=GNB_NAME)
                await eventually(lambda: GNB_NAME in xapp.tables.table.meid_owners)
                xapp.send(garbage)
                await eventually(lambda: garbage.payload in node.raw)
                await asyncio.sleep(0)
                assert len(node.violations) == 1

    asyncio.run(scenario())


def test_a_reset_of_the_node_ends_its_subscriptions_and_not_its_association(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp, SubscriptionClient(ric.addresses["submgr"]) as client:
                await xapp.register()
                await xapp.subscribe()
                await node.expect(RicSubscriptionRequest)
                await node.send(ResetRequest(9, CauseMisc.OM_INTERVENTION))
                assert await node.expect(ResetResponse) == ResetResponse(9)
                assert await asyncio.to_thread(client.subscriptions) == []
                await xapp.subscribe()

    asyncio.run(scenario())


def test_a_service_update_shows_in_the_inventory(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            newer = type(FUNCTION)(FUNCTION.id, b"and more", 2, FUNCTION.oid)
            await node.send(RicServiceUpdate(3, modified=(newer,)))
            acknowledged = await node.expect(RicServiceUpdateAcknowledge)
            assert [(ref.id, ref.revision) for ref in acknowledged.accepted] == [(FUNCTION.id, 2)]
            with NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                offered = (await asyncio.to_thread(inventory.node, GNB_NAME)).function(FUNCTION.oid)
            assert offered is not None and offered.definition == b"and more"

    asyncio.run(scenario())


def test_a_node_that_comes_back_too_soon_is_told_to_wait_where_that_is_wanted(redis: RedisServer):
    async def scenario() -> None:
        async with NearRtRic(settings(redis, quick_reconnect_wait=TimeToWait.V60S)) as ric:
            node = ScriptedNode()
            await node.attach(ric.addresses["e2"])
            await node.detach()
            with NodeInventoryClient(ric.addresses["e2mgr"]) as inventory:
                await eventually(lambda: not inventory.node(GNB_NAME).connected)
            again = ScriptedNode()
            again.channel = await connect(ric.addresses["e2"])
            again._task = asyncio.create_task(again._read(again.channel))
            await again.send(E2SetupRequest(1, GNB, (FUNCTION,), (COMPONENT,)))
            failure = await again.expect(E2SetupFailure)
            assert failure.time_to_wait is TimeToWait.V60S
            await again.detach()

    asyncio.run(scenario())


def test_an_xapp_that_is_killed_and_comes_back_elsewhere_leaks_no_subscription(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with SubscriptionClient(ric.addresses["submgr"]) as client:
                with RawXapp(ric) as killed:
                    await killed.register()
                    _, old = await killed.subscribe()
                with RawXapp(ric) as xapp:
                    await xapp.register()
                    await node.expect(RicSubscriptionRequest)
                    deleted = await node.expect(RicSubscriptionDeleteRequest)
                    assert deleted.request_id.instance == old
                    _, new = await xapp.subscribe()
                    records = await asyncio.to_thread(client.subscriptions)
                    assert [(record.instance_id, record.endpoints) for record in records] == [
                        (new, (xapp.rmr_endpoint,))
                    ]

    asyncio.run(scenario())


def test_after_a_restart_of_the_ric_everything_is_there_and_nodes_are_subscribed_anew(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            xapp = RawXapp(ric, policies=(20100,))
            xapp.__enter__()
            await xapp.register()
            _, first = await xapp.subscribe()
            with A1Client(ric.addresses["a1"]) as a1:
                await asyncio.to_thread(a1.ensure_policy_type, model_policy_type())
                await asyncio.to_thread(a1.put_policy, 20100, "p1", {"allocator": "equal"})
        async with NearRtRic(settings_again(redis, ric)):
            with (
                AppManagerClient(ric.addresses["appmgr"]) as apps,
                SubscriptionClient(ric.addresses["submgr"]) as subscriptions,
                NodeInventoryClient(ric.addresses["e2mgr"]) as inventory,
                A1Client(ric.addresses["a1"]) as a1,
            ):
                assert await asyncio.to_thread(apps.is_registered, "demo")
                assert await asyncio.to_thread(a1.policy_ids, 20100) == ["p1"]
                assert [record.instance_id for record in await asyncio.to_thread(subscriptions.subscriptions)] == [
                    first
                ]
                assert not (await asyncio.to_thread(inventory.node, GNB_NAME)).connected
                node = ScriptedNode()
                await node.attach(ric.addresses["e2"])
                assert await asyncio.to_thread(subscriptions.subscriptions) == []
                _, second = await xapp.subscribe()
                await node.indicate(second)
                await xapp.receive(MessageType.A1_POLICY_REQ)  # of the time before
                assert (await xapp.receive(MessageType.RIC_INDICATION)).sub_id == second
                await node.detach()
        xapp.__exit__()

    asyncio.run(scenario())


def test_a_restart_of_redis_is_survived_and_its_content_written_again(redis: RedisServer):
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, node):
            with RawXapp(ric) as xapp, A1Client(ric.addresses["a1"]) as a1:
                await xapp.register()
                await asyncio.to_thread(a1.put_policy_type, model_policy_type())
                await asyncio.to_thread(redis.stop)
                with pytest.raises(PlatformError) as refused:
                    await asyncio.to_thread(a1.policy_type_ids)
                assert refused.value.status == 503
                _, instance = await xapp.subscribe()
                await node.indicate(instance)
                await xapp.receive(MessageType.RIC_INDICATION)
                await asyncio.to_thread(redis.start)
                await eventually(a1.healthy)
        async with NearRtRic(settings_again(redis, ric)):
            with A1Client(ric.addresses["a1"]) as a1, SubscriptionClient(ric.addresses["submgr"]) as client:
                assert await asyncio.to_thread(a1.policy_type_ids) == [20100]
                assert len(await asyncio.to_thread(client.subscriptions)) == 1

    asyncio.run(scenario())


def test_a_policy_travels_to_the_xapp_and_its_word_becomes_the_status(redis: RedisServer):
    async def scenario() -> None:
        async with NearRtRic(settings(redis)) as ric:
            with RawXapp(ric, policies=(20100,)) as xapp, A1Client(ric.addresses["a1"]) as a1:
                await asyncio.to_thread(a1.ensure_policy_type, model_policy_type())
                await asyncio.to_thread(a1.put_policy, 20100, "early", {"allocator": "equal"})  # before any route
                await xapp.register()
                xapp.send(RmrMessage(MessageType.A1_POLICY_QUERY, encode_policy_query(20100)))
                request = decode_policy_request((await xapp.receive(MessageType.A1_POLICY_REQ)).payload)
                assert (request.policy_instance_id, request.payload()) == ("early", {"allocator": "equal"})
                answer = PolicyResponse(20100, "early", "demo", HandlerStatus.OK)
                xapp.send(RmrMessage(MessageType.A1_POLICY_RESP, encode_policy_response(answer)))
                await eventually(lambda: a1.policy_status(20100, "early").enforced)
                await asyncio.to_thread(a1.delete_policy, 20100, "early")
                gone = decode_policy_request((await xapp.receive(MessageType.A1_POLICY_REQ)).payload)
                assert (gone.operation, gone.payload_text) == ("DELETE", "")
                with pytest.raises(PlatformError) as missing:
                    await asyncio.to_thread(a1.policy_status, 20100, "early")
                assert missing.value.status == 404

    asyncio.run(scenario())
