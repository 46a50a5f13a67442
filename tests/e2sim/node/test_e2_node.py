"""The E2 node against a scripted RIC: set-up, subscriptions, both clocks, control and refusal."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import replace

import numpy as np
import pytest

from oran.e2ap import (
    ActionType,
    CauseMisc,
    CauseProtocol,
    CauseRicRequest,
    E2SetupFailure,
    E2SetupRequest,
    ErrorIndication,
    IndicationType,
    ResetRequest,
    ResetResponse,
    RicControlAcknowledge,
    RicControlFailure,
    RicIndication,
    RicRequestId,
    RicServiceQuery,
    RicServiceUpdate,
    RicServiceUpdateAcknowledge,
    RicSubscriptionDeleteFailure,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteResponse,
    RicSubscriptionFailure,
    RicSubscriptionResponse,
    TimeToWait,
)
from oran.e2sm import rrm
from tests.e2sim.node.scripted_ric import (
    REQUEST_ID,
    control_request,
    first_ue_on_every_prb,
    node_and_ric,
    subscription_request,
)


def in_loop(test):
    """Runs a coroutine test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@in_loop
async def test_set_up_announces_the_function_and_a_component() -> None:
    async with node_and_ric() as (node, ric):
        request = await ric.accept_setup()
        assert request.components
        (function,) = request.ran_functions
        definition = rrm.decode_ran_function(function.definition)
        assert (function.oid, definition.num_prbs, definition.num_rus) == (rrm.OID, 6, 1)
        assert definition.control_kinds == (rrm.ControlKind.ALLOCATION,)
        assert not node.subscriptions


@in_loop
async def test_a_free_running_subscription_reports_and_obeys() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        response = await ric.expect(RicSubscriptionResponse)
        assert response.admitted == (1,)
        indication = await ric.expect(RicIndication)
        assert (indication.type, indication.call_process_id) == (IndicationType.REPORT, None)
        report = await ric.report_of(indication)
        decision = first_ue_on_every_prb(report)
        await ric.send(control_request(report, decision))
        acknowledge = await ric.expect(RicControlAcknowledge)
        assert rrm.decode_outcome(acknowledge.outcome).decision_id == report.report_id
        following = await ric.report_of(await ric.expect(RicIndication))
        np.testing.assert_array_equal(following.in_force.power_w, decision.power_w)
        np.testing.assert_array_equal(following.in_force.prb_owner, decision.prb_owner)
        assert following.in_force.decision_id == report.report_id
        assert following.kpi.weighted_throughput_bps_hz > 0
        assert following.kpi.applied_decisions == 1
        assert len(node.latencies_ms) == 1


@in_loop
async def test_a_slot_without_a_decision_is_late_and_keeps_the_old_one() -> None:
    async with node_and_ric() as (_, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        first = await ric.report_of(await ric.expect(RicIndication))
        await ric.send(control_request(first, first_ue_on_every_prb(first)))
        reports = [await ric.report_of(await ric.expect(RicIndication)) for _ in range(3)]
        assert [r.kpi.late_decisions for r in reports] == [0, 1, 2]
        assert all(r.in_force.decision_id == first.report_id for r in reports)


@in_loop
async def test_lock_step_waits_for_every_decision_and_misses_none() -> None:
    async with node_and_ric(slot_s=0.001) as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request(rrm.Clock.LOCK_STEP))
        slots = []
        for _ in range(20):
            indication = await ric.expect(RicIndication)
            assert indication.type is IndicationType.INSERT
            report = await ric.report_of(indication)
            slots.append(report.slot)
            await ric.send(control_request(report, first_ue_on_every_prb(report), indication.call_process_id))
        assert slots == list(range(slots[0], slots[0] + 20))
        assert node.world.late == 0


@in_loop
async def test_an_insert_whose_wait_is_over_goes_on_late_and_refuses_the_answer() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request(rrm.Clock.LOCK_STEP))
        indication = await ric.expect(RicIndication)
        report = await ric.report_of(indication)
        await ric.expect(RicIndication)
        assert node.world.late == 1
        await ric.send(control_request(report, first_ue_on_every_prb(report), indication.call_process_id))
        failure = await ric.expect(RicControlFailure)
        assert failure.cause is CauseRicRequest.CONTROL_TIMER_EXPIRED
        assert failure.call_process_id == indication.call_process_id


@in_loop
async def test_lock_step_with_the_same_seed_meets_the_same_channel() -> None:
    async def episode() -> list[float]:
        async with node_and_ric(slot_s=0.001) as (node, ric):
            await ric.accept_setup()
            node.world.start_episode(seed=11, slots=5)
            await ric.send(subscription_request(rrm.Clock.LOCK_STEP))
            for _ in range(5):
                indication = await ric.expect(RicIndication)
                report = await ric.report_of(indication)
                await ric.send(control_request(report, first_ue_on_every_prb(report), indication.call_process_id))
                await ric.expect(RicControlAcknowledge)
            await asyncio.sleep(0.05)  # a finished episode must hold the world still
            assert node.world.episode.finished
            records = node.world.trace(node.world.episode.first_record)
            assert [r.slot for r in records] == list(range(5))
            return [r.weighted_throughput_bps_hz for r in records]

    first, second = await episode(), await episode()
    assert first == second
    assert min(first) > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: replace(a, power_w=a.power_w * 1e6), "prb_power_cap"),
        (lambda a: replace(a, power_w=-a.power_w), "negative_power"),
        (lambda a: replace(a, power_w=np.full_like(a.power_w, np.nan)), "not_finite"),
        (lambda a: replace(a, serving_ru=np.full_like(a.serving_ru, -1)), "unit_association"),
        (lambda a: replace(a, ue_ids=a.ue_ids + 1000), "unknown_ue"),
    ],
)
@in_loop
async def test_a_decision_against_a_limit_is_refused_with_cause_and_reason_and_changes_nothing(change, reason) -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        report = await ric.report_of(await ric.expect(RicIndication))
        await ric.send(control_request(report, change(first_ue_on_every_prb(report))))
        failure = await ric.expect(RicControlFailure)
        outcome = rrm.decode_outcome(failure.outcome)
        assert isinstance(failure.cause, CauseRicRequest)
        assert outcome.reason == reason
        assert outcome.detail
        assert node.world.refused == 1
        assert not node.world.simulator.in_force.power_w.any()


@in_loop
async def test_a_control_for_a_ue_that_has_left_is_refused() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        report = await ric.report_of(await ric.expect(RicIndication))
        node.world.remove_ue(int(report.ue_ids[0]))
        await ric.send(control_request(report, first_ue_on_every_prb(report)))
        failure = await ric.expect(RicControlFailure)
        assert rrm.decode_outcome(failure.outcome).reason == "unknown_ue"


@in_loop
async def test_a_malformed_control_is_refused_as_invalid() -> None:
    async with node_and_ric() as (_, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        report = await ric.report_of(await ric.expect(RicIndication))
        await ric.send(replace(control_request(report, first_ue_on_every_prb(report)), message=b"\xff\xff"))
        failure = await ric.expect(RicControlFailure)
        assert failure.cause is CauseRicRequest.CONTROL_MESSAGE_INVALID


@pytest.mark.parametrize(
    ("request_pdu", "cause"),
    [
        (replace(subscription_request(), ran_function_id=999), CauseRicRequest.RAN_FUNCTION_ID_INVALID),
        (subscription_request(action_type=ActionType.POLICY), CauseRicRequest.ACTION_NOT_SUPPORTED),
        (subscription_request(action_type=ActionType.INSERT), CauseRicRequest.ACTION_NOT_SUPPORTED),
        (subscription_request(period_ms=30), CauseRicRequest.ACTION_NOT_SUPPORTED),
        (replace(subscription_request(), event_trigger=b"\xff"), CauseRicRequest.CONTROL_MESSAGE_INVALID),
    ],
)
@in_loop
async def test_a_subscription_that_cannot_be_served_is_refused_with_its_cause(request_pdu, cause) -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(request_pdu)
        failure = await ric.expect(RicSubscriptionFailure)
        assert failure.cause is cause
        assert not node.subscriptions


@in_loop
async def test_a_second_lock_step_subscription_is_refused() -> None:
    async with node_and_ric() as (_, ric):
        await ric.accept_setup()
        await ric.send(subscription_request(rrm.Clock.LOCK_STEP))
        await ric.expect(RicSubscriptionResponse)
        await ric.send(subscription_request(rrm.Clock.LOCK_STEP, request_id=RicRequestId(123, 8)))
        assert (await ric.expect(RicSubscriptionFailure)).cause is CauseRicRequest.FUNCTION_RESOURCE_LIMIT


@in_loop
async def test_a_deleted_subscription_reports_no_more_and_an_unknown_one_cannot_be_deleted() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        await ric.expect(RicIndication)
        await ric.send(RicSubscriptionDeleteRequest(REQUEST_ID, rrm.RAN_FUNCTION_ID))
        await ric.expect(RicSubscriptionDeleteResponse)
        sent = node.indications_sent
        await asyncio.sleep(0.06)
        assert node.indications_sent == sent
        await ric.send(RicSubscriptionDeleteRequest(REQUEST_ID, rrm.RAN_FUNCTION_ID))
        failure = await ric.expect(RicSubscriptionDeleteFailure)
        assert failure.cause is CauseRicRequest.REQUEST_ID_UNKNOWN


@in_loop
async def test_a_control_without_a_subscription_is_refused() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        report = node.world.observe()
        await ric.send(control_request(report, first_ue_on_every_prb(report)))
        assert (await ric.expect(RicControlFailure)).cause is CauseRicRequest.REQUEST_ID_UNKNOWN


@in_loop
async def test_reset_drops_every_subscription() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        await ric.expect(RicIndication)
        await ric.send(ResetRequest(3, CauseMisc.OM_INTERVENTION))
        assert (await ric.expect(ResetResponse)).transaction_id == 3
        assert not node.subscriptions


@in_loop
async def test_a_lost_association_is_built_up_again_without_the_old_subscriptions() -> None:
    async with node_and_ric() as (node, ric):
        await ric.accept_setup()
        await ric.send(subscription_request())
        await ric.expect(RicIndication)
        ric.attached.clear()
        await ric.channel.close()
        await ric.accept_setup()
        await ric.send(subscription_request())
        assert (await ric.expect(RicIndication)).sequence_number == 0
        assert len(node.subscriptions) == 1


@in_loop
async def test_a_refused_set_up_is_tried_again_after_the_time_to_wait() -> None:
    async with node_and_ric() as (_, ric):
        await asyncio.wait_for(ric.attached.wait(), 5)
        request = await ric.expect(E2SetupRequest)
        ric.attached.clear()
        loop = asyncio.get_running_loop()
        refused_s = loop.time()
        await ric.send(E2SetupFailure(request.transaction_id, CauseMisc.UNSPECIFIED, TimeToWait.V1S))
        await ric.accept_setup()
        assert loop.time() - refused_s >= 1.0


@in_loop
async def test_garbage_from_the_ric_is_answered_and_survived() -> None:
    async with node_and_ric() as (_, ric):
        await ric.accept_setup()
        await ric.send_raw(b"\x00\x08\xff\xff\xff")
        error = await ric.expect(ErrorIndication)
        assert isinstance(error.cause, CauseProtocol)
        await ric.send(subscription_request())
        await ric.expect(RicSubscriptionResponse)


@in_loop
async def test_a_service_query_brings_the_functions_that_the_ric_has_forgotten() -> None:
    async with node_and_ric() as (_, ric):
        await ric.accept_setup()
        await ric.send(RicServiceQuery(9))
        update = await ric.expect(RicServiceUpdate)
        assert [f.id for f in update.added] == [rrm.RAN_FUNCTION_ID]
        await ric.send(RicServiceUpdateAcknowledge(update.transaction_id))
