"""Which arm decides an interval, and what each arm's intervals delivered.

An interval is credited to the arm that was *asked* for it, whether its decision came in time, was refused or was taken
by a fallback: a model that is late or fails must not look better for it (intention to treat).
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from oran.e2sm.rrm import RadioReport
from oran.platform.a1 import Canary
from xapps.runtime.guard import MIN_BLOCKS, Guard

BASELINE_BLOCKS: Final = 100
"""Newest blocks of a node that make its baseline."""


class Arm(StrEnum):
    """The sides of a comparison, as in the labels of metrics."""

    INCUMBENT = "incumbent"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one interval delivered, or what a decision promises."""

    throughput: float
    """Weighted throughput [bps/Hz]."""
    satisfied: float
    """Share of UEs whose service level holds."""


def measured(report: RadioReport) -> Outcome | None:
    """What the interval before a report delivered; None where the report has no KPIs, or no number for them."""
    kpi = report.kpi
    if kpi is None or not math.isfinite(kpi.weighted_throughput_bps_hz):
        return None
    satisfied = float(kpi.satisfied.mean()) if kpi.satisfied.size else 1.0
    return Outcome(float(kpi.weighted_throughput_bps_hz), satisfied)


def lot(meid: str, report_id: int) -> float:
    """A number in [0, 1) that node and report draw: always the same, and even over any run of reports."""
    drawn = hashlib.blake2b(f"{meid}/{report_id}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") / 2.0**64


@dataclass(frozen=True, slots=True)
class Split:
    """Which decisions the candidate takes."""

    share: float = 0.0
    nodes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, canary: Canary) -> Split:
        return cls(canary.share or 0.0, frozenset(canary.nodes or ()))

    def candidate_decides(self, meid: str, report_id: int) -> bool:
        return meid in self.nodes or (self.share > 0.0 and lot(meid, report_id) < self.share)


@dataclass(slots=True)
class Mean:
    """Running mean of outcomes."""

    intervals: int = 0
    throughput: float = 0.0
    satisfied: float = 0.0

    def add(self, outcome: Outcome) -> None:
        self.intervals += 1
        self.throughput += (outcome.throughput - self.throughput) / self.intervals
        self.satisfied += (outcome.satisfied - self.satisfied) / self.intervals


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a node delivered before a candidate came, with standard errors."""

    throughput: float
    satisfied: float
    throughput_error: float
    """Relative to ``throughput``."""
    satisfied_error: float


class Baselines:
    """What the allocator in charge delivers at each node lately, in blocks."""

    def __init__(self, block_intervals: int) -> None:
        self._block_intervals = block_intervals
        self._open: dict[str, Mean] = {}
        self._blocks: dict[str, deque[Mean]] = {}

    def add(self, meid: str, outcome: Outcome) -> None:
        block = self._open.setdefault(meid, Mean())
        block.add(outcome)
        if block.intervals == self._block_intervals:
            self._blocks.setdefault(meid, deque(maxlen=BASELINE_BLOCKS)).append(self._open.pop(meid))

    def forget(self, meid: str) -> None:
        self._open.pop(meid, None)
        self._blocks.pop(meid, None)

    def snapshot(self) -> dict[str, Baseline]:
        """The baselines of nodes that have been seen long enough and delivered anything."""
        found = {meid: list(blocks) for meid, blocks in list(self._blocks.items())}
        long_enough = {meid: _baseline(blocks) for meid, blocks in found.items() if len(blocks) >= MIN_BLOCKS}
        return {meid: baseline for meid, baseline in long_enough.items() if baseline.throughput > 0.0}


def _baseline(blocks: list[Mean]) -> Baseline:
    throughput, throughput_error = _mean_and_error([block.throughput for block in blocks])
    satisfied, satisfied_error = _mean_and_error([block.satisfied for block in blocks])
    return Baseline(throughput, satisfied, throughput_error / throughput if throughput else 0.0, satisfied_error)


def _mean_and_error(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


class Comparison(Protocol):
    """Turns intervals of both arms into observations of the guard."""

    def add(self, meid: str, arm: Arm, outcome: Outcome) -> None: ...


@dataclass(slots=True)
class SameIntervals:
    """Both arms on the same reports or on interleaved intervals of the same nodes: what both meet cancels.

    A block of a node ends once it has enough intervals and both arms had one; its observation is the difference of the
    arms' means, throughput relative to the incumbent's mean at the node so far.
    """

    guard: Guard
    _blocks: dict[str, dict[Arm, Mean]] = field(default_factory=dict)
    _incumbent: dict[str, Mean] = field(default_factory=dict)

    def add(self, meid: str, arm: Arm, outcome: Outcome) -> None:
        block = self._blocks.setdefault(meid, {})
        block.setdefault(arm, Mean()).add(outcome)
        if arm is Arm.INCUMBENT:
            self._incumbent.setdefault(meid, Mean()).add(outcome)
        if len(block) == len(Arm) and sum(each.intervals for each in block.values()) >= self._block_intervals:
            self._close(meid, block[Arm.INCUMBENT], block[Arm.CANDIDATE])

    @property
    def _block_intervals(self) -> int:
        return self.guard.rules.block_intervals

    def _close(self, meid: str, old: Mean, new: Mean) -> None:
        del self._blocks[meid]
        scale = self._incumbent[meid].throughput
        if scale > 0.0:
            loss = (old.throughput - new.throughput) / scale
            self.guard.add(loss, old.satisfied - new.satisfied, new.intervals)


@dataclass(slots=True)
class BeforeAndAfter:
    """Candidate nodes against their own baselines, less what the other nodes changed meanwhile.

    Without other nodes (after full promotion, or where all are the candidate's) nothing is taken off. Nodes without a
    baseline are not compared.
    """

    guard: Guard
    baselines: Mapping[str, Baseline]
    _open: dict[tuple[str, Arm], Mean] = field(default_factory=dict)
    _others: dict[str, Outcome] = field(default_factory=dict)
    """Newest block of each of the incumbent's nodes: throughput relative to, satisfied less its baseline."""

    def add(self, meid: str, arm: Arm, outcome: Outcome) -> None:
        baseline = self.baselines.get(meid)
        if baseline is None:
            return
        block = self._open.setdefault((meid, arm), Mean())
        block.add(outcome)
        if block.intervals >= self.guard.rules.block_intervals:
            del self._open[meid, arm]
            self._close(meid, arm, block, baseline)

    def _close(self, meid: str, arm: Arm, block: Mean, baseline: Baseline) -> None:
        change = Outcome(block.throughput / baseline.throughput, block.satisfied - baseline.satisfied)
        if arm is Arm.INCUMBENT:
            self._others[meid] = change
            return
        if not self._others and any(of is Arm.INCUMBENT for _, of in self._open):
            return  # other nodes have not finished a block yet
        expected = self._expected()
        self.guard.against_estimate(baseline.throughput_error, baseline.satisfied_error)
        lost = expected.throughput - change.throughput, expected.satisfied - change.satisfied
        self.guard.add(*lost, block.intervals)

    def _expected(self) -> Outcome:
        others = list(self._others.values())
        if not others:
            return Outcome(1.0, 0.0)
        throughput = sum(each.throughput for each in others) / len(others)
        return Outcome(throughput, sum(each.satisfied for each in others) / len(others))
