"""The rApp: training curves, the gate's verdicts, where each model comes from."""

from __future__ import annotations

from typing import Any

from deployment.observability import queries as q
from deployment.observability.panels import Query, bars, board, choice, lines, number, rows

RUN = q.matching(run="$run")
SERVE = q.matching(mode="serve")
"""A candidate in the shadow or as a canary has published nothing yet."""
SHARES = "satisfied_share|of_exact|drops_all_satisfied|infeasible_before_projection"
_LOSS = "{{rollout}} {{stage}} {{kpi}} {{bound}}"
VERDICT = ((None, "red"), (1.0, "green"))


def build() -> Any:
    """The board."""
    return board(
        "oran-rapp",
        "O-RAN slicing / rApp",
        "Training, evaluation gate and model lineage",
        {
            "Now": [
                number("Models", "Stored versions", "none", Query("count(rapp_model_info)")),
                number("Runs", "Training runs on disk", "none", Query("sum(rapp_runs)")),
                number(
                    "Newest verdict", "1: the gate accepted", "none", Query("min(rapp_run_accepted)"), steps=VERDICT
                ),
                number("Store calls", "gRPC", "ops", Query(q.per_second("rapp_model_store_calls_total"))),
                number("Newest model", "Stored at", "dateTimeAsIso", _newest(), width=8),
            ],
            "Training": [
                lines("Training curves", "Newest value of each curve", "none", _curves(), width=24),
                lines("Epochs", "Done, by run", "short", Query(f"max by (run) (rapp_run_epochs{RUN})", "{{run}}")),
                lines("Runs by state", "On disk", "short", Query("sum by (state) (rapp_runs)", "{{state}}")),
            ],
            "Gate": [
                bars("Gain", "Score less that of what served, with its interval [bps/Hz]", "none", _gain()),
                bars(
                    "Scores",
                    "Held-out draws of the newest versions [bps/Hz]",
                    "none",
                    _figures("score|weighted_throughput"),
                ),
                bars(
                    "Shares", "Of UEs, draws, decisions and the exact optimum", "percentunit", _figures(SHARES), top=1
                ),
                bars("Decision time", "Percentiles on the gate's machine", "ms", _figures("latency_.*")),
            ],
            "Roll-outs and experience": [
                lines("Roll-outs", "By stage", "short", Query(q.quiet("sum by (stage) (rapp_rollouts)"), "{{stage}}")),
                lines(
                    "Loss of a stage",
                    "Throughput relative, satisfied UEs absolute",
                    "percentunit",
                    Query(q.quiet("max by (rollout, stage, kpi, bound) (rapp_rollout_loss_ratio)"), _LOSS),
                ),
                lines(
                    "Experience",
                    "Transitions by what became of them",
                    "short",
                    Query(q.quiet("sum by (source, fate) (rapp_experience_transitions)"), "{{source}} {{fate}}"),
                ),
                lines(
                    "Verdicts, publications, roll-outs' ends",
                    "Since the journal began",
                    "short",
                    Query(q.quiet("sum by (verdict) (rapp_gate_verdicts_total)"), "gate: {{verdict}}"),
                    Query(q.quiet(f"sum by (status) (rapp_models_published_total{SERVE})"), "A1: {{status}}"),
                    Query(q.quiet("sum by (outcome) (rapp_rollouts_ended_total)"), "roll-out: {{outcome}}"),
                ),
            ],
            "Lineage": [
                rows("Models", "Version, run, scenario, digest", Query("rapp_model_info"), width=16, hidden=("Value",)),
                lines(
                    "Store calls",
                    "By method and status",
                    "ops",
                    Query(
                        q.per_second("rapp_model_store_calls_total", by=("method", "status")), "{{method}} {{status}}"
                    ),
                    width=8,
                ),
            ],
        },
        [choice("run", "Run", "rapp_run_epochs")],
    )


def _newest() -> Query:
    return Query("max(rapp_model_created_timestamp_seconds) * 1000")


def _curves() -> Query:
    return Query(f"max by (run, curve) (rapp_run_curve{RUN})", "{{curve}}")


def _gain() -> Query:
    return Query(f"max by (run, bound) (rapp_run_gain_bps_hz{RUN})", "{{run}} {{bound}}")


def _figures(pattern: str) -> Query:
    chosen = q.matching(figure=pattern)
    return Query(f"max by (name, version, figure) (rapp_model_evaluation{chosen})", "{{name}} {{version}} {{figure}}")
