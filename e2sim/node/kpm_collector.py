"""Collects what the plans of one KPM subscription ask for, granularity period by granularity period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from e2sim.node.identities import Identities
from e2sim.node.interval import Interval
from e2sim.node.kpm_plan import CellPlan, Plan, UePlan
from e2sim.node.outcome import SlotOutcome
from oran.e2sm.kpm import MessageFormat1, MessageFormat3, Record, UeReport, Value


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One granularity period of a cell plan."""

    started_unix_s: float
    record: Record


@dataclass(frozen=True, slots=True)
class UeRecords:
    """One granularity period of a UE plan: the values of every UE that was there when it ended."""

    started_unix_s: float
    by_ue: dict[int, Record]
    matching: tuple[int, ...]
    """UEs to report, in order."""


@dataclass
class Collector:
    """One admitted action.

    Attributes:
        granularity_slots: slots of one record.
        names: how UEs are called.
        unix_time_s: wall clock.
    """

    action_id: int
    plan: Plan
    granularity_slots: int
    names: Identities
    unix_time_s: Callable[[], float]
    cells: list[CellRecord] = field(default_factory=list)
    ues: list[UeRecords] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._interval = Interval()
        self._started_unix_s = 0.0
        self._nothing = Record((None,) * len(self.plan.values))

    def slot_ended(self, outcome: SlotOutcome) -> None:
        """Adds a slot, and a record when it is the last one of its granularity period."""
        if self._interval.slots == 0:
            self._started_unix_s = self.unix_time_s() - outcome.slot_s
        self._interval.add(outcome)
        if self._interval.slots < self.granularity_slots:
            return
        if isinstance(self.plan, CellPlan):
            self.cells.append(CellRecord(self._started_unix_s, cell_record(self.plan, self._interval)))
        else:
            self.ues.append(self._ue_records(self.plan))
        self._interval = Interval()

    def _ue_records(self, plan: UePlan) -> UeRecords:
        last = self._interval.last
        by_ue = dict(zip(last.ue_ids.tolist(), ue_records(plan, self._interval), strict=True))
        return UeRecords(self._started_unix_s, by_ue, self._matching(plan, last))

    def _matching(self, plan: UePlan, last: SlotOutcome) -> tuple[int, ...]:
        if plan.condition is None:
            return tuple(self.names.ue_number(ue) for ue in plan.ues)
        matches = plan.condition(last)
        if plan.cell is not None:
            matches = matches & (last.cells == plan.cell)
        return tuple(last.ue_ids[matches].tolist())

    def drain(self) -> list[Block]:
        """What has been collected since the last call, as blocks that can be cut into messages."""
        cells, self.cells = self.cells, []
        ues, self.ues = self.ues, []
        if cells:
            return [CellBlock(self.plan, tuple(cells))] if isinstance(self.plan, CellPlan) else []
        if ues and ues[-1].matching and isinstance(self.plan, UePlan):
            return [UeBlock(self.plan, tuple(ues), ues[-1].matching, self._nothing, self.names)]
        return []

    def largest(self) -> Block:
        """A block of one record and one UE with the largest values there can be: it has to fit into a message."""
        worst = Record((1 / 3,) * len(self.plan.values))
        if isinstance(self.plan, CellPlan):
            return CellBlock(self.plan, (CellRecord(0.0, worst),))
        ue_id = 2**32 - 1
        return UeBlock(self.plan, (UeRecords(0.0, {ue_id: worst}, (ue_id,)),), (ue_id,), worst, self.names)


def cell_record(plan: CellPlan, interval: Interval) -> Record:
    """The values of a cell plan over an interval."""
    sums = {place: interval.of_place(place) for place in {place for _, place in plan.values}}
    return Record(tuple(row.definition.value(float(row.source(sums[place]))) for row, place in plan.values))


def ue_records(plan: UePlan, interval: Interval) -> list[Record]:
    """The values of a UE plan over an interval, one record a UE of its last slot."""
    sums = interval.of_ues()
    columns: list[list[Value]] = []
    for row in plan.values:
        quantities = np.broadcast_to(row.source(sums), sums.bits.shape)
        columns.append([row.definition.value(quantity) for quantity in quantities.tolist()])
    return [Record(values) for values in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class CellBlock:
    """Records of a cell plan."""

    plan: CellPlan
    records: tuple[CellRecord, ...]

    @property
    def started_unix_s(self) -> float:
        return self.records[0].started_unix_s

    def message(self) -> MessageFormat1:
        records = tuple(each.record for each in self.records)
        return MessageFormat1(records, self.plan.measurements, self.plan.granularity_ms)

    def halves(self) -> tuple[Block, ...]:
        """Two smaller blocks; none where it cannot be cut."""
        middle = len(self.records) // 2
        parts = self.records[:middle], self.records[middle:]
        return tuple(CellBlock(self.plan, part) for part in parts) if middle else ()


@dataclass(frozen=True, slots=True)
class UeBlock:
    """Records of some UEs of a UE plan."""

    plan: UePlan
    records: tuple[UeRecords, ...]
    ue_ids: tuple[int, ...]
    nothing: Record
    """Stands for a period in which a UE was not there."""
    names: Identities

    @property
    def started_unix_s(self) -> float:
        return self.records[0].started_unix_s

    def message(self) -> MessageFormat1 | MessageFormat3:
        if self.plan.single:
            return self._of_ue(self.ue_ids[0])
        return MessageFormat3(tuple(UeReport(self.names.ue(ue_id), self._of_ue(ue_id)) for ue_id in self.ue_ids))

    def _of_ue(self, ue_id: int) -> MessageFormat1:
        records = tuple(each.by_ue.get(ue_id, self.nothing) for each in self.records)
        return MessageFormat1(records, self.plan.measurements, self.plan.granularity_ms)

    def halves(self) -> tuple[Block, ...]:
        """Two smaller blocks: of half the UEs each, or of one UE's records in two halves."""
        middle = len(self.ue_ids) // 2
        if middle:
            parts = self.ue_ids[:middle], self.ue_ids[middle:]
            return tuple(UeBlock(self.plan, self.records, part, self.nothing, self.names) for part in parts)
        middle = len(self.records) // 2
        times = self.records[:middle], self.records[middle:]
        return tuple(UeBlock(self.plan, t, self.ue_ids, self.nothing, self.names) for t in times) if middle else ()


Block = CellBlock | UeBlock


@dataclass
class Collection:
    """All actions of one subscription; reports at the end of every reporting period."""

    collectors: list[Collector]
    period_slots: int
    slots: int = 0

    def slot_ended(self, outcome: SlotOutcome) -> None:
        for collector in self.collectors:
            collector.slot_ended(outcome)
        self.slots += 1

    def due(self) -> bool:
        return self.slots >= self.period_slots

    def drain(self) -> list[tuple[int, Block]]:
        """Action and what it collected in the period that is over."""
        self.slots = 0
        return [(collector.action_id, block) for collector in self.collectors for block in collector.drain()]
