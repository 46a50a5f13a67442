"""A node that sends indications which are truncated, garbage or of an unknown RAN function: the loop goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from e2sim.node.clock import Clock
from e2sim.node.e2_node import E2Node
from e2sim.node.functions import Content, Subscription
from e2sim.node.metrics import NodeMetrics
from e2sim.node.rrm_function import RrmFunction
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from e2sim.scenario import Scenario, load
from tests.system.conftest import Rig

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


class SabotagedFunction(RrmFunction):
    """E2SM-RRM that damages two of three reports."""

    def __init__(self, damage, scenario: Scenario | None = None) -> None:
        super().__init__(scenario or load("tiny"))
        self._damage = damage
        self._count = 0

    def contents(self, subscription: Subscription, world: World) -> list[Content]:
        self._count += 1
        contents = super().contents(subscription, world)
        return contents if self._count % 3 == 0 else [self._damage(content) for content in contents]


@contextmanager
def node_in_a_thread(
    rig: Rig, function: RrmFunction, scenario: Scenario | None = None
) -> Iterator[tuple[E2Node, Callable]]:
    """A node of ours against the running RIC, and what runs a coroutine in its loop."""
    world = World(scenario or load("tiny"), seed=3)
    node = E2Node(NodeSettings(ric_url=rig.suite.e2_url, gnb_id=77), world, [function], NodeMetrics())
    loop = asyncio.new_event_loop()
    tasks: list[asyncio.Task] = []

    async def serve() -> None:
        tasks.extend([asyncio.create_task(node.run()), asyncio.create_task(Clock(node, 0.02).run())])
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield node, lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(5)
    finally:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: replace(content, message=content.message[: len(content.message) // 2]),
        lambda content: replace(content, message=b"\xff" * 40),
        lambda content: replace(content, header=b"\xff\xff\xff"),
    ],
    ids=["truncated message", "garbage message", "garbage header"],
)
def test_damaged_reports_are_counted_and_whole_ones_between_them_answered(rig: Rig, damage) -> None:
    before = rig.counter("indications_ignored") + rig.counter("handler_errors")
    with node_in_a_thread(rig, SabotagedFunction(damage)) as (node, _):
        rig.until(lambda: node.world.applied > 20, "whole reports are answered")
        ignored = rig.counter("indications_ignored") + rig.counter("handler_errors") - before
    assert ignored >= 20
    rig.until(lambda: len(rig.subscriptions()) == 1, "the node's subscription goes with it")


def test_octets_that_are_no_e2ap_and_an_unknown_ran_function_do_not_disturb_the_others(rig: Rig) -> None:
    with node_in_a_thread(rig, RrmFunction(load("tiny"))) as (node, run):
        rig.until(lambda: node.world.applied > 5, "the node is served")
        applied = node.world.applied
        for data in (b"\x00", b"\xff" * 100, b"\x00\x05\x40\x04\x00\x00\x01\x00"):
            run(node._channel.send(data))
        (subscription,) = node.subscriptions.values()
        stray = replace(subscription, request=replace(subscription.request, ran_function_id=999))
        indication = node._indication(stray, Content(1, 0, b"h", b"m"))
        run(node._send(indication))
        rig.until(lambda: node.world.applied > applied + 20, "the node is served on")
    rig.until(lambda: len(rig.subscriptions()) == 1, "the node's subscription goes with it")
