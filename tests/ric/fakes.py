"""Fake wires for single components: a bus, a database, nodes, routes and notifications in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oran.e2ap import Pdu
from oran.errors import NoRoute
from oran.rmr.endpoint import ReplyPath
from oran.rmr.routes import RouteTable
from oran.rmr.wire import RmrMessage

PATH = ReplyPath("127.0.0.1:4560", "127.0.0.1:4560", None)


class MemoryBus:
    """RMR that remembers."""

    def __init__(self) -> None:
        self.posted: list[RmrMessage] = []
        self.replied: list[RmrMessage] = []
        self.called: list[tuple[str, RmrMessage]] = []
        self.routes = RouteTable()
        self.answer: bytes | None = b"OK id\n\0"
        self.was_called = asyncio.Event()

    def post(self, message: RmrMessage) -> None:
        self.posted.append(message)

    def post_reply(self, path: ReplyPath, message: RmrMessage) -> None:
        self.replied.append(message)

    async def call(self, message: RmrMessage, *, target: str, call_id: int, timeout_s: float) -> RmrMessage | None:
        self.called.append((target, message))
        self.was_called.set()
        await asyncio.sleep(0)
        return None if self.answer is None else RmrMessage(22, self.answer)


class MemorySdl:
    """The shared data layer without Redis."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, bytes]] = {}
        self.groups: dict[tuple[str, str], set[bytes]] = {}
        self.published: list[tuple[str, str]] = []
        self.available = True

    async def ping(self) -> bool:
        return self.available

    async def load(self, namespace: str, prefix: str = "") -> dict[str, bytes]:
        return {key: value for key, value in self.values.get(namespace, {}).items() if key.startswith(prefix)}

    async def put(self, namespace: str, values: Mapping[str, bytes], *, publish: Any = None) -> None:
        self.values.setdefault(namespace, {}).update(values)
        if publish:
            self.published.append(publish)

    async def remove(self, namespace: str, keys: Iterable[str]) -> None:
        for key in keys:
            self.values.get(namespace, {}).pop(key, None)

    async def load_members(self, namespace: str, group: str) -> frozenset[bytes]:
        return frozenset(self.groups.get((namespace, group), ()))

    async def replace_member(self, namespace: str, group: str, old: bytes | None, new: bytes) -> None:
        members = self.groups.setdefault((namespace, group), set())
        members.discard(old or b"")
        members.add(new)


class FakeNode:
    """The far end of the E2 side of subscriptions; ``answer`` makes the node's answer to a request."""

    def __init__(self, answer: Callable[[Pdu], Pdu | None]) -> None:
        self.answer = answer
        self.requests: list[Pdu] = []
        self.deliver: Callable[[str, Pdu], object] = lambda ran_name, pdu: None

    async def send(self, ran_name: str, pdu: Pdu) -> None:
        self.requests.append(pdu)
        answer = self.answer(pdu)
        if answer is not None:
            asyncio.get_running_loop().call_soon(self.deliver, ran_name, answer)


class FakeRoutes:
    """Routes of subscriptions, for the endpoints that are registered."""

    def __init__(self, *registered: str) -> None:
        self.registered = set(registered)
        self.routed: set[tuple[int, str]] = set()

    async def add_subscription(self, instance: int, endpoint: str) -> None:
        if endpoint not in self.registered:
            raise NoRoute(endpoint)
        self.routed.add((instance, endpoint))

    def remove_subscription(self, instance: int, endpoint: str) -> None:
        self.routed.discard((instance, endpoint))


class FakeNotifications:
    """Takes every notification."""

    def __init__(self) -> None:
        self.posted: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def post(self, url: str, body: dict[str, Any]) -> bool:
        self.posted.put_nowait((url, body))
        return True
