"""The charts of RIC, node, rApp and the umbrella."""

from __future__ import annotations

import pytest

from deployment.fleet import xapps
from tests.deployment.conftest import objects, only, pods, rendered

PLATFORM_SERVICES = {
    "service-ricplt-appmgr-http": 8080,
    "service-ricplt-submgr-http": 8088,
    "service-ricplt-e2mgr-http": 3800,
    "service-ricplt-rtmgr-http": 3800,
    "service-ricplt-a1mediator-http": 10000,
    "service-ricplt-a1mediator-rmr": 4562,
    "service-ricplt-e2term-rmr-alpha": 38000,
    "service-ricplt-e2term-sctp-alpha": 36422,
    "service-ricplt-dbaas-tcp": 6379,
}


def test_the_small_ric_serves_under_the_platforms_names():
    found = objects(rendered("helm4", "ric", "default-values.yaml", "ricplt"))
    ports = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in found if each["kind"] == "Service"}
    assert ports.items() >= PLATFORM_SERVICES.items()


def test_every_service_of_the_small_ric_leads_to_a_port_of_its_pods():
    found = objects(rendered("helm4", "ric", "default-values.yaml", "ricplt"))
    named = {port["name"] for spec in pods(found) for each in spec["containers"] for port in each.get("ports", ())}
    targets = {port["targetPort"] for each in found if each["kind"] == "Service" for port in each["spec"]["ports"]}
    assert targets <= named


def test_the_small_ric_listens_where_its_services_lead():
    found = objects(rendered("helm4", "ric", "default-values.yaml", "ricplt"))
    container = only(found, "Deployment", "ric")["spec"]["template"]["spec"]["containers"][0]
    options = dict(argument.split("=", 1) for argument in container["args"])
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert options["--e2"].endswith(f":{ports['e2']}")
    for option, name in {"--appmgr-port": "appmgr", "--rtmgr-port": "rtmgr", "--metrics-port": "metrics"}.items():
        assert options[option] == ports[name]
    assert options["--redis"] == "service-ricplt-dbaas-tcp:6379"


def test_a_database_of_ones_own_leaves_redis_out():
    found = objects(rendered("helm4", "ric", "nodeport-values.yaml"))
    assert not [each for each in found if each["kind"] == "StatefulSet"]
    service = only(found, "Service", "service-ricplt-e2term-sctp-alpha")["spec"]
    assert (service["type"], service["ports"][0]["protocol"], service["ports"][0]["nodePort"]) == (
        "NodePort",
        "SCTP",
        32222,
    )


def test_large_whole_numbers_stay_whole():
    found = objects(rendered("helm4", "e2sim", "own-scenario-values.yaml"))
    arguments = only(found, "Deployment", "e2sim")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {"--seed=1234567890", "--gnb-id=4194303", "--ric=tcp://ric.example.org:36421"} <= set(arguments)
    assert "--scenario=/scenario/scenario.yaml" in arguments
    job = next(each for each in objects(rendered("helm4", "rapp", "training-values.yaml")) if each["kind"] == "Job")
    assert "--num-drops=1000000" in job["spec"]["template"]["spec"]["initContainers"][0]["args"]


def test_training_is_a_job_beside_the_store_which_a_refusal_ends():
    found = objects(rendered("helm4", "rapp", "training-values.yaml", "nonrtric"))
    job = next(each for each in found if each["kind"] == "Job")
    spec = job["spec"]["template"]["spec"]
    assert [each["name"] for each in (*spec["initContainers"], *spec["containers"])] == ["dataset", "pipeline"]
    assert "--store=rapp.nonrtric:50051" in spec["containers"][0]["args"]
    assert spec["volumes"][0]["persistentVolumeClaim"]["claimName"] == "rapp-data"
    assert spec["affinity"]["podAffinity"]
    assert job["spec"]["podFailurePolicy"]["rules"][0]["action"] == "FailJob"


def test_training_by_schedule_is_a_cron_job_that_may_run_anywhere():
    found = objects(rendered("helm4", "rapp", "schedule-values.yaml"))
    job = only(found, "CronJob", "rapp-training")["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("0 3 * * *", "Forbid")
    assert "affinity" not in job["jobTemplate"]["spec"]["template"]["spec"]


def test_a_training_without_labels_signs_with_the_key_of_a_secret():
    found = objects(rendered("helm4", "rapp", "signed-values.yaml", "nonrtric"))
    spec = next(each for each in found if each["kind"] == "Job")["spec"]["template"]["spec"]
    assert "initContainers" not in spec
    pipeline = spec["containers"][0]
    assert {"--allocator=diffusion-ql", "--signing-key=/keys/signing-key.pem"} <= set(pipeline["args"])
    assert {"name": "keys", "mountPath": "/keys", "readOnly": True} in pipeline["volumeMounts"]
    secret = next(each["secret"] for each in spec["volumes"] if each["name"] == "keys")
    assert secret == {"secretName": "model-signing", "defaultMode": 0o440}


def test_the_store_is_told_its_keys_and_where_experience_goes():
    found = objects(rendered("helm4", "rapp", "signed-values.yaml", "nonrtric"))
    pod = only(found, "Deployment", "rapp")["spec"]["template"]["spec"]
    arguments = set(pod["containers"][0]["args"])
    assert "--trusted-key=ed25519:gyClGXfYw4yopJJ8Zw31gh5El2GUXhXp77JqFQnSMOo=" in arguments
    assert {"--experience=/data/experience", "--experience-max-bytes=1000000000"} <= arguments
    assert not [volume for volume in pod["volumes"] if "secret" in volume], "the store needs no private key"


def test_the_umbrella_puts_every_part_where_the_others_look_for_it():
    found = objects(rendered("helm4", "suite", "default-values.yaml", "suite"))
    places = {each["metadata"]["name"]: each["metadata"]["namespace"] for each in found if each["kind"] == "Deployment"}
    expected = {"ric": "ricplt", "e2sim": "ran", "rapp": "nonrtric"}
    assert places == expected | {f"ricxapp-{xapp.name}": "ricxapp" for xapp in xapps() if xapp.row.in_suite}
    namespaces = {each["metadata"]["name"] for each in found if each["kind"] == "Namespace"}
    assert namespaces == set(places.values())


def test_on_a_platform_the_umbrella_brings_neither_ric_nor_node():
    found = objects(rendered("helm4", "suite", "platform-values.yaml", "ricxapp"))
    names = {each["metadata"]["name"] for each in found if each["kind"] == "Deployment"}
    assert names == {"rapp", *(f"ricxapp-{xapp.name}" for xapp in xapps() if xapp.row.in_suite)}


@pytest.mark.parametrize("chart", ["e2sim", "rapp", "ric"])
def test_scrapes_are_told_the_port_that_is_open(chart):
    found = objects(rendered("helm4", chart, "everything-values.yaml"))
    endpoint = only(found, "ServiceMonitor", chart)["spec"]["endpoints"][0]
    scraped = [
        each for each in found if each["kind"] == "Service" and "oran-slicing/scrape" in each["metadata"]["labels"]
    ]
    assert [port["name"] for port in scraped[0]["spec"]["ports"]].count(endpoint["port"]) == 1
    assert len(scraped) == 1
