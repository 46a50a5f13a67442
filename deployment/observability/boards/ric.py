"""The small near-RT RIC, for clusters that run it in place of the platform."""

from __future__ import annotations

from typing import Any

from deployment.observability import queries as q
from deployment.observability.panels import Query, board, lines, number

YES = ((None, "red"), (1.0, "green"))


def build() -> Any:
    """The board."""
    return board(
        "oran-ric",
        "O-RAN slicing / near-RT RIC",
        "E2 termination, RMR, routes, subscriptions, A1 policies",
        {
            "Now": [
                number("E2 nodes", "Set up", "none", Query("sum(ric_e2_nodes_connected)"), steps=YES),
                number("Subscriptions", "In force", "none", Query("sum(ric_e2_subscriptions)"), steps=YES),
                number("A1 policies", "Instances", "none", Query("sum(ric_a1_policies)")),
                number("Database", "1: it answers", "none", Query("min(ric_sdl_available)"), steps=YES),
                number("E2AP violations", "A second", "ops", Query(q.quiet(q.per_second("ric_e2_violations_total")))),
                number(
                    "Lost controls",
                    "For nodes that are away",
                    "ops",
                    Query(q.quiet(q.per_second("ric_controls_dropped_total"))),
                ),
            ],
            "Messages": [
                lines("E2AP", "By message and direction", "ops", _e2()),
                lines("RMR", "Sent and received", "ops", *_rmr()),
                lines("RMR messages lost", "By component and reason", "ops", _lost()),
                lines("Route tables", "Pushed to xApps, by answer", "ops", _routes()),
                lines("Subscriptions", "Outcomes", "ops", _subscriptions()),
            ],
        },
    )


def _e2() -> Query:
    return Query(q.per_second("ric_e2_messages_total", by=("message", "direction")), "{{message}} {{direction}}")


def _rmr() -> list[Query]:
    return [
        Query(q.per_second("ric_rmr_sent_total", by=("component",)), "sent {{component}}"),
        Query(q.per_second("ric_rmr_received_total", by=("component",)), "received {{component}}"),
    ]


def _lost() -> Query:
    return Query(q.quiet(q.per_second("ric_rmr_dropped_total", by=("component", "reason"))), "{{component}} {{reason}}")


def _routes() -> Query:
    return Query(q.quiet(q.per_second("ric_route_pushes_total", by=("outcome",))), "{{outcome}}")


def _subscriptions() -> Query:
    return Query(q.quiet(q.per_second("ric_subscription_outcomes_total", by=("outcome",))), "{{outcome}}")
