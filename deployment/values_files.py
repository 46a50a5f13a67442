"""Every chart's ``values.yaml``: its own part from ``deployment/values/<chart>.yaml``, then what all charts share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from deployment.fleet import Xapp

PARTS = Path(__file__).parent / "values"
HEAD = "# Written by `make charts-generate` from deployment/values/.\n"


@dataclass(frozen=True, slots=True)
class Size:
    """What a container of a kind asks for."""

    cpu: str
    memory: str
    limit: str


SIZES = {"xapp": Size('"1"', "512Mi", "1Gi"), "e2sim": Size("500m", "256Mi", "1Gi")}
SIZES |= {"rapp": Size("100m", "512Mi", "1Gi"), "ric": Size("200m", "128Mi", "512Mi")}

MODEL_STORE = """# -- Model store of the rApp as host:port, for policies that name none.
modelStore: rapp.nonrtric:50051
"""
XAPP_TEST = "  # -- Connected E2 nodes that the test expects.\n  e2Nodes: 1\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value with its comment, as a README and a schema show it."""

    path: tuple[str, ...]
    text: str


def of_chart(name: str) -> str:
    """``values.yaml`` of a chart of our own making."""
    return HEAD + (PARTS / f"{name}.yaml").read_text() + _common(name, SIZES[name])


def of_xapp(xapp: Xapp) -> str:
    """``values.yaml`` of an xApp's chart: the descriptor's controls are its defaults."""
    controls = yaml.safe_dump({"controls": xapp.descriptor["controls"]}, sort_keys=False, width=110)
    own = Template((PARTS / "xapp.yaml").read_text()).substitute(
        controls=controls.rstrip("\n"), model_store=MODEL_STORE if xapp.decides else ""
    )
    return HEAD + own + _common(xapp.name, SIZES["xapp"]) + XAPP_TEST


def _common(name: str, size: Size) -> str:
    template = Template((PARTS / "common.yaml").read_text())
    return template.substitute(name=name, cpu=size.cpu, memory=size.memory, limit=size.limit)


def entries(text: str) -> list[Entry]:
    """The values of a file that carry a comment ``# -- ...``, in their order."""
    found: list[Entry] = []
    above: list[tuple[int, str]] = []
    comment = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = stripped.removeprefix("# -- ")
            continue
        if not stripped or stripped.startswith(("#", "-")):
            continue
        indent = len(line) - len(line.lstrip())
        above = [(column, key) for column, key in above if column < indent]
        above.append((indent, stripped.partition(":")[0]))
        if comment:
            found.append(Entry(tuple(key for _, key in above), comment))
        comment = ""
    return found


def at(values: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The value under a path."""
    for key in path:
        values = values[key]
    return values
