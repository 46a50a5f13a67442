"""How long the loop takes: from a report to the control that answers it, and to the report that shows its effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from e2sim.node.metrics import NodeMetrics

LATENCY_WINDOW = 4096
"""Reports remembered for the loop latency; an answer to an older one is not timed."""


@dataclass(frozen=True, slots=True)
class ObeyedControl:
    """A control whose effect no report has shown yet."""

    function: str
    arrived_s: float
    slot: int
    """The slot that it governs."""


class ControlTimes:
    """Remembers when reports left and controls came.

    Args:
        metrics: where the times go.
        clock_s: monotonic time.
    """

    def __init__(self, metrics: NodeMetrics, clock_s: Callable[[], float]) -> None:
        self.latencies_ms: list[float] = []
        self._metrics = metrics
        self._clock_s = clock_s
        self._sent_at_s: dict[int, float] = {}
        self._unseen: list[ObeyedControl] = []

    def report_leaves(self, report_id: int) -> None:
        self._sent_at_s[report_id] = self._clock_s()
        while len(self._sent_at_s) > LATENCY_WINDOW:
            del self._sent_at_s[next(iter(self._sent_at_s))]

    def report_answered(self, report_id: int, arrived_s: float) -> None:
        sent_s = self._sent_at_s.pop(report_id, None)
        if sent_s is not None:
            self.latencies_ms.append((arrived_s - sent_s) * 1e3)
            self._metrics.loop_latency_s.observe(arrived_s - sent_s)

    def control_obeyed(self, function: str, arrived_s: float, slot: int) -> None:
        self._unseen.append(ObeyedControl(function, arrived_s, slot))
        del self._unseen[:-LATENCY_WINDOW]  # without a subscription nothing ever shows them

    def effects_shown(self, slot: int) -> None:
        """A report has left in ``slot``: it shows the effect of every control whose slot is over."""
        now_s = self._clock_s()
        shown = [control for control in self._unseen if control.slot < slot]
        self._unseen = [control for control in self._unseen if control.slot >= slot]
        for control in shown:
            self._metrics.control_effect_s.labels(control.function).observe(now_s - control.arrived_s)
