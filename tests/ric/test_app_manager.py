from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from oran.errors import ConfigError
from oran.platform.app_manager import Registration
from ric.app_manager import AppManager, EndpointNames, read_xapp
from ric.route_table import RoutedXapp
from tests.ric.fakes import MemorySdl


def registration(name: str = "demo", port: int = 4001, config: Any = None) -> Registration:
    descriptor = config if config is not None else {"messaging": {"ports": [{"name": "rmrdata", "policies": [20100]}]}}
    return Registration(
        app_name=name,
        instance_name=name,
        http_endpoint="127.0.0.1:8080",
        rmr_endpoint=f"127.0.0.1:{port}",
        config=json.dumps(descriptor),
    )


class Bench:
    """An app manager whose listeners only remember."""

    def __init__(self, sdl: MemorySdl | None = None) -> None:
        self.came: list[str] = []
        self.went: list[str] = []
        self.manager = AppManager(sdl or MemorySdl(), on_registered=self._came, on_deregistered=self._went)  # type: ignore[arg-type]

    async def _came(self, xapp: RoutedXapp) -> None:
        self.came.append(xapp.endpoint)

    async def _went(self, xapp: RoutedXapp) -> None:
        self.went.append(xapp.endpoint)


def test_on_one_machine_an_xapp_is_where_it_says():
    xapp = read_xapp(registration(), EndpointNames.ONE_MACHINE)
    assert (xapp.routed.endpoint, xapp.routed.policies) == ("127.0.0.1:4001", (20100,))


def test_in_a_cluster_an_xapp_is_found_by_its_service_name():
    xapp = read_xapp(registration(), EndpointNames.KUBERNETES)
    assert xapp.routed.endpoint == "service-ricxapp-demo-rmr.ricxapp:4001"


def test_the_control_port_is_the_one_named_rmrroute_or_the_platforms():
    ports = [{"name": "rmrdata", "port": 4560, "rxMessages": ["RIC_INDICATION"]}, {"name": "rmrroute", "port": 4999}]
    routed = read_xapp(registration(config={"messaging": {"ports": ports}}), EndpointNames.ONE_MACHINE).routed
    assert (routed.control_port, routed.rx_messages) == (4999, frozenset({"RIC_INDICATION"}))
    assert read_xapp(registration(), EndpointNames.ONE_MACHINE).routed.control_port == 4561


def test_the_older_form_of_the_message_lists_is_preferred_when_both_are_there():
    both = {"rmr": {"policies": [1]}, "messaging": {"ports": [{"name": "rmrdata", "policies": [2]}]}}
    assert read_xapp(registration(config=both), EndpointNames.ONE_MACHINE).routed.policies == (1,)


@pytest.mark.parametrize(
    "config", [[], "text", {"messaging": {"ports": [3]}}, {"rmr": {"policies": ["x"]}}, {"messaging": 5}]
)
def test_a_configuration_that_makes_no_sense_is_refused(config: Any):
    with pytest.raises(ConfigError):
        read_xapp(registration(config=config), EndpointNames.ONE_MACHINE)


@pytest.mark.parametrize("endpoint", ["", "host", "host:", "host:0", ":4560", "host:99999"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str):
    with pytest.raises(ConfigError):
        read_xapp(registration().model_copy(update={"rmr_endpoint": endpoint}), EndpointNames.ONE_MACHINE)


def test_registering_again_from_the_same_place_ends_nothing():
    async def scenario() -> None:
        bench = Bench()
        await bench.manager.register(registration())
        await bench.manager.register(registration())
        assert (len(bench.came), bench.went, len(bench.manager.xapps())) == (2, [], 1)

    asyncio.run(scenario())


def test_an_xapp_that_comes_back_elsewhere_has_left_its_old_place():
    async def scenario() -> None:
        bench = Bench()
        await bench.manager.register(registration(port=4001))
        await bench.manager.register(registration(port=4002))
        assert bench.went == ["127.0.0.1:4001"]
        assert [xapp.routed.endpoint for xapp in bench.manager.xapps()] == ["127.0.0.1:4002"]

    asyncio.run(scenario())


def test_an_endpoint_belongs_to_the_xapp_that_took_it_last():
    async def scenario() -> None:
        bench = Bench()
        await bench.manager.register(registration("old"))
        await bench.manager.register(registration("new"))
        assert [xapp.registration.instance_name for xapp in bench.manager.xapps()] == ["new"]

    asyncio.run(scenario())


def test_only_what_is_registered_can_be_deregistered():
    async def scenario() -> None:
        bench = Bench()
        await bench.manager.register(registration())
        assert not await bench.manager.deregister("demo", "other")
        assert not await bench.manager.deregister("other", "demo")
        assert await bench.manager.deregister("demo", "demo")
        assert (bench.went, bench.manager.xapps()) == (["127.0.0.1:4001"], [])

    asyncio.run(scenario())


def test_a_restart_keeps_registrations_in_their_order():
    async def scenario() -> None:
        sdl = MemorySdl()
        bench = Bench(sdl)
        for name, port in (("z", 1), ("a", 2), ("m", 3)):
            await bench.manager.register(registration(name, port))
        await bench.manager.deregister("a", "a")
        sdl.values["appmgr"]["xapp.broken"] = b"{"
        again = Bench(sdl)
        await again.manager.restore()
        assert again.came == ["127.0.0.1:1", "127.0.0.1:3"]

    asyncio.run(scenario())
