"""The KPI monitor: what it collects, and the standard measurements that it shows."""

from __future__ import annotations

from typing import Any

from deployment.fleet import Xapp
from deployment.observability import queries as q
from deployment.observability.panels import Panel, Query, board, choice, lines, number
from oran.e2sm.kpm.measurements import DEFINITIONS, Definition, Level
from xapps.kpimon.series import metric_name

YES = ((None, "red"), (1.0, "green"))
GRAFANA_UNITS = {"bits_per_second": "bps", "seconds": "s", "bits": "decbits", "ratio": "percentunit"}


def build(xapp: Xapp) -> Any:
    """The board."""
    me, node = q.matching(xapp=xapp.name), q.matching(xapp=xapp.name, meid="$meid")
    measured = [_measured(definition, node) for definition in DEFINITIONS.values()]
    return board(
        f"oran-xapp-{xapp.name}",
        f"O-RAN slicing / xApp {xapp.name}",
        xapp.row.summary,
        {"Now": _now(me), "Collection": _collection(me, node), "Measurements": measured},
        [choice("meid", "E2 node", f"ricxapp_indications_total{me}")],
    )


def _now(me: str) -> list[Panel]:
    return [
        number("Registered", "The app manager lists it", "none", Query(f"max(ricxapp_registered{me})"), steps=YES),
        number("E2 nodes", "That offer E2SM-KPM", "none", Query(f"max(ricxapp_e2_nodes{me})"), steps=YES),
        number("Subscriptions", "In place", "none", Query(f"sum(ricxapp_subscriptions{me})"), steps=YES),
        number("Readings", "A second", "ops", Query(q.per_second("ricxapp_kpimon_readings_total", me))),
        number("SDL writes", "A second", "ops", Query(q.per_second("ricxapp_kpimon_sdl_writes_total", me))),
        number("Dropped", "Beyond the limit of series", "ops", _quiet("ricxapp_kpimon_readings_dropped_total", me)),
    ]


def _collection(me: str, node: str) -> list[Panel]:
    return [
        lines(
            "Readings",
            "Measured values, and noValue",
            "ops",
            Query(q.per_second("ricxapp_kpimon_readings_total", node, by=("meid",)), "{{meid}}"),
            Query(q.quiet(q.per_second("ricxapp_kpimon_readings_without_value_total", node)), "without value"),
        ),
        lines(
            "Indications",
            "Received, and those not used",
            "ops",
            Query(q.per_second("ricxapp_indications_total", node), "received"),
            Query(q.quiet(q.per_second("ricxapp_indications_ignored_total", me, by=("reason",))), "ignored {{reason}}"),
        ),
    ]


def _measured(definition: Definition, node: str) -> Panel:
    """Mean over what is measured at the finest level that all measurements share: the slice, else the cell."""
    metric = metric_name(definition.name)
    level = "slice" if Level.SLICE in definition.levels else "cell"
    finest = node[:-1] + f',{level}!="",ue=""}}'
    legend = f"{{{{meid}}}} {level} {{{{{level}}}}}"
    unit = GRAFANA_UNITS.get(definition.base_unit, "none")
    query = Query(f"avg by (meid, {level}) ({metric}{finest})", legend)
    return lines(definition.name, f"{definition.meaning}, by {level} ({definition.clause})", unit, query)


def _quiet(counter: str, where: str) -> Query:
    return Query(q.quiet(q.per_second(counter, where)))
