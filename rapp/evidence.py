"""What an xApp has measured of a model on trial, read from the metrics that Prometheus reads too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
from prometheus_client.parser import text_string_to_metric_families

from oran.errors import PlatformError
from oran.platform.a1 import GuardRules

PREFIX = "ricxapp_"
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Loss:
    """What the candidate loses, with bounds that hold at all times at once."""

    mean: float = _NAN
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a trial stands."""

    mode: str
    on_trial: bool = False
    """Whether the xApp has anything on trial in that mode."""
    intervals: int = 0
    """Intervals of the candidate."""
    throughput: dict[str, float] = field(default_factory=dict)
    """Mean weighted throughput of each arm [bps/Hz]."""
    satisfied: dict[str, float] = field(default_factory=dict)
    """Mean share of satisfied UEs of each arm."""
    throughput_loss: Loss = Loss()
    satisfied_loss: Loss = Loss()
    agreement: float = _NAN
    rollbacks: int = 0
    """Models that the xApp has taken back by itself since it started."""

    def harmless(self, rules: GuardRules) -> bool:
        """The losses are certainly no larger than allowed, on enough intervals."""
        return (
            self.intervals >= rules.min_intervals
            and self.throughput_loss.high <= rules.max_throughput_loss
            and self.satisfied_loss.high <= rules.max_satisfied_loss
        )

    def harm(self, rules: GuardRules) -> str:
        """The KPI that is certainly lost beyond what is allowed; empty if none is."""
        if self.intervals < rules.min_intervals:
            return ""
        if self.throughput_loss.low > rules.max_throughput_loss:
            return "throughput"
        return "satisfied" if self.satisfied_loss.low > rules.max_satisfied_loss else ""

    def to_json(self) -> dict[str, Any]:
        """Finite figures only: JSON has no others."""
        losses = {"throughput": self.throughput_loss, "satisfied": self.satisfied_loss}
        shown: dict[str, Any] = {
            "intervals": self.intervals,
            "throughput": self.throughput,
            "satisfied": self.satisfied,
        }
        shown["loss"] = {kpi: {bound: getattr(loss, bound) for bound in loss.__slots__} for kpi, loss in losses.items()}
        for bounds in shown["loss"].values():
            for bound in [bound for bound, value in bounds.items() if not math.isfinite(value)]:
                del bounds[bound]
        return shown | ({"agreement": self.agreement} if math.isfinite(self.agreement) else {})


class EvidenceSource(Protocol):
    """Where evidence comes from."""

    def read(self, mode: str) -> Evidence:
        """Raises PlatformError if it cannot be had now."""
        ...


class XappMetrics:
    """The ``/metrics`` of one xApp.

    Args:
        url: ``http://host:port`` of the xApp.
    """

    def __init__(self, url: str, *, timeout_s: float = 5.0) -> None:
        self._client = httpx.Client(base_url=url, timeout=timeout_s, trust_env=False)

    def read(self, mode: str) -> Evidence:
        """Where the trial of a mode (``shadow``, ``canary``, ``watch``) stands.

        Raises:
            PlatformError: the xApp does not answer, or not with metrics.
        """
        try:
            answer = self._client.get("/metrics")
            answer.raise_for_status()
            return parsed(answer.text, mode)
        except httpx.HTTPError as error:
            raise PlatformError(f"metrics of the xApp: {error}") from error
        except ValueError as error:
            raise PlatformError(f"metrics of the xApp are no metrics: {error}") from error


Rows = list[tuple[dict[str, str], float]]


def parsed(exposition: str, mode: str) -> Evidence:
    """The evidence in a text of metrics. Raises: ValueError if it is none."""
    rows: dict[str, Rows] = {}
    for name, labels, value in _samples(exposition, mode):
        rows.setdefault(name, []).append((labels, value))

    def by_arm(name: str) -> dict[str, float]:
        return {labels["arm"]: value for labels, value in rows.get(name, [])}

    bounds: dict[str, dict[str, float]] = {"throughput": {}, "satisfied": {}}
    for labels, value in rows.get("trial_loss_ratio", []):
        bounds[labels["kpi"]][labels["bound"]] = value
    return Evidence(
        mode,
        on_trial="trial_info" in rows,
        intervals=int(by_arm("trial_intervals").get("candidate", 0)),
        throughput=by_arm("trial_weighted_throughput_bps_per_hz"),
        satisfied=by_arm("trial_satisfied_ratio"),
        throughput_loss=Loss(**bounds["throughput"]),
        satisfied_loss=Loss(**bounds["satisfied"]),
        agreement=next((value for _, value in rows.get("trial_agreement_ratio", [])), _NAN),
        rollbacks=int(sum(value for _, value in rows.get("model_rollbacks_total", []))),
    )


def _samples(exposition: str, mode: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Samples of one mode of trial and of roll-backs: name without prefix, labels, value."""
    for family in text_string_to_metric_families(exposition):
        if family.name.startswith((f"{PREFIX}trial_", f"{PREFIX}model_rollbacks")):
            for sample in family.samples:
                if sample.labels.get("mode", mode) == mode:
                    yield sample.name.removeprefix(PREFIX), sample.labels, sample.value
