from __future__ import annotations

import asyncio

import pytest
from ricsdl.syncstorage import SyncStorage

from oran.errors import ConnectFailed
from ric.sdl import Sdl
from tests.ric.actors import RedisServer, eventually, eventually_async, free_port


def test_without_redis_the_start_fails_and_says_so():
    async def scenario() -> None:
        with pytest.raises(ConnectFailed, match="no Redis at"):
            await Sdl("127.0.0.1", free_port()).start()

    asyncio.run(scenario())


def test_the_frameworks_data_layer_reads_what_was_written(redis: RedisServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DBAAS_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("DBAAS_SERVICE_PORT", str(redis.port))

    async def scenario() -> None:
        sdl = Sdl("127.0.0.1", redis.port)
        await sdl.start()
        await sdl.put("ns", {"a": b"1", "b": b"2"})
        await sdl.remove("ns", ["b"])
        await sdl.replace_member("ns", "group", None, b"old")
        await sdl.replace_member("ns", "group", b"old", b"new")
        storage = await asyncio.to_thread(SyncStorage)
        assert await asyncio.to_thread(storage.get, "ns", {"a", "b"}) == {"a": b"1"}
        assert await asyncio.to_thread(storage.get_members, "ns", "group") == {b"new"}
        await asyncio.to_thread(storage.close)
        await sdl.close()

    asyncio.run(scenario())


def test_subscribers_of_the_frameworks_data_layer_hear_events(redis: RedisServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DBAAS_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("DBAAS_SERVICE_PORT", str(redis.port))

    async def scenario() -> None:
        sdl = Sdl("127.0.0.1", redis.port)
        await sdl.start()
        storage = await asyncio.to_thread(SyncStorage)
        heard: list[tuple[str, list[str]]] = []
        await asyncio.to_thread(
            storage.subscribe_channel, "ns", lambda channel, events: heard.append((channel, events)), "CHANNEL"
        )
        await asyncio.to_thread(storage.handle_events)  # the confirmation of the subscription
        await sdl.put("ns", {"a": b"1"}, publish=("CHANNEL", "gnb_CONNECTED"))
        await eventually(lambda: storage.handle_events() or heard)
        assert heard == [("CHANNEL", ["gnb_CONNECTED"])]
        await asyncio.to_thread(storage.close)
        await sdl.close()

    asyncio.run(scenario())


def test_a_key_with_wildcards_in_its_namespace_is_taken_literally(redis: RedisServer):
    async def scenario() -> None:
        sdl = Sdl("127.0.0.1", redis.port)
        await sdl.start()
        await sdl.put("n*s", {"k1": b"1"})
        await sdl.put("nns", {"k1": b"2"})
        assert await sdl.load("n*s", "k") == {"k1": b"1"}
        await sdl.close()

    asyncio.run(scenario())


def test_after_a_restart_of_redis_everything_is_there_again(redis: RedisServer):
    async def scenario() -> None:
        sdl, reader = Sdl("127.0.0.1", redis.port, probe_period_s=0.02), Sdl("127.0.0.1", redis.port)
        await sdl.start()
        await sdl.put("ns", {"before": b"1", "gone": b"x"})
        await sdl.replace_member("ns", "group", None, b"member")
        await asyncio.to_thread(redis.stop)
        assert not await sdl.ping()
        await sdl.put("ns", {"during": b"2"})
        await sdl.remove("ns", ["gone"])
        await asyncio.to_thread(redis.start)
        await eventually(lambda: sdl.available)
        await reader.start()
        assert await reader.load("ns") == {"before": b"1", "during": b"2"}
        assert await reader.load_members("ns", "group") == {b"member"}
        await reader.close()
        await sdl.close()

    asyncio.run(scenario())


def test_a_restart_between_two_probes_is_noticed_by_the_servers_identity(redis: RedisServer):
    async def scenario() -> None:
        sdl, reader = Sdl("127.0.0.1", redis.port, probe_period_s=0.3), Sdl("127.0.0.1", redis.port)
        await sdl.start()
        await sdl.put("ns", {"key": b"1"})
        await asyncio.to_thread(redis.stop)
        await asyncio.to_thread(redis.start)
        await reader.start()
        await eventually_async(lambda: reader.load("ns"), {"key": b"1"})
        await reader.close()
        await sdl.close()

    asyncio.run(scenario())
