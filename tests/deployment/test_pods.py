"""Every pod of every chart, as a cluster with the restricted pod-security standard wants it."""

from __future__ import annotations

import pytest

from tests.deployment.conftest import CASES, objects, pods, rendered


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1].removesuffix('-values.yaml')}")
def specs(request):
    chart, values = request.param
    found = pods(objects(rendered("helm4", chart, values)))
    assert found
    return found


def test_pods_run_as_a_numeric_user_other_than_root(specs):
    for spec in specs:
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_containers_can_neither_write_to_their_root_nor_gain_rights(specs):
    for container in _containers(specs):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_containers_say_what_they_need(specs):
    for container in _containers(specs):
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_pods_hold_no_token_of_the_cluster(specs):
    assert all(spec["automountServiceAccountToken"] is False for spec in specs)


def test_what_serves_is_probed(specs):
    for spec in specs:
        if spec.get("restartPolicy") == "Never":
            continue
        for container in spec["containers"]:
            assert {"livenessProbe", "readinessProbe"} <= set(container)


def test_every_mount_has_its_volume(specs):
    for spec in specs:
        volumes = {volume["name"] for volume in spec.get("volumes", ())}
        mounted = {mount["name"] for container in _containers([spec]) for mount in container.get("volumeMounts", ())}
        assert mounted <= volumes | {"data"}, "data may be a claim template"


def _containers(specs):
    return [container for spec in specs for container in (*spec["containers"], *spec.get("initContainers", ()))]
