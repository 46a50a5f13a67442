"""Which generated file lies where: dashboards and rules of each chart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deployment.fleet import ROOT, Xapp, xapps
from deployment.observability import rules
from deployment.observability.boards import allocator, kpimon, overview, ran, rapp, ric, slices

HELM = ROOT / "helm"
BOARDS: dict[str, Callable[[Xapp], Any]] = {"allocator": allocator.build, "kpimon": kpimon.build}
"""What a row's ``board`` means."""
HEAD = "# Written by `make charts-generate` from deployment.deployment/observability/rules.py.\n"


def boards() -> dict[Path, Any]:
    """Every dashboard's builder by its file."""
    found = {
        HELM / "suite" / "dashboards" / "overview.json": overview.build(),
        HELM / "suite" / "dashboards" / "slices.json": slices.build(),
        HELM / "e2sim" / "dashboards" / "ran.json": ran.build(),
        HELM / "rapp" / "dashboards" / "rapp.json": rapp.build(),
        HELM / "ric" / "dashboards" / "ric.json": ric.build(),
    }
    return found | {HELM / xapp.name / "dashboards" / f"{xapp.name}.json": _board_of(xapp) for xapp in xapps()}


def rule_files() -> dict[Path, dict[str, list[rules.Rule]]]:
    """Every rules file's groups by its file."""
    found = {
        HELM / "e2sim" / "rules.yaml": rules.of_e2sim(),
        HELM / "rapp" / "rules.yaml": rules.of_rapp(),
        HELM / "ric" / "rules.yaml": rules.of_ric(),
    }
    return found | {HELM / xapp.name / "rules.yaml": rules.of_xapp(xapp.name, decides=xapp.decides) for xapp in xapps()}


def content() -> dict[Path, str]:
    """Every generated file's text."""
    dashboards = {
        path: JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n" for path, board in boards().items()
    }
    files = {
        path: HEAD + yaml.safe_dump(rules.document(groups), sort_keys=False, width=120)
        for path, groups in rule_files().items()
    }
    return dashboards | files


def _board_of(xapp: Xapp) -> Any:
    return BOARDS[xapp.row.board](xapp)
