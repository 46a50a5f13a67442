"""Onboarding descriptors: what the onboarder, the route manager and the code itself each expect of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jsonschema
import pytest

from deployment.fleet import ROOT, Xapp, xapps
from oran.rmr.message_types import MessageType
from tests.deployment.conftest import settings_module

ROUTED = {
    *("RIC_HEALTH_CHECK_REQ", "RIC_HEALTH_CHECK_RESP", "RIC_ALARM", "RIC_ALARM_QUERY"),
    *("RIC_SUB_REQ", "RIC_SUB_RESP", "RIC_SUB_FAILURE"),
    *("RIC_SUB_DEL_REQ", "RIC_SUB_DEL_RESP", "RIC_SUB_DEL_FAILURE", "RIC_SUB_DEL_REQUIRED"),
    *("RIC_CONTROL_REQ", "RIC_CONTROL_ACK", "RIC_CONTROL_FAILURE", "RIC_INDICATION"),
    *("RIC_SERVICE_UPDATE", "RIC_SERVICE_UPDATE_ACK", "RIC_SERVICE_UPDATE_FAILURE"),
    *("A1_POLICY_REQ", "A1_POLICY_RESP", "A1_POLICY_QUERY"),
    *("TS_UE_LIST", "TS_QOE_PRED_REQ", "TS_QOE_PREDICTION", "TS_ANOMALY_UPDATE", "TS_ANOMALY_ACK", "MC_REPORT"),
}
"""Names of messages for xApps in the platform's route manager (RtMgr 0.9.7); others get an empty type."""

BY_THE_PLATFORM = {"RIC_SUB_REQ", "RIC_SUB_RESP", "RIC_SUB_FAILURE", "RIC_SUB_DEL_REQ", "RIC_SUB_DEL_RESP"}
"""The subscription manager sends and takes these for the xApp; RtMgr makes its routes by them all the same."""

XAPPS = {xapp.name: xapp for xapp in xapps()}


@pytest.fixture(params=sorted(XAPPS))
def xapp(request):
    return XAPPS[request.param]


@pytest.fixture
def ports(xapp):
    return {port["name"]: port for port in xapp.descriptor["messaging"]["ports"]}


def test_controls_obey_their_schema_and_the_schema_is_one(xapp):
    jsonschema.Draft7Validator.check_schema(xapp.controls_schema)
    jsonschema.validate(xapp.descriptor["controls"], xapp.controls_schema)


def test_every_control_is_a_setting_of_the_xapp(xapp):
    assert set(xapp.controls_schema["properties"]) <= set(settings_module(xapp).Settings.model_fields)


def test_names_versions_and_images_are_as_the_onboarder_wants_them(xapp):
    descriptor = xapp.descriptor
    assert re.fullmatch(r"[a-z][a-z0-9-]*", descriptor["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", descriptor["version"])
    for container in descriptor["containers"]:
        image = container["image"]
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", image["registry"]), "a host with a dot, and no path"
        assert re.fullmatch(r"[a-z0-9][a-z0-9._/-]*", image["name"])
        assert image["tag"]


def test_ports_have_the_names_and_numbers_that_the_platforms_chart_knows(xapp, ports):
    assert {name: port["port"] for name, port in ports.items()} == {"http": 8080, "rmrdata": 4560, "rmrroute": 4561}
    containers = {container["name"] for container in xapp.descriptor["containers"]}
    assert {port["container"] for port in ports.values()} <= containers


def test_message_lists_stand_at_the_data_port_all_or_none(ports):
    for name, port in ports.items():
        lists = {"txMessages", "rxMessages", "policies"} & set(port)
        assert lists == ({"txMessages", "rxMessages", "policies"} if name == "rmrdata" else set())


def test_messages_are_given_in_one_place_only(xapp):
    assert "rmr" not in xapp.descriptor, "the app manager would prefer it over messaging.ports"


def test_the_route_manager_knows_every_message(ports):
    listed = {*ports["rmrdata"]["txMessages"], *ports["rmrdata"]["rxMessages"]}
    assert listed <= ROUTED
    assert listed <= set(MessageType.__members__)


def test_what_the_code_sends_and_takes_is_what_the_descriptor_says(xapp, ports):
    sent, taken = code_messages(modules_of(program_of(xapp)))
    assert set(ports["rmrdata"]["txMessages"]) - BY_THE_PLATFORM == sent
    assert set(ports["rmrdata"]["rxMessages"]) - BY_THE_PLATFORM == taken


def test_the_policies_are_those_that_the_process_enforces(xapp, ports):
    read = settings_module(xapp).load(["--config", str(xapp.folder / "config-file.json")])
    enforced = [getattr(read, name) for name in type(read).model_fields if name.endswith("_policy_type")]
    assert sorted(ports["rmrdata"]["policies"]) == sorted(policy for policy in enforced if policy is not None)


def test_no_two_xapps_claim_the_same_policy_type(xapp):
    claimed = [
        policy
        for each in XAPPS.values()
        for port in each.descriptor["messaging"]["ports"]
        for policy in port.get("policies", ())
    ]
    assert len(claimed) == len(set(claimed)), "the platform delivers one type to one xApp"


def test_probes_ask_what_the_xapp_answers(xapp):
    source = "".join(path.read_text() for path in modules_of(program_of(xapp)))
    for probe in ("livenessProbe", "readinessProbe"):
        asked = xapp.descriptor[probe]["httpGet"]
        assert f'("GET", "{asked["path"]}")' in source
        assert asked["port"] == 8080
    assert f'("GET", "{xapp.descriptor["annotations"]["prometheus.io/path"]}")' in source


def program_of(xapp: Xapp) -> str:
    """The module that is run: the xApp's own, or that of the allocators."""
    own = f"xapps.{xapp.package}.__main__"
    return own if _file_of(own) else "xapps.runtime.__main__"


def modules_of(program: str) -> list[Path]:
    """Files of a program and of all that it imports of ``xapps``, in its functions too."""
    found: set[Path] = set()
    waiting = [program]
    while waiting:
        path = _file_of(waiting.pop())
        if path is None or path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return sorted(found)


def _file_of(module: str) -> Path | None:
    """The file of a module of ``xapps``; None for others. Looked up, not imported: importing may need librmr."""
    stem = ROOT.joinpath(*module.split("."))
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file()), None) if module.startswith("xapps") else None


def code_messages(paths: list[Path]) -> tuple[set[str], set[str]]:
    """Message types that the code of files sends, and those that it takes: read from their syntax trees."""
    sent, taken = set(), set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _called(node) in ("RmrMessage", "rmr_rts_msg"):
                sent |= _types(*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "mtype"))
            elif isinstance(node, ast.Call) and _called(node) == "register_callback":
                taken |= _types(*node.args)
            elif isinstance(node, ast.MatchValue | ast.Compare):
                taken |= _types(node)
    return sent, taken


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _types(*nodes: ast.AST) -> set[str]:
    return {
        each.attr
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "MessageType"
    }
