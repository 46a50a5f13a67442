"""The xApps that have charts, images and dashboards: one row each in ``helm/xapps.yaml``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "helm" / "xapps.yaml"


class Row(BaseModel):
    """One row of the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z][a-z0-9-]*$")
    """Chart, image and service name; what the descriptor says too."""
    folder: str = ""
    """Package under ``xapps/``; the name with underscores by default."""
    summary: str
    """What it does, as the chart's description."""
    in_suite: bool = True
    """Whether the umbrella installs it unasked; one allocator decides for a node."""
    board: Literal["allocator", "kpimon"] = "allocator"
    """Which dashboard it gets."""


@dataclass(frozen=True)
class Xapp:
    """A row with its onboarding descriptor."""

    row: Row

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def package(self) -> str:
        return self.row.folder or self.row.name.replace("-", "_")

    @property
    def decides(self) -> bool:
        """Whether it controls nodes, and not only looks at them."""
        return self.row.board == "allocator"

    @property
    def folder(self) -> Path:
        return ROOT / "xapps" / self.package / "xapp"

    @cached_property
    def descriptor(self) -> dict[str, Any]:
        """``config-file.json``."""
        found: dict[str, Any] = json.loads((self.folder / "config-file.json").read_text())
        return found

    @cached_property
    def controls_schema(self) -> dict[str, Any]:
        """``schema.json``: of the descriptor's ``controls``."""
        found: dict[str, Any] = json.loads((self.folder / "schema.json").read_text())
        return found


def xapps() -> list[Xapp]:
    """Every xApp of the list, in its order."""
    return [Xapp(Row.model_validate(row)) for row in yaml.safe_load(LIST.read_text())["xapps"]]
