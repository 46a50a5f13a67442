"""All generated files under ``helm/``: what they should hold, what differs, and bringing them up to date."""

from __future__ import annotations

import os
from pathlib import Path

from deployment import charts
from deployment.fleet import ROOT
from deployment.observability import written

__all__ = ["ROOT", "differing", "write_all"]


def differing() -> dict[Path, str]:
    """Files that are not as they should be, and the text that each should have."""
    wanted = charts.content() | written.content()
    return {path: text for path, text in wanted.items() if not path.is_file() or path.read_text() != text}


def missing_links() -> dict[Path, str]:
    """Symbolic links that are not there."""
    return {path: to for path, to in charts.links().items() if not path.is_symlink() or os.readlink(path) != to}


def write_all() -> list[Path]:
    """Bring everything up to date; what changed."""
    changed, links = differing(), missing_links()
    for path, text in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path, target in links.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    return [*changed, *links]
