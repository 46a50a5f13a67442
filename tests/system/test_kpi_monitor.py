"""The KPI monitor on the running platform: numbers from physics to Prometheus, nodes that come and go, control seen."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgpack
import pytest
import redis

from e2sim.node.e2_node import E2Node
from e2sim.node.metrics import NodeMetrics
from e2sim.node.offer import ran_functions
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from e2sim.scenario import Scenario
from oran import e2ap
from oran.e2ap import ControlAckRequest, RicControlRequest, RicRequestId
from oran.e2sm import rc
from oran.e2sm.kpm.measurements import Level, names
from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from rapp.local.suite import HOST, XappPlace, get_json
from tests.e2sim.node.witness import Witness, steady_scenario
from tests.system.conftest import Rig
from tests.xapps.kpimon.doubles import in_base_units, scraped

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PERIOD_SLOTS = 10
PERIOD_MS = 200
GNB_ID = 55
MEID = f"gnb_001_001_{GNB_ID:06x}"
PLMN = b"\x00\xf1\x10"


class SteppedNode:
    """A node of ours in a thread, whose slots end when the test says so."""

    def __init__(self, node: E2Node, call: Callable[[Any], Any]) -> None:
        self.node = node
        self.witness = Witness(node.world)
        self._call = call

    def period(self) -> None:
        """One reporting period, reported at its end."""
        self._call(self._period())

    async def _period(self) -> None:
        for _ in range(PERIOD_SLOTS):
            self.witness.slot()
            self.node.slot_ended()
        for subscription in list(self.node.subscriptions.values()):
            if subscription.due():
                await self.node.report(subscription)


@contextmanager
def stepped_node(rig: Rig, scenario: Scenario) -> Iterator[SteppedNode]:
    settings = NodeSettings(ric_url=rig.suite.e2_url, gnb_id=GNB_ID, functions=("kpm", "rc"))
    world = World(scenario, seed=11, own_scheduler=settings.schedules)
    node = E2Node(settings, world, ran_functions(settings, scenario), NodeMetrics())
    loop = asyncio.new_event_loop()
    running: list[asyncio.Task] = []

    async def serve() -> None:
        running.append(asyncio.create_task(node.run()))
        await asyncio.gather(*running, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield SteppedNode(node, lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(30))
    finally:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in running])
        thread.join()
        loop.close()


class MonitorRig:
    """The monitor, as an operator sees it."""

    def __init__(self, rig: Rig, place: XappPlace) -> None:
        self.rig = rig
        self._place = place

    def state(self) -> dict[str, Any]:
        return get_json(f"{self._place.url}/ric/v1/state") or {}

    def subscribed(self, meid: str = MEID) -> bool:
        return meid in {entry["meid"] for entry in self.state().get("subscriptions", [])}

    def scraped(self, meid: str = MEID) -> dict[tuple[str, str, str, str], float]:
        return scraped(httpx.get(f"{self._place.url}/ric/v1/metrics", trust_env=False).text, meid)

    def in_sdl(self) -> dict[str, Any] | None:
        with redis.Redis(HOST, self.rig.suite.ports.redis) as database:
            value = database.get("{kpimon}," + MEID)
        return None if value is None else msgpack.unpackb(value)


@pytest.fixture(scope="module")
def monitor(running_rig: Rig) -> Iterator[MonitorRig]:
    """A monitor for this module's tests; afterwards the suite is as it was."""
    running_rig.until(running_rig.healthy, "a healthy suite before")
    options = {"period_ms": PERIOD_MS, "granularity_ms": PERIOD_MS, "poll_period_s": 0.2, "stale_periods": 150}
    place = running_rig.suite.start_monitor(**options)
    monitor = MonitorRig(running_rig, place)
    running_rig.until(lambda: bool(monitor.state().get("subscriptions")), "the monitor has subscribed")
    yield monitor
    assert running_rig.suite.processes["kpimon"].stop() == 0
    del running_rig.suite.processes["kpimon"]
    running_rig.until(running_rig.healthy, "a healthy suite afterwards")
    assert "kpimon" not in running_rig.registered()


@contextmanager
def watched(monitor: MonitorRig, scenario: Scenario) -> Iterator[SteppedNode]:
    """A node that the monitor has subscribed at, and that has gone without a trace afterwards."""
    with stepped_node(monitor.rig, scenario) as stepped:
        monitor.rig.until(lambda: bool(stepped.node.subscriptions) and monitor.subscribed(), "subscribed")
        yield stepped
    monitor.rig.until(lambda: not monitor.subscribed() and not monitor.scraped(), "the node's series have gone")


def expected(witness: Witness) -> dict[tuple[str, str, str, str], float]:
    found = in_base_units(witness.expected(PERIOD_SLOTS), names(Level.CELL))
    cell = f"00f110-{(GNB_ID << 14) + 1:09x}"
    found |= in_base_units(witness.expected(PERIOD_SLOTS, cell=0), names(Level.CELL), cell=cell)
    for index, label in enumerate(("1-000001", "2-000002")):
        found |= in_base_units(witness.expected(PERIOD_SLOTS, slice_=index), names(Level.SLICE), slice_=label)
    for ue, index in witness.slots[-1].slice.items():
        values = witness.expected(PERIOD_SLOTS, ue=ue)
        found |= in_base_units(values, names(Level.UE), slice_=("1-000001", "2-000002")[index], ue=str(ue))
    return found


def agrees(found: dict, wanted: dict) -> bool:
    return found.keys() == wanted.keys() and all(found[key] == pytest.approx(wanted[key], rel=1e-9) for key in wanted)


@pytest.mark.parametrize("ues", [1, 2, 50, 500])
def test_the_number_scraped_is_the_number_in_the_simulators_state(monitor: MonitorRig, ues: int) -> None:
    with watched(monitor, steady_scenario(ues)) as stepped:
        for _ in range(2):
            stepped.period()
            wanted = expected(stepped.witness)
            monitor.rig.until(lambda wanted=wanted: agrees(monitor.scraped(), wanted), "the scraped numbers are right")
        assert len(wanted) >= 3 * ues  # at 500, many are not served in ten slots: no delay, no success rate


def test_sdl_holds_what_prometheus_shows_until_the_node_has_gone(monitor: MonitorRig) -> None:
    with watched(monitor, steady_scenario(4)) as stepped:
        stepped.period()
        monitor.rig.until(lambda: agrees(monitor.scraped(), expected(stepped.witness)), "scraped")

        def equal() -> bool:
            stored = (monitor.in_sdl() or {}).get("measurements", {})
            values = sorted(value for entry in stored.values() for *_, value in entry["values"])
            return values == sorted(monitor.scraped().values())

        monitor.rig.until(equal, "SDL has the same values")
    monitor.rig.until(lambda: monitor.in_sdl() is None, "SDL forgets the node")


def test_a_node_that_comes_back_is_shown_again_and_the_others_all_the_time(monitor: MonitorRig) -> None:
    (always,) = (name for name in monitor.rig.connected_nodes() if name != MEID)
    for ues in (3, 6):
        with watched(monitor, steady_scenario(ues)) as stepped:
            stepped.period()
            monitor.rig.until(lambda: agrees(monitor.scraped(), expected(stepped.witness)), "shown")
            assert monitor.scraped(always)
    assert monitor.scraped(always)


def test_an_acknowledged_control_shows_in_the_next_scrape(monitor: MonitorRig) -> None:
    """A quota sent as any xApp sends it: by RMR to the E2 termination."""
    used = ("ricxapp_kpm_rru_prbuseddl_prbs", "", "1-000001", "")
    with watched(monitor, steady_scenario(8)) as stepped:
        stepped.period()
        monitor.rig.until(lambda: monitor.scraped().get(used) in (12.0, 13.0), "both slices share the cell")
        send_quota(monitor.rig, 20)
        monitor.rig.until(lambda: bool(stepped.node.world.quotas), "the node obeys")
        stepped.period()
        monitor.rig.until(lambda: monitor.scraped().get(used) == 5.0, "a fifth of 25 PRBs")
        effect = stepped.node.metrics.registry.get_sample_value(
            "e2sim_control_effect_latency_seconds_count", {"function": "rc"}
        )
        assert effect == 1


def send_quota(rig: Rig, max_percent: int) -> None:
    quota = rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(1, 1)),), 0, max_percent, 0)
    header = rc.encode_control_header(rc.ControlHeader(rc.GnbDuUeId(1), 2, 6))
    control = RicControlRequest(
        RicRequestId(123, 900),
        rc.RAN_FUNCTION_ID,
        header,
        rc.encode_quotas((quota,)),
        ack_request=ControlAckRequest.ACK,
    )
    sender = RmrEndpoint(HOST, 0, source_name=HOST)
    sender.start()
    try:
        message = RmrMessage(MessageType.RIC_CONTROL_REQ, e2ap.encode(control), meid=MEID)
        sender.send_to(f"{HOST}:{rig.suite.ports.ric_rmr}", message)
    finally:
        sender.close()


def test_the_monitor_registers_and_answers_its_probes(monitor: MonitorRig) -> None:
    assert "kpimon" in monitor.rig.registered()
    assert monitor.rig.ready("kpimon")
    (document,) = get_json(f"{monitor.rig.suite.xapps['kpimon'].url}/ric/v1/config")
    assert json.loads(document["config"])["name"] == "kpimon"
