from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from oran.e2ap import (
    ActionNotAdmitted,
    CauseRicRequest,
    Pdu,
    RicRequestId,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteRequired,
    RicSubscriptionDeleteResponse,
    RicSubscriptionFailure,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    RicTimeToWait,
    SubscriptionToRemove,
)
from oran.platform.subscriptions import SubscriptionInstance, SubscriptionNotification, SubscriptionRequest
from ric.metrics import PlatformMetrics
from ric.rnib import ConnectionStatus
from ric.subscription_book import E2_NAMESPACE, REST_NAMESPACE, SubscriptionBook
from ric.subscription_manager import NotConnected, SubscriptionBusy, SubscriptionManager, UnknownSubscription
from ric.subscription_procedures import SubscriptionProcedures
from ric.subscription_rest import ksuid
from tests.ric.fakes import FakeNode, FakeNotifications, FakeRoutes, MemorySdl

MEID = "gnb_001_001_00019b"


def admit(pdu: Pdu) -> Pdu | None:
    match pdu:
        case RicSubscriptionRequest():
            return RicSubscriptionResponse(pdu.request_id, pdu.ran_function_id, tuple(item.id for item in pdu.actions))
        case RicSubscriptionDeleteRequest():
            return RicSubscriptionDeleteResponse(pdu.request_id, pdu.ran_function_id)
    return None


def body(
    rmr_port: int = 4001,
    *,
    kind: str = "report",
    trigger: int = 1,
    event: int = 1,
    actions: int = 1,
    **more: Any,
) -> SubscriptionRequest:
    action = {"ActionType": kind, "ActionDefinition": [1, 2, 3]}
    if kind == "insert":
        action |= {"SubsequentAction": {"SubsequentActionType": "wait", "TimeToWait": "w10ms"}}
    detail = {
        "XappEventInstanceId": event,
        "EventTriggers": [trigger],
        "ActionToBeSetupList": [action | {"ActionID": number} for number in range(actions)],
    }
    client = {"Host": "127.0.0.1", "HTTPPort": rmr_port + 1000, "RMRPort": rmr_port}
    whole = {"ClientEndpoint": client, "Meid": MEID, "RANFunctionID": 200, "SubscriptionDetails": [detail]}
    return SubscriptionRequest.model_validate(whole | more)


@dataclass
class Bench:
    """A subscription manager with a node, routes and notifications that are fakes."""

    answer: Callable[[Pdu], Pdu | None] = admit
    sdl: MemorySdl = field(default_factory=MemorySdl)
    status: ConnectionStatus = ConnectionStatus.CONNECTED

    def __post_init__(self) -> None:
        self.node = FakeNode(self.answer)
        self.routes = FakeRoutes("127.0.0.1:4001", "127.0.0.1:4002")
        self.notifications = FakeNotifications()
        self.book = SubscriptionBook(self.sdl)  # type: ignore[arg-type]
        self.manager = SubscriptionManager(
            self.book,
            SubscriptionProcedures(self.node.send),
            self.routes,
            self.notifications,
            PlatformMetrics(),
            node_status=lambda name: self.status if name == MEID else ConnectionStatus.UNKNOWN_CONNECTION_STATUS,
            new_id=ksuid,
        )
        self.node.deliver = self.manager.on_e2_pdu

    async def outcome(self) -> SubscriptionInstance:
        _, posted = await asyncio.wait_for(self.notifications.posted.get(), 5)
        return SubscriptionNotification.from_json(posted).instances[0]

    async def subscribe(self, request: SubscriptionRequest) -> tuple[str, SubscriptionInstance]:
        rest_id = await self.manager.subscribe(request)
        outcome = await self.outcome()
        await asyncio.sleep(0)  # let the creation end
        return rest_id, outcome

    def sent(self, kind: type) -> list[Any]:
        return [pdu for pdu in self.node.requests if isinstance(pdu, kind)]


def run(scenario: Callable[[Bench], Any], **bench: Any) -> None:
    async def whole() -> None:
        subject = Bench(**bench)
        await scenario(subject)
        await subject.manager.close()

    asyncio.run(whole())


async def settle() -> None:
    """Let everything run that is ready to."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_subscription_is_answered_at_once_and_notified_when_the_node_has_admitted_it():
    async def scenario(bench: Bench) -> None:
        rest_id, outcome = await bench.subscribe(body())
        assert len(rest_id) == 27
        assert outcome.succeeded and outcome.xapp_event_instance_id == 1
        assert (outcome.error_cause, outcome.error_source) == (" ", "E2Node")
        request = bench.sent(RicSubscriptionRequest)[0]
        assert request.request_id == RicRequestId(123, outcome.e2_event_instance_id)
        assert bench.routes.routed == {(outcome.e2_event_instance_id, "127.0.0.1:4001")}
        assert bench.manager.records()[0].endpoints == ("127.0.0.1:4001",)

    run(scenario)


def test_identical_reports_of_two_xapps_share_one_e2_subscription_until_the_last_leaves():
    async def scenario(bench: Bench) -> None:
        first_id, first = await bench.subscribe(body(4001))
        second_id, second = await bench.subscribe(body(4002))
        instance = first.e2_event_instance_id
        assert first_id != second_id and second.e2_event_instance_id == instance
        assert len(bench.sent(RicSubscriptionRequest)) == 1
        assert bench.routes.routed == {(instance, "127.0.0.1:4001"), (instance, "127.0.0.1:4002")}
        await bench.manager.unsubscribe(first_id)
        await settle()
        assert bench.sent(RicSubscriptionDeleteRequest) == []
        assert bench.routes.routed == {(instance, "127.0.0.1:4002")}
        await bench.manager.unsubscribe(second_id)
        await settle()
        assert bench.sent(RicSubscriptionDeleteRequest)[0].request_id == RicRequestId(123, instance)
        assert (bench.routes.routed, bench.manager.records()) == (set(), [])

    run(scenario)


def test_two_xapps_that_ask_at_the_same_moment_share_too():
    async def scenario(bench: Bench) -> None:
        await bench.manager.subscribe(body(4001))
        await bench.manager.subscribe(body(4002))
        outcomes = [await bench.outcome(), await bench.outcome()]
        assert len({outcome.e2_event_instance_id for outcome in outcomes}) == 1 and outcomes[0].succeeded
        assert len(bench.sent(RicSubscriptionRequest)) == 1

    run(scenario)


@pytest.mark.parametrize(
    "other", [body(4002, trigger=2), body(4002, actions=2), body(4002, kind="insert")], ids=["trigger", "two", "insert"]
)
def test_what_differs_or_is_no_single_report_is_not_shared(other: SubscriptionRequest):
    async def scenario(bench: Bench) -> None:
        _, first = await bench.subscribe(body(4001))
        _, second = await bench.subscribe(other)
        assert second.succeeded and first.e2_event_instance_id != second.e2_event_instance_id

    run(scenario)


def test_inserts_are_never_shared_even_if_equal():
    async def scenario(bench: Bench) -> None:
        _, first = await bench.subscribe(body(4001, kind="insert"))
        _, second = await bench.subscribe(body(4002, kind="insert"))
        assert first.e2_event_instance_id != second.e2_event_instance_id
        subsequent = bench.sent(RicSubscriptionRequest)[0].actions[0].subsequent
        assert subsequent.time_to_wait is RicTimeToWait.W10MS

    run(scenario)


def test_a_restarted_xapp_gets_its_subscription_back_without_a_word_to_the_node():
    async def scenario(bench: Bench) -> None:
        first_id, first = await bench.subscribe(body())
        again_id, again = await bench.subscribe(body())
        assert (again_id, again) == (first_id, first)
        assert len(bench.sent(RicSubscriptionRequest)) == 1

    run(scenario)


def test_the_same_body_while_the_first_is_under_way_is_the_same_subscription():
    async def scenario(bench: Bench) -> None:
        first = await bench.manager.subscribe(body())
        second = await bench.manager.subscribe(body())
        assert first == second
        assert (await bench.outcome()).succeeded
        await settle()
        assert bench.notifications.posted.empty()

    run(scenario)


def test_a_policy_posted_again_under_its_id_updates_the_node():
    async def scenario(bench: Bench) -> None:
        rest_id, first = await bench.subscribe(body(kind="policy"))
        _, second = await bench.subscribe(body(kind="policy", trigger=2, SubscriptionId=rest_id))
        assert second.e2_event_instance_id == first.e2_event_instance_id
        assert [request.event_trigger for request in bench.sent(RicSubscriptionRequest)] == [b"\x01", b"\x02"]

    run(scenario)


def test_a_changed_report_under_its_id_replaces_the_old_one():
    async def scenario(bench: Bench) -> None:
        rest_id, first = await bench.subscribe(body())
        _, second = await bench.subscribe(body(trigger=2, SubscriptionId=rest_id))
        await settle()
        assert bench.sent(RicSubscriptionDeleteRequest)[0].request_id.instance == first.e2_event_instance_id
        assert [record.instance_id for record in bench.manager.records()] == [second.e2_event_instance_id]

    run(scenario)


def test_an_endpoint_that_is_not_registered_is_refused_by_the_route_manager():
    async def scenario(bench: Bench) -> None:
        _, outcome = await bench.subscribe(body(4999))
        assert (outcome.e2_event_instance_id, outcome.error_source) == (0, "RTMGR")
        assert bench.node.requests == [] and bench.manager.records() == []

    run(scenario)


def test_without_the_routing_directive_nothing_is_routed():
    async def scenario(bench: Bench) -> None:
        _, outcome = await bench.subscribe(body(4999, E2SubscriptionDirectives={"E2RetryCount": 0}))
        assert outcome.succeeded and bench.routes.routed == set()

    run(scenario)


def test_a_node_that_refuses_is_quoted():
    def refuse(pdu: Pdu) -> Pdu:
        assert isinstance(pdu, RicSubscriptionRequest)
        return RicSubscriptionFailure(pdu.request_id, pdu.ran_function_id, CauseRicRequest.ACTION_NOT_SUPPORTED)

    async def scenario(bench: Bench) -> None:
        _, outcome = await bench.subscribe(body())
        assert not outcome.succeeded and "action-not-supported" in outcome.error_cause
        assert outcome.error_source == "E2Node"
        assert (bench.routes.routed, bench.sdl.values[E2_NAMESPACE], bench.sdl.values[REST_NAMESPACE]) == (
            set(),
            {},
            {},
        )

    run(scenario, answer=refuse)


def test_a_partly_admitted_subscription_is_a_success_that_names_what_was_refused():
    def partly(pdu: Pdu) -> Pdu | None:
        if not isinstance(pdu, RicSubscriptionRequest):
            return None
        refused = (ActionNotAdmitted(1, CauseRicRequest.EXCESSIVE_ACTIONS),)
        return RicSubscriptionResponse(pdu.request_id, pdu.ran_function_id, (0,), refused)

    async def scenario(bench: Bench) -> None:
        _, outcome = await bench.subscribe(body(actions=2))
        assert outcome.succeeded and outcome.error_cause == "action 1 not admitted: excessive-actions"

    run(scenario, answer=partly)


def test_a_silent_node_is_asked_again_then_told_to_forget_and_the_timeout_is_notified():
    async def scenario(bench: Bench) -> None:
        directives = {"E2TimeoutTimerValue": 1, "E2RetryCount": 1, "RMRRoutingNeeded": True}
        _, outcome = await bench.subscribe(body(E2SubscriptionDirectives=directives))
        assert (outcome.e2_event_instance_id, outcome.timeout_type) == (0, "E2-Timeout")
        assert len(bench.sent(RicSubscriptionRequest)) == 2
        assert len(bench.sent(RicSubscriptionDeleteRequest)) == 2
        assert bench.routes.routed == set()

    run(scenario, answer=lambda pdu: None)


def test_a_node_that_leaves_while_it_is_asked_ends_the_request_at_once():
    async def scenario(bench: Bench) -> None:
        await bench.manager.subscribe(body())
        await settle()
        await bench.manager.on_node_status(MEID, ConnectionStatus.DISCONNECTED)
        outcome = await bench.outcome()
        assert not outcome.succeeded and "left" in outcome.error_cause

    run(scenario, answer=lambda pdu: None)


@pytest.mark.parametrize(
    "status", [ConnectionStatus.DISCONNECTED, ConnectionStatus.UNDER_RESET, ConnectionStatus.UNKNOWN_CONNECTION_STATUS]
)
def test_a_node_that_is_not_connected_takes_no_subscription(status: ConnectionStatus):
    async def scenario(bench: Bench) -> None:
        with pytest.raises(NotConnected):
            await bench.manager.subscribe(body())

    run(scenario, status=status)


def test_a_node_that_goes_takes_its_subscriptions_along_without_a_notification():
    async def scenario(bench: Bench) -> None:
        first_id, _ = await bench.subscribe(body())
        await bench.manager.on_node_status(MEID, ConnectionStatus.DISCONNECTED)
        assert (bench.manager.records(), bench.routes.routed) == ([], set())
        assert bench.sdl.values[E2_NAMESPACE] == bench.sdl.values[REST_NAMESPACE] == {}
        assert bench.notifications.posted.empty()
        second_id, outcome = await bench.subscribe(body())
        assert second_id != first_id and outcome.succeeded

    run(scenario)


def test_a_node_may_demand_that_a_subscription_ends():
    async def scenario(bench: Bench) -> None:
        _, outcome = await bench.subscribe(body())
        item = SubscriptionToRemove(RicRequestId(123, outcome.e2_event_instance_id), 200, CauseRicRequest.UNSPECIFIED)
        bench.manager.on_e2_pdu(MEID, RicSubscriptionDeleteRequired((item,)))
        await settle()
        assert len(bench.sent(RicSubscriptionDeleteRequest)) == 1
        assert (bench.manager.records(), bench.routes.routed) == ([], set())

    run(scenario)


def test_deleting_what_is_unknown_succeeds_and_what_is_being_created_does_not():
    async def scenario(bench: Bench) -> None:
        await bench.manager.unsubscribe("never heard of")
        rest_id = await bench.manager.subscribe(body())
        with pytest.raises(SubscriptionBusy):
            await bench.manager.unsubscribe(rest_id)

    run(scenario, answer=lambda pdu: None)


def test_modifying_what_is_unknown_is_an_error():
    async def scenario(bench: Bench) -> None:
        with pytest.raises(UnknownSubscription):
            await bench.manager.subscribe(body(SubscriptionId="never heard of"))

    run(scenario)


def test_the_subscriptions_of_an_xapp_that_has_gone_do_not_leak():
    async def scenario(bench: Bench) -> None:
        await bench.subscribe(body(4001))
        await bench.subscribe(body(4001, trigger=2))
        await bench.subscribe(body(4002))
        await bench.manager.on_deregistered("127.0.0.1:4001")
        await settle()
        assert len(bench.sent(RicSubscriptionDeleteRequest)) == 1  # the shared one goes on
        assert [record.endpoints for record in bench.manager.records()] == [("127.0.0.1:4002",)]

    run(scenario)


def test_an_xapp_that_goes_while_its_subscription_is_made_leaves_nothing_behind():
    async def scenario(bench: Bench) -> None:
        await bench.manager.subscribe(body())
        await bench.manager.on_deregistered("127.0.0.1:4001")
        await settle()
        assert (bench.manager.records(), bench.routes.routed) == ([], set())
        assert len(bench.sent(RicSubscriptionDeleteRequest)) == 1
        assert bench.sdl.values[E2_NAMESPACE] == bench.sdl.values[REST_NAMESPACE] == {}

    run(scenario)


def test_several_details_are_set_up_and_notified_one_after_the_other():
    async def scenario(bench: Bench) -> None:
        details = body(event=1).details + body(event=2, trigger=2).details
        await bench.manager.subscribe(body().model_copy(update={"details": details}))
        outcomes = [await bench.outcome(), await bench.outcome()]
        assert [outcome.xapp_event_instance_id for outcome in outcomes] == [1, 2]
        assert len({outcome.e2_event_instance_id for outcome in outcomes}) == 2

    run(scenario)


def test_a_restart_keeps_finished_subscriptions_and_forgets_unfinished_ones():
    sdl = MemorySdl()
    first: list[Any] = []

    async def before(bench: Bench) -> None:
        first.append(await bench.subscribe(body()))
        bench.node.answer = lambda pdu: None
        await bench.manager.subscribe(body(trigger=2))
        await settle()

    async def after(bench: Bench) -> None:
        await bench.manager.restore()
        rest_id, outcome = first[0]
        assert [record.instance_id for record in bench.manager.records()] == [outcome.e2_event_instance_id]
        assert bench.routes.routed == {(outcome.e2_event_instance_id, "127.0.0.1:4001")}
        assert await bench.subscribe(body()) == (rest_id, outcome)
        assert bench.node.requests == []

    run(before, sdl=sdl)
    run(after, sdl=sdl)


def test_a_damaged_record_is_left_out_of_what_is_restored():
    sdl = MemorySdl()
    sdl.values = {E2_NAMESPACE: {"7": b"{", "8": b"{}"}, REST_NAMESPACE: {"x": b"[]", "y": b'{"instances": 3}'}}

    async def scenario(bench: Bench) -> None:
        await bench.manager.restore()
        assert bench.manager.records() == []
        assert sdl.values == {E2_NAMESPACE: {}, REST_NAMESPACE: {}}

    run(scenario, sdl=sdl)


def test_instance_ids_go_round_and_are_not_used_again_at_once():
    async def scenario(bench: Bench) -> None:
        first_id, first = await bench.subscribe(body())
        await bench.manager.unsubscribe(first_id)
        await settle()
        _, second = await bench.subscribe(body())
        assert second.e2_event_instance_id != first.e2_event_instance_id

    run(scenario)
