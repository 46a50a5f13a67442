"""Processes that die and come back: nothing of this needs a hand."""

from __future__ import annotations

import pytest

from rapp.local.operator import NodeOperator
from tests.system.conftest import Rig

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def test_a_node_that_is_killed_is_noticed_and_served_again_when_it_comes_back(rig: Rig) -> None:
    (name,) = rig.connected_nodes()
    rig.suite.processes["e2sim"].kill()
    rig.until(lambda: rig.node_states()[name] == "DISCONNECTED", "the RIC notices")
    rig.until(lambda: not rig.subscriptions(), "the subscription goes with the node")
    rig.suite.restart("e2sim")
    rig.suite.processes["e2sim"].announcement(60)
    rig.until(lambda: rig.node_states()[name] == "CONNECTED", "the node is back")
    rig.loop_runs()


def test_a_ric_that_is_killed_finds_its_policies_and_registrations_and_the_loop_goes_on(rig: Rig) -> None:
    registered = rig.registered()
    rig.suite.processes["ric"].kill()
    rig.until(lambda: not rig.node.state()["connected"], "the node notices")
    rig.suite.restart("ric")
    rig.suite.processes["ric"].announcement(60)
    rig.until(lambda: rig.node.state()["connected"], "the node is back by itself")
    rig.loop_runs()
    assert rig.registered() == registered


def test_an_xapp_that_is_killed_leaks_no_subscription(rig: Rig) -> None:
    rig.suite.processes["ssvae"].kill()
    rig.suite.restart("ssvae")
    rig.until(lambda: bool(rig.xapp()), "the xApp answers")
    rig.loop_runs()
    assert len(rig.subscriptions()) == 1
    assert len(rig.node.state()["subscriptions"]) == 1


def test_an_xapp_that_is_stopped_unsubscribes_and_deregisters(rig: Rig) -> None:
    assert rig.suite.processes["ssvae"].stop() == 0
    rig.until(lambda: not rig.subscriptions(), "the subscription is deleted")
    rig.until(lambda: not rig.node.state()["subscriptions"], "at the node too")
    assert "ssvae" not in rig.registered()
    rig.suite.restart("ssvae")
    rig.loop_runs()


def test_a_redis_that_restarts_is_reconnected_and_the_loop_does_not_stop(rig: Rig) -> None:
    applied = rig.node.state()["controls"]["applied"]
    rig.suite.processes["redis"].stop()
    rig.until(lambda: rig.node.state()["controls"]["applied"] > applied + 20, "the loop runs without Redis")
    rig.suite.restart("redis")
    rig.loop_runs()
    rig.until(lambda: rig.ready("ssvae"), "the xApp is ready again")


def test_an_rapp_that_is_down_does_not_touch_the_loop(rig: Rig) -> None:
    rig.suite.processes["rapp"].stop()
    rig.loop_runs()
    rig.suite.restart("rapp")
    rig.suite.processes["rapp"].announcement(60)


def test_a_ue_that_leaves_disappears_from_the_decisions(rig: Rig) -> None:
    users = rig.node.state()["users"]["ue_id"]
    late, refused = (rig.node.state()["controls"][key] for key in ("late", "refused"))
    rig.node.remove_ue(users[0])
    rig.loop_runs()
    state = rig.node.state()
    assert state["users"]["ue_id"] == users[1:]
    assert state["controls"]["refused"] - refused <= 1  # the decision that was on its way
    assert state["controls"]["late"] >= late


def test_two_nodes_and_two_xapps_at_once(rig: Rig) -> None:
    second_node = NodeOperator(rig.suite.start_node("e2sim-2", gnb_id=2))
    rig.suite.start_xapp(
        "greedy", model_policy_type=20110, reporting_policy_type=20111, allocator="greedy", watchdog_s=5
    )
    try:
        rig.until(lambda: len(rig.connected_nodes()) == 2, "both nodes are known")
        for node in (rig.node, second_node):
            for name in ("ssvae", "greedy"):
                rig.loop_runs(name, node)
        for name in ("ssvae", "greedy"):
            rig.until(lambda name=name: len(rig.xapp(name)["subscriptions"]) == 2, f"{name} has both nodes")
            rig.until(lambda name=name: rig.counter("controls_acked", name) > 20, f"{name} controls")
        allocators = {record["allocator"] for record in second_node.trace()["records"][-200:]}
        assert allocators >= {"equal", "greedy"}
    finally:
        rig.suite.processes["greedy"].stop()
        rig.suite.processes["e2sim-2"].stop()
        for name in ("greedy", "e2sim-2"):
            del rig.suite.processes[name]
    rig.until(lambda: len(rig.subscriptions()) == 1, "the second pair has gone")
