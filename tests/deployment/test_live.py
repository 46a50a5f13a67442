"""The dashboards on a running suite: Prometheus scrapes it and every query has data; the charts' own checks pass."""

from __future__ import annotations

import shutil
import subprocess
import sys

import httpx
import pytest

from deployment.observability import live, pictures
from tests.deployment.conftest import objects, only, rendered, tool

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(420)]


@pytest.fixture(scope="module", params=live.line_ups(), ids=lambda line_up: "-".join(xapp.name for xapp in line_up))
def line_up(request):
    return request.param


@pytest.fixture(scope="module")
def running(line_up, tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed: scripts/setup_charts.sh brings it")
    with live.observed(tmp_path_factory.mktemp("live"), line_up) as (suite, server):
        live.exercise(suite, line_up)
        yield suite, server


def test_every_process_is_scraped(running):
    suite, server = running
    assert server.targets_up() == dict.fromkeys((target.job for target in live.targets(suite)), True)


def test_every_query_of_every_dashboard_has_data(running, line_up):
    _, server = running
    assert live.without_data(server, line_up) == []


def test_a_query_for_what_nobody_counts_has_none(running):
    _, server = running
    assert server.query("ricxapp_wishes_total") == []


def test_a_healthy_suite_raises_no_critical_alert(running):
    _, server = running
    critical = [each for each in server.alerts() if each["labels"]["severity"] == "critical"]
    assert critical == []


def test_promtool_finds_no_fault_in_what_is_exported(running):
    suite, _ = running
    for target in live.targets(suite):
        text = httpx.get(target.url, trust_env=False).text
        lines = [line for line in text.splitlines() if "_created" not in line]  # a family of its own in this format
        run = subprocess.run(
            [tool("promtool"), "check", "metrics"],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        complaints = [line for line in run.stderr.splitlines() if 'instead of "bits"' not in line]  # TS 28.552 has bits
        assert complaints == [], target.job


def test_the_test_pod_of_an_xapps_chart_passes_on_the_running_xapp_and_fails_on_a_dead_port(running, line_up, tmp_path):
    suite, _ = running
    name = line_up[0].name
    found = objects(rendered("helm4", name, "default-values.yaml"))
    (tmp_path / "check.py").write_text(only(found, "ConfigMap", f"{name}-test")["data"]["check.py"])
    pod = only(found, "Pod", f"{name}-test")["spec"]["containers"][0]
    inside = f"http://service-ricxapp-{name}-http.ricxapp:8080"
    for url, status in ((suite.xapps[name].url, 0), ("http://127.0.0.1:9", 1)):
        checks = [check.replace(inside, url) for check in pod["args"]]
        run = subprocess.run(
            [sys.executable, tmp_path / "check.py", "2", *checks], capture_output=True, text=True, check=False
        )
        assert run.returncode == status, run.stdout


def test_every_board_can_be_drawn(running, line_up, tmp_path):
    _, server = running
    end_s = float(server.query("vector(1)")[0].time_s[-1])
    pictures.draw_all(live.boards(line_up), server, end_s - 30, end_s, live.WINDOWS, tmp_path)
    assert len(list(tmp_path.glob("dashboard-*.png"))) == len(live.boards(line_up))
