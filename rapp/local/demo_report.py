"""What the demo measured: the report, whether all of it held, and its figures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

YARDSTICKS = ("equal", "greedy", "matching", "model", "exact")
"""Allocators that meet the same lock-step draws; "model" is the trained one."""

MODEL_MARGIN = 1.02
"""The model must beat what served before it by 2 %: less could be luck of the draws."""

IN_FLIGHT = 2
"""Controls that may cross the change of the subscription, or the end, on their way."""

EXACT_MARGIN = 1.001
"""Nothing may beat the exact allocation by more than its own gap: above it a limit was broken."""


@dataclass(slots=True)
class Measurements:
    """Everything that one run of the demo measured."""

    e2_setup: bool = False
    subscription_admitted: bool = False
    counters: dict[str, float] = field(default_factory=dict)
    indications: int = 0
    late_decisions: int = 0
    policy_status: str = "NOT_ENFORCED"
    policy_reason: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    served_sha256: str = ""
    gate: dict[str, Any] = field(default_factory=dict)
    episodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, list[Any]] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    trace: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def weighted_throughput(self) -> dict[str, float]:
        """Mean over the draws of an episode [bps/Hz], by allocator."""
        return {name: _mean(episode, "weighted_throughput_bps_hz") for name, episode in self.episodes.items()}

    def satisfied_share(self) -> dict[str, float]:
        """Mean share of UEs with their minimum rate and delay bound met, by allocator."""
        return {name: _mean(episode, "satisfied_share") for name, episode in self.episodes.items()}

    def latency_percentiles_ms(self) -> dict[str, float]:
        p50, p99 = np.percentile(self.latencies_ms, [50, 99]) if self.latencies_ms else (np.inf, np.inf)
        return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}


def report(measured: Measurements) -> dict[str, Any]:
    """The content of ``report.json``."""
    return {
        "e2_setup": measured.e2_setup,
        "subscription_admitted": measured.subscription_admitted,
        "indications": measured.indications,
        "controls_sent": int(measured.counters.get("controls_sent", 0)),
        "controls_acked": int(measured.counters.get("controls_acked", 0)),
        "controls_refused": int(measured.counters.get("controls_refused", 0)),
        "policy_status": measured.policy_status,
        "model": {**measured.model, "served_sha256": measured.served_sha256},
        "weighted_throughput": measured.weighted_throughput(),
        "satisfied_share": measured.satisfied_share(),
        "draws": {name: len(episode["records"]) for name, episode in measured.episodes.items()},
        "loop_latency_ms": measured.latency_percentiles_ms(),
        "loop_latency_samples": len(measured.latencies_ms),
        "late_decisions": measured.late_decisions,
        "gate": measured.gate,
        "seconds": {name: round(value, 2) for name, value in measured.seconds.items()},
    }


def failures(measured: Measurements) -> list[str]:
    """What did not hold, one sentence each; empty means the demo succeeded."""
    throughput = measured.weighted_throughput()
    sent, acked, refused = (measured.counters.get(f"controls_{what}", 0) for what in ("sent", "acked", "refused"))
    checks = {
        "E2 Setup was not accepted": measured.e2_setup,
        "the subscription was not admitted": measured.subscription_admitted,
        "no indications came": measured.indications > 0,
        "no controls were acknowledged": acked > 0,
        f"{sent - acked:.0f} of {sent:.0f} controls were not acknowledged": sent - acked <= 2 * IN_FLIGHT,
        f"{refused:.0f} controls were refused": refused <= IN_FLIGHT,
        f"the policy is {measured.policy_status} ({measured.policy_reason})": measured.policy_status == "ENFORCED",
        "the xApp serves other bytes than were stored": (
            bool(measured.served_sha256) and measured.model.get("sha256") == measured.served_sha256
        ),
        "an allocator was not measured": set(throughput) == set(YARDSTICKS),
        "no loop latency was measured": bool(measured.latencies_ms),
    }
    found = [text for text, held in checks.items() if not held]
    return found or _comparison_failures(throughput)


def _comparison_failures(throughput: dict[str, float]) -> list[str]:
    found = []
    if throughput["model"] < MODEL_MARGIN * throughput["equal"]:
        found.append(f"the model ({throughput['model']:.1f}) does not beat equal ({throughput['equal']:.1f})")
    found += [
        f"{name} ({value:.2f}) beats exact ({throughput['exact']:.2f}): a limit was broken"
        for name, value in throughput.items()
        if value > EXACT_MARGIN * throughput["exact"]
    ]
    return found


def write(measured: Measurements, folder: Path) -> dict[str, Any]:
    """Writes ``report.json`` and returns its content."""
    content = report(measured)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(content, indent=2) + "\n")
    return content


def _mean(episode: dict[str, Any], name: str) -> float:
    return round(float(np.mean([record[name] for record in episode["records"]])), 4)
