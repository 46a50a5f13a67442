"""docs/measurements.md is what the tables give."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_of_measurements_is_current() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_measurements.py"))
    written = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run scripts/generate_measurements.py"
