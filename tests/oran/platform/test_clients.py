from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oran.errors import PlatformError
from oran.platform.a1 import A1Client, model_policy_type
from oran.platform.app_manager import AppManagerClient, Registration
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionClient, SubscriptionNotification, SubscriptionRequest

BODY: dict[str, Any] = {
    "ClientEndpoint": {"Host": "service-ricxapp-x-http.ricxapp", "HTTPPort": 8080, "RMRPort": 4560},
    "Meid": "gnb",
    "RANFunctionID": 2,
    "SubscriptionDetails": [
        {
            "XappEventInstanceId": 1,
            "EventTriggers": [8, 3, 231],
            "ActionToBeSetupList": [
                {
                    "ActionID": 1,
                    "ActionType": "report",
                    "ActionDefinition": [0, 255],
                    "SubsequentAction": {"SubsequentActionType": "continue", "TimeToWait": "w10ms"},
                }
            ],
        }
    ],
}


def transport(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    waiting, seen = list(answers), []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle), seen


def test_a_subscription_is_posted_with_the_platforms_names_and_the_id_returned():
    wire, seen = transport(httpx.Response(201, json={"SubscriptionId": "k", "SubscriptionInstances": None}))
    request = SubscriptionRequest.model_validate(BODY)
    assert SubscriptionClient("http://submgr", transport=wire).subscribe(request) == "k"
    assert seen[0].url.path == "/ric/v1/subscriptions" and json.loads(seen[0].content) == BODY


def test_the_rmr_service_is_found_from_the_http_service():
    endpoint = SubscriptionRequest.model_validate(BODY).client
    assert endpoint.rmr_endpoint == "service-ricxapp-x-rmr.ricxapp:4560"
    assert endpoint.notification_url == "http://service-ricxapp-x-http.ricxapp:8080/ric/v1/subscriptions/response"


def test_success_is_told_by_the_instance_id_and_by_nothing_else():
    body = {
        "SubscriptionId": "k",
        "SubscriptionInstances": [{"XappEventInstanceId": 1, "E2EventInstanceId": 0, "ErrorCause": ""}],
    }
    assert not SubscriptionNotification.from_json(body).instances[0].succeeded
    body["SubscriptionInstances"] = [
        {"E2EventInstanceId": 5, "ErrorCause": "action 2 refused", "ErrorSource": "E2Node"}
    ]
    assert SubscriptionNotification.from_json(body).instances[0].succeeded


CALLS: list[Callable[[httpx.MockTransport], object]] = [
    lambda wire: SubscriptionClient("http://x", transport=wire).subscribe(SubscriptionRequest.model_validate(BODY)),
    lambda wire: SubscriptionClient("http://x", transport=wire).subscriptions(),
    lambda wire: AppManagerClient("http://x", transport=wire).xapps(),
    lambda wire: NodeInventoryClient("http://x", transport=wire).states(),
    lambda wire: NodeInventoryClient("http://x", transport=wire).node("gnb"),
    lambda wire: A1Client("http://x", transport=wire).policy_type(1),
    lambda wire: A1Client("http://x", transport=wire).policy(1, "p"),
    lambda wire: A1Client("http://x", transport=wire).policy_status(1, "p"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (httpx.Response(503, text="later"), 503),
        (httpx.Response(201, text="no json"), None),
        (httpx.Response(200, text="no json"), None),
        (httpx.Response(200, json=[3]), None),
        (httpx.Response(200, json="text"), None),
        (httpx.ConnectError("refused"), None),
        (httpx.ReadTimeout("slow"), None),
    ],
)
def test_every_failure_is_a_platform_error(call, answer, status):
    wire, _ = transport(answer)
    with pytest.raises(PlatformError) as caught:
        call(wire)
    if status is not None:
        assert caught.value.status == status


@pytest.mark.parametrize("url", ["http://[::1", "http://host:notaport"])
def test_an_address_that_is_none_is_a_platform_error(url: str):
    with pytest.raises(PlatformError):
        SubscriptionClient(url).subscriptions()


def test_the_inventorys_omitted_zeros_are_read_as_zeros():
    body = {
        "ranName": "gnb",
        "connectionStatus": "CONNECTED",
        "gnb": {"ranFunctions": [{"ranFunctionDefinition": "00ff"}]},
    }
    wire, _ = transport(httpx.Response(200, json=body))
    node = NodeInventoryClient("http://x", transport=wire).node("gnb")
    assert node.connected and node.gnb.ran_functions[0].id == 0
    assert node.gnb.ran_functions[0].definition == b"\x00\xff"
    assert node.function("1.2.3") is None


def test_a_definition_that_is_not_hexadecimal_is_a_platform_error():
    body = {"gnb": {"ranFunctions": [{"ranFunctionDefinition": "xy"}]}}
    wire, _ = transport(httpx.Response(200, json=body))
    with pytest.raises(PlatformError):
        NodeInventoryClient("http://x", transport=wire).node("gnb").gnb.ran_functions[0].definition  # noqa: B018


def test_health_is_true_only_for_200():
    for answer, healthy in (
        (httpx.Response(200), True),
        (httpx.Response(503), False),
        (httpx.ConnectError("x"), False),
    ):
        wire, _ = transport(answer)
        assert NodeInventoryClient("http://x", transport=wire).healthy() is healthy


def test_registered_instances_are_listed_with_their_endpoints():
    instance = {"name": "demo", "ip": "127.0.0.1", "port": 4001, "policies": [1, 2]}
    body = [{"name": "host", "version": "1.0", "instances": [instance]}, {"name": "empty", "instances": None}]
    wire, _ = transport(httpx.Response(200, json=body), httpx.Response(200, json=body))
    client = AppManagerClient("http://x", transport=wire)
    found = client.xapps()
    assert [(xapp.instance_name, xapp.rmr_endpoint, xapp.policies) for xapp in found] == [
        ("demo", "127.0.0.1:4001", (1, 2))
    ]
    assert client.is_registered("demo")


def test_a_registration_has_the_body_the_framework_sends():
    wire, seen = transport(httpx.Response(201))
    registration = Registration(
        app_name="host", instance_name="demo", http_endpoint="h:1", rmr_endpoint="h:2", app_version="1.0", config="{}"
    )
    AppManagerClient("http://x", transport=wire).register(registration)
    assert json.loads(seen[0].content) == {
        "appName": "host",
        "appVersion": "1.0",
        "configPath": "",
        "appInstanceName": "demo",
        "httpEndpoint": "h:1",
        "rmrEndpoint": "h:2",
        "config": "{}",
    }


def test_a_policy_type_is_created_only_if_it_is_not_there():
    policy_type = model_policy_type()
    wire, seen = transport(httpx.Response(404), httpx.Response(201))
    A1Client("http://x", transport=wire).ensure_policy_type(policy_type)
    assert [request.method for request in seen] == ["GET", "PUT"]
    wire, seen = transport(httpx.Response(200, json=policy_type.model_dump(mode="json")))
    A1Client("http://x", transport=wire).ensure_policy_type(policy_type)
    assert [request.method for request in seen] == ["GET"]


def test_a_policy_type_with_another_schema_is_not_taken_for_ours():
    other = model_policy_type().model_dump(mode="json") | {"create_schema": {"type": "object"}}
    wire, _ = transport(httpx.Response(200, json=other))
    with pytest.raises(PlatformError) as caught:
        A1Client("http://x", transport=wire).ensure_policy_type(model_policy_type())
    assert caught.value.status == 409
