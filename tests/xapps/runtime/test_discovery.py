"""Nodes found, subscribed, watched and left, against doubles of the platform's REST services."""

from __future__ import annotations

import pytest

from oran.e2sm.rrm import (
    Clock,
    EventTrigger,
    ReportGroup,
    decode_action_definition,
    decode_event_trigger,
)
from oran.errors import PlatformError
from tests.xapps.runtime.doubles import Ticking
from tests.xapps.runtime.platform_doubles import FREE, LOCK, NODE, OTHER, Platform, definition, make_discovery
from xapps.runtime.discovery import Discovery


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def discovery(platform: Platform, clock: Ticking) -> Discovery:
    return make_discovery(platform, clock)


def test_a_node_that_offers_the_service_model_is_subscribed_once(discovery: Discovery, platform: Platform) -> None:
    discovery.tick()
    discovery.tick()
    [body] = platform.posted
    assert (body["Meid"], body["RANFunctionID"]) == (NODE, 200)
    assert body["ClientEndpoint"] == {"Host": "service-ricxapp-x-http.ricxapp", "HTTPPort": 8080, "RMRPort": 4560}
    assert "E2SubscriptionDirectives" not in body  # its presence without RMRRoutingNeeded would mean: no routes
    [detail] = body["SubscriptionDetails"]
    assert decode_event_trigger(bytes(detail["EventTriggers"])) == FREE
    [action] = detail["ActionToBeSetupList"]
    assert action["ActionType"] == "report"
    assert "SubsequentAction" not in action
    wanted = decode_action_definition(bytes(action["ActionDefinition"])).report_groups
    assert wanted == (ReportGroup.CHANNEL, ReportGroup.KPI)
    entry = discovery.book.get(NODE)
    assert entry is not None
    assert entry.instance_id == 1
    assert discovery.book.accepts(NODE, 200, 1)
    assert platform.stored == {"xapp-x/subscriptions": {"id1": NODE}}


def test_a_node_without_it_is_left_alone(discovery: Discovery, platform: Platform) -> None:
    platform.oid = "1.3.6.1.4.1.53148.1.1.2.2"
    discovery.tick()
    assert platform.posted == []


def test_several_nodes_are_subscribed_one_after_the_other(discovery: Discovery, platform: Platform) -> None:
    platform.nodes[OTHER] = "1"
    discovery.tick()
    assert [body["Meid"] for body in platform.posted] == [NODE, OTHER]
    assert {entry.meid for entry in discovery.book.all()} == {NODE, OTHER}


@pytest.mark.parametrize("mode", ["refuse", "silent", "busy"])
def test_a_failed_subscription_is_taken_back_and_tried_again_later(
    discovery: Discovery, platform: Platform, clock: Ticking, mode: str
) -> None:
    platform.mode = mode
    discovery.tick()
    assert discovery.book.all() == []
    assert platform.in_force == {}
    platform.mode = "admit"
    discovery.tick()
    assert discovery.book.all() == []  # not yet: the node is given a second
    clock.time_s += 1.0
    discovery.tick()
    assert [entry.meid for entry in discovery.book.all()] == [NODE]


def test_attempts_become_rarer_while_they_fail(discovery: Discovery, platform: Platform, clock: Ticking) -> None:
    platform.mode = "refuse"
    for _ in range(120):
        discovery.tick()
        clock.time_s += 1.0
    assert len(platform.posted) == 8  # after 0, 1, 3, 7, 15, 31, 61, 91 s


def test_a_node_that_left_is_forgotten_and_subscribed_when_it_is_back(discovery: Discovery, platform: Platform) -> None:
    gone: list[str] = []
    discovery.on_gone = gone.append
    discovery.tick()
    del platform.nodes[NODE]
    discovery.tick()
    assert gone == [NODE]
    assert discovery.book.all() == []
    assert not discovery.book.accepts(NODE, 200, 2)
    assert platform.stored["xapp-x/subscriptions"] == {}
    platform.nodes[NODE] = "2"
    discovery.tick()
    assert discovery.book.get(NODE) is not None


def test_a_node_that_was_away_between_two_looks_is_subscribed_anew(discovery: Discovery, platform: Platform) -> None:
    discovery.tick()
    platform.nodes[NODE] = "2"
    discovery.tick()
    assert platform.deleted == ["id1"]
    entry = discovery.book.get(NODE)
    assert entry is not None
    assert entry.subscription_id == "id2"


def test_silence_ends_a_subscription_and_makes_a_new_one(
    discovery: Discovery, platform: Platform, clock: Ticking
) -> None:
    discovery.tick()
    clock.time_s += 9.0
    discovery.book.heard(NODE, clock())
    clock.time_s += 9.0
    discovery.tick()
    assert platform.deleted == []
    clock.time_s += 2.0
    discovery.tick()
    assert platform.deleted == ["id1"]
    assert list(platform.in_force) == ["id2"]


def test_a_node_that_stays_silent_is_disturbed_ever_less(
    discovery: Discovery, platform: Platform, clock: Ticking
) -> None:
    for _ in range(200):
        discovery.tick()
        clock.time_s += 1.0
    assert len(platform.posted) == 5  # after 0, 10, 30, 70, 150 s


def test_the_subscription_of_a_killed_life_is_ended_before_a_new_one(platform: Platform, clock: Ticking) -> None:
    make_discovery(platform, clock).tick()
    second_life = make_discovery(platform, clock)
    second_life.tick()
    assert platform.deleted == ["id1"]
    assert platform.in_force == {"id2": NODE}
    assert platform.stored["xapp-x/subscriptions"] == {"id2": NODE}


def test_without_sdl_it_subscribes_all_the_same_and_saves_later(discovery: Discovery, platform: Platform) -> None:
    platform.sdl_works = False
    discovery.tick()
    assert discovery.book.get(NODE) is not None
    platform.sdl_works = True
    discovery.tick()
    assert platform.stored == {"xapp-x/subscriptions": {"id1": NODE}}
    assert platform.deleted == []


def test_a_database_that_forgot_is_told_again(discovery: Discovery, platform: Platform) -> None:
    discovery.tick()
    platform.stored.clear()
    discovery.rewrite_ledger()
    discovery.tick()
    assert platform.stored == {"xapp-x/subscriptions": {"id1": NODE}}


def test_a_platform_that_does_not_answer_is_an_error_of_this_round_only(
    discovery: Discovery, platform: Platform
) -> None:
    platform.down = True
    with pytest.raises(PlatformError):
        discovery.tick()
    platform.down = False
    discovery.tick()
    assert discovery.book.get(NODE) is not None


def test_reporting_is_changed_by_deleting_and_subscribing(discovery: Discovery, platform: Platform) -> None:
    discovery.tick()
    discovery.change_reporting(LOCK)
    assert platform.deleted == ["id1"]
    action = platform.posted[-1]["SubscriptionDetails"][0]["ActionToBeSetupList"][0]
    assert action["ActionType"] == "insert"
    assert action["SubsequentAction"] == {"SubsequentActionType": "wait", "TimeToWait": "w2s"}
    assert discovery.trigger == LOCK
    discovery.change_reporting(LOCK)
    assert len(platform.posted) == 2


@pytest.mark.parametrize("trigger", [EventTrigger(Clock.FREE_RUNNING, 5), EventTrigger(Clock.FREE_RUNNING, 2000), LOCK])
def test_reporting_that_a_node_cannot_do_changes_nothing(
    discovery: Discovery, platform: Platform, trigger: EventTrigger
) -> None:
    platform.offered = definition(clocks=(Clock.FREE_RUNNING,))
    discovery.tick()
    with pytest.raises(PlatformError):
        discovery.change_reporting(trigger)
    assert platform.deleted == []
    assert discovery.trigger == FREE


def test_a_change_that_fails_on_the_way_is_completed_by_a_later_round(
    discovery: Discovery, platform: Platform, clock: Ticking
) -> None:
    discovery.tick()
    platform.mode = "refuse"
    with pytest.raises(PlatformError):
        discovery.change_reporting(LOCK)
    platform.mode = "admit"
    clock.time_s += 1.0
    discovery.tick()
    entry = discovery.book.get(NODE)
    assert entry is not None
    assert entry.trigger == LOCK


def test_a_definition_that_cannot_be_read_is_not_subscribed(discovery: Discovery, platform: Platform) -> None:
    platform.offered = b"\xff\xff"
    discovery.tick()
    assert platform.posted == []
    assert discovery.metrics.count(discovery.metrics.subscription_attempts, outcome="failed") == 1


def test_stopping_unsubscribes_everywhere_and_ticks_do_nothing_more(discovery: Discovery, platform: Platform) -> None:
    platform.nodes[OTHER] = "1"
    discovery.tick()
    discovery.stop()
    assert platform.in_force == {}
    assert platform.stored["xapp-x/subscriptions"] == {}
    discovery.tick()
    assert len(platform.posted) == 2


def test_stopping_survives_a_platform_that_has_gone(discovery: Discovery, platform: Platform) -> None:
    discovery.tick()
    platform.down = True
    discovery.stop()
    assert discovery.metrics.count(discovery.metrics.platform_errors, operation="unsubscribe") == 1


def test_what_is_under_way_from_an_ended_subscription_is_not_accepted(discovery: Discovery) -> None:
    discovery.tick()
    assert discovery.book.accepts(NODE, 200, 1)
    discovery.book.ended(NODE)
    assert not discovery.book.accepts(NODE, 200, 1)
    assert discovery.book.accepts(NODE, 200, 2)


def test_the_first_indication_may_come_before_the_admission_is_known(discovery: Discovery, platform: Platform) -> None:
    platform.mode = "silent"
    discovery.tick()
    assert discovery.book.accepts(NODE, 200, 77)
