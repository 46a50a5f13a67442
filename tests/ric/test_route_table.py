from __future__ import annotations

from oran.rmr.message_types import MessageType as Mt
from ric.route_table import DynamicRoute, RoutedXapp, RoutingState, build

A, B, E2T, A1 = "127.0.0.1:4001", "127.0.0.1:4002", "127.0.0.1:38000", "127.0.0.1:4562"


def xapp(
    name: str,
    endpoint: str,
    *,
    tx: tuple[str, ...] = ("RIC_CONTROL_REQ",),
    rx: tuple[str, ...] = (),
    policies: tuple[int, ...] = (),
) -> RoutedXapp:
    return RoutedXapp(name, endpoint, 4561, frozenset(tx), frozenset(rx), policies)


def state(*xapps: RoutedXapp, **rest: object) -> RoutingState:
    return RoutingState({item.name: item for item in xapps}, a1_endpoint=A1, **rest)  # type: ignore[arg-type]


def test_only_the_registered_sender_reaches_a_node_and_only_a_known_one():
    table = build(state(xapp("a", A), meid_owners={"gnb": E2T}))
    assert table.lookup(Mt.RIC_CONTROL_REQ, -1, "gnb", [A]) == [[E2T]]
    assert table.lookup(Mt.RIC_CONTROL_REQ, -1, "other", [A]) == []
    assert table.lookup(Mt.RIC_CONTROL_REQ, -1, "gnb", [B]) == []


def test_each_xapp_of_a_merged_subscription_gets_its_own_copy():
    table = build(state(xapp("a", A), xapp("b", B), subscriptions={7: [A, B]}))
    assert table.lookup(Mt.RIC_INDICATION, 7) == [[A], [B]]
    assert table.lookup(Mt.RIC_CONTROL_ACK, 7) == [[A], [B]]
    assert table.lookup(Mt.RIC_INDICATION, 8) == []


def test_without_a_subscription_the_last_registered_xapp_gets_the_control_answers():
    table = build(state(xapp("a", A), xapp("b", B)))
    assert table.lookup(Mt.RIC_CONTROL_FAILURE, 99) == [[B]]


def test_policies_go_to_the_last_that_asked_for_the_type_and_answers_to_the_mediator():
    table = build(state(xapp("a", A, policies=(20100,)), xapp("b", B, policies=(20100, 20101))))
    assert table.lookup(Mt.A1_POLICY_REQ, 20100) == [[B]]
    assert table.lookup(Mt.A1_POLICY_RESP) == table.lookup(Mt.A1_POLICY_QUERY) == [[A1]]


def test_private_messages_go_from_those_who_send_to_all_who_receive():
    table = build(state(xapp("a", A, tx=("TS_UE_LIST",)), xapp("b", B, rx=("TS_UE_LIST",))))
    assert table.lookup(Mt.TS_UE_LIST, own_names=[A]) == [[B]]
    assert table.lookup(Mt.TS_UE_LIST, own_names=["127.0.0.1:1"]) == []


def test_a_private_message_that_nobody_says_to_send_is_taken_from_anybody():
    table = build(state(xapp("b", B, rx=("MC_REPORT", "no such message"))))
    assert table.lookup(Mt.MC_REPORT, own_names=["127.0.0.1:1"]) == [[B]]


def test_an_xapp_without_messages_gets_no_control_routes():
    table = build(state(xapp("a", A, tx=())))
    assert table.lookup(Mt.RIC_CONTROL_ACK) == []


def test_a_route_made_by_hand_wins():
    table = build(state(xapp("a", A), subscriptions={7: [A]}, dynamic=[DynamicRoute(Mt.RIC_INDICATION, B, 7)]))
    assert table.lookup(Mt.RIC_INDICATION, 7) == [[B]]
