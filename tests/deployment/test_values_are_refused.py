"""Bad values are refused with a sentence that names the key."""

from __future__ import annotations

import re

import pytest

from tests.deployment.conftest import VERSIONS, helm

CASES = [
    ("ssvae", "controls.allocator=best", "controls.allocator"),
    ("ssvae", "controls.period_ms=0", "controls.period_ms"),
    ("ssvae", "controls.allocatr=equal", "allocatr"),
    ("ssvae", "platform.a1Rmr=nowhere", "platform.a1Rmr"),
    ("ssvae", "platform.nodeManagerUrl=e2mgr:3800", "platform.nodeManagerUrl"),
    ("ssvae", "platform.dbaas.port=redis", "platform.dbaas.port"),
    ("ssvae", "image.digest=latest", "image.digest"),
    ("ssvae", "replicas=2", "replicas"),
    ("e2sim", "ric.host=", "ric.host"),
    ("e2sim", "ric.transport=udp", "ric.transport"),
    ("e2sim", "scenario=city", "scenario"),
    ("e2sim", "gnbId=4194304", "gnbId"),
    ("rapp", "training.against=", "training.against"),
    ("rapp", "storage.accessMode=Sometimes", "storage.accessMode"),
    ("rapp", "storage.enabled=false,training.enabled=true", "storage.enabled"),
    ("ric", "redis.enabled=false", "redis.address"),
    ("ric", "e2.nodePort=70000", "e2.nodePort"),
    ("ric", "monitoring.annotations=often", "monitoring.annotations"),
    ("suite", "ssvea.enabled=true", "ssvea"),
    ("suite", "ssvae.controls.allocator=best", "controls.allocator"),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("chart", "setting", "key"), CASES)
def test_a_bad_value_is_refused_by_name(version, chart, setting, key):
    run = helm(version, "template", chart, chart, "--set", setting)
    assert run.returncode != 0
    slashes = key.replace(".", "/")  # Helm 4 names the key as a JSON pointer
    assert re.search(f"{re.escape(key)}|{re.escape(slashes)}", run.stderr), run.stderr
