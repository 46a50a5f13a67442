"""One xApp that allocates: how fast, how well, with which model."""

from __future__ import annotations

from typing import Any

from deployment.fleet import Xapp
from deployment.observability import queries as q
from deployment.observability.panels import Query, board, choice, lines, number, rows

DEADLINE = ((None, "green"), (0.01, "orange"), (0.02, "red"))
FEW = ((None, "green"), (0.01, "orange"), (0.05, "red"))
YES = ((None, "red"), (1.0, "green"))


def build(xapp: Xapp) -> Any:
    """The board of one xApp."""
    me, node = q.matching(xapp=xapp.name), q.matching(xapp=xapp.name, meid="$meid")
    return board(
        f"oran-xapp-{xapp.name}",
        f"O-RAN slicing / xApp {xapp.name}",
        xapp.row.summary,
        {
            "Now": _now(me, node),
            "Decisions": _decisions(me, node),
            "Model and platform": _model(me),
            "Radio": _radio(node),
        },
        [choice("meid", "E2 node", f"ricxapp_indications_total{me}")],
    )


def _now(me: str, node: str) -> list[Any]:
    p99 = q.quantile(0.99, "ricxapp_decision_latency_seconds", node)
    return [
        number("Registered", "The app manager lists it", "none", Query(f"max(ricxapp_registered{me})"), steps=YES),
        number("E2 nodes", "That offer the service model", "none", Query(f"max(ricxapp_e2_nodes{me})"), steps=YES),
        number("Subscriptions", "In place", "none", Query(f"sum(ricxapp_subscriptions{me})"), steps=YES),
        number("Decision p99", "Report complete to control sent", "s", Query(p99), steps=DEADLINE),
        number("Late", "Share past the deadline", "percentunit", Query(q.late_share(node)), steps=FEW),
        number("Refused", "Share that nodes refused", "percentunit", Query(q.quiet(q.refused_share(node))), steps=FEW),
    ]


def _decisions(me: str, node: str) -> list[Any]:
    latency, trip = "ricxapp_decision_latency_seconds", "ricxapp_control_round_trip_seconds"
    refused = q.per_second("ricxapp_controls_refused_total", node, by=("reason", "cause"))
    return [
        lines("Decision latency", "Report complete to control sent", "s", *_percentiles(latency, node)),
        lines("Round trip", "Control sent to answer", "s", *_percentiles(trip, node)),
        lines(
            "Decisions",
            "Sent, acknowledged, late",
            "ops",
            Query(q.per_second("ricxapp_controls_sent_total", node), "sent"),
            Query(q.per_second("ricxapp_controls_acked_total", node), "acknowledged"),
            Query(q.quiet(q.per_second("ricxapp_decisions_late_total", node)), "late"),
            Query(q.quiet(q.per_second("ricxapp_decisions_fallback_total", me)), "by the fallback"),
        ),
        lines("Refusals", "By reason and cause", "ops", Query(q.quiet(refused), "{{reason}} {{cause}}")),
        lines(
            "Shield",
            "Entries of decisions that the shield changed",
            "ops",
            Query(q.quiet(q.per_second("ricxapp_shield_corrections_total", me)), "corrections"),
        ),
        lines(
            "Indications",
            "Received, and those not answered",
            "ops",
            Query(q.per_second("ricxapp_indications_total", node), "received"),
            Query(q.quiet(q.per_second("ricxapp_reports_stale_total", node)), "overtaken"),
            Query(q.quiet(q.per_second("ricxapp_indications_ignored_total", me, by=("reason",))), "ignored {{reason}}"),
        ),
    ]


def _model(me: str) -> list[Any]:
    swaps = f"sum by (outcome) (ricxapp_model_swaps_total{me})"
    policies = q.quiet(f"sum by (operation, status) (ricxapp_policy_requests_total{me})")
    return [
        rows(
            "Serving", "Allocator, model, version, digest", Query(f"ricxapp_model_info{me}"), hidden=("Value", "xapp")
        ),
        lines("Model swaps", "Since the start, by outcome", "short", Query(swaps, "{{outcome}}")),
        lines("A1 policy requests", "Since the start", "short", Query(policies, "{{operation}} {{status}}")),
        lines(
            "Platform errors",
            "Calls that failed, by operation",
            "ops",
            Query(q.quiet(q.per_second("ricxapp_platform_errors_total", me, by=("operation",))), "{{operation}}"),
        ),
    ]


def _radio(node: str) -> list[Any]:
    return [
        lines(
            "Throughput",
            "Sum of weight times rate [bps/Hz]",
            "none",
            Query(f"max by (meid) (ricxapp_weighted_throughput_bps_per_hz{node})", "{{meid}}"),
        ),
        lines(
            "Radiated power",
            "All RUs of a node",
            "watt",
            Query(f"max by (meid) (ricxapp_radiated_power_watts{node})", "{{meid}}"),
        ),
    ]


def _percentiles(histogram: str, where: str) -> list[Query]:
    return [Query(q.quantile(share, histogram, where), f"p{share * 100:g}") for share in (0.5, 0.9, 0.99)]
