"""A RIC end for tests: the association in role RIC over a transport, driven line by line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from e2sim.node.clock import Clock
from e2sim.node.e2_node import E2Node
from e2sim.node.metrics import NodeMetrics
from e2sim.node.offer import ran_functions
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from e2sim.scenario import Scenario, load
from oran.e2ap import (
    Action,
    ActionType,
    ComponentConfigAck,
    ControlAckRequest,
    E2Association,
    E2SetupRequest,
    E2SetupResponse,
    GlobalRicId,
    Pdu,
    PduReceived,
    ProtocolViolation,
    RanFunctionRef,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionRequest,
    RicTimeToWait,
    Role,
    SubsequentAction,
    SubsequentActionType,
)
from oran.e2sm import rrm
from oran.transport import Channel, listen

REQUEST_ID = RicRequestId(123, 7)
RIC_ID = GlobalRicId(b"\x00\xf1\x10", 25)


class ScriptedRic:
    """Accepts one node at a time; tests send and expect PDUs by hand."""

    def __init__(self) -> None:
        self.association = E2Association(Role.RIC)
        self.channel: Channel | None = None
        self.received: asyncio.Queue[Pdu | ProtocolViolation] = asyncio.Queue()
        self.attached = asyncio.Event()
        self.setups = 0

    async def serve(self, channel: Channel) -> None:
        """Handler of one channel: feeds the association, queues what came."""
        self.association, self.channel = E2Association(Role.RIC), channel
        self.received = asyncio.Queue()
        self.attached.set()
        while True:
            for event in self.association.receive(await channel.receive(), time.monotonic()):
                if isinstance(event, PduReceived):
                    self.received.put_nowait(event.pdu)
                elif isinstance(event, ProtocolViolation):
                    self.received.put_nowait(event)
            await self._flush()

    async def _flush(self) -> None:
        assert self.channel is not None
        for stream, data in self.association.outbox():
            await self.channel.send(data, stream=stream)

    async def send(self, pdu: Pdu) -> None:
        self.association.send(pdu, time.monotonic())
        await self._flush()

    async def send_raw(self, data: bytes) -> None:
        assert self.channel is not None
        await self.channel.send(data)

    async def expect(self, kind: type, timeout_s: float = 5.0):
        """The next PDU of ``kind``; others are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                pdu = await self.received.get()
                if isinstance(pdu, kind):
                    return pdu

    async def accept_setup(self) -> E2SetupRequest:
        await asyncio.wait_for(self.attached.wait(), 5)
        request = await self.expect(E2SetupRequest)
        accepted = tuple(RanFunctionRef(f.id, f.revision) for f in request.ran_functions)
        acks = tuple(ComponentConfigAck(item.component) for item in request.components)
        await self.send(E2SetupResponse(request.transaction_id, RIC_ID, accepted, component_acks=acks))
        self.setups += 1
        return request

    async def report_of(self, indication: RicIndication) -> rrm.RadioReport:
        """The whole report that begins with ``indication``."""
        assembler = rrm.ReportAssembler()
        report = assembler.add(indication.header, indication.message)
        while report is None:
            following = await self.expect(RicIndication)
            report = assembler.add(following.header, following.message)
        return report


def subscription_request(
    clock: rrm.Clock = rrm.Clock.FREE_RUNNING,
    period_ms: int = 20,
    request_id: RicRequestId = REQUEST_ID,
    action_type: ActionType | None = None,
    fragment_bytes: int = 0,
) -> RicSubscriptionRequest:
    lock_step = clock is rrm.Clock.LOCK_STEP
    kind = action_type if action_type is not None else (ActionType.INSERT if lock_step else ActionType.REPORT)
    wait = SubsequentAction(SubsequentActionType.WAIT, RicTimeToWait.W200MS) if lock_step else None
    definition = rrm.encode_action_definition(rrm.ActionDefinition(tuple(rrm.ReportGroup), fragment_bytes))
    trigger = rrm.encode_event_trigger(rrm.EventTrigger(clock, period_ms))
    return RicSubscriptionRequest(request_id, rrm.RAN_FUNCTION_ID, trigger, (Action(1, kind, definition, wait),))


def control_request(
    report: rrm.RadioReport,
    allocation: rrm.Allocation,
    call_process_id: bytes | None = None,
    request_id: RicRequestId = REQUEST_ID,
) -> RicControlRequest:
    header = rrm.encode_control_header(rrm.ControlHeader(report.report_id, "test"))
    message = rrm.encode_allocation(allocation)
    return RicControlRequest(request_id, rrm.RAN_FUNCTION_ID, header, message, call_process_id, ControlAckRequest.ACK)


def first_ue_on_every_prb(report: rrm.RadioReport, power_w: float = 0.01) -> rrm.Allocation:
    rus, prbs = report.gain_db.shape[1:]
    serving = np.full(report.num_ues, rrm.NOBODY, np.int16)
    owner = np.full((rus, prbs), rrm.NOBODY, np.int16)
    serving[0], owner[0] = 0, 0
    power = np.zeros((rus, prbs))
    power[0] = power_w
    return rrm.Allocation(report.ue_ids, serving, owner, power, report.report_id)


async def end_slot(node: E2Node, slots: int = 1) -> None:
    """What the free-running clock does in a slot, without the waiting."""
    for _ in range(slots):
        node.world.observe()
        node.world.advance(decision_due=False)
        node.slot_ended()
        for subscription in list(node.subscriptions.values()):
            if subscription.due():
                await node.report(subscription)


@asynccontextmanager
async def node_and_ric(
    slot_s: float = 0.02,
    functions: tuple[str, ...] = ("rrm",),
    scenario: Scenario | None = None,
    *,
    clock: bool = True,
    **options: Any,
) -> AsyncIterator[tuple[E2Node, ScriptedRic]]:
    """A node (in scenario "tiny", if no other is named) and a scripted RIC, joined in memory.

    Without ``clock`` the test itself ends the slots: ``end_slot``.
    """
    ric = ScriptedRic()
    listener = await listen("memory://", ric.serve)
    waits = {"reconnect_first_s": 0.01, "reconnect_limit_s": 0.05}
    settings = NodeSettings(ric_url=listener.url, functions=functions, **waits, **options)
    world = World(scenario or load("tiny"), seed=5, own_scheduler=settings.schedules)
    node = E2Node(settings, world, ran_functions(settings, world.scenario), NodeMetrics())
    tasks = [asyncio.create_task(node.run())]
    if clock:
        tasks.append(asyncio.create_task(Clock(node, slot_s).run()))
    try:
        yield node, ric
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await listener.close()
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
            raise result
