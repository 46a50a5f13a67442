"""``python -m ric`` as a process: from its ready line to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

from oran.platform.app_manager import AppManagerClient, Registration
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionClient
from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.environment import RouteService
from oran.rmr.message_types import MessageType
from oran.rmr.route_client import RouteClient
from ric.platform import NearRtRic, Settings
from tests.ric.actors import GNB_NAME, RawXapp, RedisServer, ScriptedNode, eventually, free_port

PORTS = ("rmr", "a1-rmr", "rtmgr-rmr", "e2mgr", "submgr", "appmgr", "a1", "rtmgr", "metrics")


def start(redis_port: int, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ric", "--e2", "tcp://127.0.0.1:0", "--redis", f"127.0.0.1:{redis_port}"]
    command += [part for name in PORTS for part in (f"--{name}-port", "0")]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ready_line(stdout: IO[str] | None) -> dict[str, str]:
    assert stdout is not None
    assert select.select([stdout], [], [], 30)[0], "no ready line"
    return json.loads(stdout.readline())


def as_started(addresses: dict[str, str]) -> NearRtRic:
    """What a RawXapp wants to know of a RIC that runs elsewhere."""
    ric = NearRtRic(Settings())
    ric.addresses = addresses
    return ric


@contextlib.contextmanager
def started(redis_port: int) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process that is ready, and where it listens; killed at the end."""
    process = start(redis_port)
    try:
        addresses = ready_line(process.stdout)
        assert addresses.pop("ready") is True
        yield process, addresses
    finally:
        process.kill()
        process.communicate()


def test_the_process_serves_a_loop_and_ends_by_sigterm(redis: RedisServer):
    async def scenario(addresses: dict[str, str]) -> None:
        node = ScriptedNode()
        await node.attach(addresses["e2"])
        with RawXapp(as_started(addresses)) as xapp:
            await xapp.register()
            _, instance = await xapp.subscribe()
            await node.indicate(instance)
            await xapp.receive(MessageType.RIC_INDICATION)
        await node.detach()

    with started(redis.port) as (process, addresses):
        asyncio.run(scenario(addresses))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_a_killed_process_finds_its_state_again(redis: RedisServer):
    async def subscribe_and_kill(addresses: dict[str, str], process: subprocess.Popen[str]) -> None:
        node = ScriptedNode()
        await node.attach(addresses["e2"])
        with RawXapp(as_started(addresses)) as xapp:
            await xapp.register()
            await xapp.subscribe()
            process.kill()
            await asyncio.to_thread(process.wait)
        await node.detach()

    with started(redis.port) as (process, addresses):
        asyncio.run(subscribe_and_kill(addresses, process))
    with started(redis.port) as (_, addresses):
        with NodeInventoryClient(addresses["e2mgr"]) as inventory, SubscriptionClient(addresses["submgr"]) as client:
            assert [(state.inventory_name, state.connected) for state in inventory.states()] == [(GNB_NAME, False)]
            assert len(client.subscriptions()) == 1
        with AppManagerClient(addresses["appmgr"]) as apps:
            assert apps.is_registered("demo")


def test_without_a_database_the_process_says_so_and_fails():
    process = start(free_port())
    _, log = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "ric: no Redis at 127.0.0.1" in log and "Traceback" not in log


def test_the_suites_own_route_client_gets_its_table_by_asking_and_by_push(redis: RedisServer):
    with started(redis.port) as (_, addresses), RmrEndpoint("127.0.0.1", 0) as data:
        service = RouteService(control_port=0, manager=addresses["rtmgr_rmr"])
        client = RouteClient(data, service, control_host="127.0.0.1")
        client.start()
        try:
            assert client.wait_ready(10)
            assert data.routes.lookup(MessageType.A1_POLICY_QUERY) == [[addresses["a1_rmr"]]]
            config = json.dumps({"messaging": {"ports": [{"name": "rmrdata", "txMessages": ["RIC_CONTROL_REQ"]}]}})
            registration = Registration(
                app_name="demo",
                instance_name="demo",
                http_endpoint="127.0.0.1:1",
                rmr_endpoint=f"127.0.0.1:{data.port}",
                config=config,  # names no control port: it is known from the request
            )
            with AppManagerClient(addresses["appmgr"]) as apps:
                apps.register(registration)

            async def connect_node() -> None:
                node = ScriptedNode()
                await node.attach(addresses["e2"])
                await eventually(lambda: data.routes.lookup(MessageType.RIC_CONTROL_REQ, -1, GNB_NAME, data.own_names))
                await node.detach()

            asyncio.run(connect_node())
        finally:
            client.close()
