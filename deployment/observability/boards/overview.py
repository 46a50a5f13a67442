"""Is everything well, and where not: the board to leave open."""

from __future__ import annotations

from typing import Any

from deployment.observability import queries as q
from deployment.observability.panels import Query, board, lines, number, rows

GOOD_FROM_ONE = ((None, "red"), (1.0, "green"))
SLA = ((None, "red"), (0.9, "orange"), (0.99, "green"))
FEW = ((None, "green"), (0.01, "orange"), (0.05, "red"))


def build() -> Any:
    """The board."""
    return board(
        "oran-overview",
        "O-RAN slicing / Overview",
        "The closed loop at a glance: E2, xApps, service levels, latency",
        {
            "Now": [
                number("E2 nodes", "Connected E2 nodes that the xApps found", "none", _nodes(), steps=GOOD_FROM_ONE),
                number("xApps registered", "xApps that the app manager lists", "none", _registered()),
                number("SLA met", "UEs whose service level is met", "percentunit", _satisfied(), steps=SLA),
                number("Late decisions", "Share past their deadline", "percentunit", _late(), steps=FEW),
                number("Refused controls", "Share that nodes refused", "percentunit", _refused(), steps=FEW),
                number("Decision p99", "Report complete to control sent", "s", _p99()),
            ],
            "The loop": [
                lines("Throughput", "Sum of weight times rate, a node", "none", _throughput()),
                lines("Service level met", "Share of UEs", "percentunit", _satisfied_by_node()),
                lines("Decision latency", "Report complete to control sent", "s", *_latency()),
                lines("Messages", "Indications in, controls out", "ops", *_messages()),
            ],
            "What serves": [
                rows(
                    "Allocators and models", "What decides in each xApp", Query("ricxapp_model_info"), hidden=("Value",)
                ),
                lines("Failures", "All kinds; zero when all is well", "ops", *_failures()),
            ],
        },
    )


def _nodes() -> Query:
    return Query("max(ricxapp_e2_nodes)")


def _registered() -> Query:
    return Query("sum(ricxapp_registered)")


def _satisfied() -> Query:
    return Query("avg(ricxapp_satisfied_ratio)")


def _late() -> Query:
    return Query(q.late_share())


def _refused() -> Query:
    return Query(q.quiet(q.refused_share()))


def _p99() -> Query:
    return Query(q.quantile(0.99, "ricxapp_decision_latency_seconds"))


def _throughput() -> Query:
    return Query("max by (meid) (ricxapp_weighted_throughput_bps_per_hz)", "{{meid}} [bps/Hz]")


def _satisfied_by_node() -> Query:
    return Query("min by (meid) (ricxapp_satisfied_ratio)", "{{meid}}")


def _latency() -> list[Query]:
    histogram = "ricxapp_decision_latency_seconds"
    return [
        Query(q.quantile(share, histogram, by=("xapp",)), f"p{share * 100:g} {{{{xapp}}}}") for share in (0.5, 0.99)
    ]


def _messages() -> list[Query]:
    return [
        Query(q.per_second("ricxapp_indications_total", by=("xapp",)), "indications {{xapp}}"),
        Query(q.per_second("ricxapp_controls_sent_total", by=("xapp",)), "controls {{xapp}}"),
    ]


def _failures() -> list[Query]:
    counters = {
        "decisions by the fallback": "ricxapp_decisions_fallback_total",
        "handler errors": "ricxapp_handler_errors_total",
        "platform calls": "ricxapp_platform_errors_total",
        "RMR messages dropped": "ricxapp_rmr_messages_dropped_total",
        "controls unsent": "ricxapp_controls_unsent_total",
    }
    return [Query(q.quiet(q.per_second(counter)), name) for name, counter in counters.items()]
