"""``docs/e2.md`` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "e2.md").read_text()


def test_every_test_that_the_page_names_exists():
    missing, count, path = [], 0, ""
    for named_path, name in re.findall(r"`((?:tests/[\w/.]+)?)(?:::(\w+))?`", PAGE):
        path = named_path or path
        if not (named_path or name):
            continue
        count += 1
        source = ROOT / path
        if not source.exists() or (name and f"def {name}(" not in source.read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []
    assert count > 30
