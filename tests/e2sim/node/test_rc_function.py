"""E2SM-RC at the node, proved by effect: what was acknowledged shows in the next KPM report."""

from __future__ import annotations

import pytest

from e2sim.node.e2_node import E2Node
from oran.e2ap import (
    Action,
    ActionType,
    CauseRicRequest,
    ControlAckRequest,
    RicControlAcknowledge,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicSubscriptionFailure,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
)
from oran.e2sm import kpm, rc
from tests.e2sim.node.kpm_requests import cell_action, cell_values, kpm_subscription
from tests.e2sim.node.scripted_ric import (
    ScriptedRic,
    control_request,
    end_slot,
    first_ue_on_every_prb,
    node_and_ric,
    subscription_request,
)
from tests.e2sim.node.test_e2_node import in_loop
from tests.e2sim.node.witness import steady_scenario

PLMN = b"\x00\xf1\x10"
EMBB, URLLC = rc.Snssai(1, 1), rc.Snssai(2, 2)
RC_ID = RicRequestId(123, 31)
BOTH = ("kpm", "rc")


def quota(snssai: rc.Snssai, low: int, high: int, dedicated: int = 0, plmn: bytes = PLMN) -> rc.SliceQuota:
    return rc.SliceQuota((rc.PolicyMember(plmn, snssai),), low, high, dedicated)


def rc_control(style: int, action: int, message: bytes, ue: int = 1) -> RicControlRequest:
    header = rc.encode_control_header(rc.ControlHeader(rc.GnbDuUeId(ue), style, action))
    return RicControlRequest(RC_ID, rc.RAN_FUNCTION_ID, header, message, ack_request=ControlAckRequest.ACK)


def set_quotas(*quotas: rc.SliceQuota) -> RicControlRequest:
    return rc_control(2, 6, rc.encode_quotas(quotas))


def hand_over(ue: int, ru: int, gnb_id: int = 1) -> RicControlRequest:
    target = rc.NrCgi(PLMN, (gnb_id << 14) + ru + 1)
    return rc_control(3, 1, rc.encode_control_message(rc.handover_message(target)), ue)


async def reports(node: E2Node, ric: ScriptedRic, actions: int) -> list[dict[str, kpm.Value]]:
    """The next reports of a subscription with ``actions`` actions, after one slot."""
    await end_slot(node)
    return [cell_values(await ric.expect(RicIndication))[0] for _ in range(actions)]


def of_slices() -> list[kpm.ActionDefinition]:
    return [
        cell_action(["RRU.PrbUsedDl", "RRU.PrbTotDl"], labels=(kpm.Label(slice=snssai),)) for snssai in (EMBB, URLLC)
    ]


def of_cells(rus: int) -> list[kpm.ActionDefinition]:
    return [
        cell_action(["RRC.ConnMean", "RRU.PrbUsedDl"], cell=kpm.NrCgi(PLMN, (1 << 14) + ru + 1)) for ru in range(rus)
    ]


@in_loop
async def test_the_definition_lists_both_controls_and_the_report() -> None:
    async with node_and_ric(functions=BOTH, clock=False) as (_, ric):
        functions = {function.id: function for function in (await ric.accept_setup()).ran_functions}
        definition = rc.decode_ran_function(functions[rc.RAN_FUNCTION_ID].definition)
        offered = {(style.style, action.id) for style in definition.controls for action in style.actions}
        assert offered == {(2, 6), (3, 1)}
        assert [style.style for style in definition.reports] == [4]


@in_loop
async def test_an_acknowledged_quota_shows_in_the_next_report() -> None:
    async with node_and_ric(functions=BOTH, scenario=steady_scenario(8), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(*of_slices()))
        await ric.expect(RicSubscriptionResponse)
        embb, urllc = await reports(node, ric, 2)
        assert {embb["RRU.PrbUsedDl"], urllc["RRU.PrbUsedDl"]} == {12, 13}
        for low, high, used in ((0, 20, 5), (0, 0, 0), (80, 100, 20), (0, 100, None)):
            await ric.send(set_quotas(quota(EMBB, low, high)))
            await ric.expect(RicControlAcknowledge)
            embb, urllc = await reports(node, ric, 2)
            assert embb["RRU.PrbUsedDl"] == used or used is None
            assert embb["RRU.PrbUsedDl"] + urllc["RRU.PrbUsedDl"] == 25
        effects = node.metrics.registry.get_sample_value(
            "e2sim_control_effect_latency_seconds_count", {"function": "rc"}
        )
        assert effects == 4


@in_loop
async def test_dedicated_prbs_stay_free_while_nobody_of_the_slice_is_there() -> None:
    async with node_and_ric(functions=BOTH, scenario=steady_scenario(1), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(*of_slices()))
        await ric.expect(RicSubscriptionResponse)
        await ric.send(set_quotas(quota(URLLC, 40, 100, 20)))
        await ric.expect(RicControlAcknowledge)
        embb, urllc = await reports(node, ric, 2)
        assert (embb["RRU.PrbUsedDl"], urllc["RRU.PrbUsedDl"]) == (20, 0)


@in_loop
async def test_a_quota_binds_the_decisions_of_xapps_too() -> None:
    async with node_and_ric(functions=("rrm", *BOTH), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(cell_action(["RRU.PrbUsedDl"], labels=(kpm.Label(slice=EMBB),))))
        await ric.send(subscription_request(period_ms=1000))
        for _ in range(2):
            await ric.expect(RicSubscriptionResponse)
        await ric.send(control_request(node.world.observe(), first_ue_on_every_prb(node.world.observe())))
        await ric.expect(RicControlAcknowledge)
        assert (await reports(node, ric, 1))[0]["RRU.PrbUsedDl"] == 6
        await ric.send(set_quotas(quota(EMBB, 0, 50)))
        await ric.expect(RicControlAcknowledge)
        assert (await reports(node, ric, 1))[0]["RRU.PrbUsedDl"] == 3
        in_force = node.world.simulator.in_force
        assert (in_force.power_w[in_force.prb_owner < 0] == 0).all()
        await ric.send(control_request(node.world.observe(), first_ue_on_every_prb(node.world.observe())))
        await ric.expect(RicControlAcknowledge)
        assert (await reports(node, ric, 1))[0]["RRU.PrbUsedDl"] == 3
        for function, count in (("rc", 1), ("rrm", 2)):
            labels = {"function": function}
            sample = node.metrics.registry.get_sample_value("e2sim_control_effect_latency_seconds_count", labels)
            assert sample == count


@in_loop
async def test_an_acknowledged_handover_moves_the_ue_and_its_prbs_in_the_next_report() -> None:
    async with node_and_ric(functions=BOTH, scenario=steady_scenario(6, rus=2), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(*of_cells(2)))
        await ric.expect(RicSubscriptionResponse)
        before = [cell["RRC.ConnMean"] for cell in await reports(node, ric, 2)]
        for ue in range(1, 7):
            await ric.send(hand_over(ue, 1))
            await ric.expect(RicControlAcknowledge)
        first, second = await reports(node, ric, 2)
        assert sum(before) == 6
        assert first == {"RRC.ConnMean": 0, "RRU.PrbUsedDl": 0}
        assert second == {"RRC.ConnMean": 6, "RRU.PrbUsedDl": 25}
        await ric.send(hand_over(3, 0))
        await ric.expect(RicControlAcknowledge)
        first, second = await reports(node, ric, 2)
        assert (first["RRC.ConnMean"], second["RRC.ConnMean"]) == (1, 5)
        assert first["RRU.PrbUsedDl"] == 25


@in_loop
async def test_a_handover_changes_what_an_xapp_had_decided_and_its_next_decision_stands() -> None:
    async with node_and_ric(functions=("rrm", *BOTH), scenario=steady_scenario(4, rus=2), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(kpm_subscription(*of_cells(2)))
        await ric.send(subscription_request(period_ms=1000))
        for _ in range(2):
            await ric.expect(RicSubscriptionResponse)
        await ric.send(control_request(node.world.observe(), first_ue_on_every_prb(node.world.observe())))
        await ric.expect(RicControlAcknowledge)
        assert (await reports(node, ric, 2))[0]["RRU.PrbUsedDl"] == 25
        await ric.send(hand_over(1, 1))
        await ric.expect(RicControlAcknowledge)
        assert [cell["RRU.PrbUsedDl"] for cell in await reports(node, ric, 2)] == [0, 0]
        assert node.world.cells[0] == 1
        assert node.world.simulator.in_force.serving_ru[0] == 1
        await ric.send(control_request(node.world.observe(), first_ue_on_every_prb(node.world.observe())))
        await ric.expect(RicControlAcknowledge)
        assert [cell["RRU.PrbUsedDl"] for cell in await reports(node, ric, 2)] == [25, 0]


FAILURES = {
    "unknown slice": (set_quotas(quota(rc.Snssai(7, 7), 0, 10)), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "unknown PLMN": (set_quotas(quota(EMBB, 0, 10, plmn=b"\x13\x00\x14")), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "minimum above maximum": (set_quotas(quota(EMBB, 20, 10)), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "dedicated above minimum": (set_quotas(quota(EMBB, 10, 20, 15)), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "more than all PRBs promised": (
        set_quotas(quota(EMBB, 60, 100), quota(URLLC, 50, 100)),
        CauseRicRequest.CONTROL_MESSAGE_INVALID,
    ),
    "a slice twice": (set_quotas(quota(EMBB, 0, 9), quota(EMBB, 0, 8)), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "unknown UE": (hand_over(99, 0), CauseRicRequest.CONTROL_FAILED_TO_EXECUTE),
    "unknown cell": (hand_over(1, 7), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "cell of another gNB": (hand_over(1, 0, gnb_id=2), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    "unknown style": (rc_control(9, 6, b"\x00\x00\x00"), CauseRicRequest.ACTION_NOT_SUPPORTED),
    "unknown action": (rc_control(2, 5, b"\x00\x00\x00"), CauseRicRequest.ACTION_NOT_SUPPORTED),
    "nothing in it": (rc_control(2, 6, b"\x00\x00\x00"), CauseRicRequest.CONTROL_MESSAGE_INVALID),
}


@pytest.mark.parametrize(("control", "cause"), FAILURES.values(), ids=FAILURES)
@in_loop
async def test_a_control_that_cannot_be_carried_out_fails_with_its_cause(
    control: RicControlRequest, cause: CauseRicRequest
) -> None:
    async with node_and_ric(functions=BOTH, scenario=steady_scenario(4), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(set_quotas(quota(EMBB, 10, 50)))
        await ric.expect(RicControlAcknowledge)
        standing = node.world.quotas
        await ric.send(control)
        failure = await ric.expect(RicControlFailure)
        assert failure.cause is cause
        assert (failure.request_id, failure.ran_function_id) == (RC_ID, rc.RAN_FUNCTION_ID)
        assert node.world.quotas == standing


def rrc_states(*states: rc.RrcState) -> bytes:
    change = rc.RrcStateChange(tuple((state, None) for state in states))
    return rc.encode_event_trigger(rc.EventTriggerFormat4((rc.UeInformationChange(5, change),)))


def news_subscription(trigger: bytes, style: int = 4, parameter: int = 202) -> RicSubscriptionRequest:
    definition = rc.encode_action(rc.ActionDefinition(style, (parameter,)))
    return RicSubscriptionRequest(RC_ID, rc.RAN_FUNCTION_ID, trigger, (Action(1, ActionType.REPORT, definition),))


async def told(ric: ScriptedRic) -> dict[int, int]:
    indication = await ric.expect(RicIndication)
    assert rc.decode_indication_header(indication.header) == rc.HeaderFormat1(5)
    message = rc.decode_indication_message(indication.message)
    return {item.ue.f1ap_id: item.parameters[0].value for item in message.ues}


@in_loop
async def test_ues_that_come_and_go_are_told_of() -> None:
    async with node_and_ric(functions=BOTH, scenario=steady_scenario(3), clock=False) as (node, ric):
        await ric.accept_setup()
        await ric.send(news_subscription(rrc_states(rc.RrcState.CONNECTED, rc.RrcState.IDLE)))
        await ric.expect(RicSubscriptionResponse)
        await end_slot(node, 3)
        assert await told(ric) == {1: 0, 2: 0, 3: 0}
        node.world.remove_ue(2)
        await end_slot(node, 3)
        assert await told(ric) == {2: 2}
        assert node.indications_sent == 2


@pytest.mark.parametrize(
    "request_pdu",
    [
        news_subscription(rrc_states(rc.RrcState.IDLE), style=1),
        news_subscription(rrc_states(rc.RrcState.IDLE), parameter=7),
        news_subscription(
            rc.encode_event_trigger(rc.EventTriggerFormat4((rc.UeInformationChange(1, rc.UeIdChange(1)),)))
        ),
    ],
    ids=["style", "parameter", "trigger"],
)
@in_loop
async def test_news_of_anything_else_are_refused(request_pdu: RicSubscriptionRequest) -> None:
    async with node_and_ric(functions=BOTH, clock=False) as (_, ric):
        await ric.accept_setup()
        await ric.send(request_pdu)
        assert (await ric.expect(RicSubscriptionFailure)).cause is CauseRicRequest.ACTION_NOT_SUPPORTED
