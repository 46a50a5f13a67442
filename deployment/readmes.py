"""README of a chart, generated from its values."""

from __future__ import annotations

import json
from typing import Any

import yaml

from deployment.values_files import at, entries

PAGE = """# {name}

{summary}.

```
helm install {name} helm/{name} -n {namespace} --create-namespace
helm test {name} -n {namespace} --logs
```

Written by `make charts-generate` from `values.yaml`; [docs/deploy.md](../../docs/deploy.md) tells the whole story.

| value | default | meaning |
| --- | --- | --- |
{rows}
"""


def page(
    name: str, summary: str, namespace: str, values_text: str, controls_schema: dict[str, Any] | None = None
) -> str:
    """The README's text."""
    values = yaml.safe_load(values_text)
    rows = [_row(".".join(entry.path), at(values, entry.path), entry.text) for entry in entries(values_text)]
    if controls_schema is not None:
        rows[1:1] = _controls(values["controls"], controls_schema)
    return PAGE.format(name=name, summary=summary, namespace=namespace, rows="\n".join(rows))


def _controls(controls: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    described = schema["properties"]
    return [
        _row(f"controls.{name}", value, described.get(name, {}).get("description", ""))
        for name, value in controls.items()
    ]


def _row(path: str, value: Any, text: str) -> str:
    return f"| `{path}` | `{json.dumps(value)}` | {text.replace('|', '/')} |"
