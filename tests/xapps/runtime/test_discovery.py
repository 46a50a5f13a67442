"""Nodes found, subscribed, watched and left, against doubles of the platform's REST services."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from oran.e2sm.rrm import (
    OID,
    Clock,
    ControlKind,
    EventTrigger,
    RanFunctionDefinition,
    ReportGroup,
    decode_action_definition,
    decode_event_trigger,
    encode_ran_function,
)
from oran.errors import PlatformError
from oran.platform.app_manager import AppManagerClient, Registration
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import ClientEndpoint, SubscriptionClient, WaitTime
from tests.xapps.runtime.doubles import Ticking
from xapps.runtime.discovery import Discovery
from xapps.runtime.ledger import SubscriptionLedger
from xapps.runtime.metrics import Metrics
from xapps.runtime.notifications import NotificationBox
from xapps.runtime.radio_reports import Wanted
from xapps.runtime.registration import Registrar
from xapps.runtime.subscription_book import SubscriptionBook

NODE, OTHER = "gnb_001_001_00000001", "gnb_001_001_00000002"
FREE, LOCK = EventTrigger(Clock.FREE_RUNNING, 20), EventTrigger(Clock.LOCK_STEP, 20)


def definition(clocks: tuple[Clock, ...] = (Clock.FREE_RUNNING, Clock.LOCK_STEP)) -> bytes:
    return encode_ran_function(
        RanFunctionDefinition(
            "E2SM-RRM", "", clocks, tuple(ReportGroup), (ControlKind.ALLOCATION,), 10, 1000, 1, 25, 64, 8000
        )
    )


@dataclass
class Platform:
    """SubMgr and E2Mgr as one HTTP handler, and an SDL."""

    nodes: dict[str, str] = field(default_factory=lambda: {NODE: "1"})
    """Connected nodes and the time stamp of their last change."""
    oid: str = OID
    offered: bytes = field(default_factory=definition)
    mode: str = "admit"
    """admit | refuse | silent | busy (503) | early (the notification comes before the 201)"""
    posted: list[dict[str, Any]] = field(default_factory=list)
    in_force: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)
    sdl_works: bool = True
    down: bool = False

    def __post_init__(self) -> None:
        self.box = NotificationBox()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        match request.method, request.url.path:
            case "GET", "/v1/nodeb/states":
                states = [{"inventoryName": name, "connectionStatus": "CONNECTED"} for name in self.nodes]
                return httpx.Response(
                    200, json=[*states, {"inventoryName": "away", "connectionStatus": "DISCONNECTED"}]
                )
            case "GET", path:
                return httpx.Response(200, json=self._details(path.rpartition("/")[2]))
            case "POST", _:
                return self._subscribe(json.loads(request.content))
            case "DELETE", path:
                subscription_id = path.rpartition("/")[2]
                self.deleted.append(subscription_id)
                self.in_force.pop(subscription_id, None)
                return httpx.Response(204)
        raise AssertionError(request)

    def _details(self, name: str) -> dict[str, Any]:
        function = {
            "ranFunctionId": 200,
            "ranFunctionDefinition": self.offered.hex(),
            "ranFunctionRevision": 1,
            "ranFunctionOid": self.oid,
        }
        return {
            "ranName": name,
            "connectionStatus": "CONNECTED",
            "gnb": {"ranFunctions": [{"ranFunctionOid": "1.2.3"}, function]},
            "statusUpdateTimeStamp": self.nodes[name],
        }

    def _subscribe(self, body: dict[str, Any]) -> httpx.Response:
        if self.mode == "busy":
            return httpx.Response(503)
        self.posted.append(body)
        subscription_id = f"id{len(self.posted)}"
        self.in_force[subscription_id] = body["Meid"]
        if self.mode != "silent":
            self.notify(subscription_id, 0 if self.mode == "refuse" else len(self.posted))
        return httpx.Response(201, json={"SubscriptionId": subscription_id, "SubscriptionInstances": None})

    def notify(self, subscription_id: str, instance_id: int) -> None:
        instance = {
            "XappEventInstanceId": 1,
            "E2EventInstanceId": instance_id,
            "ErrorCause": " ",
            "ErrorSource": "E2Node",
        }
        self.box.post(json.dumps({"SubscriptionId": subscription_id, "SubscriptionInstances": [instance]}).encode())

    def set(self, ns: str, key: str, value: Any) -> None:
        if not self.sdl_works:
            raise IndexError("no database")
        self.stored[f"{ns}/{key}"] = value

    def get(self, ns: str, key: str) -> Any:
        if not self.sdl_works:
            raise IndexError("no database")
        return self.stored.get(f"{ns}/{key}")


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def discovery(platform: Platform, clock: Ticking) -> Discovery:
    return make_discovery(platform, clock)


def make_discovery(platform: Platform, clock: Ticking) -> Discovery:
    transport = httpx.MockTransport(platform)
    wanted = Wanted(
        endpoint=ClientEndpoint(host="service-ricxapp-x-http.ricxapp", http_port=8080, rmr_port=4560),
        oid=OID,
        groups=(ReportGroup.CHANNEL, ReportGroup.KPI),
        insert_wait=WaitTime.W2S,
        timeout_s=0.05,
        watchdog_s=10.0,
    )
    return Discovery(
        nodes=NodeInventoryClient("http://e2mgr", transport=transport),
        subscriptions=SubscriptionClient("http://submgr", transport=transport),
        notifications=platform.box,
        ledger=SubscriptionLedger(platform, "x"),
        book=SubscriptionBook(),
        metrics=Metrics(),
        wanted=wanted,
        trigger=FREE,
        now_s=clock,
    )


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


class AppManager:
    """AppMgr with its defect: registering a listed instance again strikes it out."""

    def __init__(self) -> None:
        self.listed: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.swallow = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        call = request.url.path.rpartition("/")[2]
        if call == "xapps":
            instances = [{"name": name, "ip": "h", "port": 1, "policies": []} for name in self.listed]
            return httpx.Response(200, json=[{"name": "x", "version": "1", "instances": instances}])
        self.calls.append(call)
        body = json.loads(request.content)
        name = body["appInstanceName"]
        if call == "deregister":
            return httpx.Response(204 if self.listed.pop(name, None) else 400)
        if name in self.listed or self.swallow:
            self.listed.pop(name, None)
        else:
            self.listed[name] = body
        return httpx.Response(201)


@pytest.fixture
def manager() -> AppManager:
    return AppManager()


def make_registrar(manager: AppManager, told: list[int] | None = None) -> Registrar:
    client = AppManagerClient("http://appmgr", transport=httpx.MockTransport(manager))
    registration = Registration(app_name="x", instance_name="x", http_endpoint="h:1", rmr_endpoint="h:2", config="{}")
    return Registrar(client, registration, Metrics(), lambda: None if told is None else told.append(1))


def test_registration_is_made_once_confirmed_and_told(manager: AppManager) -> None:
    told: list[int] = []
    registrar = make_registrar(manager, told)
    registrar.ensure()
    registrar.ensure()
    assert manager.calls == ["register"]
    assert manager.listed["x"]["config"] == "{}"
    assert registrar.registered
    assert told == [1]


def test_an_earlier_life_is_deregistered_before_this_one_registers(manager: AppManager) -> None:
    make_registrar(manager).ensure()
    make_registrar(manager).ensure()
    assert manager.calls == ["register", "deregister", "register"]
    assert list(manager.listed) == ["x"]


def test_an_app_manager_that_forgot_us_is_told_again(manager: AppManager) -> None:
    registrar = make_registrar(manager)
    registrar.ensure()
    manager.listed.clear()
    registrar.ensure()
    assert registrar.registered
    assert manager.calls == ["register", "register"]


def test_a_registration_that_is_not_listed_afterwards_is_no_success(manager: AppManager) -> None:
    manager.swallow = True
    registrar = make_registrar(manager)
    with pytest.raises(PlatformError, match="not listed"):
        registrar.ensure()
    assert not registrar.registered


def test_at_the_end_it_deregisters_and_an_app_manager_that_forgot_is_no_error(manager: AppManager) -> None:
    registrar = make_registrar(manager)
    registrar.ensure()
    manager.listed.clear()
    registrar.end()
    assert manager.calls[-1] == "deregister"
    assert not registrar.registered
