"""The radio world behind a node: one simulator, the decision in force, what happened in every slot.

Pure bookkeeping round the simulator: no socket, no clock, no thread. A slot runs *observe, decide, advance*: a decision
that arrives before :meth:`World.advance` governs the slot; otherwise the old one stays in force and the slot is late.
Whoever decides, slices get no more PRBs than their quotas allow, and a handover takes effect in the slot it came in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from e2sim.node import slice_quota
from e2sim.node.attachment import Attachment, moved
from e2sim.node.outcome import SlotOutcome, outcome
from e2sim.node.scheduler import round_robin
from e2sim.node.slice_quota import Bounds, Quota
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator, reindexed
from oran.e2ap import CauseRicRequest
from oran.e2sm.rrm import Allocation, ControlHeader, Kpi, RadioReport
from oran.errors import DecisionRefused

TRACE_LENGTH = 100_000
"""Slots kept in the trace; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """What one slot delivered."""

    slot: int
    time_s: float
    weighted_throughput_bps_hz: float
    satisfied_share: float
    power_w: float
    fresh: bool
    """A decision taken on this slot's own report was in force."""
    allocator: str
    model_version: str


@dataclass(slots=True)
class Episode:
    """A seeded run of fixed length, stepped only in lock-step, so that allocators meet the same draws."""

    seed: int
    slots: int
    first_record: int
    done: int = 0
    rates_bps_hz: list[NDArray[np.float64]] = field(default_factory=list)
    """Rate of every UE in every slot so far, each of shape (U,)."""

    @property
    def finished(self) -> bool:
        return self.done >= self.slots


class World:
    """One cell (or cluster) in operation.

    Args:
        scenario: the radio scenario.
        seed: of every draw in it.
        own_scheduler: the node schedules by itself until the first decision of an xApp; without, nobody is served.
    """

    def __init__(self, scenario: Scenario, seed: int, *, own_scheduler: bool = False) -> None:
        self.scenario = scenario
        self.simulator = Simulator(scenario, np.random.default_rng(seed))
        self.records: deque[SlotRecord] = deque(maxlen=TRACE_LENGTH)
        self.recorded = 0
        self.applied = 0
        self.refused = 0
        self.late = 0
        self.episode: Episode | None = None
        self.kpi: Kpi | None = None
        self.outcome: SlotOutcome | None = None
        """What the last slot delivered."""
        self.quotas: tuple[Quota, ...] = ()
        self._schedules = own_scheduler
        self._attachment = Attachment()
        self._handovers: dict[int, int] = {}  # UE -> cell, of the current slot
        self._report: RadioReport | None = None
        self._report_id = 0
        self._pending: tuple[ControlHeader, Allocation] | None = None
        self._decider = ControlHeader(0, "none")

    def observe(self) -> RadioReport:
        """The report of the current slot; asked twice in a slot it is the same report."""
        if self._report is None:
            self._report_id += 1
            self._report = replace(self.simulator.observe(), report_id=self._report_id, kpi=self._counted(self.kpi))
        return self._report

    def propose(self, header: ControlHeader, allocation: Allocation) -> int:
        """Takes a decision for the current slot and returns the slot's number.

        Raises:
            DecisionRefused: it violates a hard limit; counted, nothing changes.
        """
        try:
            self.simulator.check(allocation)
        except DecisionRefused:
            self.refused += 1
            raise
        self._pending = (header, allocation)
        self._schedules = False
        self.applied += 1
        return self.simulator.slot

    @property
    def cells(self) -> NDArray[np.int16]:
        """Cell (RU) that each UE of the current report is attached to, shape (U,)."""
        return self._attachment.cells(self.observe(), self.simulator.true_gain_db)

    def set_quotas(self, quotas: Sequence[Quota]) -> None:
        """Replaces the PRB quotas of slices, from the current slot on.

        Raises:
            DecisionRefused: they contradict each other; nothing changes.
        """
        slice_quota.check(quotas)
        self.quotas = tuple(quotas)

    def hand_over(self, ue_id: int, cell: int) -> None:
        """Moves a UE to another cell, from the current slot on; a later decision may serve it elsewhere.

        Raises:
            DecisionRefused: there is no such UE.
        """
        report = self.observe()
        found = np.flatnonzero(report.ue_ids == ue_id)
        if found.size == 0:
            raise DecisionRefused("unknown_ue", f"no UE {ue_id} is here", CauseRicRequest.CONTROL_FAILED_TO_EXECUTE)
        self._attachment.cells(report, self.simulator.true_gain_db)  # the UE table may have changed
        self._attachment.move(int(found[0]), cell)
        self._handovers[ue_id] = cell

    def advance(self, *, decision_due: bool) -> Kpi:
        """Ends the slot with the decision in force and moves the radio on by one slot.

        Args:
            decision_due: somebody was asked to decide; without a fresh decision the slot then counts as late.
        """
        slot, time_s = self.simulator.slot, self.simulator.time_s
        fresh = self._pending is not None and self._pending[0].report_id == self._report_id
        self.late += decision_due and not fresh
        kpi = self._step()
        self._record(slot, time_s, kpi, fresh)
        if self.episode is not None and not self.episode.finished:
            self.episode.done += 1
            self.episode.rates_bps_hz.append(np.asarray(kpi.rate_bps_hz))
        self.kpi, self._pending, self._report = kpi, None, None
        return kpi

    def _step(self) -> Kpi:
        """Runs the slot with what is obeyed, and notes what it delivered."""
        report, gain_db = self.simulator.observe(), self.simulator.true_gain_db
        cells = self._attachment.cells(report, gain_db)
        obeyed = self._obeyed(report, cells, gain_db)
        self._attachment.served(obeyed)
        kpi = self.simulator.step(None if obeyed is self.simulator.in_force else obeyed)
        served = self.simulator.served
        self.outcome = outcome(
            self.scenario, report, gain_db, obeyed, self._attachment.cells(report, gain_db), kpi, served
        )
        self._handovers.clear()
        return kpi

    def _bounds(self, report: RadioReport, cells: NDArray[np.int16]) -> Bounds:
        present = np.zeros((self.scenario.num_rus, len(self.scenario.slices)), bool)
        present[cells, report.slice_ids] = True
        return Bounds.of(self.quotas, present, self.scenario.num_prbs)

    def _obeyed(self, report: RadioReport, cells: NDArray[np.int16], gain_db: NDArray[np.float64]) -> Allocation:
        """The decision for this slot, within the quotas and with this slot's handovers."""
        allocation = self.simulator.in_force
        if self._pending is not None:
            self._decider, decided = self._pending
            allocation = decided if np.array_equal(decided.ue_ids, report.ue_ids) else reindexed(decided, report.ue_ids)
        elif self._schedules:
            allocation = round_robin(report, cells, self._bounds(report, cells), self.scenario.num_prbs)
        for ue_id, cell in self._handovers.items():
            found = np.flatnonzero(report.ue_ids == ue_id)
            if found.size:  # it may have left since
                allocation = moved(allocation, int(found[0]), cell)
        if not self.quotas:
            return allocation
        return slice_quota.enforced(allocation, report.slice_ids, gain_db, self._bounds(report, cells))

    def start_episode(self, seed: int, slots: int) -> Episode:
        """Starts the radio anew from ``seed``; nobody is served until the first decision."""
        self.simulator.reset(np.random.default_rng(seed))
        self._pending, self._report, self.kpi = None, None, None
        self._attachment, self._schedules = Attachment(), False
        self._handovers.clear()
        self._decider = ControlHeader(0, "none")
        self.episode = Episode(seed, slots, self.recorded)
        return self.episode

    def end_episode(self) -> None:
        """Lets the world run on without an episode."""
        self.episode = None

    def remove_ue(self, ue_id: int) -> None:
        """Lets a UE leave the cell at once; a decision that still serves it is refused from now on.

        Raises:
            ConfigError: no such UE.
        """
        self.simulator.remove_ue(ue_id)
        self._report = None

    def trace(self, since: int = 0) -> list[SlotRecord]:
        """Records from number ``since`` on (records are numbered from 0 over the world's whole life)."""
        start = max(since - (self.recorded - len(self.records)), 0)
        return list(self.records)[start:]

    def _record(self, slot: int, time_s: float, kpi: Kpi, fresh: bool) -> None:
        satisfied = float(np.mean(kpi.satisfied)) if np.size(kpi.satisfied) else 1.0
        throughput, power_w = float(kpi.weighted_throughput_bps_hz), float(kpi.power_w)
        by = self._decider
        self.records.append(
            SlotRecord(slot, time_s, throughput, satisfied, power_w, fresh, by.allocator, by.model_version)
        )
        self.recorded += 1

    def _counted(self, kpi: Kpi | None) -> Kpi | None:
        if kpi is None:
            return None
        return replace(kpi, late_decisions=self.late, applied_decisions=self.applied, refused_decisions=self.refused)
