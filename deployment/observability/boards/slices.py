"""Slices and their service levels."""

from __future__ import annotations

from typing import Any

from deployment.observability import queries as q
from deployment.observability.panels import Query, bars, board, choice, lines

NODE = q.matching(meid="$meid")


def build() -> Any:
    """The board."""
    met = "ricxapp_slice_satisfied_ratio"
    return board(
        "oran-slices",
        "O-RAN slicing / Slices and SLA",
        "What every slice gets, and whether its service level holds",
        {
            "Service levels": [
                bars(
                    "SLA met now",
                    "Share of a slice's UEs",
                    "percentunit",
                    _by_slice(f"min by (slice) ({met}{NODE})"),
                    top=1,
                ),
                bars(
                    "SLA met over the range shown",
                    "Time average of the share of a slice's UEs",
                    "percentunit",
                    _by_slice(f"min by (slice) (avg_over_time({met}{NODE}[$__range]))"),
                    top=1,
                ),
                lines(
                    "SLA met",
                    "Share of a slice's UEs",
                    "percentunit",
                    _by_slice(f"min by (slice) ({met}{NODE})"),
                    width=24,
                ),
            ],
            "Rates": [
                lines(
                    "Rate by slice",
                    "Sum of the rates of a slice's UEs [bps/Hz]",
                    "none",
                    _by_slice(f"sum by (slice) (max by (meid, slice) (ricxapp_slice_rate_bps_per_hz{NODE}))"),
                    stacked=True,
                ),
                lines("Rate per UE", "Mean of a slice [bps/Hz], as the nodes count it", "none", _rate_per_ue()),
                lines("UEs", "UEs in each slice", "none", _by_slice("sum by (slice) (e2sim_slice_ues)"), stacked=True),
                lines(
                    "Policies in force",
                    "A1 policy instances that an xApp enforces, by type",
                    "none",
                    Query("sum by (type) (ricxapp_policy_enforced) or on() vector(0)", "type {{type}}"),
                ),
            ],
        },
        [choice("meid", "E2 node", met)],
    )


def _by_slice(expression: str) -> Query:
    return Query(expression, "{{slice}}")


def _rate_per_ue() -> Query:
    return _by_slice("sum by (slice) (e2sim_slice_rate_bps_hz) / sum by (slice) (e2sim_slice_ues > 0)")
