"""The real process against the real near-RT RIC: registered, subscribed, deciding, and gone without a trace.

Only the RIC has its database: an xApp has to work without SDL too.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from oran import e2ap
from oran.e2ap import (
    ComponentConfig,
    ComponentId,
    E2Association,
    E2SetupRequest,
    E2SetupResponse,
    GlobalGnbId,
    IndicationType,
    InterfaceType,
    Pdu,
    PduReceived,
    RanFunction,
    RicControlAcknowledge,
    RicControlRequest,
    RicIndication,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteResponse,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    Role,
)
from oran.e2sm.rrm import OID, REVISION, Clock, decode_control_message, decode_event_trigger, split_report
from oran.transport import Channel, connect
from tests.xapps.runtime.doubles import make_allocation, make_report
from tests.xapps.runtime.platform_doubles import definition
from tests.xapps.runtime.test_settings import DESCRIPTOR

HOST = "127.0.0.1"
WAIT_S = 60.0
FUNCTION_ID = 200


def free_ports(number: int) -> list[int]:
    held = [socket.create_server((HOST, 0)) for _ in range(number)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def command(module: str, options: dict[str, Any]) -> list[str]:
    pairs = [str(part) for pair in options.items() for part in pair]
    return [sys.executable, "-m", module, *pairs]


@contextmanager
def running(argv: list[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    with log.open("w") as sink:
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=sink, text=True, env=environment)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def announcement(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """A database; its address."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("needs redis-server")
    port = free_ports(1)[0]
    with running([server, "--port", str(port), "--bind", HOST, "--save", "", "--dir", str(tmp_path)], tmp_path / "db"):
        wait_until(lambda: socket.socket().connect_ex((HOST, port)) == 0)
        yield f"{HOST}:{port}"


@pytest.fixture
def ric(tmp_path: Path, redis: str) -> Iterator[dict[str, Any]]:
    """A near-RT RIC; its addresses."""
    ports = ("rmr", "a1-rmr", "rtmgr-rmr", "e2mgr", "submgr", "appmgr", "a1", "rtmgr", "metrics")
    options: dict[str, Any] = {f"--{name}-port": 0 for name in ports}
    options |= {"--e2": f"tcp://{HOST}:0", "--redis": redis, "--notification-retry-s": 0.2}
    with running(command("ric", options), tmp_path / "ric.log") as process:
        yield announcement(process)


@pytest.fixture
def place(tmp_path: Path, ric: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Options of an xApp at that RIC, and its URL."""
    http, rmr, control = free_ports(3)
    options = {
        "--config": DESCRIPTOR,
        "--preload": "[]",
        "--bind-host": HOST,
        "--http-name": HOST,
        "--rmr-name": HOST,
        "--http-port": http,
        "--rmr-port": rmr,
        "--rmr-control-port": control,
        "--route-manager": ric["rtmgr_rmr"],
        "--seed-route-file": tmp_path / "seed.rt",
        "--app-manager-url": ric["appmgr"],
        "--subscription-manager-url": ric["submgr"],
        "--node-manager-url": ric["e2mgr"],
        "--a1-rmr": ric["a1_rmr"],
        "--poll-period-s": 0.1,
    }
    return options, f"http://{HOST}:{http}"


class Node:
    """A scripted E2 node: what a test tells it and nothing else."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._association = E2Association(Role.E2_NODE)
        self._inbox: list[Pdu] = []

    @classmethod
    @asynccontextmanager
    async def set_up(cls, url: str) -> AsyncIterator[Node]:
        channel = await connect(url)
        try:
            node = cls(channel)
            function = RanFunction(FUNCTION_ID, definition(), REVISION, OID)
            component = ComponentConfig(ComponentId(InterfaceType.NG, "amf"), b"request", b"response")
            await node.send(E2SetupRequest(0, GlobalGnbId(b"\x00\xf1\x10", 7), (function,), (component,)))
            await node.expect(E2SetupResponse)
            yield node
        finally:
            await channel.close()

    async def send(self, pdu: Pdu) -> None:
        self._association.send(pdu, time.monotonic())
        for stream, data in self._association.outbox():
            await self._channel.send(data, stream=stream)

    async def expect(self, kind: type[Any]) -> Any:
        """The next PDU of that kind; others are kept for later."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for pdu in self._inbox:
                    if isinstance(pdu, kind):
                        self._inbox.remove(pdu)
                        return pdu
                events = self._association.receive(await self._channel.receive(), time.monotonic())
                self._inbox += [event.pdu for event in events if isinstance(event, PduReceived)]

    async def admit(self) -> RicSubscriptionRequest:
        request = await self.expect(RicSubscriptionRequest)
        admitted = tuple(action.id for action in request.actions)
        await self.send(RicSubscriptionResponse(request.request_id, request.ran_function_id, admitted))
        return request

    async def report(self, request: RicSubscriptionRequest, number: int, **changes: Any) -> None:
        header, body = split_report(make_report(number), clock=Clock.FREE_RUNNING)[0]
        fields = {"header": header, "message": body} | changes
        await self.send(
            RicIndication(request.request_id, FUNCTION_ID, request.actions[0].id, IndicationType.REPORT, **fields)
        )

    async def acknowledge(self, control: RicControlRequest) -> None:
        await self.send(RicControlAcknowledge(control.request_id, control.ran_function_id, control.call_process_id))


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again until it holds: what another process does raises no event here."""
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "it never came true"
        time.sleep(0.05)


def status(url: str) -> int:
    return httpx.get(url, trust_env=False).status_code


def counters(url: str) -> dict[str, float]:
    return httpx.get(f"{url}/ric/v1/state", trust_env=False).json()["counters"]


@pytest.mark.timeout(180)
def test_a_life_from_registration_to_farewell(
    ric: dict[str, Any], place: tuple[dict[str, Any], str], tmp_path: Path
) -> None:
    options, url = place
    with running(command("xapps.runtime", options), tmp_path / "xapp.log") as xapp:
        asyncio.run(_life(ric, url, xapp))
        assert xapp.wait(timeout=10) == 0
    listed = httpx.get(f"{ric['appmgr']}/ric/v1/xapps", trust_env=False).json()
    assert [instance for app in listed or [] for instance in app["instances"]] == []


async def _life(ric: dict[str, Any], url: str, xapp: subprocess.Popen[str]) -> None:
    async with Node.set_up(ric["e2"]) as node:
        request = await node.admit()
        assert decode_event_trigger(request.event_trigger).clock is Clock.FREE_RUNNING
        await _answers(node, request, 1)
        assert await asyncio.to_thread(status, f"{url}/ric/v1/health/ready") == 200
        await node.report(request, 2, message=b"\xff\xff garbage")
        await node.report(request, 3, header=b"")
        await _answers(node, request, 4)
        await asyncio.to_thread(wait_until, lambda: counters(url)["controls_acked"] == 2)
        assert (await asyncio.to_thread(counters, url))["handler_errors"] == 2
        xapp.send_signal(signal.SIGTERM)
        farewell = await node.expect(RicSubscriptionDeleteRequest)
        assert farewell.request_id == request.request_id
        await node.send(RicSubscriptionDeleteResponse(farewell.request_id, farewell.ran_function_id))
        await asyncio.to_thread(xapp.wait, 10)


async def _answers(node: Node, request: RicSubscriptionRequest, number: int) -> None:
    """The node reports, and gets the decision that the equal allocator takes, unchanged by the way."""
    await node.report(request, number)
    control = await node.expect(RicControlRequest)
    assert control.request_id == request.request_id
    assert control.ack_request is e2ap.ControlAckRequest.ACK
    allocation = decode_control_message(control.message)
    assert allocation.decision_id == number
    assert allocation.ue_ids.tolist() == make_allocation(make_report(number)).ue_ids.tolist()
    assert allocation.power_w.sum() > 0
    await node.acknowledge(control)


def test_a_wrong_setting_ends_the_process_with_the_fields_name(tmp_path: Path) -> None:
    argv = command("xapps.runtime", {"--config": DESCRIPTOR, "--period-ms": 0})
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "period_ms" in done.stderr


def test_an_unknown_xapp_is_answered_with_those_there_are() -> None:
    done = subprocess.run(command("xapps", {"oracle": ""}), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "ssvae" in done.stderr
