"""The route-manager protocol from the application's side, with a manager played by an endpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oran.errors import ConfigError, ConnectFailed
from oran.rmr import route_client
from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.environment import RmrEnvironment, RouteService
from oran.rmr.route_client import RouteClient
from oran.rmr.wire import RmrMessage

PATIENCE_S = 10.0
TABLE = b"newrt|start|id-1\nmse|1|-1|127.0.0.1:9\nnewrt|end|1\n"


@pytest.fixture
def endpoint() -> Iterator[RmrEndpoint]:
    with RmrEndpoint("127.0.0.1", 0) as endpoint:
        yield endpoint


@pytest.fixture
def manager() -> Iterator[RmrEndpoint]:
    with RmrEndpoint("127.0.0.1", 0) as manager:
        yield manager


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def started(stack: ExitStack, endpoint: RmrEndpoint, host: str = "127.0.0.1", **service: object) -> RouteClient:
    client = RouteClient(endpoint, RouteService(**{"control_port": 0, **service}), control_host=host)  # type: ignore[arg-type]
    stack.callback(client.close)
    client.start()
    return client


def received(at: RmrEndpoint) -> RmrMessage:
    delivery = at.receive(PATIENCE_S)
    assert delivery is not None, "nothing arrived"
    return delivery[0]


def test_a_pushed_table_is_installed_and_acknowledged(stack, endpoint, manager):
    client = started(stack, endpoint)
    assert not client.ready
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, TABLE))
    state = received(manager)
    assert (state.mtype, state.sub_id, state.payload) == (22, -1, b"OK id-1 \n\0")
    assert client.wait_ready(PATIENCE_S)
    assert endpoint.routes.lookup(1) == [["127.0.0.1:9"]]


def test_a_refused_table_is_acknowledged_with_the_reason(stack, endpoint, manager):
    client = started(stack, endpoint)
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, b"newrt|start|x\nnewrt|end|4"))
    assert received(manager).payload == b"ERR x missing table records: expected 4 got 0\n\0"
    assert not client.ready


def test_a_table_split_over_messages_is_one_table(stack, endpoint, manager):
    client = started(stack, endpoint)
    for line in TABLE.splitlines(keepends=True):
        manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, line))
    assert received(manager).payload.startswith(b"OK")
    assert endpoint.routes.lookup(1)


def test_the_manager_is_asked_by_name_and_control_port_until_a_table_comes(stack, endpoint, manager):
    client = started(stack, endpoint, manager=manager.source, request_interval_s=0.05)
    asked = [manager.receive(PATIENCE_S) for _ in range(3)]
    assert asked[2] is not None
    request, path = asked[2]
    name, _, stamp = request.payload.partition(b" ts=")
    assert (request.mtype, request.sub_id, name.decode()) == (21, 0, endpoint.source)
    assert abs(int(stamp.rstrip(b"\n\0")) - time.time()) < 60
    assert stamp.endswith(b"\n\0")
    assert request.source == f"127.0.0.1:{client.control_port}"
    manager.reply(path, RmrMessage(20, TABLE))
    assert client.wait_ready(PATIENCE_S)
    states = [received(manager).mtype]
    while states[-1] != 22:  # requests that were under way
        states.append(received(manager).mtype)
    assert manager.receive(0.3) is None, "asked again after the table"


def test_a_manager_that_comes_late_is_asked_again(stack, endpoint):
    with RmrEndpoint("127.0.0.1", 0) as early:
        where = early.port
    started(stack, endpoint, manager=f"127.0.0.1:{where}", request_interval_s=0.05)
    with RmrEndpoint("127.0.0.1", where) as late:
        assert received(late).mtype == 21


def test_a_table_from_another_address_than_the_managers_is_refused_and_logged(stack, endpoint, caplog):
    client = started(stack, endpoint, host="0.0.0.0", manager="127.0.0.2:9", request_interval_s=300)
    with RmrEndpoint("127.0.0.1", 0) as attacker:
        attacker.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, TABLE, source="127.0.0.2:9"))
        assert attacker.receive(0.2) is None, "a refused table must not be acknowledged"
    assert not client.ready
    assert endpoint.routes.lookup(1) == []
    assert "127.0.0.1 refused" in caplog.text


def test_a_manager_whose_name_cannot_be_resolved_is_nobody(stack, endpoint, manager, caplog):
    client = started(stack, endpoint, manager="no-such-manager.invalid:4561", request_interval_s=300)
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, TABLE))
    assert manager.receive(0.2) is None
    assert not client.ready
    assert "no-such-manager" in caplog.text


def test_other_message_types_on_the_control_port_are_ignored(stack, endpoint, manager):
    client = started(stack, endpoint)
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(12050, TABLE))
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, TABLE.replace(b"id-1", b"id-2")))
    assert received(manager).payload == b"OK id-2 \n\0"


def test_octets_that_are_no_text_do_not_upset_the_client(stack, endpoint, manager):
    client = started(stack, endpoint)
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, bytes(range(256)) * 20))
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, b"\n" + TABLE))
    assert received(manager).payload.startswith(b"OK")


def test_an_update_is_ignored_until_a_full_table_came(stack, endpoint, manager, tmp_path):
    seed = tmp_path / "seed.rt"
    seed.write_bytes(TABLE)
    client = started(stack, endpoint, seed=seed)
    update = b"updatert|start|u\nmse|2|-1|127.0.0.1:9\nupdatert|end|1\n"
    where = f"127.0.0.1:{client.control_port}"
    for payload in (update, TABLE, update):
        manager.send_to(where, RmrMessage(20, payload))
    assert [received(manager).payload for _ in range(2)] == [b"OK id-1 \n\0", b"OK u \n\0"]
    assert endpoint.routes.lookup(2)


def test_a_seed_makes_ready_at_once(stack, endpoint, tmp_path):
    seed = tmp_path / "seed.rt"
    seed.write_bytes(TABLE)
    assert started(stack, endpoint, seed=seed).ready
    assert endpoint.routes.lookup(1) == [["127.0.0.1:9"]]


def test_a_static_table_is_read_as_soon_as_it_appears_and_again_when_it_changes(stack, endpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(route_client, "STATIC_RETRY_S", 0.01)
    monkeypatch.setattr(route_client, "STATIC_RELOAD_S", 0.01)
    seed = tmp_path / "seed.rt"
    client = started(stack, endpoint, control_port=None, seed=seed)
    assert not client.ready
    seed.write_bytes(TABLE)
    assert client.wait_ready(PATIENCE_S)
    replace_file(seed, TABLE.replace(b"mse|1|", b"mse|2|"))
    wait_for(lambda: bool(endpoint.routes.lookup(2)))
    seed.unlink()  # the table stays
    time.sleep(0.05)
    assert endpoint.routes.lookup(2)


def replace_file(path: Path, content: bytes) -> None:
    path.with_suffix(".new").write_bytes(content)
    os.replace(path.with_suffix(".new"), path)


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_seed_that_is_no_table_is_logged_and_leaves_the_client_waiting(stack, endpoint, tmp_path, caplog):
    seed = tmp_path / "seed.rt"
    seed.write_text("nonsense")
    assert not started(stack, endpoint, seed=seed).ready
    assert "seed" in caplog.text


def test_a_received_table_is_stashed_for_the_next_start(stack, endpoint, manager, tmp_path):
    stash = tmp_path / "table.stash"
    client = started(stack, endpoint, stash=stash)
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, TABLE))
    received(manager)
    wait_for(stash.exists)
    with RmrEndpoint("127.0.0.1", 0) as again:
        assert started(stack, again, seed=stash).ready
        assert again.routes == endpoint.routes


def test_a_stash_that_cannot_be_written_is_logged_and_harms_nothing(stack, endpoint, manager, tmp_path, caplog):
    client = started(stack, endpoint, stash=tmp_path / "no" / "such" / "folder" / "stash")
    manager.send_to(f"127.0.0.1:{client.control_port}", RmrMessage(20, TABLE))
    received(manager)
    wait_for(lambda: "not saved" in caplog.text)
    assert client.ready


def test_a_control_port_that_is_taken_is_refused(stack, endpoint, manager):
    with pytest.raises(ConnectFailed, match=str(manager.port)):
        started(stack, endpoint, control_port=manager.port)


# --- environment -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "control_port", "manager"),
    [
        ({}, 4561, None),
        ({"RMR_RTG_SVC": ""}, 4561, None),
        ({"RMR_CTL_PORT": "5000"}, 5000, "routemgr:4561"),
        ({"RMR_RTG_SVC": "4999"}, 4999, None),
        ({"RMR_RTG_SVC": "tcp:4999"}, 4999, None),
        ({"RMR_RTG_SVC": "4999", "RMR_CTL_PORT": "5000"}, 4999, None),
        ({"RMR_RTG_SVC": "rtmgr.ricplt:4561"}, 4561, "rtmgr.ricplt:4561"),
        ({"RMR_RTG_SVC": "rtmgr.ricplt:4561", "RMR_CTL_PORT": "0"}, 0, "rtmgr.ricplt:4561"),
        ({"RMR_RTG_SVC": "-1", "RMR_CTL_PORT": "5000"}, None, None),
    ],
)
def test_the_four_modes_of_the_route_service(environ, control_port, manager):
    service = RouteService.from_environ(environ)
    assert (service.control_port, service.manager) == (control_port, manager)


@pytest.mark.parametrize(
    "environ",
    [{"RMR_CTL_PORT": "x"}, {"RMR_CTL_PORT": "70000"}, {"RMR_RTG_SVC": "99999"}, {"RMR_RTG_SVC": "host"}],
)
def test_a_port_that_is_none_is_a_config_error(environ):
    with pytest.raises(ConfigError):
        RouteService.from_environ(environ)


@pytest.mark.parametrize(("text", "interval_s"), [("1", 1), ("300", 300), ("0", 5), ("301", 5), ("soon", 5)])
def test_a_request_interval_out_of_range_is_the_default(text: str, interval_s: int):
    assert RouteService.from_environ({"RMR_RTREQ_FREQ": text}).request_interval_s == interval_s


def test_the_stash_lies_beside_the_seed_unless_placed():
    assert RouteService.from_environ({}).stash is None
    assert RouteService.from_environ({"RMR_SEED_RT": "/r/seed.rt"}).stash == Path("/r/seed.rt.stash")
    placed = RouteService.from_environ({"RMR_SEED_RT": "/r/seed.rt", "RMR_STASH_RT": "/s/x"})
    assert (placed.seed, placed.stash) == (Path("/r/seed.rt"), Path("/s/x"))


def test_identity_and_verbosity_come_from_the_environment():
    environment = RmrEnvironment.from_environ(
        {"RMR_SRC_ID": "svc.ns:99", "RMR_SRC_NAMEONLY": "1", "RMR_BIND_IF": "127.0.0.1", "RMR_LOG_VLEVEL": "5"}
    )
    assert (environment.source_name, environment.name_only) == ("svc.ns", True)
    assert (environment.bind_host, environment.log_level) == ("127.0.0.1", 10)
    assert RmrEnvironment.from_environ({}).bind_host == "0.0.0.0"


def test_a_name_only_endpoint_sends_no_address():
    with RmrEndpoint("127.0.0.1", 0, source_name="svc", name_only=True) as a, RmrEndpoint("127.0.0.1", 0) as b:
        a.send_to(b.source, RmrMessage(1, b""))
        assert received(b).source_ip == f"svc:{a.port}"
