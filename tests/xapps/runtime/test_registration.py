"""Registration with the app manager, defects included."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from oran.errors import PlatformError
from oran.platform.app_manager import AppManagerClient, Registration
from xapps.runtime.metrics import Metrics
from xapps.runtime.registration import Registrar


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
