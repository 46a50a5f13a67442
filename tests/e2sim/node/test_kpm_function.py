"""E2SM-KPM at the node, through the octets of E2AP: what is offered, admitted, refused and reported."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from oran import e2ap
from oran.e2ap import (
    ActionType,
    CauseRicRequest,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicSubscriptionFailure,
    RicSubscriptionResponse,
)
from oran.e2sm import kpm, rrm
from oran.e2sm.kpm.measurements import Level, names
from tests.e2sim.node.kpm_requests import (
    KPM_REQUEST_ID,
    cell_action,
    cell_values,
    format_1,
    kpm_subscription,
    ue_action,
    ue_values,
)
from tests.e2sim.node.scripted_ric import end_slot, node_and_ric, subscription_request
from tests.e2sim.node.test_e2_node import in_loop
from tests.e2sim.node.witness import Witness, steady_scenario

KPM = ("kpm",)
EMBB, URLLC = kpm.Snssai(1, 1), kpm.Snssai(2, 2)
CELL, UE = names(Level.CELL), names(Level.UE)


async def slots(node, witness: Witness, count: int = 1) -> None:
    """Slots that the witness sees and the subscriptions report."""
    for _ in range(count):
        witness.slot()
        node.slot_ended()
        for subscription in list(node.subscriptions.values()):
            if subscription.due():
                await node.report(subscription)


def check(values: dict, expected: dict) -> None:
    for name, value in values.items():
        if isinstance(expected[name], float):
            assert value == pytest.approx(expected[name], rel=1e-9), name
        else:
            assert value == expected[name], name


@pytest.mark.parametrize("profile", [kpm.OSC, kpm.SRSRAN, kpm.STRICT_V3], ids=lambda profile: profile.name)
@in_loop
async def test_the_profile_sets_the_announced_oid_and_the_width_of_time_stamps(profile: kpm.Profile) -> None:
    async with node_and_ric(functions=("kpm=147",), clock=False, profile=profile.name) as (node, ric):
        (function,) = (await ric.accept_setup()).ran_functions
        definition = kpm.decode_ran_function(function.definition)
        assert (function.id, function.oid, definition.name.oid) == (147, profile.oid, profile.oid)
        assert definition.name.short_name == "ORAN-E2SM-KPM"
        assert {style.style: style.message_format for style in definition.reports} == {1: 1, 2: 1, 4: 3, 5: 3}
        await ric.send(replace(kpm_subscription(cell_action(CELL)), ran_function_id=147))
        await ric.expect(RicSubscriptionResponse)
        await end_slot(node)
        indication = await ric.expect(RicIndication)
        started_s = kpm.decode_header(indication.header, profile).collection_start_s
        assert len(indication.header) == 1 + profile.time_octets
        assert started_s == pytest.approx(time.time() - 0.02, abs=5)


@in_loop
async def test_cell_and_slice_values_are_those_of_the_radio() -> None:
    async with node_and_ric(functions=KPM, scenario=steady_scenario(9, rus=2), clock=False) as (node, ric):
        await ric.accept_setup()
        witness = Witness(node.world)
        action = cell_action(names(Level.SLICE), 40, (kpm.Label(slice=URLLC),))
        second_cell = kpm.NrCgi(b"\x00\xf1\x10", (1 << 14) + 2)
        await ric.send(
            kpm_subscription(cell_action(CELL, 40), action, cell_action(CELL, 40, cell=second_cell), period_ms=80)
        )
        assert (await ric.expect(RicSubscriptionResponse)).admitted == (1, 2, 3)
        await slots(node, witness, 4)
        for place in ({}, {"slice_": 1}, {"cell": 1}):
            indication = await ric.expect(RicIndication)
            records = cell_values(indication)
            assert len(records) == 2
            check(records[1], witness.expected(2, **place))


@in_loop
async def test_ue_values_are_those_of_the_radio_and_are_cut_to_the_message_limit() -> None:
    async with node_and_ric(functions=KPM, scenario=steady_scenario(500), clock=False) as (node, ric):
        await ric.accept_setup()
        witness = Witness(node.world)
        await ric.send(kpm_subscription(ue_action(UE, 100), period_ms=200))
        await ric.expect(RicSubscriptionResponse)
        await slots(node, witness, 10)
        indications = [await ric.expect(RicIndication) for _ in range(node.indications_sent)]
        assert len(indications) > 10
        assert max(len(e2ap.encode(indication)) for indication in indications) <= 8192
        assert [i.sequence_number for i in indications] == list(range(len(indications)))
        values = ue_values(indications)
        assert sorted(values) == list(range(1, 501))
        for ue_id in (1, 77, 250, 251, 500):
            assert len(values[ue_id]) == 2
            check(values[ue_id][1], witness.expected(5, ue=ue_id))


@in_loop
async def test_long_reports_of_one_cell_are_cut_in_time_and_stamped_each() -> None:
    async with node_and_ric(functions=KPM, clock=False, max_message_bytes=512) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(cell_action(["DRB.UEThpDl", "PEE.AvgPower"]), period_ms=2000))
        await ric.expect(RicSubscriptionResponse)
        started_s = time.time()
        await end_slot(node, 100)
        indications = [await ric.expect(RicIndication) for _ in range(node.indications_sent)]
        assert len(indications) > 3
        assert all(len(indication.message) <= 512 for indication in indications)
        assert sum(len(cell_values(indication)) for indication in indications) == 100
        starts_s = [kpm.decode_header(i.header, kpm.OSC).collection_start_s for i in indications]
        assert all(one <= other for one, other in pairwise(starts_s))
        assert starts_s[0] == pytest.approx(started_s, abs=3)


@in_loop
async def test_a_ue_with_nothing_delivered_has_no_value_for_its_delay_and_no_zero() -> None:
    async with node_and_ric(functions=("rrm", "kpm"), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(ue_action(["DRB.RlcSduDelayDl", "DRB.UEThpDl", "DRB.PacketSuccessRateDl"])))
        await ric.expect(RicSubscriptionResponse)
        await end_slot(node)  # with E2SM-RRM nobody is served until a decision
        for (record,) in ue_values([await ric.expect(RicIndication)]).values():
            assert record == {"DRB.RlcSduDelayDl": None, "DRB.UEThpDl": 0.0, "DRB.PacketSuccessRateDl": None}


@in_loop
async def test_a_ue_that_came_during_the_period_has_no_value_before() -> None:
    async with node_and_ric(functions=KPM, scenario=steady_scenario(2), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(ue_action(["DRB.UEThpDl"]), period_ms=60))
        await ric.expect(RicSubscriptionResponse)
        await end_slot(node, 2)
        new = node.world.simulator.add_ue("eMBB")
        node.world._report = None
        await end_slot(node)
        values = ue_values([await ric.expect(RicIndication)])
        assert [record["DRB.UEThpDl"] is None for record in values[new]] == [True, True, False]
        assert all(record["DRB.UEThpDl"] > 0 for record in values[1])


@in_loop
async def test_conditions_choose_the_ues() -> None:
    async with node_and_ric(functions=KPM, scenario=steady_scenario(6), clock=False) as (node, ric):
        await ric.accept_setup()

        def test(kind: kpm.TestType, how: kpm.TestExpression, value: object, or_next: bool = False) -> kpm.UeCondition:
            return kpm.UeCondition(kpm.TestCondition(kind, how, value), or_next)

        is_slice = (kpm.TestType.SNSSAI, kpm.TestExpression.EQUAL)
        no_signal = (kpm.TestType.RSRP, kpm.TestExpression.GREATER_THAN, 1000)
        wanted = [
            ((test(*is_slice, b"\x02"),), [4, 5, 6]),
            ((test(*is_slice, b"\x01\x00\x00\x01"),), [1, 2, 3]),
            ((test(*is_slice, b"\x01", True), test(*is_slice, b"\x02")), [1, 2, 3, 4, 5, 6]),
            ((test(*is_slice, b"\x01"), test(*is_slice, b"\x02")), []),
            ((test(*no_signal),), []),
        ]
        await ric.send(kpm_subscription(*(ue_action(["DRB.UEThpDl"], conditions=each) for each, _ in wanted)))
        await ric.expect(RicSubscriptionResponse)
        await end_slot(node)
        found = [await ric.expect(RicIndication) for _ in range(node.indications_sent)]
        assert {i.action_id: sorted(ue_values([i])) for i in found} == {
            number: ues for number, (_, ues) in enumerate(wanted, 1) if ues
        }


@in_loop
async def test_named_ues_are_reported_whether_they_are_there_or_not() -> None:
    async with node_and_ric(functions=KPM, scenario=steady_scenario(3), clock=False) as (node, ric):
        await ric.accept_setup()
        single = kpm.ActionDefinition(2, kpm.ActionFormat2(kpm.GnbDuUeId(2), format_1(["DRB.UEThpDl"], 20)))
        both = (kpm.GnbDuUeId(1), kpm.GnbDuUeId(99))
        listed = kpm.ActionDefinition(5, kpm.ActionFormat5(both, format_1(["DRB.UEThpDl"], 20)))
        await ric.send(kpm_subscription(single, listed))
        assert (await ric.expect(RicSubscriptionResponse)).admitted == (1, 2)
        witness = Witness(node.world)
        await slots(node, witness)
        (record,) = cell_values(await ric.expect(RicIndication))
        check(record, witness.expected(1, ue=2))
        values = ue_values([await ric.expect(RicIndication)])
        assert values[99] == [{"DRB.UEThpDl": None}]
        check(values[1][0], witness.expected(1, ue=1))


REFUSED = {
    "unknown measurement": cell_action(["DRB.NoSuchThing"]),
    "measurement by number": cell_action([7]),
    "UE level of a cell measurement": ue_action(["RRU.PrbTotDl"]),
    "unknown slice": cell_action(["DRB.UEThpDl"], labels=(kpm.Label(slice=kpm.Snssai(9, 9)),)),
    "unknown label": cell_action(["DRB.UEThpDl"], labels=(kpm.Label(five_qi=9),)),
    "unknown PLMN": cell_action(["DRB.UEThpDl"], labels=(kpm.Label(plmn=b"\x13\x00\x14"),)),
    "unknown cell": cell_action(["DRB.UEThpDl"], cell=kpm.NrCgi(b"\x00\xf1\x10", 1)),
    "cell measurement of a slice": cell_action(["PEE.AvgPower"], labels=(kpm.Label(slice=EMBB),)),
    "granularity beside the slots": cell_action(["DRB.UEThpDl"], 30),
    "granularity above the period": cell_action(["DRB.UEThpDl"], 40),
    "unknown condition": ue_action(
        ["DRB.UEThpDl"], conditions=(kpm.UeCondition(kpm.TestCondition(kpm.TestType.CQI, kpm.TestExpression.EQUAL, 9)),)
    ),
    "condition on an unknown slice": ue_action(
        ["DRB.UEThpDl"],
        conditions=(kpm.UeCondition(kpm.TestCondition(kpm.TestType.SNSSAI, kpm.TestExpression.EQUAL, b"\x09")),),
    ),
    "style of another format": kpm.ActionDefinition(4, format_1(["DRB.UEThpDl"], 20)),
}


@pytest.mark.parametrize("action", REFUSED.values(), ids=REFUSED)
@in_loop
async def test_what_cannot_be_measured_is_refused_and_the_rest_admitted(action: kpm.ActionDefinition) -> None:
    async with node_and_ric(functions=KPM, clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(action))
        assert (await ric.expect(RicSubscriptionFailure)).cause is CauseRicRequest.ACTION_NOT_SUPPORTED
        assert not node.subscriptions
        await ric.send(kpm_subscription(action, cell_action(["DRB.UEThpDl"])))
        response = await ric.expect(RicSubscriptionResponse)
        assert response.admitted == (2,)
        ((refused),) = response.not_admitted
        assert (refused.id, refused.cause) == (1, CauseRicRequest.ACTION_NOT_SUPPORTED)


@in_loop
async def test_a_record_that_fits_no_message_is_refused_for_want_of_room() -> None:
    async with node_and_ric(functions=KPM, clock=False, max_message_bytes=300) as (_, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(cell_action(CELL)))
        assert (await ric.expect(RicSubscriptionFailure)).cause is CauseRicRequest.FUNCTION_RESOURCE_LIMIT


@pytest.mark.parametrize("period_ms", [10, 30, 61_000])
@in_loop
async def test_a_period_that_does_not_fit_the_slots_is_refused(period_ms: int) -> None:
    async with node_and_ric(functions=KPM, clock=False) as (_, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(cell_action(["DRB.UEThpDl"]), period_ms=period_ms))
        assert (await ric.expect(RicSubscriptionFailure)).cause is CauseRicRequest.ACTION_NOT_SUPPORTED


@in_loop
async def test_inserts_and_controls_are_not_among_what_kpm_can_do() -> None:
    async with node_and_ric(functions=KPM, clock=False) as (_, ric):
        await ric.accept_setup()
        request = kpm_subscription(cell_action(["DRB.UEThpDl"]))
        (action,) = request.actions
        await ric.send(replace(request, actions=(replace(action, type=ActionType.INSERT),)))
        assert (await ric.expect(RicSubscriptionFailure)).cause is CauseRicRequest.ACTION_NOT_SUPPORTED
        await ric.send(request)
        await ric.expect(RicSubscriptionResponse)
        await ric.send(RicControlRequest(KPM_REQUEST_ID, kpm.RAN_FUNCTION_ID, b"", b""))
        assert (await ric.expect(RicControlFailure)).cause is CauseRicRequest.ACTION_NOT_SUPPORTED


@in_loop
async def test_measuring_makes_no_slot_late() -> None:
    async with node_and_ric(slot_s=0.002, functions=("rrm", "kpm")) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(cell_action(["DRB.UEThpDl"])))
        for _ in range(5):
            await ric.expect(RicIndication)
        assert node.world.late == 0
        assert node.world.recorded >= 5


@in_loop
async def test_measurements_are_reported_while_another_subscription_steps_the_node() -> None:
    async with node_and_ric(slot_s=0.002, functions=("rrm", "kpm")) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(cell_action(["DRB.UEThpDl"]), period_ms=40))
        await ric.send(subscription_request(rrm.Clock.LOCK_STEP))
        for _ in range(2):
            await ric.expect(RicSubscriptionResponse)
        reported = inserted = 0
        async with asyncio.timeout(10):
            while reported < 2:
                indication = await ric.expect(RicIndication)
                if indication.ran_function_id == kpm.RAN_FUNCTION_ID:
                    reported += 1
                else:
                    inserted += 1
        assert inserted >= 2
        assert node.world.late >= 2


def test_ntp_time_of_an_interval_survives_the_wire() -> None:
    stamp = kpm.ntp_time(1_700_000_000.25)
    header = kpm.IndicationHeader(stamp)
    for profile, exact in ((kpm.OSC, False), (kpm.STRICT_V3, True)):
        back = kpm.decode_header(kpm.encode_header(header, profile), profile)
        assert back.collection_start_s == pytest.approx(1_700_000_000.25, abs=1e-6 if exact else 0.26)
    assert np.isfinite(header.collection_start_s)
