"""Control style 3, action 1: handover of a UE (O-RAN.WG3.E2SM-RC-v01.03, 7.6.4.1 and 8.4.4.1).

    1 Target Primary Cell -> 2 Choice of Target Cell -> 3 NR Cell -> 4 NR CGI
                                                     or 5 E-UTRA Cell -> 6 E-UTRA CGI

The cell identity is itself an encoding inside an octet string. Sessions, bearers and secondary
cells (7 to 21) are neither sent nor looked at.
"""

from __future__ import annotations

from oran.aper import decode, encode
from oran.aper.types import Type
from oran.e2sm.identifiers import EUTRA_CGI, NR_CGI, EutraCgi, NrCgi
from oran.e2sm.rc.model import ControlMessage, Parameter
from oran.e2sm.rc.parameter_tree import find, invalid, structure
from oran.errors import DecodeError

STYLE = 3
ACTION = 1

TARGET_PRIMARY_CELL, TARGET_CELL_CHOICE = 1, 2
NR_CELL, NR_CELL_IDENTITY, EUTRA_CELL, EUTRA_CELL_IDENTITY = 3, 4, 5, 6


def handover_message(target: NrCgi | EutraCgi) -> ControlMessage:
    """The control message that sends a UE to ``target``.

    Raises:
        LocalProtocolError: a field of the cell identity is out of range.
    """
    if isinstance(target, NrCgi):
        cell = Parameter(NR_CELL, (Parameter(NR_CELL_IDENTITY, encode(NR_CGI, target)),))
    else:
        cell = Parameter(EUTRA_CELL, (Parameter(EUTRA_CELL_IDENTITY, encode(EUTRA_CGI, target)),))
    return ControlMessage((Parameter(TARGET_PRIMARY_CELL, (Parameter(TARGET_CELL_CHOICE, (cell,)),)),))


def read_target(message: ControlMessage) -> NrCgi | EutraCgi:
    """The cell a control message sends the UE to.

    Raises:
        DecodeError: no target cell, or one that cannot be read; cause control-message-invalid.
    """
    choice = structure(structure(message.parameters, TARGET_PRIMARY_CELL), TARGET_CELL_CHOICE)
    if find(choice, NR_CELL) is not None:
        return _identity(find(structure(choice, NR_CELL), NR_CELL_IDENTITY), NR_CGI)
    return _identity(find(structure(choice, EUTRA_CELL), EUTRA_CELL_IDENTITY), EUTRA_CGI)


def _identity(value: object, kind: Type) -> NrCgi | EutraCgi:
    if not isinstance(value, bytes):
        raise invalid("a target cell without identity")
    try:
        cell: NrCgi | EutraCgi = decode(kind, value)
    except DecodeError as error:
        raise invalid(f"a target cell that cannot be read: {error}") from error
    return cell
