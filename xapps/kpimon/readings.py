"""KPM indications as readings: a value, what it measures, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oran.e2ap import CauseProtocol
from oran.e2sm import kpm
from oran.e2sm.identifiers import GnbCuUpUeId, GnbDuUeId, GnbUeId, NrCgi, Snssai, UeId
from oran.e2sm.kpm.measurements import DEFINITIONS
from oran.errors import DecodeError
from xapps.kpimon.actions import PlannedAction, Scope


@dataclass(frozen=True, slots=True)
class Place:
    """For whom a value holds; empty text: for all of them."""

    meid: str
    cell: str = ""
    slice: str = ""
    ue: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest value of a measurement at a place."""

    name: str
    place: Place
    value: float | None
    """In the unit of the wire; None: the node has no value."""

    @property
    def in_base_unit(self) -> float | None:
        """In the unit that Prometheus shows; as it came where the measurement is not known."""
        known = DEFINITIONS.get(self.name)
        return self.value if known is None or self.value is None else self.value * known.in_base_unit


def readings(meid: str, action: PlannedAction, message: bytes) -> Iterator[Reading]:
    """What an indication message says, the last granularity period of each report.

    Raises:
        DecodeError: malformed, of another format than the action asked for, or values without names.
    """
    decoded = kpm.decode_message(message)
    if isinstance(decoded, kpm.MessageFormat1) and not action.scope.per_ue:
        yield from _of_report(decoded, action, _place(meid, action.scope))
    elif isinstance(decoded, kpm.MessageFormat3) and action.scope.per_ue:
        for item in decoded.reports:
            yield from _of_report(item.report, action, _place(meid, action.scope, ue_text(item.ue)))
    else:
        raise _wrong(f"{type(decoded).__name__} does not answer action {action.id}")


def _of_report(report: kpm.MessageFormat1, action: PlannedAction, place: Place) -> Iterator[Reading]:
    """Names come with the report or, where they are left out, from the action."""
    measurements = report.measurements or _asked(action)
    names = [measurement.type for measurement in measurements for _ in measurement.labels]
    values = report.records[-1].values
    if len(names) != len(values):
        raise _wrong(f"{len(values)} values of {len(names)} measurements")
    for name, value in zip(names, values, strict=True):
        if isinstance(name, str):
            yield Reading(name, place, value)


def _asked(action: PlannedAction) -> tuple[kpm.Measurement, ...]:
    wanted = action.definition.format
    if isinstance(wanted, kpm.ActionFormat4):
        wanted = wanted.subscription
    return wanted.measurements if isinstance(wanted, kpm.ActionFormat1) else ()


def _place(meid: str, scope: Scope, ue: str = "") -> Place:
    cell = "" if scope.cell is None else cell_text(scope.cell)
    return Place(meid, cell, "" if scope.slice is None else slice_text(scope.slice), ue)


def cell_text(cell: NrCgi) -> str:
    """PLMN and NR cell identity, hexadecimal: ``00f110-000004001``."""
    return f"{cell.plmn.hex()}-{cell.nci:09x}"


def slice_text(snssai: Snssai) -> str:
    """``1`` or ``1-00abcd``."""
    return str(snssai.sst) if snssai.sd is None else f"{snssai.sst}-{snssai.sd:06x}"


def ue_text(ue: UeId) -> str:
    """The UE's number at the node that reports it."""
    match ue:
        case GnbDuUeId():
            return str(ue.f1ap_id)
        case GnbCuUpUeId():
            return str(ue.e1ap_id)
        case GnbUeId():
            return str(ue.amf_ue_ngap_id)


def _wrong(text: str) -> DecodeError:
    return DecodeError(text, CauseProtocol.SEMANTIC_ERROR)
