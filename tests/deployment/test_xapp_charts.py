"""An xApp's chart is what the O-RAN-SC platform would have made of its descriptor, and more secure."""

from __future__ import annotations

import json

import pytest
import yaml

from deployment.fleet import xapps
from tests.deployment.conftest import helm, objects, only, rendered, settings_module

XAPPS = {xapp.name: xapp for xapp in xapps()}


@pytest.fixture(params=sorted(XAPPS))
def xapp(request):
    return XAPPS[request.param]


@pytest.fixture
def found(xapp):
    return objects(rendered("helm4", xapp.name, "default-values.yaml"))


def with_values(xapp, *sets):
    arguments = [part for each in sets for part in ("--set", each)]
    run = helm("helm4", "template", xapp.name, xapp.name, "-n", "ricxapp", *arguments)
    assert run.returncode == 0, run.stderr
    return objects(run.stdout)


def test_services_are_those_that_the_platform_calls(xapp, found):
    http = only(found, "Service", f"service-ricxapp-{xapp.name}-http")
    assert [(port["name"], port["port"]) for port in http["spec"]["ports"]] == [("http", 8080)]
    rmr = only(found, "Service", f"service-ricxapp-{xapp.name}-rmr")
    assert [(port["name"], port["port"]) for port in rmr["spec"]["ports"]] == [("rmrdata", 4560), ("rmrroute", 4561)]


def test_services_lead_to_the_ports_that_the_container_opens(xapp, found):
    pod = only(found, "Deployment", f"ricxapp-{xapp.name}")["spec"]["template"]
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    described = {port["name"]: port["port"] for port in xapp.descriptor["messaging"]["ports"]}
    assert ports == described
    for service in (each for each in found if each["kind"] == "Service"):
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)


def test_the_pod_is_named_as_the_framework_expects(xapp, found):
    deployment = only(found, "Deployment", f"ricxapp-{xapp.name}")
    assert deployment["spec"]["template"]["spec"]["hostname"] == xapp.name
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_environment_is_that_of_the_platforms_charts(xapp, found):
    environment = only(found, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appenv")["data"]
    expected = {
        "CONFIG_FILE": "/opt/ric/config/config-file.json",
        "XAPP_DESCRIPTOR_PATH": "/opt/ric/config",
        "RMR_SEED_RT": "/opt/route/seed.rt",
        "RMR_RTG_SVC": "4561",
        "RMR_SRC_ID": f"service-ricxapp-{xapp.name}-rmr.ricxapp",
        "DBAAS_SERVICE_HOST": "service-ricplt-dbaas-tcp.ricplt",
        "DBAAS_SERVICE_PORT": "6379",
        "PLT_NAMESPACE": "ricplt",
        "APP_NAMESPACE": "ricxapp",
    }
    assert expected.items() <= environment.items()


def test_the_xapp_itself_reads_the_charts_environment(xapp, found, tmp_path, monkeypatch):
    environment = only(found, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appenv")["data"]
    descriptor = only(found, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appconfig")["data"]["config-file.json"]
    (tmp_path / "config-file.json").write_text(descriptor)
    paths = {"CONFIG_FILE": str(tmp_path / "config-file.json"), "XAPP_DESCRIPTOR_PATH": str(tmp_path)}
    for name, value in (environment | paths).items():
        monkeypatch.setenv(name, value)
    read = settings_module(xapp).load()
    assert read.name == xapp.name
    assert read.http_endpoint == f"service-ricxapp-{xapp.name}-http.ricxapp:8080"
    assert read.rmr_endpoint == f"service-ricxapp-{xapp.name}-rmr.ricxapp:4560"
    assert read.app_manager_url == "http://service-ricplt-appmgr-http.ricplt:8080"
    assert read.a1_rmr == "service-ricplt-a1mediator-rmr.ricplt:4562"
    assert read.route_manager == "4561"
    if xapp.decides:
        assert read.model_store == "rapp.nonrtric:50051"


def test_the_seed_table_lets_the_xapp_answer_policies_before_it_is_registered(xapp, found):
    lines = only(found, "ConfigMap", f"configmap-ricxapp-{xapp.name}-routes")["data"]["seed.rt"].splitlines()
    a1 = "service-ricplt-a1mediator-rmr.ricplt:4562"
    assert lines == ["newrt|start", f"mse|20011|-1|{a1}", f"mse|20012|-1|{a1}", "newrt|end|2"]


def test_the_descriptor_in_the_chart_is_the_onboarded_one(xapp, found):
    data = only(found, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appconfig")["data"]
    assert json.loads(data["config-file.json"]) == xapp.descriptor
    assert json.loads(data["schema.json"]) == xapp.controls_schema


def test_a_control_by_value_reaches_the_descriptor_and_restarts_the_pod(xapp, found):
    changed = with_values(xapp, "controls.log_level=DEBUG")
    data = only(changed, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appconfig")["data"]
    assert json.loads(data["config-file.json"])["controls"] == xapp.descriptor["controls"] | {"log_level": "DEBUG"}
    before, after = (
        only(each, "Deployment", f"ricxapp-{xapp.name}")["spec"]["template"]["metadata"]["annotations"]
        for each in (found, changed)
    )
    assert before["checksum/config"] != after["checksum/config"]


def test_addresses_of_another_platform_are_taken_over(xapp):
    changed = with_values(xapp, "platform.namespace=plt", "platform.a1Rmr=a1:5", "platform.nodeManagerUrl=http://e2:1")
    environment = only(changed, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appenv")["data"]
    assert environment["XAPP_A1_RMR"] == "a1:5"
    assert environment["XAPP_NODE_MANAGER_URL"] == "http://e2:1"
    assert environment["DBAAS_SERVICE_HOST"] == "service-plt-dbaas-tcp.plt"


def test_a_config_map_for_the_database_replaces_host_and_port(xapp):
    changed = with_values(xapp, "platform.dbaas.configMap=dbaas-appconfig")
    assert "DBAAS_SERVICE_HOST" not in only(changed, "ConfigMap", f"configmap-ricxapp-{xapp.name}-appenv")["data"]
    container = only(changed, "Deployment", f"ricxapp-{xapp.name}")["spec"]["template"]["spec"]["containers"][0]
    assert {"configMapRef": {"name": "dbaas-appconfig"}} in container["envFrom"]


def test_a_prometheus_without_operator_finds_the_pod(xapp, found):
    template = only(found, "Deployment", f"ricxapp-{xapp.name}")["spec"]["template"]["metadata"]
    assert xapp.descriptor["annotations"].items() <= template["annotations"].items()
    assert template["labels"]["xapp"] == xapp.name


def test_the_monitor_selects_the_http_service_alone(xapp):
    found = objects(rendered("helm4", xapp.name, "everything-values.yaml"))
    wanted = only(found, "ServiceMonitor", xapp.name)["spec"]["selector"]["matchLabels"].items()
    services = [each for each in found if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()]
    assert [each["metadata"]["name"] for each in services] == [f"service-ricxapp-{xapp.name}-http"]


def test_the_network_policy_admits_routes_from_the_platform_and_nothing_from_elsewhere(xapp, found):
    policy = only(found, "NetworkPolicy", f"ricxapp-{xapp.name}")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    admitted = yaml.safe_dump(policy["ingress"])
    assert "ricplt" in admitted
    assert "rmrroute" in admitted
    assert all(rule["from"] for rule in policy["ingress"])
