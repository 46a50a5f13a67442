"""Recording rules and alerts, judged by promtool on made-up series."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from deployment.fleet import ROOT, xapps
from tests.deployment.conftest import tool

HELM = ROOT / "helm"
RULES = sorted(HELM.glob("*/rules.yaml"))


def promtool(*arguments):
    return subprocess.run([tool("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.parent.name)
def test_promtool_accepts_the_rules(path):
    run = promtool("check", "rules", path)
    assert run.returncode == 0, run.stdout + run.stderr


def fires(rules, series, alert, at, labels):
    """A unit test of promtool: which alert fires at a time, with which labels; None: none does."""
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    return rules, {
        "interval": "15s",
        "input_series": inputs,
        "alert_rule_test": [
            {"eval_time": at, "alertname": alert, "exp_alerts": [] if labels is None else [{"exp_labels": labels}]}
        ],
    }


def of_any_xapp(name):
    me, node = f'xapp="{name}"', f'xapp="{name}",meid="gnb"'
    of_xapp = {"xapp": name, "severity": "critical"}
    indications, subscriptions = f"ricxapp_indications_total{{{node}}}", f"ricxapp_subscriptions{{{me}}}"
    return [
        fires(name, {f"up{{{me}}}": "0x20"}, "XappDown", "3m", of_xapp),
        fires(name, {f"up{{{me}}}": "1x20"}, "XappDown", "3m", None),
        fires(name, {'up{xapp="another"}': "0x20"}, "XappDown", "3m", None),
        fires(name, {f"ricxapp_registered{{{me}}}": "0x20"}, "XappNotRegistered", "4m", of_xapp),
        fires(name, {f"ricxapp_e2_nodes{{{me}}}": "0x20"}, "XappSeesNoE2Node", "4m", of_xapp),
        fires(name, {f"ricxapp_e2_nodes{{{me}}}": "1x20"}, "XappSeesNoE2Node", "4m", None),
        fires(name, {indications: "5x40", subscriptions: "1x40"}, "XappNoIndications", "8m", of_xapp),
        fires(name, {indications: "0+10x40", subscriptions: "1x40"}, "XappNoIndications", "8m", None),
        fires(name, {indications: "5x40", subscriptions: "0x40"}, "XappNoIndications", "8m", None),
    ]


def of_deciding_xapp(name):
    me, node = f'xapp="{name}"', f'xapp="{name}",meid="gnb"'
    of_node = {"xapp": name, "meid": "gnb", "severity": "warning"}
    met = f'ricxapp_slice_satisfied_ratio{{{node},slice="embb"}}'
    sent, late = f"ricxapp_controls_sent_total{{{node}}}", f"ricxapp_decisions_late_total{{{node}}}"
    refused = f'ricxapp_controls_refused_total{{{node},cause="x",reason="y"}}'
    swaps = f'ricxapp_model_swaps_total{{{me},outcome="refused"}}'
    back, of_back = f'ricxapp_model_rollbacks_total{{{me},cause="throughput"}}', {"xapp": name, "cause": "throughput"}
    of_back |= {"severity": "warning"}
    unusable = f"ricxapp_input_unusable{{{node}}}"
    return [
        fires(name, {met: "0.5x60"}, "SliceSlaViolated", "14m", of_node | {"slice": "embb"}),
        fires(name, {met: "1x60"}, "SliceSlaViolated", "14m", None),
        fires(name, {met: "0.5x2 1x60"}, "SliceSlaViolated", "14m", None),
        fires(name, {sent: "0+100x60", late: "0+10x60"}, "XappDecisionsLate", "14m", of_node),
        fires(name, {sent: "0+100x60", late: "0+1x60"}, "XappDecisionsLate", "14m", None),
        fires(name, {sent: "0+100x60"}, "XappDecisionsLate", "14m", None),
        fires(name, {sent: "0+100x60", refused: "0+10x60"}, "XappControlsRefused", "14m", of_node),
        fires(name, {swaps: "0x8 1x40"}, "XappModelRejected", "4m", {"xapp": name, "severity": "warning"}),
        fires(name, {swaps: "1x120"}, "XappModelRejected", "20m", None),
        fires(name, {back: "0x8 1x40"}, "XappModelRolledBack", "4m", of_back),
        fires(name, {back: "0x60"}, "XappModelRolledBack", "4m", None),
        fires(name, {unusable: "1x20"}, "XappReportsUnusable", "3m", of_node),
        fires(name, {unusable: "0 1 0x20"}, "XappReportsUnusable", "3m", None),
    ]


OTHERS = [
    fires(
        "e2sim", {'e2sim_e2_connected{instance="n"}': "0x20"}, "E2Down", "3m", {"instance": "n", "severity": "critical"}
    ),
    fires("e2sim", {'e2sim_e2_connected{instance="n"}': "0 0 1x20"}, "E2Down", "3m", None),
    fires(
        "e2sim",
        {'e2sim_slot_overruns_total{instance="n"}': "0+60x60"},
        "E2NodeOverrun",
        "12m",
        {"instance": "n", "severity": "warning"},
    ),
    fires(
        "rapp",
        {'rapp_model_store_calls_total{method="get",status="DATA_LOSS"}': "0+1x40"},
        "ModelStoreFailing",
        "6m",
        {"status": "DATA_LOSS", "severity": "critical"},
    ),
    fires(
        "rapp", {'rapp_model_store_calls_total{method="get",status="OK"}': "0+1x40"}, "ModelStoreFailing", "6m", None
    ),
    fires("rapp", {'rapp_run_accepted{run="r"}': "0x10"}, "ModelRefusedByGate", "1m", {"run": "r", "severity": "info"}),
    fires("rapp", {'rapp_run_accepted{run="r"}': "1x10"}, "ModelRefusedByGate", "1m", None),
    fires("ric", {"ric_e2_nodes_connected": "0x20"}, "RicWithoutE2Nodes", "4m", {"severity": "critical"}),
    fires("ric", {"ric_sdl_available": "0x20"}, "RicDatabaseDown", "4m", {"severity": "critical"}),
    fires("ric", {"ric_sdl_available": "1x20"}, "RicDatabaseDown", "4m", None),
    fires(
        "ric",
        {'ric_rmr_dropped_total{component="e2term",reason="queue full"}': "0+60x60"},
        "RicMessagesLost",
        "12m",
        {"component": "e2term", "reason": "queue full", "severity": "warning"},
    ),
]
CASES = [
    *(case for xapp in xapps() for case in of_any_xapp(xapp.name)),
    *(case for xapp in xapps() if xapp.decides for case in of_deciding_xapp(xapp.name)),
    *OTHERS,
]


def test_every_alert_fires_in_some_case():
    tried = {
        (rules, part["alertname"]) for rules, case in CASES for part in case["alert_rule_test"] if part["exp_alerts"]
    }
    declared = {
        (path.parent.name, rule["alert"])
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert tried == declared


@pytest.mark.parametrize("chart", sorted({rules for rules, _ in CASES}))
def test_alerts_fire_when_they_should_and_only_then(chart, tmp_path):
    document = yaml.safe_load((HELM / chart / "rules.yaml").read_text())
    texts = {
        rule["alert"]: rule.pop("annotations")
        for group in document["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert all({"summary", "description", "runbook_url"} == set(each) for each in texts.values())
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(document))
    cases = [case for rules, case in CASES if rules == chart]
    tests = {"rule_files": ["rules.yaml"], "evaluation_interval": "15s", "tests": cases}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    run = promtool("test", "rules", tmp_path / "tests.yaml")
    assert run.returncode == 0, run.stdout + run.stderr


def test_recording_rules_compute_what_their_names_say(tmp_path):
    name = xapps()[0].name
    node = f'xapp="{name}",meid="gnb"'
    buckets = {"0.005": 50, "0.01": 100, "+Inf": 100}
    histogram = {
        f'ricxapp_decision_latency_seconds_bucket{{{node},le="{edge}"}}': f"0+{count}x40"
        for edge, count in buckets.items()
    }
    series = histogram | {
        f"ricxapp_controls_sent_total{{{node}}}": "0+100x40",
        f"ricxapp_decisions_late_total{{{node}}}": "0+25x40",
        f'ricxapp_slice_satisfied_ratio{{{node},slice="embb"}}': "0.75x40",
    }
    labels = f'{{meid="gnb", xapp="{name}"}}'
    expected = {
        "xapp_meid:decision_latency_seconds:p99_5m": (labels, 0.0099),
        "xapp_meid:decisions_late:ratio_rate5m": (labels, 0.25),
        "xapp_meid:controls_refused:ratio_rate5m": (labels, 0.0),
        "xapp_meid_slice:satisfied_ratio:avg5m": (f'{{meid="gnb", slice="embb", xapp="{name}"}}', 0.75),
    }
    case = {
        "interval": "15s",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "promql_expr_test": [
            {"expr": f"round({record}, 0.0001)", "eval_time": "8m", "exp_samples": [{"labels": of, "value": value}]}
            for record, (of, value) in expected.items()
        ],
    }
    tests = {"rule_files": [str(HELM / name / "rules.yaml")], "evaluation_interval": "15s", "tests": [case]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    run = promtool("test", "rules", tmp_path / "tests.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
