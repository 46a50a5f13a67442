"""What to ask of a node: one action for the node, one a cell, one a slice, and one for the UEs of every slice.

A node that does not have a cell or a slice refuses that action and admits the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oran.e2sm import kpm
from oran.e2sm.identifiers import NrCgi, Snssai
from oran.e2sm.kpm.measurements import DEFINITIONS, Level
from oran.platform.node_inventory import GlobalNodeId

MAX_ACTIONS = 16
"""RICactions-ToBeSetup-List of E2AP."""

NCI_BITS = 36

EVERY_UE = kpm.UeCondition(kpm.TestCondition(kpm.TestType.UL_RSRP, kpm.TestExpression.LESS_THAN, 1000))
"""True of every UE: what xApps in the field use where all are meant."""


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom an action asks."""

    cell: NrCgi | None = None
    slice: Snssai | None = None
    per_ue: bool = False


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One action of a subscription."""

    id: int
    scope: Scope
    definition: kpm.ActionDefinition


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator wants to see."""

    measurements: tuple[str, ...]
    """Names; empty: all that are offered."""
    slices: tuple[Snssai, ...]
    max_cells: int


def planned(
    offered: kpm.RanFunctionDefinition, node: GlobalNodeId, wishes: Wishes, granularity_ms: int
) -> tuple[PlannedAction, ...]:
    """The actions of one node, numbered from 1; empty where it offers nothing that is wanted."""
    actions = [
        PlannedAction(number, scope, definition)
        for number, (scope, definition) in enumerate(_definitions(offered, node, wishes, granularity_ms), 1)
    ]
    return tuple(actions[:MAX_ACTIONS])


def _definitions(
    offered: kpm.RanFunctionDefinition, node: GlobalNodeId, wishes: Wishes, granularity_ms: int
) -> Iterator[tuple[Scope, kpm.ActionDefinition]]:
    names = _wanted(offered, 1, wishes)
    if names:
        yield Scope(), _node_action(names, granularity_ms)
    by_slice = [name for name in names if name in DEFINITIONS and Level.SLICE in DEFINITIONS[name].levels]
    if by_slice:
        for snssai in wishes.slices:
            label = kpm.Label(slice=snssai)
            yield Scope(slice=snssai), _node_action(by_slice, granularity_ms, label)
    of_ues = _wanted(offered, 4, wishes)
    if of_ues:
        for scope, condition in _ue_scopes(wishes.slices):
            subscription = _format_1(of_ues, granularity_ms, kpm.NO_LABEL)
            yield scope, kpm.ActionDefinition(4, kpm.ActionFormat4((condition,), subscription))
    if names:
        for cell in _cells(node, wishes.max_cells):
            yield Scope(cell=cell), _node_action(names, granularity_ms, cell=cell)


def _wanted(offered: kpm.RanFunctionDefinition, style: int, wishes: Wishes) -> list[str]:
    """Names that the style offers and the operator wants, each once."""
    names = (m.name for report in offered.reports if report.style == style for m in report.measurements)
    return [name for name in dict.fromkeys(names) if not wishes.measurements or name in wishes.measurements]


def _node_action(
    names: Sequence[str], granularity_ms: int, label: kpm.Label = kpm.NO_LABEL, cell: NrCgi | None = None
) -> kpm.ActionDefinition:
    return kpm.ActionDefinition(1, _format_1(names, granularity_ms, label, cell))


def _format_1(
    names: Sequence[str], granularity_ms: int, label: kpm.Label, cell: NrCgi | None = None
) -> kpm.ActionFormat1:
    return kpm.ActionFormat1(tuple(kpm.Measurement(name, (label,)) for name in names), granularity_ms, cell)


def _ue_scopes(slices: tuple[Snssai, ...]) -> Iterator[tuple[Scope, kpm.UeCondition]]:
    if not slices:
        yield Scope(per_ue=True), EVERY_UE
    for snssai in slices:
        octets = bytes([snssai.sst]) + (b"" if snssai.sd is None else snssai.sd.to_bytes(3, "big"))
        test = kpm.TestCondition(kpm.TestType.SNSSAI, kpm.TestExpression.EQUAL, octets)
        yield Scope(slice=snssai, per_ue=True), kpm.UeCondition(test)


def _cells(node: GlobalNodeId, count: int) -> Iterator[NrCgi]:
    """Cells by their number in the gNB: its identifier, then the number, fill the NR cell identity."""
    bits, plmn = node.nb_id, node.plmn_id
    if not 22 <= len(bits) <= 32 or set(bits) - {"0", "1"} or len(plmn) != 6 or set(plmn.upper()) - _HEX:
        return  # no gNB, or an inventory that writes it in another way
    first = int(bits, 2) << (NCI_BITS - len(bits))
    for number in range(1, count + 1):
        yield NrCgi(bytes.fromhex(plmn), first + number)


_HEX = frozenset("0123456789ABCDEF")
