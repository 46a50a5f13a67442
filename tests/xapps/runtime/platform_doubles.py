"""Subscription manager, node manager and SDL that tests hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from oran.e2sm.rrm import (
    OID,
    Clock,
    ControlKind,
    EventTrigger,
    RanFunctionDefinition,
    ReportGroup,
    encode_ran_function,
)
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import ClientEndpoint, SubscriptionClient, WaitTime
from tests.xapps.runtime.doubles import Ticking
from xapps.runtime.discovery import Discovery
from xapps.runtime.ledger import SubscriptionLedger
from xapps.runtime.metrics import Metrics
from xapps.runtime.notifications import NotificationBox
from xapps.runtime.radio_reports import Wanted
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
