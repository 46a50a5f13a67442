"""Status codes of the REST interfaces, as they are on the platform."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any

import httpx

from ric.platform import NearRtRic
from tests.ric.actors import GNB_NAME, RawXapp, RedisServer, ric_with_node

ACTION = {"ActionID": 1, "ActionType": "report", "ActionDefinition": [1]}
DETAIL = {"XappEventInstanceId": 1, "EventTriggers": [1], "ActionToBeSetupList": [ACTION]}
BODY: dict[str, Any] = {
    "ClientEndpoint": {"Host": "127.0.0.1", "HTTPPort": 1, "RMRPort": 2},
    "Meid": GNB_NAME,
    "RANFunctionID": 200,
    "SubscriptionDetails": [DETAIL],
}
TYPE = {
    "name": "t",
    "description": "d",
    "policy_type_id": 5,
    "create_schema": {"type": "object", "required": ["a"]},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The body with one value replaced (or, with ``...``, removed)."""
    body = copy.deepcopy(BODY)
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split("/")]
    place: Any = body
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return body


def serve(redis: RedisServer, check: Callable[[NearRtRic, httpx.AsyncClient], Any]) -> None:
    async def scenario() -> None:
        async with ric_with_node(redis) as (ric, _), httpx.AsyncClient(trust_env=False) as http:
            await check(ric, http)

    asyncio.run(scenario())


def test_subscription_requests_are_judged_by_shape_and_by_range(redis: RedisServer):
    action = "SubscriptionDetails/0/ActionToBeSetupList/0"
    cases = [
        (201, BODY),
        (422, changed("Meid", ...)),
        (422, changed("ClientEndpoint/HTTPPort", "80")),
        (422, changed(f"{action}/ActionType", "subscribe")),
        (422, changed("SubscriptionDetails/0/EventTriggers", "AQ==")),
        (422, changed("SubscriptionDetails/0/EventTriggers", [1, "2"])),
        (400, changed("RANFunctionID", 4096)),
        (400, changed("ClientEndpoint/RMRPort", 65536)),
        (400, changed("SubscriptionDetails", [])),
        (400, changed("SubscriptionDetails/0/EventTriggers", [256])),
        (400, changed("SubscriptionDetails/0/EventTriggers", [0] * 1025)),
        (400, changed("SubscriptionDetails/0/XappEventInstanceId", -1)),
        (400, changed(f"{action}/ActionID", 256)),
        (400, changed("SubscriptionDetails/0/ActionToBeSetupList", [ACTION, ACTION | {"ActionType": "insert"}])),
        (404, BODY | {"SubscriptionId": "never heard of"}),
        (503, changed("Meid", "gnb_999_999_000000")),
    ]

    async def check(ric: NearRtRic, http: httpx.AsyncClient) -> None:
        url = ric.addresses["submgr"] + "/ric/v1/subscriptions"
        for status, body in cases:
            response = await http.post(url, json=body)
            assert response.status_code == status, (body, response.text)
        created = (await http.post(url, json=changed("RANFunctionID", 7))).json()
        assert created["SubscriptionInstances"] is None and len(created["SubscriptionId"]) == 27
        assert (await http.delete(url + "/never-heard-of")).status_code == 204
        assert (await http.post(url, content=b"{", headers={"Content-Type": "application/json"})).status_code == 400

    serve(redis, check)


def test_policies_are_judged_by_type_and_schema(redis: RedisServer):
    async def check(ric: NearRtRic, http: httpx.AsyncClient) -> None:
        types = ric.addresses["a1"] + "/A1-P/v2/policytypes"
        policy = f"{types}/5/policies/p"
        cases: list[tuple[str, str, Any, int]] = [
            ("GET", types + "/5", None, 404),
            ("PUT", types + "/0", TYPE, 400),
            ("PUT", types + "/2147483648", TYPE, 400),
            ("PUT", types + "/6", TYPE, 400),
            ("PUT", types + "/5", TYPE | {"extra": 1}, 400),
            ("PUT", types + "/5", TYPE | {"create_schema": {"type": "x"}}, 400),
            ("PUT", policy, {"a": 1}, 404),
            ("PUT", types + "/5", TYPE, 201),
            ("PUT", types + "/5", TYPE, 400),
            ("PUT", policy, {"b": 1}, 400),
            ("PUT", policy, {"a": 1}, 202),
            ("PUT", policy, {"a": 2}, 202),
            ("GET", policy, None, 200),
            ("GET", policy + "/status", None, 200),
            ("GET", f"{types}/5/policies/q", None, 404),
            ("GET", f"{types}/9/policies", None, 404),
            ("DELETE", types + "/5", None, 400),
            ("DELETE", policy, None, 202),
            ("DELETE", policy, None, 404),
            ("GET", policy + "/status", None, 404),
            ("DELETE", types + "/5", None, 204),
            ("DELETE", types + "/5", None, 404),
            ("GET", ric.addresses["a1"] + "/A1-P/v2/healthcheck", None, 200),
        ]
        for method, url, body, status in cases:
            response = await http.request(method, url, json=body)
            assert response.status_code == status, (method, url, response.text)
        await http.put(types + "/5", json=TYPE)
        assert (await http.put(policy, content=b"{")).status_code == 400
        assert (await http.get(types)).json() == [5]

    serve(redis, check)


def test_registrations_and_the_inventory_answer_as_the_platform_does(redis: RedisServer):
    async def check(ric: NearRtRic, http: httpx.AsyncClient) -> None:
        apps, nodes = ric.addresses["appmgr"], ric.addresses["e2mgr"]
        with RawXapp(ric) as xapp:
            body = xapp.registration.to_json()
            assert (await http.post(apps + "/ric/v1/register", json=body)).status_code == 201
            assert (await http.post(apps + "/ric/v1/register", json={})).status_code == 400
            assert (await http.post(apps + "/ric/v1/register", json=body | {"config": "{"})).status_code == 400
            assert (await http.get(apps + "/ric/v1/xapps/demo/instances/demo")).json()["port"] == xapp.data.port
            assert (await http.get(apps + "/ric/v1/xapps/demo")).json()["name"] == "demo"
            assert (await http.get(apps + "/ric/v1/xapps/other")).status_code == 404
            assert (await http.get(apps + "/ric/v1/config")).json()[0]["config"] == json.loads(body["config"])
            gone = {"appName": "demo", "appInstanceName": "demo"}
            assert (await http.post(apps + "/ric/v1/deregister", json=gone)).status_code == 204
            assert (await http.post(apps + "/ric/v1/deregister", json=gone)).status_code == 400
        assert (await http.get(nodes + "/v1/nodeb/nobody")).status_code == 404
        assert (await http.get(nodes + "/v1/nodeb/states/nobody")).status_code == 404
        state = (await http.get(f"{nodes}/v1/nodeb/states/{GNB_NAME}")).json()
        assert state["globalNbId"] == {"plmnId": "00F110", "nbId": f"{0x19B:022b}"}
        node = (await http.get(f"{nodes}/v1/nodeb/{GNB_NAME}")).json()
        assert node["gnb"]["ranFunctions"][0]["ranFunctionId"] == 200
        terminations = (await http.get(nodes + "/v1/e2t/list")).json()
        assert terminations == [{"e2tAddress": ric.addresses["rmr"], "ranNames": [GNB_NAME]}]
        assert (await http.get(nodes + "/v1/health")).status_code == 200

    serve(redis, check)


def test_routes_by_hand_show_in_the_table(redis: RedisServer):
    async def check(ric: NearRtRic, http: httpx.AsyncClient) -> None:
        handles = ric.addresses["rtmgr"] + "/ric/v1/handles/"
        route = [{"TargetEndPoint": "127.0.0.1:4010", "MessageType": 30001, "SubscriptionID": 0, "SenderEndPoint": ""}]
        assert (await http.post(handles + "addrmrroute", json=route)).status_code == 201
        table = (await http.get(ric.addresses["rtmgr"] + "/ric/v1/getdebuginfo")).json()
        assert "mse|30001|-1|127.0.0.1:4010" in table["RouteTable"]
        assert table["MeidMap"] == [f"mme_ar|{ric.addresses['rmr']}|{GNB_NAME}"]
        assert (await http.request("DELETE", handles + "delrmrroute", json=route)).status_code == 201
        table = (await http.get(ric.addresses["rtmgr"] + "/ric/v1/getdebuginfo")).json()
        assert not any("30001" in record for record in table["RouteTable"])
        bad = [{"TargetEndPoint": "x|y:1", "MessageType": 1}]
        assert (await http.post(handles + "addrmrroute", json=bad)).status_code in (400, 422)

    serve(redis, check)


def test_the_metrics_count_nodes(redis: RedisServer):
    async def check(ric: NearRtRic, http: httpx.AsyncClient) -> None:
        text = (await http.get(ric.addresses["metrics"] + "/metrics")).text
        assert "ric_e2_nodes_connected 1.0" in text and "ric_sdl_available 1.0" in text

    serve(redis, check)
