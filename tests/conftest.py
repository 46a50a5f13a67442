"""What holds for every test."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``-m sctp`` reads only files with such tests: a small virtual machine has no room for what the others import."""
    if config.getoption("markexpr") != "sctp" or not collection_path.name.startswith("test_"):
        return None
    return True if "mark.sctp" not in collection_path.read_text() else None
