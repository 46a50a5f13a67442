from __future__ import annotations

import asyncio

import pytest

from oran.errors import NoRoute
from oran.rmr.message_types import MessageType
from oran.rmr.route_records import RouteTableReader
from oran.rmr.wire import RmrMessage
from ric.message_router import MessageRouter
from ric.metrics import PlatformMetrics
from ric.rnib import ConnectionStatus
from ric.route_table import DynamicRoute, RoutedXapp
from tests.ric.fakes import PATH, MemoryBus, MemorySdl

XAPP = RoutedXapp("demo", "127.0.0.1:4001", 4007, frozenset({"RIC_CONTROL_REQ"}), frozenset(), ())


def router(
    bus: MemoryBus, sdl: MemorySdl | None = None, sender: MemoryBus | None = None, **times: float
) -> MessageRouter:
    return MessageRouter(
        bus,
        sdl or MemorySdl(),  # type: ignore[arg-type]
        PlatformMetrics(),
        e2t_endpoint="127.0.0.1:38000",
        a1_endpoint="127.0.0.1:4562",
        senders=(sender or MemoryBus(),),
        **({"retry_s": 0.01, "refresh_s": 60.0} | times),
    )


async def pushed(bus: MemoryBus, number: int) -> str:
    async with asyncio.timeout(5):
        while len(bus.called) < number:
            bus.was_called.clear()
            await bus.was_called.wait()
    return bus.called[number - 1][1].payload.decode()


def test_a_registered_xapp_is_pushed_a_full_table_and_then_only_what_changes():
    async def scenario() -> None:
        bus = MemoryBus()
        subject = router(bus)
        await subject.register(XAPP)
        first = await pushed(bus, 1)
        assert bus.called[0][0] == "127.0.0.1:4007"
        assert first.startswith("newrt|start") and first.index("newrt|end") < first.index("meid_map|start")
        await subject.on_node_status("gnb", ConnectionStatus.CONNECTED)
        await subject.add_subscription(7, XAPP.endpoint)
        texts = [await pushed(bus, number) for number in range(1, len(bus.called) + 1)]
        assert all("newrt" not in text for text in texts[1:])
        reader = RouteTableReader()
        assert all(outcome.accepted for text in texts for outcome in reader.feed(text))
        assert reader.table.lookup(MessageType.RIC_INDICATION, 7) == [[XAPP.endpoint]]
        assert reader.table.lookup(MessageType.RIC_CONTROL_REQ, 7, "gnb", [XAPP.endpoint]) == [["127.0.0.1:38000"]]
        await subject.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [None, b"ERR id reason\n\0"])
def test_a_push_that_is_not_confirmed_is_repeated_in_full(answer: bytes | None):
    async def scenario() -> None:
        bus = MemoryBus()
        bus.answer = answer
        subject = router(bus)
        await subject.register(XAPP)
        assert (await pushed(bus, 3)).startswith("newrt|start")
        await subject.close()

    asyncio.run(scenario())


def test_a_full_table_goes_out_when_the_refresh_is_due():
    async def scenario() -> None:
        bus = MemoryBus()
        subject = router(bus, refresh_s=0.01)
        await subject.register(XAPP)
        assert (await pushed(bus, 3)).startswith("newrt|start")
        await subject.close()

    asyncio.run(scenario())


def test_whoever_asks_gets_the_table_and_later_pushes_where_it_asked_from():
    async def scenario() -> None:
        bus = MemoryBus()
        subject = router(bus)
        ask = RmrMessage(
            MessageType.RMR_REQ_TABLE,
            b"127.0.0.1:4001 ts=1\n\0",
            0,
            source="127.0.0.1:5999",
            source_ip="127.0.0.1:5999",
        )
        subject.on_rmr(ask, PATH)
        assert bus.replied[0].mtype == MessageType.RMR_TABLE_DATA
        assert bus.replied[0].payload.startswith(b"newrt|start")
        await subject.register(XAPP)
        await pushed(bus, 1)
        assert bus.called[0][0] == "127.0.0.1:5999"
        await subject.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("payload", [b"", b"\0\xff", b"nameless ts=1"])
def test_a_garbled_table_request_is_left_unanswered(payload: bytes):
    async def scenario() -> None:
        bus = MemoryBus()
        router(bus).on_rmr(RmrMessage(MessageType.RMR_REQ_TABLE, payload), PATH)
        assert bus.replied == []

    asyncio.run(scenario())


def test_a_subscription_of_an_unregistered_endpoint_is_refused():
    async def scenario() -> None:
        with pytest.raises(NoRoute):
            await router(MemoryBus()).add_subscription(7, "127.0.0.1:4001")

    asyncio.run(scenario())


def test_an_xapp_that_does_not_confirm_holds_a_subscription_up_only_so_long():
    async def scenario() -> None:
        bus = MemoryBus()
        bus.answer = None
        subject = router(bus)
        await subject.register(XAPP)
        await subject.add_subscription(7, XAPP.endpoint, timeout_s=0.02)
        assert subject.table.lookup(MessageType.RIC_INDICATION, 7) == [[XAPP.endpoint]]
        await subject.close()

    asyncio.run(scenario())


def test_the_platforms_own_senders_have_each_new_table_at_once():
    async def scenario() -> None:
        sender = MemoryBus()
        subject = router(MemoryBus(), sender=sender)
        await subject.on_node_status("gnb", ConnectionStatus.CONNECTED)
        assert sender.routes is subject.table
        await subject.on_node_status("gnb", ConnectionStatus.DISCONNECTED)
        assert sender.routes is subject.table and not subject.table.meid_owners

    asyncio.run(scenario())


def test_routes_made_by_hand_outlive_a_restart():
    async def scenario() -> None:
        sdl = MemorySdl()
        route = DynamicRoute(30001, "127.0.0.1:4009", sender="127.0.0.1:4001")
        await router(MemoryBus(), sdl).add_dynamic([route])
        again = router(MemoryBus(), sdl)
        await again.restore()
        assert again.table.lookup(30001, own_names=["127.0.0.1:4001"]) == [["127.0.0.1:4009"]]
        await again.remove_dynamic([route])
        assert again.table.lookup(30001, own_names=["127.0.0.1:4001"]) == []

    asyncio.run(scenario())
