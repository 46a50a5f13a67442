"""The demo's live terminal table."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

WINDOW_SLOTS = 50


class LiveTable:
    """A table of KPIs with the progress of the current step below; lines for the steps where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn()
        )
        self._task: TaskID | None = None
        self._table = Table()
        self._before: dict[str, str] = {}
        self._live = Live(self._render(), console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> LiveTable:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def step(self, text: str, total: float | None = None) -> None:
        """Begins a step of the demo; ``total`` is what :meth:`advance` counts up to."""
        if self._console.is_terminal:
            if self._task is not None:
                self._progress.update(self._task, total=1, completed=1)
            self._task = self._progress.add_task(text, total=total)
            self._refresh()
        else:
            self._console.print(f"* {text}")

    def advance(self, completed: float, total: float) -> None:
        """Progress of the current step."""
        if self._task is not None:
            self._progress.update(self._task, completed=completed, total=total)
            self._refresh()

    def show(self, xapp: dict[str, Any], records: list[dict[str, Any]], latencies_ms: list[float], late: int) -> None:
        """The current KPIs; the first allocator's stay in the column "before"."""
        now = _cells(xapp, records[-WINDOW_SLOTS:], latencies_ms[-500:], late)
        allocator = now["allocator"]
        if not self._before or self._before["allocator"] == allocator:
            self._before = now
            columns = [("now", now)]
        else:
            columns = [("before", self._before), ("now", now)]
        table = Table(title="KPIs over the last second")
        table.add_column("KPI")
        for title, _ in columns:
            table.add_column(title, justify="right")
        for name in now:
            table.add_row(name, *(cells[name] for _, cells in columns))
        self._table = table
        self._refresh()

    def _refresh(self) -> None:
        if self._console.is_terminal:
            self._live.update(self._render())

    def _render(self) -> Group:
        return Group(self._table, self._progress)


def _cells(xapp: dict[str, Any], records: list[dict[str, Any]], latencies_ms: list[float], late: int) -> dict[str, str]:
    def mean(name: str) -> str:
        return f"{np.mean([record[name] for record in records]):.2f}" if records else "–"

    counters = xapp.get("counters", {})
    model = xapp.get("model") or {}
    return {
        "allocator": str(xapp.get("allocator", "–")),
        "model": f"{model['name']} v{model['version']}" if model else "–",
        "weighted throughput [bps/Hz]": mean("weighted_throughput_bps_hz"),
        "satisfied UEs (share)": mean("satisfied_share"),
        "radiated power [W]": mean("power_w"),
        "loop latency p50 [ms]": f"{np.median(latencies_ms):.2f}" if latencies_ms else "–",
        "indications": f"{counters.get('indications', 0):.0f}",
        "controls acknowledged": f"{counters.get('controls_acked', 0):.0f}",
        "controls refused": f"{counters.get('controls_refused', 0):.0f}",
        "late decisions": str(late),
    }
