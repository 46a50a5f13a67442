"""One xApp that allocates: how fast, how well, with which model."""

from __future__ import annotations

from typing import Any

from deployment.fleet import Xapp
from deployment.observability import queries as q
from deployment.observability.panels import Query, board, choice, lines, number, rows

DEADLINE = ((None, "green"), (0.01, "orange"), (0.02, "red"))
FEW = ((None, "green"), (0.01, "orange"), (0.05, "red"))
FATES = ("recorded", "sent", "acked", "dropped", "unmatched")
"""Of a transition on its way to the rApp."""
YES = ((None, "red"), (1.0, "green"))


def build(xapp: Xapp) -> Any:
    """The board of one xApp."""
    me, node = q.matching(xapp=xapp.name), q.matching(xapp=xapp.name, meid="$meid")
    demands = {"Demands": _demands(me, node)} if "demands_policy_type" in xapp.descriptor["controls"] else {}
    return board(
        f"oran-xapp-{xapp.name}",
        f"O-RAN slicing / xApp {xapp.name}",
        xapp.row.summary,
        {
            "Now": _now(me, node),
            "Decisions": _decisions(me, node),
            **demands,
            "Model and platform": _model(me),
            "Model on trial": _trial(me),
            "Reports and experience": _reports(me, node),
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


def _demands(me: str, node: str) -> list[Any]:
    """Mean rates against what users demand by A1, and the prices that bring them there."""

    def of_ues(title: str, text: str, unit: str, metric: str) -> Any:
        return lines(
            title, text, unit, Query(q.quiet(f"max by (meid, ue) (ricxapp_ue_{metric}{node})"), "{{meid}} {{ue}}")
        )

    return [
        of_ues("Demands", "By UE [bps/Hz]", "none", "demand_bps_per_hz"),
        of_ues("Mean rates", "Of the batch so far, by UE [bps/Hz]", "none", "rate_average_bps_per_hz"),
        of_ues("Multipliers", "Price of each demand", "none", "multiplier"),
        of_ues("Activity", "Probability of being allowed to send", "percentunit", "activity_ratio"),
        lines(
            "Violation",
            "Largest shortfall relative to its demand, and the channels that constant powers would serve",
            "percentunit",
            Query(q.quiet(f"max by (meid) (ricxapp_demand_violation_ratio{node})"), "{{meid}}"),
            Query(q.quiet(f"max(ricxapp_demand_constant_service_ratio{me})"), "constant powers"),
        ),
        lines(
            "Iterations to settle",
            "Until the demands were met",
            "short",
            Query(q.quiet(f"max by (meid) (ricxapp_demand_settle_iterations{node})"), "{{meid}}"),
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


def _trial(me: str) -> list[Any]:
    """Shadow, canary and the watch after a promotion; empty series show as zero."""
    outcomes = q.per_second("ricxapp_shadow_decisions_total", me, by=("outcome",))
    return [
        rows(
            "On trial", "Mode, allocator, model, version", Query(q.quiet(f"ricxapp_trial_info{me}")), hidden=("Value",)
        ),
        lines(
            "Throughput by arm",
            "Mean since the trial began [bps/Hz]",
            "none",
            _arms("weighted_throughput_bps_per_hz", me),
        ),
        lines("Satisfied by arm", "Mean share of UEs", "percentunit", _arms("satisfied_ratio", me)),
        lines(
            "Loss of the candidate",
            "Mean and the bounds that the guard goes by",
            "percentunit",
            Query(q.quiet(f"max by (mode, kpi, bound) (ricxapp_trial_loss_ratio{me})"), "{{mode}} {{kpi}} {{bound}}"),
        ),
        lines(
            "Shadow",
            "Decisions by what became of them; processes that had to be started again",
            "ops",
            Query(q.quiet(outcomes), "{{outcome}}"),
            Query(
                q.quiet(q.per_second("ricxapp_shadow_processes_ended_total", me, by=("cause",))), "process: {{cause}}"
            ),
        ),
        lines(
            "Rollbacks",
            "Models taken back by the xApp itself, by cause",
            "short",
            Query(f"sum by (cause) (ricxapp_model_rollbacks_total{me})", "{{cause}}"),
        ),
    ]


def _arms(figure: str, me: str) -> Query:
    return Query(q.quiet(f"max by (mode, arm) (ricxapp_trial_{figure}{me})"), "{{mode}} {{arm}}")


def _reports(me: str, node: str) -> list[Any]:
    unusable = q.per_second("ricxapp_reports_unusable_total", node, by=("reason",))
    return [
        lines(
            "Unusable reports",
            "By reason, and the last safe decisions that answered them",
            "ops",
            Query(q.quiet(unusable), "{{reason}}"),
            Query(q.quiet(q.per_second("ricxapp_decisions_last_safe_total", node)), "last safe decision"),
        ),
        lines(
            "Signatures",
            "Models looked at since the start, by verdict",
            "short",
            Query(f"sum by (verdict) (ricxapp_model_signatures_total{me})", "{{verdict}}"),
        ),
        lines(
            "Experience",
            "Transitions to the rApp",
            "ops",
            *(Query(q.quiet(q.per_second(f"ricxapp_experience_{fate}_total", me)), fate) for fate in FATES),
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
