"""The HTTP server and what the xApp answers over it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from oran.platform.subscriptions import NOTIFICATION_PATH
from tests.xapps.runtime.doubles import MEID, Rig, indication_messages, make_report
from tests.xapps.runtime.platform_doubles import Platform, make_discovery
from tests.xapps.runtime.test_settings import DESCRIPTOR
from xapps.runtime import settings as runtime_settings
from xapps.runtime.endpoints import Endpoints
from xapps.runtime.http import MAX_BODY_BYTES, BadRequest, HttpServer, Response
from xapps.runtime.policies import Policies


class Site:
    """A running server over an App."""

    def __init__(self) -> None:
        self.rig, self.platform = Rig(), Platform()
        self.discovery = make_discovery(self.platform, self.rig.now_s)
        self.alive = self.ready = True
        endpoints = Endpoints(
            settings=runtime_settings.load(["--config", str(DESCRIPTOR), "--rmr-port", "4700"]),
            slot=self.rig.slot,
            recent=self.rig.recent,
            policies=Policies({}, "ssvae", self.rig.out, self.rig.metrics),
            discovery=self.discovery,
            metrics=self.rig.metrics,
            alive=lambda: self.alive,
            ready=lambda: self.ready,
        )
        routes = endpoints.routes() | {("GET", "/broken"): self._broken, ("POST", "/picky"): self._picky}
        self.server = HttpServer(routes, "127.0.0.1", 0)
        self.server.start()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.server.port}", trust_env=False)

    @staticmethod
    def _broken(body: bytes) -> Response:
        raise RuntimeError("a bug")

    @staticmethod
    def _picky(body: bytes) -> Response:
        raise BadRequest("not like this")


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.http.close()
    running.server.close()


def test_probes_follow_what_they_probe(site: Site) -> None:
    assert site.http.get("/ric/v1/health/alive").status_code == 200
    assert site.http.get("/ric/v1/health/ready").status_code == 200
    site.ready = False
    assert site.http.get("/ric/v1/health/alive").status_code == 200
    assert site.http.get("/ric/v1/health/ready").status_code == 503
    site.ready, site.alive = True, False
    assert site.http.get("/ric/v1/health/alive").status_code == 503
    assert site.http.get("/ric/v1/health/ready").status_code == 503


@pytest.mark.parametrize("path", ["/metrics", "/ric/v1/metrics"])
def test_metrics_are_exposed_at_both_paths(site: Site, path: str) -> None:
    site.rig.app.on_messages(indication_messages(make_report(1, kpi=True)))
    answer = site.http.get(path)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert f'ricxapp_controls_sent_total{{meid="{MEID}"}} 1.0' in lines
    assert 'ricxapp_model_info{allocator="equal",name="",sha256="",version=""} 1.0' in lines


@pytest.mark.parametrize("path", ["/", "/ric/v1/config"])
def test_the_app_manager_finds_the_descriptor_at_both_paths(site: Site, path: str) -> None:
    [document] = site.http.get(path).json()
    assert document["metadata"] == {"xappName": "ssvae", "configType": "json"}
    described = json.loads(document["config"])
    assert described["name"] == "ssvae"
    assert {port["name"]: port["port"] for port in described["messaging"]["ports"]}["rmrdata"] == 4700


def test_the_state_says_what_serves_what_is_subscribed_and_how_it_goes(site: Site) -> None:
    site.discovery.tick()
    site.rig.app.on_messages(indication_messages(make_report(1, kpi=True)))
    state = site.http.get("/ric/v1/state").json()
    assert (state["allocator"], state["model"], state["registered"]) == ("equal", None, True)
    assert state["counters"]["controls_sent"] == 1
    assert [entry["clock"] for entry in state["subscriptions"]] == ["free-running"]
    kpi = state["kpis"][MEID]
    report = make_report(1, kpi=True)
    assert report.kpi is not None
    assert kpi["weighted_throughput_bps_hz"] == report.kpi.weighted_throughput_bps_hz
    assert kpi["rate_bps_hz"] == pytest.approx(report.kpi.rate_bps_hz.tolist())


def test_a_notification_is_taken_whether_or_not_somebody_waits(site: Site) -> None:
    body = {"SubscriptionId": "abc", "SubscriptionInstances": [{"XappEventInstanceId": 1, "E2EventInstanceId": 9}]}
    assert site.http.post(NOTIFICATION_PATH, json=body).status_code == 200
    outcome = site.platform.box.take("abc", 0.0)
    assert outcome is not None
    assert outcome.succeeded
    assert outcome.e2_event_instance_id == 9
    assert site.platform.box.take("abc", 0.0) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"SubscriptionId": 7}', b"\xff\xfe"])
def test_a_notification_that_makes_no_sense_is_a_bad_request(site: Site, body: bytes) -> None:
    answer = site.http.post(NOTIFICATION_PATH, content=body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_unknown_paths_methods_and_bugs_have_their_statuses(site: Site) -> None:
    assert site.http.get("/ric/v1/health").status_code == 404
    assert site.http.get("/ric/v1/health/alive/more").status_code == 404
    assert site.http.post("/metrics", content=b"").status_code == 405
    assert site.http.get(NOTIFICATION_PATH).status_code == 405
    assert site.http.get("/broken").status_code == 500
    assert site.http.post("/picky", content=b"x").json() == {"error": "Bad Request", "detail": "not like this"}
    assert site.http.get("/metrics?name[]=up").status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [("", b"411"), ("Content-Length: many\r\n", b"411"), (f"Content-Length: {MAX_BODY_BYTES + 1}\r\n", b"413")],
)
def test_a_body_without_a_sensible_length_is_refused_and_the_connection_closed(
    site: Site, header: str, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=5) as raw:
        raw.sendall(f"POST {NOTIFICATION_PATH} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.split()[1] == status


def test_a_client_that_says_nothing_does_not_hold_up_the_probes(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)) as silent:
        silent.sendall(b"GET /metr")
        assert site.http.get("/ric/v1/health/alive").status_code == 200
