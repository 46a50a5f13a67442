"""Dashboards, rules and alerts ask only for what somebody exports, and lead to a runbook that exists."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from deployment.fleet import ROOT
from deployment.observability import catalogue, promql

BOARDS = sorted((ROOT / "helm").glob("*/dashboards/*.json"))
RULES = sorted((ROOT / "helm").glob("*/rules.yaml"))


def rules_of(path):
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


RECORDED = {
    rule["record"]: promql.grouped_labels(rule["expr"]) for path in RULES for rule in rules_of(path) if "record" in rule
}
KNOWN = catalogue.series() | RECORDED


def panels_of(path):
    return [panel for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]


def expressions():
    for path in BOARDS:
        for panel in panels_of(path):
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]
    for path in RULES:
        for rule in rules_of(path):
            yield f"{path.parent.name}: {rule.get('alert') or rule['record']}", rule["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_and_label_asked_for_is_exported(where, expression):
    found = promql.selections(expression)
    assert found or "vector(" in expression
    for selection in found:
        assert selection.metric in KNOWN, f"{where}: nobody exports {selection.metric}"
        unknown = selection.labels - KNOWN[selection.metric]
        assert not unknown, f"{where}: {selection.metric} has no label {unknown}"
    offered = frozenset().union(*(KNOWN[selection.metric] for selection in found))
    assert promql.grouped_labels(expression) <= offered


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_legends_show_labels_that_the_query_keeps(path):
    for panel in panels_of(path):
        for target in panel["targets"]:
            shown = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            assert shown <= promql.grouped_labels(target["expr"]), panel["title"]


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_panels_fit_the_grid_and_do_not_overlap(path):
    document = json.loads(path.read_text())
    cells = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in document["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    numbers = [panel["id"] for panel in document["panels"]]
    assert len(numbers) == len(set(numbers))


def test_boards_have_their_own_addresses_and_no_data_source_of_their_own():
    documents = [json.loads(path.read_text()) for path in BOARDS]
    assert len({document["uid"] for document in documents}) == len(documents)
    for document in documents:
        assert document["templating"]["list"][0]["type"] == "datasource"
        assert {panel["datasource"]["uid"] for panel in document["panels"] if panel["type"] != "row"} == {
            "${datasource}"
        }


def test_every_panel_says_what_it_shows_and_in_which_unit():
    for path in BOARDS:
        for panel in panels_of(path):
            assert panel["description"], panel["title"]
            assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_every_alert_has_a_paragraph_in_the_runbook():
    headings = {
        line.lstrip("# ").strip().lower()
        for line in (ROOT / "docs/operate.md").read_text().splitlines()
        if line[:1] == "#"
    }
    for path in RULES:
        for rule in rules_of(path):
            if "alert" in rule:
                document, _, anchor = rule["annotations"]["runbook_url"].partition("#")
                assert document == "docs/operate.md"
                assert anchor in headings, f"{rule['alert']} has no heading in docs/operate.md"


def test_metrics_are_declared_once_with_a_help_text_and_base_units():
    families = catalogue.exported()
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.help, family.name
        assert re.fullmatch(r"(ricxapp|e2sim|ric|rapp|kpimon)_[a-z0-9_]+", family.name)
        assert not family.name.endswith(("_ms", "_milliseconds", "_kb", "_percent"))
        clash = family.labels & catalogue.TARGET_LABELS
        assert not clash, f"{family.name}: Prometheus would rename {clash}"


def test_a_query_for_an_unknown_metric_would_be_found():
    unknown = promql.selections('sum(rate(ricxapp_wishes_total{xapp="ssvae"}[$__rate_interval]))')
    assert unknown[0].metric not in KNOWN
