"""From physics to Prometheus: the number in the simulator's state is the number scraped, unit and all."""

from __future__ import annotations

import asyncio

import pytest

from e2sim.node.e2_node import E2Node
from e2sim.scenario import load
from oran.e2ap import Action, ActionType, RicIndication, RicSubscriptionRequest, RicSubscriptionResponse
from oran.e2sm import kpm
from oran.e2sm.kpm.measurements import Level, names
from oran.platform.subscriptions import SubscriptionRequest
from tests.e2sim.node.scripted_ric import ScriptedRic, node_and_ric
from tests.e2sim.node.witness import Witness, steady_scenario
from tests.xapps.kpimon.doubles import REQUEST_ID, Bench, details, in_base_units
from xapps.kpimon.settings import Reporting

PERIOD_SLOTS = 5


def over_e2ap(request: SubscriptionRequest) -> RicSubscriptionRequest:
    """What SubMgr sends for the xApp's request."""
    (detail,) = request.details
    actions = tuple(Action(action.id, ActionType.REPORT, action.definition) for action in detail.actions)
    return RicSubscriptionRequest(REQUEST_ID, request.ran_function_id, detail.event_trigger, actions)


async def one_report(node: E2Node, ric: ScriptedRic, bench: Bench, witness: Witness, profile: kpm.Profile) -> None:
    """Sets up, subscribes as the monitor asks, lets a period pass and hands the monitor what came."""
    setup = await ric.accept_setup()
    slot_ms = round(node.world.scenario.slot_s * 1e3)
    reporting = Reporting(PERIOD_SLOTS * slot_ms, PERIOD_SLOTS * slot_ms)
    await ric.send(over_e2ap(bench.request(details(setup), reporting)))
    await ric.expect(RicSubscriptionResponse)
    for _ in range(PERIOD_SLOTS):
        witness.slot()
        node.slot_ended()
    (subscription,) = node.subscriptions.values()
    assert subscription.due()
    await node.report(subscription)
    indications = [await ric.expect(RicIndication) for _ in range(node.indications_sent)]
    assert all(kpm.decode_header(indication.header, profile) for indication in indications)
    bench.deliver(*indications)


def expected(witness: Witness, cells: int) -> dict[tuple[str, str, str, str], float]:
    """Everything that should be scraped, from plain loops over the simulator's state."""
    scenario, now = witness.world.scenario, witness.slots[-1]
    found = in_base_units(witness.expected(PERIOD_SLOTS), names(Level.CELL))
    for cell in range(cells):
        label = f"00f110-{(1 << 14) + cell + 1:09x}"
        found |= in_base_units(witness.expected(PERIOD_SLOTS, cell=cell), names(Level.CELL), cell=label)
    for index, label in list(enumerate(("1-000001", "2-000002")))[: len(scenario.slices)]:
        found |= in_base_units(witness.expected(PERIOD_SLOTS, slice_=index), names(Level.SLICE), slice_=label)
        for ue in (ue for ue, slice_ in now.slice.items() if slice_ == index):
            values = witness.expected(PERIOD_SLOTS, ue=ue)
            found |= in_base_units(values, names(Level.UE), slice_=label, ue=str(ue))
    return found


@pytest.mark.parametrize("profile", [kpm.OSC, kpm.STRICT_V3], ids=lambda profile: profile.name)
@pytest.mark.parametrize("ues", [1, 2, 50, 500])
def test_what_is_scraped_is_what_the_radio_did(ues: int, profile: kpm.Profile) -> None:
    asyncio.run(_scraped_is_physics(steady_scenario(ues), profile))


@pytest.mark.parametrize("scenario", ["interfering-2", "tiny"])
def test_it_is_so_in_a_radio_that_changes_and_has_several_cells(scenario: str) -> None:
    asyncio.run(_scraped_is_physics(load(scenario), kpm.SRSRAN))


async def _scraped_is_physics(scenario, profile: kpm.Profile) -> None:
    bench = Bench()
    async with node_and_ric(functions=("kpm",), scenario=scenario, clock=False, profile=profile.name) as (node, ric):
        witness = Witness(node.world)
        await one_report(node, ric, bench, witness, profile)
    scraped, wanted = bench.scraped(), expected(witness, cells=min(scenario.num_rus, 2))
    assert scraped.keys() == wanted.keys()
    for key, value in wanted.items():
        assert scraped[key] == pytest.approx(value, rel=1e-9), key
    assert bench.metrics.count(bench.metrics.handler_errors) == 0


def test_a_node_that_serves_nobody_shows_zero_throughput_and_no_delay_at_all() -> None:
    async def nobody_served() -> Bench:
        bench = Bench()
        async with node_and_ric(functions=("rrm", "kpm"), clock=False) as (node, ric):
            await one_report(node, ric, bench, Witness(node.world), kpm.OSC)
        return bench

    bench = asyncio.run(nobody_served())
    by_metric: dict[str, list[float]] = {}
    for (metric, *_), value in bench.scraped().items():
        by_metric.setdefault(metric, []).append(value)
    assert set(by_metric["ricxapp_kpm_drb_uethpdl_bits_per_second"]) == {0.0}
    assert "ricxapp_kpm_drb_rlcsdudelaydl_seconds" not in by_metric
    assert "ricxapp_kpm_drb_packetsuccessratedl_ratio" not in by_metric
    assert bench.metrics.count(bench.metrics.readings_without_value) > 0
