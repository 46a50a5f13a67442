"""Charts as Helm renders them: every chart with each of its values files, under Helm 3 and 4."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployment.fleet import ROOT, Xapp

HELM = ROOT / "helm"
TOOLS = Path(os.environ.get("CHART_TOOLS") or Path.home() / ".cache" / "oran-slicing-suite" / "tools")
CHARTS = sorted(path.parent.name for path in HELM.glob("*/Chart.yaml") if path.parent.name != "library")
CASES = [(path.parents[1].name, path.name) for path in sorted(HELM.glob("*/ci/*-values.yaml"))]
VERSIONS = ("helm3", "helm4")


def tool(name: str) -> str:
    """A program of scripts/setup_charts.sh; without it the test is skipped, and CI installs it."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed: scripts/setup_charts.sh brings it")
    return found


@functools.cache
def helm(version: str, *arguments: str) -> subprocess.CompletedProcess:
    """One run of Helm, off-line and without the user's settings; the same run is not made twice."""
    homes = {f"HELM_{kind}_HOME": str(TOOLS / "home") for kind in ("CACHE", "CONFIG", "DATA")}
    return subprocess.run(
        [tool(version), *arguments], cwd=HELM, env=os.environ | homes, capture_output=True, text=True, check=False
    )


@functools.cache
def rendered(version: str, chart: str, values_file: str, namespace: str = "ricxapp") -> str:
    """The YAML of a chart."""
    run = helm(version, "template", chart, chart, "-f", f"{chart}/ci/{values_file}", "-n", namespace)
    assert run.returncode == 0, run.stderr
    return run.stdout


def objects(text: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of a render."""
    return [document for document in yaml.safe_load_all(text) if document]


def only(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one object of a kind and name."""
    matching = [each for each in found if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(matching) == 1, f"{kind} {name} among {[(o['kind'], o['metadata']['name']) for o in found]}"
    return matching[0]


def pods(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The spec of every pod that the objects lead to."""
    specs = []
    for each in found:
        if each["kind"] == "Pod":
            specs.append(each["spec"])
        elif each["kind"] == "CronJob":
            specs.append(each["spec"]["jobTemplate"]["spec"]["template"]["spec"])
        elif "template" in each.get("spec", {}):
            specs.append(each["spec"]["template"]["spec"])
    return specs


def settings_module(xapp: Xapp) -> Any:
    """The module whose ``load`` reads an xApp's settings: its own, or that of the allocators."""
    own = f"xapps.{xapp.package}.settings"
    return importlib.import_module(own if importlib.util.find_spec(own) else "xapps.runtime.settings")
