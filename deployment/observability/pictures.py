"""A picture of each dashboard from a Prometheus's data: Grafana's layout, drawn with matplotlib."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from deployment.observability import promql
from deployment.observability.prometheus import PrometheusServer, Series

INCH_PER_COLUMN, INCH_PER_ROW = 0.62, 0.36
BACKGROUND, CARD, INK, FAINT = "#111217", "#181b1f", "#d8d9da", "#8e8e8e"
SCALES = {
    "percentunit": (100.0, " %"),
    "s": (1e3, " ms"),
    "watt": (1.0, " W"),
    "joule": (1.0, " J"),
    "ops": (1.0, " /s"),
    "ms": (1.0, " ms"),
}
SCALES |= {
    "bps": (1e-6, " Mbit/s"),
    "decbits": (1e-6, " Mbit"),
}
MAX_LINES, MAX_ROWS, MAX_TEXT = 12, 6, 14

mpl.rcParams |= {"font.size": 8, "text.color": INK, "axes.edgecolor": FAINT, "font.family": "DejaVu Sans"}


def draw_all(
    paths: list[Path],
    server: PrometheusServer,
    start_s: float,
    end_s: float,
    windows: Mapping[str, str],
    folder: Path,
) -> None:
    """One PNG a dashboard, named ``dashboard-<file>.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        figure = draw(json.loads(path.read_text()), server, start_s, end_s, windows)
        figure.savefig(folder / f"dashboard-{path.stem}.png", dpi=80, facecolor=BACKGROUND)


def draw(
    document: dict[str, Any], server: PrometheusServer, start_s: float, end_s: float, windows: Mapping[str, str]
) -> Figure:
    """The picture of one dashboard over a span of time."""
    panels = document["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) + 2
    figure = Figure((24 * INCH_PER_COLUMN, rows * INCH_PER_ROW))
    figure.text(0.01, 1 - 0.8 / rows, document["title"], size=15, weight="bold", va="center")
    step_s = max((end_s - start_s) / 240, 1.0)
    for panel in panels:
        place = panel["gridPos"]
        top = 1 - (place["y"] + 2) / rows
        if panel["type"] == "row":
            figure.text(0.01, top - 0.5 / rows, panel["title"], size=11, color=FAINT, va="center")
            continue
        axes = _card(figure, place, top, rows, panel["title"])
        found = _answers(panel, server, start_s, end_s, step_s, windows)
        DRAWN[panel["type"]](axes, panel, found)
    return figure


def _card(figure: Figure, place: dict[str, int], top: float, rows: int, title: str) -> Axes:
    left, width, height = place["x"] / 24, place["w"] / 24, place["h"] / rows
    backdrop = figure.add_axes((left + 0.003, top - height + 0.15 / rows, width - 0.006, height - 0.3 / rows))
    backdrop.set(facecolor=CARD, xticks=[], yticks=[])
    backdrop.set_title(title, loc="left", size=9, y=1.0, pad=-11, x=0.012)
    inner_left, inner_right = (0.045, 0.012) if place["h"] > 4 else (0.01, 0.01)
    bottom, head = (1.9 / rows, 1.4 / rows) if place["h"] > 4 else (0.4 / rows, 1.2 / rows)
    box = (left + inner_left, top - height + bottom, width - inner_left - inner_right, height - bottom - head)
    axes = figure.add_axes(box)
    axes.set_facecolor(CARD)
    axes.tick_params(colors=FAINT, labelsize=7)
    return axes


def _answers(
    panel: dict[str, Any],
    server: PrometheusServer,
    start_s: float,
    end_s: float,
    step_s: float,
    windows: Mapping[str, str],
) -> list[tuple[str, Series]]:
    found = []
    for target in panel["targets"]:
        expression = promql.concrete(target["expr"], **windows)
        answer = server.query_range(expression, start_s, end_s, step_s)
        found += [(_legend(target.get("legendFormat", ""), series.labels), series) for series in answer]
    return found


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), template).strip()


def _scale(panel: dict[str, Any]) -> tuple[float, str]:
    return SCALES.get(panel["fieldConfig"]["defaults"].get("unit", ""), (1.0, ""))


def _lines(axes: Axes, panel: dict[str, Any], found: list[tuple[str, Series]]) -> None:
    factor, unit = _scale(panel)
    for name, series in found[:MAX_LINES]:
        axes.plot(dates.date2num(series.time_s.astype("datetime64[s]")), series.value * factor, lw=1.1, label=name)
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(dates.AutoDateLocator(maxticks=6))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}{unit}")
    if "min" in panel["fieldConfig"]["defaults"]:
        axes.set_ylim(bottom=0.0, top=None if any(series.value.max() > 0 for _, series in found) else 1.0)
    axes.grid(color="#2c3235", lw=0.5)
    if any(name for name, _ in found):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=6, fontsize=6, frameon=False, labelcolor=INK)


def _number(axes: Axes, panel: dict[str, Any], found: list[tuple[str, Series]]) -> None:
    axes.axis("off")
    factor, unit = _scale(panel)
    text, colour = "no data", FAINT
    if found:
        value = float(found[0][1].value[-1])
        text, colour = _written(panel, value, factor, unit), _colour(panel, value)
    axes.text(0.5, 0.45, text, ha="center", va="center", size=19, color=colour, weight="bold")


def _written(panel: dict[str, Any], value: float, factor: float, unit: str) -> str:
    if panel["fieldConfig"]["defaults"].get("unit") == "dateTimeAsIso":
        return f"{dates.num2date(value / 86_400_000):%Y-%m-%d %H:%M:%S}"
    return f"{value * factor:.4g}{unit}"


def _colour(panel: dict[str, Any], value: float) -> str:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}.get(reached[-1] if reached else "green", INK)


def _bars(axes: Axes, panel: dict[str, Any], found: list[tuple[str, Series]]) -> None:
    factor, unit = _scale(panel)
    shown = found[:MAX_LINES]
    values = [float(series.value[-1]) * factor for _, series in shown]
    axes.barh(range(len(shown)), values, color="#5794f2", height=0.6)
    axes.set_yticks(range(len(shown)), [""] * len(shown))
    axes.set_ylim(max(len(shown), 4) - 0.4, -0.9)
    for row, ((name, _), value) in enumerate(zip(shown, values, strict=True)):
        axes.text(0.01, row - 0.42, name, transform=axes.get_yaxis_transform(), size=6.5, va="bottom", color=FAINT)
        axes.text(
            0.99, row, f"{value:.3g}{unit}", transform=axes.get_yaxis_transform(), size=7, ha="right", va="center"
        )


def _table(axes: Axes, panel: dict[str, Any], found: list[tuple[str, Series]]) -> None:
    axes.axis("off")
    hidden = panel["transformations"][0]["options"]["excludeByName"]
    newest = max((series.time_s[-1] for _, series in found), default=0.0)
    rows = [series.labels for _, series in found if series.time_s[-1] == newest][:MAX_ROWS]
    columns = sorted({name for labels in rows for name in labels} - set(hidden))
    if not columns:
        return
    height = 0.13 * (len(rows) + 1)
    cells = [[labels.get(name, "")[:MAX_TEXT] for name in columns] for labels in rows]
    drawn = axes.table(
        cells, colLabels=columns, cellLoc="left", edges="horizontal", bbox=Bbox.from_bounds(0, 1 - height, 1, height)
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7.5)
    for cell in drawn.get_celld().values():
        cell.set_edgecolor("#2c3235")
        cell.get_text().set_color(INK)


DRAWN: dict[str, Callable[[Axes, dict[str, Any], list[tuple[str, Series]]], None]] = {
    "timeseries": _lines,
    "stat": _number,
    "bargauge": _bars,
    "table": _table,
}
"""How each kind of panel is drawn."""
