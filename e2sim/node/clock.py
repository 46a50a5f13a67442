"""The node's two clocks: free-running in real time, or lock-step with one INSERT subscription."""

from __future__ import annotations

import asyncio
import logging

from e2sim.node.e2_node import E2Node
from e2sim.node.functions import Subscription
from oran.errors import TransportError

log = logging.getLogger(__name__)


class Clock:
    """Moves a node's world.

    Without a lock-step subscription a slot lasts ``slot_s`` of real time. With one, a slot lasts until its decision
    is here or the wait is over. An episode is stepped in lock-step only: without such a subscription, and once it is
    finished, the world stands still until the operator ends the episode.
    """

    def __init__(self, node: E2Node, slot_s: float) -> None:
        self._node = node
        self._slot_s = slot_s
        self._end_s: float | None = None

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            subscription = next((s for s in self._node.subscriptions.values() if s.lock_step), None)
            episode = self._node.world.episode
            if episode is not None and (subscription is None or episode.finished):
                await self._stand_still()
            elif subscription is None:
                await self._free_slot()
            else:
                await self._lock_step_slot(subscription)

    async def _free_slot(self) -> None:
        due = [subscription for subscription in self._node.subscriptions.values() if subscription.due()]
        for subscription in due:
            await self._report(subscription)
        await asyncio.sleep(self._slot_end_s() - self._now_s())
        if self._node.world.episode is None:  # else the slot was cut short by the start of an episode
            self._advance(decision_due=any(subscription.measuring is None for subscription in due))

    def _slot_end_s(self) -> float:
        """End of the slot that begins now; slots that real time has overtaken are given up and counted."""
        now_s = self._now_s()
        self._end_s = now_s + self._slot_s if self._end_s is None else self._end_s + self._slot_s
        if self._end_s < now_s:
            self._node.metrics.overruns.inc()
            self._end_s = now_s + self._slot_s
        return self._end_s

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()

    async def _lock_step_slot(self, subscription: Subscription) -> None:
        self._end_s = None
        node = self._node
        await self._report_measurements()
        if subscription.request_id not in node.subscriptions:
            return  # it was deleted meanwhile
        episode = node.world.episode
        call_process_id = await self._insert(subscription)
        if call_process_id is None:
            return
        await node.wait_for_control(call_process_id, subscription.wait_s)
        if subscription.request_id not in node.subscriptions:
            return  # it was deleted while we waited: the slot goes on under another clock
        if node.world.episode is not episode:
            return  # a new episode began: this slot belongs to neither
        self._advance(decision_due=True)

    async def _report_measurements(self) -> None:
        """Subscriptions that only tell of what has been are served under this clock too."""
        for subscription in list(self._node.subscriptions.values()):
            if subscription.measuring is not None and subscription.due():
                await self._report(subscription)

    async def _insert(self, subscription: Subscription) -> bytes | None:
        """Sends the INSERT; its answer is expected from before it leaves."""
        node = self._node
        call_process_id = node.world.observe().report_id.to_bytes(8, "big")
        node.expect_control(call_process_id)
        sent = await self._report(subscription)
        return call_process_id if sent else None

    async def _report(self, subscription: Subscription) -> bool:
        try:
            await self._node.report(subscription)
        except TransportError as error:
            log.info("report not sent: %s", error)
            await asyncio.sleep(0)
            return False
        return True

    async def _stand_still(self) -> None:
        """Until a subscription or the episode changes."""
        self._end_s = None
        changed = self._node.changed
        changed.clear()
        await changed.wait()

    def _advance(self, *, decision_due: bool) -> None:
        node = self._node
        report = node.world.observe()
        kpi = node.world.advance(decision_due=decision_due)
        node.slot_ended()
        node.metrics.observe(kpi, node.world.late)
        simulator = node.world.simulator
        node.metrics.observe_radio(report, kpi, simulator.in_force, simulator.scenario.slot_s)
