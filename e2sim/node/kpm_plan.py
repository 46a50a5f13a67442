"""What one KPM action asks for, checked against what the node measures (O-RAN.WG3.E2SM-KPM-v03.00, 7.4 and 8.2.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from e2sim.node.identities import Identities
from e2sim.node.interval import Place
from e2sim.node.measurements import MEASUREMENTS, Measured
from e2sim.node.ue_conditions import Condition, condition
from oran.e2ap import CauseRicRequest
from oran.e2sm import kpm
from oran.e2sm.kpm import Label, Measurement, UeId
from oran.e2sm.kpm.measurements import Level
from oran.errors import RemoteProtocolError

CELL_STYLE, UE_STYLE, CONDITIONAL_UE_STYLE, LISTED_UES_STYLE = 1, 2, 4, 5
"""Report styles that the node has; 3 it has not."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """Style 1: every (measurement, place) in the order of the values of a record."""

    measurements: tuple[Measurement, ...]
    granularity_ms: int
    values: tuple[tuple[Measured, Place], ...]


@dataclass(frozen=True, slots=True)
class UePlan:
    """Styles 2, 4 and 5: the same measurements of some UEs."""

    measurements: tuple[Measurement, ...]
    granularity_ms: int
    values: tuple[Measured, ...]
    condition: Condition | None
    """Which UEs; None: those of ``ues``."""
    cell: int | None = None
    """Only UEs attached to this cell."""
    ues: tuple[UeId, ...] = ()
    single: bool = False
    """Style 2: the report of one UE travels as message format 1."""


Plan = CellPlan | UePlan


def refused(text: str) -> RemoteProtocolError:
    """An action that cannot be served."""
    return RemoteProtocolError(text, CauseRicRequest.ACTION_NOT_SUPPORTED)


def plan(action: kpm.ActionDefinition, names: Identities) -> Plan:
    """The plan of an action definition.

    Raises:
        RemoteProtocolError: a style, measurement, label, cell, slice or condition that the node does not know.
    """
    match action.style, action.format:
        case 1, kpm.ActionFormat1() as wanted:
            return _cell_plan(wanted, names)
        case 2, kpm.ActionFormat2(ue, wanted):
            return _ue_plan(wanted, names, None, (ue,), single=True)
        case 4, kpm.ActionFormat4(conditions, wanted):
            return _ue_plan(wanted, names, condition(conditions, names), ())
        case 5, kpm.ActionFormat5(ues, wanted):
            return _ue_plan(wanted, names, None, ues)
        case _:
            raise refused(f"no report style {action.style} with {type(action.format).__name__}")


def _cell_plan(wanted: kpm.ActionFormat1, names: Identities) -> CellPlan:
    cell = _cell(wanted, names)
    values = tuple(
        _at_place(measurement, label, cell, names)
        for measurement in wanted.measurements
        for label in measurement.labels
    )
    return CellPlan(wanted.measurements, wanted.granularity_period_ms, values)


def _cell(wanted: kpm.ActionFormat1, names: Identities) -> int | None:
    if wanted.cell is None:
        return None
    index = names.cell_index(wanted.cell)
    if index is None:
        raise refused(f"no cell {wanted.cell}")
    return index


def _at_place(measurement: Measurement, label: Label, cell: int | None, names: Identities) -> tuple[Measured, Place]:
    if label.slice is None and label in (kpm.NO_LABEL, Label(plmn=names.settings.plmn)):
        return _measured(measurement, Level.CELL), Place(cell)
    if label.slice is not None and label in (
        Label(slice=label.slice),
        Label(slice=label.slice, plmn=names.settings.plmn),
    ):
        found = names.slice_indices(label.slice)
        if len(found) != 1:
            raise refused(f"{len(found)} slices are {label.slice}")
        return _measured(measurement, Level.SLICE), Place(cell, found[0])
    raise refused(f"{measurement.type} is not split by {label}")


def _ue_plan(
    wanted: kpm.ActionFormat1, names: Identities, which: Condition | None, ues: tuple[UeId, ...], single: bool = False
) -> UePlan:
    if any(measurement.labels != (kpm.NO_LABEL,) for measurement in wanted.measurements):
        raise refused("measurements of UEs are not split by labels")
    values = tuple(_measured(measurement, Level.UE) for measurement in wanted.measurements)
    return UePlan(wanted.measurements, wanted.granularity_period_ms, values, which, _cell(wanted, names), ues, single)


def _measured(measurement: Measurement, level: Level) -> Measured:
    row = MEASUREMENTS.get(measurement.type) if isinstance(measurement.type, str) else None
    if row is None or level not in row.definition.levels:
        raise refused(f"no measurement {measurement.type} of a {level.value}")
    return row
