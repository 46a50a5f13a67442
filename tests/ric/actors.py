"""Those whom the RIC meets, played for tests: a scripted E2 node, a raw xApp, a Redis server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from oran.e2ap import (
    ComponentConfig,
    ComponentId,
    ControlAckRequest,
    E2Association,
    E2SetupRequest,
    E2SetupResponse,
    GlobalGnbId,
    IndicationType,
    InterfaceType,
    Pdu,
    PduReceived,
    ProtocolViolation,
    RanFunction,
    RicControlAcknowledge,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteResponse,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    Role,
)
from oran.errors import PeerClosed
from oran.platform.app_manager import AppManagerClient, Registration
from oran.platform.subscriptions import (
    ActionKind,
    ActionToSetUp,
    ClientEndpoint,
    SubscriptionClient,
    SubscriptionDetail,
    SubscriptionInstance,
    SubscriptionNotification,
    SubscriptionRequest,
)
from oran.rmr.endpoint import ReplyPath, RmrEndpoint
from oran.rmr.message_types import MessageType
from oran.rmr.route_records import RouteTableReader
from oran.rmr.wire import RmrMessage
from oran.transport import Channel, connect
from ric.platform import NearRtRic, Settings

WAIT_S = 5.0
GNB = GlobalGnbId(b"\x00\xf1\x10", 0x19B, 22)
GNB_NAME = "gnb_001_001_00019b"
OTHER_GNB = GlobalGnbId(b"\x00\xf1\x10", 0x2AB, 22)
OTHER_NAME = "gnb_001_001_0002ab"
FUNCTION = RanFunction(200, b"what it can do", 1, "1.3.6.1.4.1.53148.1.1.2.200")
COMPONENT = ComponentConfig(ComponentId(InterfaceType.NG, "amf"), b"\x00\x15", b"\x20\x15")


def free_port() -> int:
    """A port that was free a moment ago, for servers that cannot be given 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """A real redis-server without persistence, which can be stopped and started again on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        executable = shutil.which("redis-server")
        if executable is None:
            pytest.skip("redis-server is not installed")
        command = [executable, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        give_up_s = time.monotonic() + WAIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(16).startswith(b"+PONG"):
                    return
            assert time.monotonic() < give_up_s, "redis-server does not answer"
            time.sleep(0.01)

    def stop(self) -> None:
        """Kill it: everything it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def settings(redis: RedisServer, **changes: Any) -> Settings:
    """Free ports everywhere, and short waits."""
    ports = ("rmr", "a1_rmr", "rtmgr_rmr", "e2mgr", "submgr", "appmgr", "a1", "rtmgr", "metrics")
    chosen: dict[str, Any] = {f"{name}_port": 0 for name in ports}
    chosen |= {"e2_url": "tcp://127.0.0.1:0", "redis_port": redis.port, "notification_retry_s": 0.1}
    return Settings(**(chosen | changes))


def settings_again(redis: RedisServer, ric: NearRtRic) -> Settings:
    """For a second RIC in the places of the first."""

    def port(name: str) -> int:
        return int(ric.addresses[name].rpartition(":")[2])

    rest = {f"{name}_port": port(name) for name in ("e2mgr", "submgr", "appmgr", "a1", "rtmgr", "metrics")}
    rmr = {"rmr_port": port("rmr"), "a1_rmr_port": port("a1_rmr"), "rtmgr_rmr_port": port("rtmgr_rmr")}
    return settings(redis, e2_url=ric.addresses["e2"], **rest, **rmr)


async def eventually(condition: Any, *, within_s: float = WAIT_S) -> Any:
    """Wait until ``condition()`` (in a thread, it may block) is true; return what it gave."""
    give_up_s = time.monotonic() + within_s
    while not (outcome := await asyncio.to_thread(condition)):
        assert time.monotonic() < give_up_s, "it did not come about"
        await asyncio.sleep(0.01)
    return outcome


async def eventually_async(read: Callable[[], Awaitable[Any]], wanted: Any, *, within_s: float = WAIT_S) -> None:
    """Wait until ``read()`` gives what is wanted."""
    give_up_s = time.monotonic() + within_s
    while (found := await read()) != wanted:
        assert time.monotonic() < give_up_s, found
        await asyncio.sleep(0.01)


class ScriptedNode:
    """An E2 node. By default it admits every subscription and acknowledges deletions and controls."""

    def __init__(self, node_id: GlobalGnbId = GNB) -> None:
        self.node_id = node_id
        self.association = E2Association(Role.E2_NODE)
        self.received: asyncio.Queue[Pdu] = asyncio.Queue()
        self.raw: list[bytes] = []
        self.violations: list[ProtocolViolation] = []
        self.silent = False
        self.channel: Channel | None = None
        self._task: asyncio.Task[None] | None = None

    async def attach(self, url: str) -> E2SetupResponse:
        """Connect and set up."""
        self.channel = await connect(url)
        self._task = asyncio.create_task(self._read(self.channel))
        await self.send(E2SetupRequest(1, self.node_id, (FUNCTION,), (COMPONENT,)))
        answer = await self.expect(E2SetupResponse)
        assert isinstance(answer, E2SetupResponse)
        return answer

    async def detach(self) -> None:
        """Vanish without a word."""
        if self.channel is not None:
            await self.channel.close()
        if self._task is not None:
            await self._task

    async def send(self, pdu: Pdu) -> None:
        """Send a legal PDU."""
        self.association.send(pdu, time.monotonic())
        await self._flush()

    async def send_raw(self, data: bytes) -> None:
        """Send anything."""
        assert self.channel is not None
        await self.channel.send(data)

    async def indicate(self, instance: int, message: bytes = b"report") -> None:
        """Send an indication of a subscription."""
        await self.send(
            RicIndication(RicRequestId(123, instance), FUNCTION.id, 1, IndicationType.REPORT, b"header", message)
        )

    async def expect(self, kind: type) -> Pdu:
        """The next PDU, which must be of that kind."""
        pdu = await asyncio.wait_for(self.received.get(), WAIT_S)
        assert isinstance(pdu, kind), pdu
        return pdu

    async def _flush(self) -> None:
        assert self.channel is not None
        for stream, data in self.association.outbox():
            await self.channel.send(data, stream=stream)

    async def _read(self, channel: Channel) -> None:
        try:
            while True:
                data = await channel.receive()
                self.raw.append(data)
                for event in self.association.receive(data, time.monotonic()):
                    if isinstance(event, PduReceived):
                        self.received.put_nowait(event.pdu)
                        self._answer(event.pdu)
                    elif isinstance(event, ProtocolViolation):
                        self.violations.append(event)
                await self._flush()
        except PeerClosed:
            return

    def _answer(self, pdu: Pdu) -> None:
        now_s = time.monotonic()
        if self.silent:
            return
        match pdu:
            case RicSubscriptionRequest():
                admitted = tuple(action.id for action in pdu.actions)
                self.association.send(RicSubscriptionResponse(pdu.request_id, pdu.ran_function_id, admitted), now_s)
            case RicSubscriptionDeleteRequest():
                self.association.send(RicSubscriptionDeleteResponse(pdu.request_id, pdu.ran_function_id), now_s)
            case RicControlRequest() if pdu.ack_request is ControlAckRequest.ACK:
                answer = RicControlAcknowledge(pdu.request_id, pdu.ran_function_id, pdu.call_process_id, b"done")
                self.association.send(answer, now_s)
            case _:
                pass


class RawXapp:
    """An xApp made of sockets: RMR data and control ports, and an HTTP port for notifications."""

    def __init__(self, ric: NearRtRic, name: str = "demo", *, policies: tuple[int, ...] = ()) -> None:
        self.name = name
        self.policies = policies
        self.notifications: queue.Queue[SubscriptionNotification] = queue.Queue()
        self.tables = RouteTableReader()
        self.table_texts: list[str] = []
        self.table_changed = threading.Event()
        self.data = RmrEndpoint("127.0.0.1", 0)
        self.control = RmrEndpoint("127.0.0.1", 0)
        self.control.on_message = self._on_table
        self.addresses = dict(ric.addresses)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _notification_handler(self.notifications))
        self._serving = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> RawXapp:
        self.data.start()
        self.control.start()
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.data.close()
        self.control.close()
        self._http.shutdown()
        self._http.server_close()

    @property
    def rmr_endpoint(self) -> str:
        """Its RMR data endpoint."""
        return f"127.0.0.1:{self.data.port}"

    @property
    def registration(self) -> Registration:
        """What it registers with."""
        ports = [
            {
                "name": "rmrdata",
                "port": self.data.port,
                "txMessages": ["RIC_CONTROL_REQ", "A1_POLICY_RESP", "A1_POLICY_QUERY"],
                "rxMessages": ["RIC_INDICATION", "A1_POLICY_REQ"],
                "policies": list(self.policies),
            },
            {"name": "rmrroute", "port": self.control.port},
        ]
        return Registration(
            app_name=self.name,
            instance_name=self.name,
            http_endpoint=f"127.0.0.1:{self._http.server_port}",
            rmr_endpoint=self.rmr_endpoint,
            config=json.dumps({"name": self.name, "messaging": {"ports": ports}}),
        )

    async def register(self) -> None:
        """Register, and wait for the first table."""
        with AppManagerClient(self.addresses["appmgr"]) as client:
            await asyncio.to_thread(client.register, self.registration)
        await eventually(lambda: self.tables.has_full_table)

    async def deregister(self) -> None:
        """Say good-bye."""
        with AppManagerClient(self.addresses["appmgr"]) as client:
            await asyncio.to_thread(client.deregister, self.name, self.name)

    def request(self, meid: str = GNB_NAME, *, event: int = 1, trigger: bytes = b"every 20 ms") -> SubscriptionRequest:
        """A subscription with one REPORT action."""
        detail = SubscriptionDetail(
            xapp_event_instance_id=event,
            event_trigger=trigger,
            actions=(ActionToSetUp(id=1, kind=ActionKind.REPORT, definition=b"all of it"),),
        )
        client = ClientEndpoint(host="127.0.0.1", http_port=self._http.server_port, rmr_port=self.data.port)
        return SubscriptionRequest(client=client, meid=meid, ran_function_id=FUNCTION.id, details=(detail,))

    async def post(self, request: SubscriptionRequest) -> str:
        """Post a subscription; return its id."""
        with SubscriptionClient(self.addresses["submgr"]) as client:
            return await asyncio.to_thread(client.subscribe, request)

    async def notified(self) -> SubscriptionInstance:
        """The next outcome."""
        notification = await asyncio.to_thread(self.notifications.get, True, WAIT_S)
        return notification.instances[0]

    async def subscribe(self, request: SubscriptionRequest | None = None) -> tuple[str, int]:
        """Subscribe with success; return the subscription's id and the E2 instance."""
        subscription_id = await self.post(request or self.request())
        outcome = await self.notified()
        assert outcome.succeeded, outcome
        return subscription_id, outcome.e2_event_instance_id

    async def unsubscribe(self, subscription_id: str) -> None:
        """Delete a subscription."""
        with SubscriptionClient(self.addresses["submgr"]) as client:
            await asyncio.to_thread(client.unsubscribe, subscription_id)

    async def receive(self, mtype: MessageType) -> RmrMessage:
        """The next RMR message, which must be of that type."""
        delivery = await asyncio.to_thread(self.data.receive, WAIT_S)
        assert delivery is not None, f"no message of type {mtype}"
        assert delivery[0].mtype == mtype, delivery[0]
        return delivery[0]

    def send(self, message: RmrMessage) -> None:
        """Send by the table that was pushed."""
        self.data.routes = self.tables.table
        self.data.send(message)

    def _on_table(self, message: RmrMessage, path: ReplyPath) -> None:
        text = message.payload.decode()
        self.table_texts.append(text)
        outcomes = self.tables.feed(text)
        refused = next((outcome for outcome in outcomes if not outcome.accepted), None)
        word = f"ERR {refused.table_id} {refused.reason}" if refused else "OK " + (outcomes[-1].table_id or "?")
        answer = replace(message, mtype=MessageType.RMR_TABLE_STATE, payload=f"{word}\n\0".encode(), sub_id=-1)
        self.control.reply(path, answer)


def _notification_handler(notifications: queue.Queue[SubscriptionNotification]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/ric/v1/subscriptions/response"
            notifications.put(SubscriptionNotification.from_json(json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    return Handler


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A Redis server for the time of the block."""
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def ric_with_node(redis: RedisServer) -> AsyncIterator[tuple[NearRtRic, ScriptedNode]]:
    """A RIC and a node that is set up with it."""
    async with NearRtRic(settings(redis)) as ric:
        node = ScriptedNode()
        await node.attach(ric.addresses["e2"])
        try:
            yield ric, node
        finally:
            await node.detach()
