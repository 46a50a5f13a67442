"""The four kinds of panel that the boards use, with the suite's looks: one function a kind, one line a panel."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

WIDTH = 24
"""Columns of Grafana's grid."""
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and what its series are called; ``{{label}}`` stands for a label's value."""

    expression: str
    legend: str = ""


Build = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel before it is placed."""

    width: int
    height: int
    build: Build


def lines(title: str, text: str, unit: str, *queries: Query, width: int = 12, stacked: bool = False) -> Panel:
    """Values over time."""

    def build() -> Any:
        panel = timeseries.Panel().title(title).description(text).unit(unit).datasource(SOURCE)
        panel = panel.line_width(1.5).fill_opacity(40 if stacked else 8).show_points(common_models.VisibilityMode.NEVER)
        if stacked:
            panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
        legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST).show_legend(True)
        panel = panel.legend(legend.placement(common_models.LegendPlacement.BOTTOM))
        return _with_targets(panel.min(0.0) if unit not in SIGNED else panel, queries)

    return Panel(width, 8, build)


SIGNED = ("short", "none")
"""Units whose axis need not begin at zero."""


def number(
    title: str, text: str, unit: str, query: Query, *, width: int = 4, steps: Sequence[tuple[float | None, str]] = ()
) -> Panel:
    """The newest value, coloured by thresholds: (from, colour), the first from None."""

    def build() -> Any:
        panel = stat.Panel().title(title).description(text).unit(unit).datasource(SOURCE)
        panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        if steps:
            panel = panel.thresholds(_thresholds(steps)).color_mode(common_models.BigValueColorMode.VALUE)
        return _with_targets(panel, [query])

    return Panel(width, 4, build)


def bars(title: str, text: str, unit: str, query: Query, *, width: int = 12, top: float | None = None) -> Panel:
    """The newest value of every series, side by side."""

    def build() -> Any:
        panel = bargauge.Panel().title(title).description(text).unit(unit).datasource(SOURCE).min(0.0)
        panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        panel = panel.orientation(common_models.VizOrientation.HORIZONTAL)
        return _with_targets(panel.max(top) if top is not None else panel, [query])

    return Panel(width, 8, build)


def rows(title: str, text: str, query: Query, *, width: int = 12, hidden: Sequence[str] = ()) -> Panel:
    """The labels of every series as a table."""

    def build() -> Any:
        panel = table.Panel().title(title).description(text).datasource(SOURCE)
        excluded = dict.fromkeys(("Time", "__name__", "instance", "job", "namespace", "pod", *hidden), True)
        organise = models.DataTransformerConfig(id_val="organize", options={"excludeByName": excluded})
        return panel.with_transformation(organise).with_target(
            _target(query, "A").instant().format(PromQueryFormat.TABLE)
        )

    return Panel(width, 8, build)


def board(uid: str, title: str, text: str, groups: dict[str, Sequence[Panel]], variables: Sequence[Any] = ()) -> Any:
    """A dashboard: one row a group, its panels from left to right."""
    built = dashboards.Dashboard(title).uid(uid).description(text).tags(["oran-slicing"]).editable()
    built = built.refresh("5s").time("now-15m", "now").timezone("browser")
    built = built.with_variable(dashboards.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for variable in variables:
        built = built.with_variable(variable)
    number = itertools.count(1)
    for name, panels in groups.items():
        built = built.with_row(dashboards.Row(name).id(next(number)))
        for panel in panels:
            built = built.with_panel(panel.build().id(next(number)).span(panel.width).height(panel.height))
    return built


def choice(name: str, label: str, metric: str) -> Any:
    """A variable with the values of a label of a metric; all of them at first."""
    variable = dashboards.QueryVariable(name).label(label).datasource(SOURCE)
    variable = variable.query(f"label_values({metric}, {name})").refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.include_all(True).all_value(".*").multi(True)


def _with_targets(panel: Any, queries: Sequence[Query]) -> Any:
    for index, query in enumerate(queries):
        panel = panel.with_target(_target(query, chr(ord("A") + index)))
    return panel


def _target(query: Query, ref_id: str) -> Any:
    return prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(ref_id).datasource(SOURCE)


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> Any:
    built = [models.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(built)
