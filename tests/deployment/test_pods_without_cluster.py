"""What podman is given to play: the charts' pods, with what a cluster would add."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import yaml

from deployment import pods
from tests.deployment.conftest import objects, rendered

SUITE = ("helm4", "suite", "tcp-values.yaml")


@pytest.fixture(scope="module")
def suite():
    return objects(rendered(*SUITE))


@pytest.fixture
def workloads(suite, tmp_path):
    return pods.workloads(suite, tmp_path)


def test_the_database_comes_first_and_the_ric_second(workloads):
    assert list(workloads)[:2] == ["ric-redis", "ric"]
    assert {"e2sim", "rapp", "ricxapp-ssvae", "ricxapp-kpimon"} <= set(workloads)


def test_every_service_has_its_three_names_at_the_pod_it_selects(suite, workloads):
    addresses = pods.Network().addresses(workloads)
    found = {each["ip"]: each["hostnames"] for each in pods.aliases(suite, workloads, addresses)}
    assert "service-ricplt-e2term-sctp-alpha.ricplt" in found[addresses["ric"]]
    assert "service-ricxapp-ssvae-rmr.ricxapp.svc.cluster.local" in found[addresses["ricxapp-ssvae"]]
    named = {host for hosts in found.values() for host in hosts}
    services = {each["metadata"]["name"] for each in suite if each["kind"] == "Service"}
    assert services <= named


def test_addresses_differ():
    assert len(set(pods.Network().addresses("abc").values())) == 3


def test_a_played_pod_knows_its_address_and_publishes_nothing(suite, workloads):
    document = list(yaml.safe_load_all(pods.playable(workloads["ric"], "10.88.0.7", [], suite)))[-1]
    container = document["spec"]["containers"][0]
    assert "--host=10.88.0.7" in container["args"]
    assert not set(pods.LEFT_OUT) & set(container)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_played_xapp_brings_the_config_maps_that_it_names(suite, workloads):
    documents = list(yaml.safe_load_all(pods.playable(workloads["ricxapp-ssvae"], "10.88.0.7", [], suite)))
    named = {each["metadata"]["name"] for each in documents if each["kind"] == "ConfigMap"}
    assert named == {f"configmap-ricxapp-ssvae-{part}" for part in ("appconfig", "appenv", "routes")}


def test_claims_become_folders_that_the_pods_user_may_write_to(workloads, tmp_path):
    volume = next(each for each in workloads["rapp"]["spec"]["volumes"] if "hostPath" in each)
    assert volume["hostPath"]["path"].startswith(str(tmp_path))
    assert (tmp_path / volume["hostPath"]["path"]).stat().st_mode & 0o777 == 0o777


@pytest.mark.slow
def test_the_charts_tests_pass_against_their_pods_under_podman():
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    for name in ("ric", "e2sim", "rapp", "ssvae", "kpimon"):
        image = f"localhost/oran-slicing/{name}:0.1.0"
        if subprocess.run(["podman", "image", "exists", image], check=False).returncode:
            pytest.skip(f"{image} was not built: make images")
    run = subprocess.run([sys.executable, "-m", "deployment.pods"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
