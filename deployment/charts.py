"""The files of every chart that follow from the list of xApps, the descriptors and the parts of the values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from deployment import readmes, schemas, values_files
from deployment.fleet import ROOT, Xapp, xapps

HELM = ROOT / "helm"
OWN = {"e2sim": "ran", "rapp": "nonrtric", "ric": "ricplt"}
"""Charts of our own making, and the namespace each goes to."""
XAPP_NAMESPACE = "ricxapp"
VERSION = "0.1.0"

TEMPLATES = {
    "config.yaml": '{{- include "oran.xapp.configMap" . }}',
    "deployment.yaml": '{{- include "oran.xapp.deployment" . }}',
    "services.yaml": '{{- include "oran.xapp.services" . }}',
    "networkpolicy.yaml": '{{- include "oran.xapp.networkPolicy" . }}',
    "poddisruptionbudget.yaml": '{{- include "oran.podDisruptionBudget" . }}',
    "servicemonitor.yaml": '{{- include "oran.xapp.serviceMonitor" . }}',
    "prometheusrule.yaml": '{{- include "oran.prometheusRule" . }}',
    "dashboards.yaml": '{{- include "oran.dashboards" . }}',
    "tests/check.yaml": '{{- include "oran.xapp.test" . }}',
    "NOTES.txt": '{{- include "oran.xapp.notes" . }}',
}
"""An xApp's chart is the library's templates, one object a file."""

_ON = {"enabled": True}
MONITORING: dict[str, Any] = {
    "annotations": False,
    "serviceMonitor": {**_ON, "labels": {"release": "prometheus"}},
    "rules": {**_ON, "labels": {"release": "prometheus"}, "runbookBaseUrl": "https://docs.example.org/suite/"},
    "dashboards": {**_ON, "namespace": "monitoring"},
}
CI: dict[str, dict[str, Any]] = {
    "default": {},
    "bare": {"networkPolicy": {"enabled": False}, "monitoring": {"annotations": False}, "tests": {"enabled": False}},
    "everything": {
        "monitoring": MONITORING,
        "podDisruptionBudget": _ON,
        "image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": [{"name": "registry"}]},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "ran", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "high",
        "podAnnotations": {"example.org/owner": "ran"},
    },
}
"""Values files that every chart is rendered with."""


def content() -> dict[Path, str]:
    """Text of every generated file of the charts, but for dashboards and rules."""
    files: dict[Path, str] = {}
    for xapp in xapps():
        files |= _of_xapp(xapp)
    for name, namespace in OWN.items():
        files |= _of_own(name, namespace)
    return files | _of_suite()


def links() -> dict[Path, str]:
    """Symbolic links to the charts that a chart depends on: unpacked, so that it installs from a checkout as it is."""
    library = {HELM / name / "charts" / "library": "../../library" for name in [*OWN, *_names(), "suite"]}
    return library | {HELM / "suite" / "charts" / name: f"../../{name}" for name in [*OWN, *_names()]}


def _of_xapp(xapp: Xapp) -> dict[Path, str]:
    folder = HELM / xapp.name
    values = values_files.of_xapp(xapp)
    summary = xapp.row.summary
    files = {
        "Chart.yaml": _yaml(_chart(xapp.name, summary, str(xapp.descriptor["version"]), ["library"])),
        "values.yaml": values,
        "values.schema.json": _json(schemas.of_values(values, xapp.controls_schema)),
        "README.md": readmes.page(xapp.name, summary, XAPP_NAMESPACE, values, xapp.controls_schema),
        "config-file.json": (xapp.folder / "config-file.json").read_text(),
        "schema.json": (xapp.folder / "schema.json").read_text(),
    }
    files |= {f"templates/{name}": text + "\n" for name, text in TEMPLATES.items()}
    return {folder / name: text for name, text in files.items()} | _ci(folder)


def _of_own(name: str, namespace: str) -> dict[Path, str]:
    folder = HELM / name
    values = values_files.of_chart(name)
    summary = str(yaml.safe_load((folder / "Chart.yaml").read_text())["description"])
    files = {
        "values.yaml": values,
        "values.schema.json": _json(schemas.of_values(values)),
        "README.md": readmes.page(name, summary, namespace, values),
    }
    return {folder / file: text for file, text in files.items()} | _ci(folder)


def _of_suite() -> dict[Path, str]:
    folder = HELM / "suite"
    charts = [*OWN, *_names()]
    chart = _chart("suite", "The whole suite - RIC, simulated E2 node, rApp and xApps", VERSION, ["library"])
    chart["dependencies"] += [{"name": name, "version": VERSION, "condition": f"{name}.enabled"} for name in charts]
    places = OWN | dict.fromkeys(_names(), XAPP_NAMESPACE)
    off = {xapp.name for xapp in xapps() if not xapp.row.in_suite}
    parts = {name: {"enabled": name not in off, "namespace": place} for name, place in places.items()}
    own = (values_files.PARTS / "suite.yaml").read_text()
    return {
        folder / "Chart.yaml": _yaml(chart),
        folder / "values.yaml": values_files.HEAD + own + _yaml(parts, head=""),
        folder / "values.schema.json": _json(schemas.of_suite(charts)),
    }


def _names() -> list[str]:
    return [xapp.name for xapp in xapps()]


def _chart(name: str, summary: str, app_version: str, needs: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": name,
        "description": summary,
        "type": "application",
        "version": VERSION,
        "appVersion": app_version,
        "kubeVersion": ">=1.25.0-0",
        "keywords": ["o-ran", "ric", "5g"],
        "dependencies": [{"name": need, "version": VERSION} for need in needs],
    }


def _ci(folder: Path) -> dict[Path, str]:
    return {folder / "ci" / f"{name}-values.yaml": _yaml(values) for name, values in CI.items()}


def _yaml(document: Any, head: str = "# Written by `make charts-generate`.\n") -> str:
    return head + yaml.safe_dump(document, sort_keys=False, width=120)


def _json(document: Any) -> str:
    return json.dumps(document, indent=2) + "\n"
