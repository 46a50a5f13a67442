"""A figure of a page: drawn without a display, small enough for the repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure


def drawn(path: Path, paint: Callable[[Figure], None], *, height_in: float = 3.5) -> Path:
    """Paint a figure as wide as a page and save it as PNG; the folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(9.6, height_in), layout="constrained")
    paint(figure)
    figure.savefig(path, dpi=100)
    return path
