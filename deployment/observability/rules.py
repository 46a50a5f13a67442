"""Recording rules and alerts: rows of data, written into each chart as a Prometheus rules file.

An alert names what is wrong for an operator, and the paragraph of ``docs/operate.md`` that says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from deployment.observability import queries as q

WINDOW = q.ALERT_WINDOW
RUNBOOK = "docs/operate.md"


@dataclass(frozen=True, slots=True)
class Recording:
    """A series computed ahead: ``level:metric:operations``."""

    name: str
    expression: str

    def to_dict(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that somebody must hear of."""

    name: str
    expression: str
    lasting: str
    """How long it must hold."""
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str

    @property
    def anchor(self) -> str:
        """Its heading in the runbook."""
        return self.name.lower()

    def to_dict(self) -> dict[str, Any]:
        annotations = {"summary": self.summary, "description": self.description}
        annotations["runbook_url"] = f"{RUNBOOK}#{self.anchor}"
        labels = {"severity": self.severity}
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasting,
            "labels": labels,
            "annotations": annotations,
        }


Rule = Recording | Alert


def document(groups: dict[str, list[Rule]]) -> dict[str, Any]:
    """A Prometheus rules file, which is also the ``spec`` of a PrometheusRule."""
    return {"groups": [{"name": name, "rules": [rule.to_dict() for rule in rules]} for name, rules in groups.items()]}


def of_xapp(name: str, *, decides: bool) -> dict[str, list[Rule]]:
    """Rules of one xApp's chart; every series carries ``xapp``, so that no chart alerts for another's xApp.

    Args:
        decides: it controls nodes: its decisions are watched too.
    """
    me = q.matching(xapp=name)
    alerts = _life_alerts(name, me)
    if not decides:
        return {f"{name}.alerts": [*alerts]}
    return {f"{name}.recording": [*_recordings(me)], f"{name}.alerts": [*alerts, *_decision_alerts(name, me)]}


def _recordings(me: str) -> list[Recording]:
    by = ("xapp", "meid")
    latency = q.quantile(0.99, "ricxapp_decision_latency_seconds", me, by, WINDOW)
    satisfied = f"avg by (xapp, meid, slice) (avg_over_time(ricxapp_slice_satisfied_ratio{me}[{WINDOW}]))"
    return [
        Recording("xapp_meid:decision_latency_seconds:p99_5m", latency),
        Recording("xapp_meid:decisions_late:ratio_rate5m", q.late_share(me, by, WINDOW)),
        Recording("xapp_meid:controls_refused:ratio_rate5m", q.refused_share(me, by, WINDOW)),
        Recording("xapp_meid_slice:satisfied_ratio:avg5m", satisfied),
    ]


def _life_alerts(name: str, me: str) -> list[Alert]:
    """That it runs, is known and hears something."""
    indications = f"sum by (xapp) (rate(ricxapp_indications_total{me}[2m]))"
    waiting = f"sum by (xapp) (ricxapp_subscriptions{me}) > 0"
    return [
        Alert(
            "XappDown",
            f"up{me} == 0",
            "1m",
            "critical",
            f"xApp {name} does not answer",
            "Prometheus cannot scrape {{ $labels.instance }}; the last decision stays in force at the node.",
        ),
        Alert(
            "XappNotRegistered",
            f"max by (xapp) (ricxapp_registered{me}) == 0",
            "2m",
            "critical",
            f"xApp {name} is not registered",
            "The app manager does not list it: it gets no routes and no policies.",
        ),
        Alert(
            "XappSeesNoE2Node",
            f"max by (xapp) (ricxapp_e2_nodes{me}) == 0",
            "2m",
            "critical",
            f"xApp {name} sees no E2 node",
            "No connected E2 node offers the service model.",
        ),
        Alert(
            "XappNoIndications",
            f"({indications} == 0) and ({waiting})",
            "1m",
            "critical",
            f"xApp {name} gets no indications",
            "It holds subscriptions, but nothing has arrived for 2 minutes.",
        ),
    ]


def _decision_alerts(name: str, me: str) -> list[Alert]:
    """That its decisions are in time, obeyed and good enough."""
    refused = f'sum by (xapp) (increase(ricxapp_model_swaps_total{{xapp="{name}",outcome="refused"}}[10m]))'
    return [
        Alert(
            "SliceSlaViolated",
            f"xapp_meid_slice:satisfied_ratio:avg5m{me} < 0.95",
            "5m",
            "warning",
            "Slice {{ $labels.slice }} of {{ $labels.meid }} misses its service level",
            "Only {{ $value | humanizePercentage }} of its UEs were satisfied over 5 minutes.",
        ),
        Alert(
            "XappDecisionsLate",
            f"xapp_meid:decisions_late:ratio_rate5m{me} > 0.05",
            "5m",
            "warning",
            f"xApp {name} decides too late for {{{{ $labels.meid }}}}",
            "{{ $value | humanizePercentage }} of the decisions came past their deadline; the old ones stay in force.",
        ),
        Alert(
            "XappControlsRefused",
            f"xapp_meid:controls_refused:ratio_rate5m{me} > 0.01",
            "5m",
            "warning",
            f"{{{{ $labels.meid }}}} refuses controls of xApp {name}",
            "{{ $value | humanizePercentage }} of the controls are refused.",
        ),
        Alert(
            "XappModelRejected",
            f"{refused} > 0",
            "0m",
            "warning",
            f"xApp {name} has refused a model",
            "A model was named by an A1 policy and refused in the last 10 minutes; the earlier one still serves.",
        ),
        Alert(
            "XappModelRolledBack",
            f"sum by (xapp, cause) (increase(ricxapp_model_rollbacks_total{me}[10m])) > 0",
            "0m",
            "warning",
            f"xApp {name} has taken a model back",
            "Cause: {{ $labels.cause }}; the model before it, or the initial allocator, serves again.",
        ),
        Alert(
            "XappReportsUnusable",
            f"max by (xapp, meid) (ricxapp_input_unusable{me}) == 1",
            "1m",
            "warning",
            f"xApp {name} cannot use the reports of {{{{ $labels.meid }}}}",
            "They are answered by the last safe decision, whatever the channel has become.",
        ),
    ]


def of_e2sim() -> dict[str, list[Rule]]:
    """Rules of the simulated node's chart."""
    energy = "sum by (instance) (rate(e2sim_radiated_energy_joules_total[5m]))"
    return {
        "e2sim.recording": [
            Recording("instance:radiated_power_watts:avg5m", energy),
            Recording(
                "instance:loop_latency_seconds:p99_5m",
                q.quantile(0.99, "e2sim_loop_latency_seconds", "", ("instance",), WINDOW),
            ),
        ],
        "e2sim.alerts": [
            Alert(
                "E2Down",
                "min by (instance) (e2sim_e2_connected) == 0",
                "1m",
                "critical",
                "E2 node {{ $labels.instance }} has lost its RIC",
                "E2 Setup does not stand; the node goes on with the last decision.",
            ),
            Alert(
                "E2NodeOverrun",
                "sum by (instance) (rate(e2sim_slot_overruns_total[5m])) > 1",
                "5m",
                "warning",
                "E2 node {{ $labels.instance }} is too slow for its scenario",
                "{{ $value | humanize }} slots a second end later than real time allows.",
            ),
        ],
    }


def of_rapp() -> dict[str, list[Rule]]:
    """Rules of the rApp's chart."""
    broken = 'status=~"DATA_LOSS|INTERNAL|UNKNOWN|RESOURCE_EXHAUSTED"'
    return {
        "rapp.alerts": [
            Alert(
                "ModelStoreFailing",
                f"sum by (status) (rate(rapp_model_store_calls_total{{{broken}}}[5m])) > 0",
                "2m",
                "critical",
                "The model store answers {{ $labels.status }}",
                "xApps cannot fetch models; those that serve go on.",
            ),
            Alert(
                "ModelRefusedByGate",
                "min by (run) (rapp_run_accepted) == 0",
                "0m",
                "info",
                "The gate refused the model of run {{ $labels.run }}",
                "It was neither stored nor published.",
            ),
        ]
    }


def of_ric() -> dict[str, list[Rule]]:
    """Rules of the small RIC's chart."""
    return {
        "ric.alerts": [
            Alert(
                "RicWithoutE2Nodes",
                "max(ric_e2_nodes_connected) == 0",
                "2m",
                "critical",
                "No E2 node is connected",
                "The RIC runs, but no node's E2 Setup stands.",
            ),
            Alert(
                "RicDatabaseDown",
                "min(ric_sdl_available) == 0",
                "1m",
                "critical",
                "The RIC's database does not answer",
                "Subscriptions and registrations are not kept; a restart of the RIC would forget them.",
            ),
            Alert(
                "RicMessagesLost",
                "sum by (component, reason) (rate(ric_rmr_dropped_total[5m])) > 1",
                "5m",
                "warning",
                "{{ $labels.component }} loses RMR messages: {{ $labels.reason }}",
                "{{ $value | humanize }} messages a second reach nobody.",
            ),
        ]
    }
