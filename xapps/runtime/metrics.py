"""Every Prometheus metric of an xApp, declared once: name, labels, unit as suffix."""

from __future__ import annotations

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from oran.e2sm.rrm import Kpi, RadioReport

PREFIX = "ricxapp"

MOST_SLICES = 256
"""Slices of a node that names none: larger numbers are no slices, and no array shall be made as long as they are."""

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0)


class PlatformMetrics:
    """What every xApp counts, in a registry of its own: messages, nodes, subscriptions, the platform's errors."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._declare_messages()
        self._declare_platform()

    def exposition(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self.registry)

    def count(self, counter: Counter, **labels: str) -> float:
        """What a counter of this registry holds, summed over the labels not given."""
        return sum(
            sample.value
            for metric in counter.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
        )

    def _declare_messages(self) -> None:
        self.messages = self._counter("rmr_messages", "RMR messages received", "type")
        self.messages_dropped = self._counter("rmr_messages_dropped", "RMR messages dropped because too many waited")
        self.indications = self._counter("indications", "RIC Indications received", "meid")
        self.indications_ignored = self._counter("indications_ignored", "RIC Indications not answered", "reason")
        self.handler_errors = self._counter("handler_errors", "messages whose handling failed", "type", "error")

    def _declare_platform(self) -> None:
        self.registered = self._gauge("registered", "1 while the app manager lists this xApp")
        self.e2_nodes = self._gauge("e2_nodes", "connected E2 nodes that offer the service model")
        self.subscriptions = self._gauge("subscriptions", "subscriptions in place")
        self.subscription_attempts = self._counter("subscription_attempts", "subscriptions asked for", "outcome")
        self.platform_errors = self._counter("platform_errors", "platform calls that failed", "operation")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=PREFIX, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=PREFIX, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, namespace=PREFIX, registry=self.registry, buckets=LATENCY_BUCKETS_S)


class Metrics(PlatformMetrics):
    """The metrics of an xApp that decides."""

    def __init__(self) -> None:
        super().__init__()
        self._declare_decisions()
        self._declare_models()
        self._declare_trials()
        self._declare_kpis()

    def record_kpis(self, meid: str, report: RadioReport) -> None:
        """Set the radio KPIs of a node from its report; a report without KPIs leaves them."""
        kpi = report.kpi
        if kpi is None:
            return
        self.weighted_throughput.labels(meid).set(float(kpi.weighted_throughput_bps_hz))
        self.radiated_power.labels(meid).set(float(kpi.power_w))
        self.satisfied_share.labels(meid).set(float(kpi.satisfied.mean()) if kpi.satisfied.size else 1.0)
        self.node_late_decisions.labels(meid).set(kpi.late_decisions)
        if _rows_belong(kpi, report):
            self._record_slices(meid, report, kpi)

    def _record_slices(self, meid: str, report: RadioReport, kpi: Kpi) -> None:
        size = len(report.slice_names)
        ues = np.bincount(report.slice_ids, minlength=size)
        rates = np.bincount(report.slice_ids, kpi.rate_bps_hz, minlength=size)
        satisfied = np.bincount(report.slice_ids, kpi.satisfied, minlength=size)
        for index, (count, rate, met) in enumerate(zip(ues, rates, satisfied, strict=True)):
            name = report.slice_names[index] if index < size else str(index)
            self.slice_rate.labels(meid, name).set(float(rate))
            self.slice_satisfied.labels(meid, name).set(float(met / count) if count else 1.0)

    def _declare_decisions(self) -> None:
        self.reports = self._counter("reports", "complete radio reports", "meid")
        self.stale = self._counter("reports_stale", "reports skipped because a newer one was there", "meid")
        self.controls_sent = self._counter("controls_sent", "RIC Control Requests sent", "meid")
        self.controls_acked = self._counter("controls_acked", "RIC Control Acknowledges received", "meid")
        self.controls_refused = self._counter(
            "controls_refused", "RIC Control Failures received", "meid", "cause", "reason"
        )
        self.controls_unsent = self._counter("controls_unsent", "controls that RMR could not send", "meid")
        self.controls_unanswered = self._counter("controls_unanswered", "controls without acknowledgement or failure")
        self.late = self._counter("decisions_late", "free-running decisions past their deadline", "meid")
        self.fallbacks = self._counter("decisions_fallback", "decisions taken by another allocator after a failure")
        self.reports_unusable = self._counter(
            "reports_unusable", "reports that no allocator was asked to decide on", "meid", "reason"
        )
        self.input_unusable = self._gauge("input_unusable", "1 while a node's reports cannot be used", "meid")
        self.decisions_last_safe = self._counter(
            "decisions_last_safe", "answers to unusable reports that repeat the last safe decision", "meid"
        )
        self.shield_corrections = self._counter("shield_corrections", "entries of decisions that the shield changed")
        self.decision_latency = self._histogram("decision_latency_seconds", "report complete to control sent", "meid")
        self.control_round_trip = self._histogram("control_round_trip_seconds", "control sent to answer", "meid")

    def _declare_models(self) -> None:
        self.model = self._gauge("model_info", "the allocator that serves: 1", "allocator", "name", "version", "sha256")
        self.model_swaps = self._counter("model_swaps", "changes of the serving allocator", "outcome")
        for outcome in ("swapped", "refused"):
            self.model_swaps.labels(outcome)  # from zero, so that the very first one is an increase
        self.model_signatures = self._counter("model_signatures", "models whose signatures were looked at", "verdict")
        for verdict in ("trusted", "not_required", "unsigned", "unknown_key", "invalid"):
            self.model_signatures.labels(verdict)
        self.policy = self._gauge("policy_enforced", "1 where an A1 policy instance is in force", "type", "policy")
        self.policy_requests = self._counter("policy_requests", "A1 policy requests handled", "operation", "status")

    def _declare_trials(self) -> None:
        self.trial = self._gauge("trial_info", "the model on trial: 1", "mode", "allocator", "name", "version")
        self.trial_intervals = self._gauge("trial_intervals", "intervals compared since the trial began", "mode", "arm")
        self.trial_throughput = self._gauge(
            "trial_weighted_throughput_bps_per_hz",
            "mean of an arm since the trial began; in the shadow what its decisions promise on the reported channel",
            "mode",
            "arm",
        )
        self.trial_satisfied = self._gauge("trial_satisfied_ratio", "mean share of UEs satisfied", "mode", "arm")
        self.trial_loss = self._gauge(
            "trial_loss_ratio",
            "loss of the candidate: of throughput relative, of satisfied UEs absolute; bound: mean, low or high",
            "mode",
            "kpi",
            "bound",
        )
        self.trial_agreement = self._gauge("trial_agreement_ratio", "mean share of PRBs given to the same UE", "mode")
        self.shadow_decisions = self._counter(
            "shadow_decisions", "decisions of a shadow by what became of them", "outcome"
        )
        self.shadow_latency = self._histogram("shadow_latency_seconds", "time of a decision in the shadow")
        self.shadow_processes_ended = self._counter(
            "shadow_processes_ended", "processes of a shadow that ended in mid-trial", "cause"
        )
        for cause in ("crashed", "late", "refused"):
            self.shadow_processes_ended.labels(cause)
        self.rollbacks = self._counter("model_rollbacks", "models taken back by the xApp itself", "cause")
        for cause in ("throughput", "satisfied", "failures"):
            self.rollbacks.labels(cause)  # from zero, so that the very first one is an increase

    def _declare_kpis(self) -> None:
        self.weighted_throughput = self._gauge(
            "weighted_throughput_bps_per_hz", "sum of weight times rate in the last interval", "meid"
        )
        self.slice_rate = self._gauge("slice_rate_bps_per_hz", "rate of a slice's UEs together", "meid", "slice")
        self.slice_satisfied = self._gauge(
            "slice_satisfied_ratio", "share of a slice's UEs whose SLA is met", "meid", "slice"
        )
        self.satisfied_share = self._gauge("satisfied_ratio", "share of UEs whose SLA is met", "meid")
        self.radiated_power = self._gauge("radiated_power_watts", "transmit power of all RUs", "meid")
        self.node_late_decisions = self._gauge("node_late_decisions", "intervals without a fresh decision", "meid")


def _rows_belong(kpi: Kpi, report: RadioReport) -> bool:
    """Whether KPIs, which tell of the interval before, still have the rows of the UE table: nobody came or went."""
    slice_ids, slices = report.slice_ids, len(report.slice_names) or MOST_SLICES
    if not kpi.rate_bps_hz.shape == kpi.satisfied.shape == slice_ids.shape:
        return False
    return slice_ids.size == 0 or (slice_ids.min() >= 0 and slice_ids.max() < slices)
