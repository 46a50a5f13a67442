from __future__ import annotations

import asyncio
import socket

import pytest

from oran.e2ap import TimeToWait
from oran.errors import ConfigError, ConnectFailed
from ric.platform import NearRtRic, wait_of_seconds
from tests.ric.actors import RedisServer, settings


@pytest.mark.parametrize("option", ["submgr_port", "rmr_port", "rtmgr_rmr_port", "metrics_port"])
def test_a_port_that_is_taken_fails_the_start_and_frees_the_others(redis: RedisServer, option: str):
    async def scenario(port: int) -> None:
        ric = NearRtRic(settings(redis, **{option: port}))
        with pytest.raises(ConnectFailed, match=str(port)):
            async with ric:
                pass
        assert len(asyncio.all_tasks()) == 1

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asyncio.run(scenario(taken.getsockname()[1]))


def test_every_port_is_its_own_and_all_are_told(redis: RedisServer):
    async def scenario() -> None:
        async with NearRtRic(settings(redis)) as ric:
            names = {"e2", "e2mgr", "submgr", "appmgr", "a1", "rtmgr", "metrics", "rmr", "a1_rmr", "rtmgr_rmr"}
            assert set(ric.addresses) == names
            assert len({address.rpartition(":")[2] for address in ric.addresses.values()}) == len(names)

    asyncio.run(scenario())


@pytest.mark.parametrize(("seconds", "wait"), [(0, None), (1, TimeToWait.V1S), (60, TimeToWait.V60S)])
def test_waits_are_those_of_e2ap(seconds: int, wait: TimeToWait | None):
    assert wait_of_seconds(seconds) is wait


def test_a_wait_that_e2ap_does_not_know_is_refused():
    with pytest.raises(ConfigError):
        wait_of_seconds(7)
