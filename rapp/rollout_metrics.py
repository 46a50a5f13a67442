"""Roll-outs as metrics, read from their folders at every scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prometheus_client.core import GaugeMetricFamily

from rapp.rollout import RolloutState, Stage

NEWEST_ROLLOUTS = 10
"""Roll-outs shown one by one: each is a label, and labels cost memory in Prometheus for ever."""


def families(rollouts: Sequence[tuple[str, RolloutState]] = ()) -> list[GaugeMetricFamily]:
    """All roll-outs (newest first) as metrics; without any their declaration."""
    counts = GaugeMetricFamily("rapp_rollouts", "roll-outs by stage", labels=["stage"])
    stages = GaugeMetricFamily(
        "rapp_rollout_stage", "1 for the stage that a roll-out is in", labels=["rollout", "stage"]
    )
    seconds = GaugeMetricFamily(
        "rapp_rollout_stage_seconds", "duration of a finished stage", labels=["rollout", "stage"]
    )
    loss = GaugeMetricFamily(
        "rapp_rollout_loss_ratio",
        "loss that a stage has measured: of throughput relative, of satisfied UEs absolute",
        labels=["rollout", "stage", "kpi", "bound"],
    )
    for stage, count in Counter(state.stage for _, state in rollouts).items():
        counts.add_metric([stage], count)
    for name, state in rollouts[:NEWEST_ROLLOUTS]:
        for each in Stage:
            stages.add_metric([name, each], float(state.stage is each))
        for record in state.records:
            if record.seconds:
                seconds.add_metric([name, record.stage], record.seconds)
            for kpi, bounds in record.evidence.get("loss", {}).items():
                for bound, value in bounds.items():
                    loss.add_metric([name, record.stage, kpi, bound], value)
    return [counts, stages, seconds, loss]
