"""The radio: RUs, PRBs, UEs, energy, and the E2 nodes that report them."""

from __future__ import annotations

from typing import Any

from deployment.observability import queries as q
from deployment.observability.panels import Query, bars, board, choice, lines, number

NODE = q.matching(instance="$instance")


def build() -> Any:
    """The board."""
    return board(
        "oran-ran",
        "O-RAN slicing / RAN",
        "Radio units, PRB use, UE rates and energy of the E2 nodes",
        {
            "Nodes": [
                number("E2 connected", "Nodes whose E2 Setup stands", "none", Query(f"sum(e2sim_e2_connected{NODE})")),
                number("Subscriptions", "Admitted", "none", Query(f"sum(e2sim_subscriptions{NODE})")),
                number("UEs", "In all slices", "none", Query(f"sum(e2sim_slice_ues{NODE})")),
                number("Radiated power", "All RUs", "watt", Query(f"sum(e2sim_radiated_power_watts{NODE})")),
                number("Slots", "A second", "ops", Query(q.per_second("e2sim_slots_total", NODE))),
                number("Overruns", "Slots that real time overtook", "ops", _quiet("e2sim_slot_overruns_total")),
            ],
            "Cells": [
                bars("PRBs in use", "Share of a RU's PRBs in the last slot", "percentunit", _prbs(), top=1),
                lines("PRBs in use", "Share of a RU's PRBs", "percentunit", _prbs()),
                lines("Power by RU", "Radiated in the last slot", "watt", _ru_power(), stacked=True),
                lines("UE rates", "Percentiles [bps/Hz]; the 5th is the cell edge", "none", _ue_rates()),
            ],
            "Energy": [
                lines("Energy", "Radiated since the start", "joule", _per_node("e2sim_radiated_energy_joules_total")),
                lines("Efficiency", "Weighted throughput per watt [bps/Hz/W]", "none", _efficiency()),
            ],
            "E2": [
                lines("Loop latency", "Indication sent to control applied", "s", *_loop()),
                lines("Controls", "Applied and refused, by reason", "ops", *_controls()),
                lines(
                    "Throughput",
                    "Sum of weight times rate [bps/Hz]",
                    "none",
                    _per_node("e2sim_weighted_throughput_bps_hz"),
                ),
                lines(
                    "Late slots",
                    "Slots without the decision they asked for",
                    "short",
                    _per_node("e2sim_late_decisions"),
                ),
            ],
        },
        [choice("instance", "Node", "e2sim_e2_connected")],
    )


def _per_node(metric: str) -> Query:
    return Query(f"sum by (instance) ({metric}{NODE})", "{{instance}}")


def _quiet(counter: str) -> Query:
    return Query(q.quiet(q.per_second(counter, NODE)))


def _prbs() -> Query:
    return Query(f"max by (instance, ru) (e2sim_prb_used_ratio{NODE})", "RU {{ru}} {{instance}}")


def _ru_power() -> Query:
    return Query(f"max by (instance, ru) (e2sim_ru_power_watts{NODE})", "RU {{ru}} {{instance}}")


def _ue_rates() -> Query:
    return Query(f"avg by (percentile) (e2sim_ue_rate_bps_hz{NODE})", "{{percentile}}th percentile")


def _efficiency() -> Query:
    power = f"(sum by (instance) (e2sim_radiated_power_watts{NODE}) > 0)"
    return Query(f"sum by (instance) (e2sim_weighted_throughput_bps_hz{NODE}) / {power}", "{{instance}}")


def _loop() -> list[Query]:
    return [Query(q.quantile(share, "e2sim_loop_latency_seconds", NODE), f"p{share * 100:g}") for share in (0.5, 0.99)]


def _controls() -> list[Query]:
    return [
        Query(q.per_second("e2sim_controls_applied_total", NODE), "applied"),
        Query(q.quiet(q.per_second("e2sim_controls_refused_total", NODE, by=("reason",))), "refused {{reason}}"),
    ]
