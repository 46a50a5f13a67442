from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from oran.e2sm.rrm import Clock, EventTrigger, ReportGroup
from oran.errors import ConfigError
from oran.rmr.routes import RouteTable
from xapps import allocators
from xapps.runtime import descriptor, settings
from xapps.runtime.settings import Settings

ROOM = Path(descriptor.__file__).parents[1]
DESCRIPTOR = ROOM / "ssvae" / "xapp" / "config-file.json"
DESCRIPTORS = sorted(ROOM.glob("*/xapp/config-file.json"))
ALLOCATING = [path for path in DESCRIPTORS if not (path.parents[1] / "__main__.py").exists()]
"""Descriptors of xApps that the runtime runs; the others have settings of their own."""
BASE = ["--config", str(DESCRIPTOR)]
RTMGR_NAMES = {
    "RIC_HEALTH_CHECK_REQ", "RIC_HEALTH_CHECK_RESP", "RIC_ALARM", "RIC_ALARM_QUERY", "RIC_SUB_REQ", "RIC_SUB_RESP",
    "RIC_SUB_FAILURE", "RIC_SUB_DEL_REQ", "RIC_SUB_DEL_RESP", "RIC_SUB_DEL_FAILURE", "RIC_SERVICE_UPDATE",
    "RIC_CONTROL_REQ", "RIC_CONTROL_ACK", "RIC_CONTROL_FAILURE", "RIC_INDICATION", "A1_POLICY_REQ", "A1_POLICY_RESP",
    "A1_POLICY_QUERY",
}  # fmt: skip
"""Message names that the platform's route manager can turn into numbers."""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("XAPP_", "RMR_", "DBAAS_")) or name in settings.CHART_VARIABLES:
            monkeypatch.delenv(name)


def test_the_defaults_are_the_platforms_service_names() -> None:
    chosen = settings.load(BASE)
    assert chosen.http_endpoint == "service-ricxapp-ssvae-http.ricxapp:8080"
    assert chosen.rmr_endpoint == "service-ricxapp-ssvae-rmr.ricxapp:4560"
    assert chosen.app_manager_url == "http://service-ricplt-appmgr-http.ricplt:8080"
    assert chosen.subscription_manager_url == "http://service-ricplt-submgr-http.ricplt:8088"
    assert chosen.node_manager_url == "http://service-ricplt-e2mgr-http.ricplt:3800"
    assert chosen.a1_rmr == "service-ricplt-a1mediator-rmr.ricplt:4562"
    assert (chosen.route_manager, chosen.instance) == ("4561", "ssvae")
    assert chosen.event_trigger == EventTrigger(Clock.FREE_RUNNING, 20)
    assert chosen.groups == (ReportGroup.CHANNEL, ReportGroup.QUEUES, ReportGroup.KPI)
    assert chosen.insert_wait_s == 2.0


def test_the_command_line_beats_the_environment_beats_the_chart_beats_the_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XAPP_PERIOD_MS", "40")
    monkeypatch.setenv("XAPP_RMR_NAME", "mine")
    monkeypatch.setenv("RMR_SRC_ID", "charts")
    monkeypatch.setenv("PLT_NAMESPACE", "plt2")
    assert settings.load([*BASE, "--period-ms", "50"]).period_ms == 50
    chosen = settings.load(BASE)
    assert (chosen.period_ms, chosen.rmr_name) == (40, "mine")
    assert chosen.node_manager_url == "http://service-plt2-e2mgr-http.plt2:3800"
    monkeypatch.delenv("XAPP_RMR_NAME")
    assert settings.load(BASE).rmr_name == "charts"


@pytest.mark.parametrize(
    "variables", [{"CONFIG_FILE": str(DESCRIPTOR)}, {"XAPP_DESCRIPTOR_PATH": str(DESCRIPTOR.parent)}]
)
def test_the_descriptor_is_found_where_the_chart_mounts_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settings.load().name == "ssvae"


def test_on_one_machine_every_address_is_an_option() -> None:
    chosen = settings.load(
        [*BASE, "--http-name", "127.0.0.1", "--rmr-name", "127.0.0.1", "--http-port", "1", "--rmr-port", "2",
         "--rmr-control-port", "3", "--route-manager", "127.0.0.1:4", "--name", "second"]
    )  # fmt: skip
    assert (chosen.http_endpoint, chosen.rmr_endpoint) == ("127.0.0.1:1", "127.0.0.1:2")
    assert (chosen.instance, chosen.route_manager) == ("second", "127.0.0.1:4")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--rmr-port", "0"], "rmr_port"),
        (["--http-port", "65536"], "http_port"),
        (["--http-port", "4560"], "rmr_port"),
        (["--clock", "sundial"], "clock"),
        (["--period-ms", "soon"], "period_ms"),
        (["--decision-deadline-ms", "0"], "decision_deadline_ms"),
        (["--reporting-policy-type", "20100"], "reporting_policy_type"),
        (["--log-level", "LOUD"], "log_level"),
        (["--report-groups", "gossip"], "report_groups"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_field(options: list[str], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.load([*BASE, *options])
    assert caught.value.field.split(".")[0] == field


def test_an_unknown_control_in_the_descriptor_is_an_error(tmp_path: Path) -> None:
    document = json.loads(DESCRIPTOR.read_text())
    document["controls"]["colour"] = "red"
    path = tmp_path / "config-file.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="colour"):
        settings.load(["--config", str(path)])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"name": "x"}', '{"name": "", "version": "1", "messaging": {"ports": []}}']
)
def test_a_broken_descriptor_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config-file.json"
    path.write_text(text)
    with pytest.raises(ConfigError):
        settings.load(["--config", str(path)])


def test_no_descriptor_at_all_is_an_error() -> None:
    with pytest.raises(ConfigError, match="CONFIG_FILE"):
        settings.load()


def test_what_is_registered_follows_the_options() -> None:
    options = ["--rmr-port", "4700", "--model-policy-type", "20200", "--reporting-policy-type", "20201", "--name", "b"]
    document = json.loads(settings.load([*BASE, *options]).registered_config)
    ports = {port["name"]: port for port in document["messaging"]["ports"]}
    assert document["name"] == "b"
    assert ports["rmrdata"]["port"] == 4700
    assert ports["rmrdata"]["policies"] == [20200, 20201]


def test_the_environment_of_rmr_and_sdl_is_prepared_with_a_seed_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", environment)
    seed = tmp_path / "seed.rt"
    chosen = settings.load([*BASE, "--seed-route-file", str(seed), "--dbaas", "127.0.0.1:6400", "--a1-rmr", "a1:1"])
    settings.prepare_environment(chosen)
    assert environment["RMR_SEED_RT"] == str(seed)
    assert environment["RMR_SRC_ID"] == "service-ricxapp-ssvae-rmr.ricxapp"
    assert environment["RMR_RTG_SVC"] == "4561"
    assert "RMR_CTL_PORT" not in environment
    assert (environment["DBAAS_SERVICE_HOST"], environment["DBAAS_SERVICE_PORT"]) == ("127.0.0.1", "6400")
    table = RouteTable.parse(seed.read_text())
    assert table.lookup(20011) == [["a1:1"]]
    assert table.lookup(20012) == [["a1:1"]]


def test_a_seed_table_of_an_earlier_run_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    seed = tmp_path / "seed.rt"
    for address in ("a1:1", "a1:2"):
        settings.prepare_environment(settings.load([*BASE, "--seed-route-file", str(seed), "--a1-rmr", address]))
    assert RouteTable.parse(seed.read_text()).lookup(20011) == [["a1:2"]]


def test_a_seed_table_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", environment)
    seed = tmp_path / "seed.rt"
    seed.write_text("mine")
    options = ["--seed-route-file", str(seed), "--route-manager", "host:1", "--rmr-control-port", "4999"]
    settings.prepare_environment(settings.load([*BASE, *options]))
    assert seed.read_text() == "mine"
    assert environment["RMR_CTL_PORT"] == "4999"


@pytest.mark.parametrize("path", DESCRIPTORS, ids=lambda path: path.parents[1].name)
def test_every_descriptor_keeps_the_rules_of_the_onboarder(path: Path) -> None:
    document = json.loads(path.read_text())
    ports = {port["name"]: port for port in document["messaging"]["ports"]}
    assert {name: port["port"] for name, port in ports.items()} == {"http": 8080, "rmrdata": 4560, "rmrroute": 4561}
    container = document["containers"][0]["name"]
    assert {port["container"] for port in ports.values()} == {container}
    rmrdata = ports["rmrdata"]
    assert set(rmrdata["txMessages"]) | set(rmrdata["rxMessages"]) <= RTMGR_NAMES
    assert rmrdata["policies"] == [each for name, each in document["controls"].items() if name.endswith("_policy_type")]
    assert document["annotations"]["prometheus.io/path"] == "/ric/v1/metrics"
    assert "rmr" not in document  # AppMgr would prefer it to messaging.ports
    assert document["livenessProbe"]["httpGet"] == {"path": "/ric/v1/health/alive", "port": 8080}


@pytest.mark.parametrize("path", ALLOCATING, ids=lambda path: path.parents[1].name)
def test_controls_satisfy_their_schema_and_are_settings(path: Path) -> None:
    controls = json.loads(path.read_text())["controls"]
    schema = json.loads((path.parent / "schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(controls)
    assert set(schema["properties"]) <= set(Settings.model_fields)
    classic = schema["properties"]["allocator"]["enum"]
    assert set(classic) <= set(allocators.ALLOCATORS)
    assert controls["preload"] == [path.parents[1].name.replace("_", "-")]


PUBLIC_KEY = "ed25519:gyClGXfYw4yopJJ8Zw31gh5El2GUXhXp77JqFQnSMOo="


def test_trusted_keys_come_from_the_environment_as_a_json_list_or_as_options(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load([*BASE, "--trusted-keys", PUBLIC_KEY]).trust.keys.keys.keys() == {"cd8fa86afd6bf20d"}
    monkeypatch.setenv("XAPP_TRUSTED_KEYS", json.dumps([PUBLIC_KEY]))
    monkeypatch.setenv("XAPP_REQUIRE_SIGNATURE", "true")
    trust = settings.load(BASE).trust
    assert (list(trust.keys.keys), trust.required) == (["cd8fa86afd6bf20d"], True)


@pytest.mark.parametrize("options", [["--require-signature", "true"], ["--trusted-keys", "ed25519:short"]])
def test_keys_that_cannot_work_are_refused_at_the_start(options: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"trusted_keys"):
        settings.load([*BASE, *options])


def test_experience_is_off_until_a_target_is_named() -> None:
    assert settings.load(BASE).experience_target == ""
    chosen = settings.load([*BASE, "--experience-target", "rapp:50051", "--experience-share", "0.25"])
    assert (chosen.experience_target, chosen.experience_share) == ("rapp:50051", 0.25)
    with pytest.raises(ConfigError, match="experience_target"):
        settings.load([*BASE, "--experience-target", "http://rapp"])
