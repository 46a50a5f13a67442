"""Finding one's way in a received RAN parameter tree; what is missing or of the wrong kind is the peer's fault."""

from __future__ import annotations

from typing import Any

from oran.e2ap.messages import CauseRicRequest
from oran.e2sm.rc.model import Key, Parameter, ParameterList
from oran.errors import DecodeError


def invalid(message: str) -> DecodeError:
    """The fault of a control message that decodes and makes no sense."""
    return DecodeError(message, CauseRicRequest.CONTROL_MESSAGE_INVALID)


def find(parameters: tuple[Parameter, ...], number: int) -> Any:
    """Value of the parameter ``number`` of a structure; None if it is absent. A key counts as its value.

    Raises:
        DecodeError: the parameter is given twice.
    """
    values = [parameter.value for parameter in parameters if parameter.id == number]
    if len(values) > 1:
        raise invalid(f"RAN parameter {number} is given twice")
    if not values:
        return None
    return values[0].value if isinstance(values[0], Key) else values[0]


def structure(parameters: tuple[Parameter, ...], number: int) -> tuple[Parameter, ...]:
    """The structure ``number``, which must be there.

    Raises:
        DecodeError: it is missing or not a structure.
    """
    value = find(parameters, number)
    if not isinstance(value, tuple):
        raise invalid(f"RAN parameter {number} is not a structure")
    return value


def structures(parameters: tuple[Parameter, ...], number: int) -> tuple[tuple[Parameter, ...], ...]:
    """The entries of the list ``number``, which must be there.

    Raises:
        DecodeError: it is missing or not a list.
    """
    value = find(parameters, number)
    if not isinstance(value, ParameterList):
        raise invalid(f"RAN parameter {number} is not a list")
    return value.structures


def octets(parameters: tuple[Parameter, ...], number: int, size: int) -> bytes:
    """The element ``number``, which must be ``size`` octets.

    Raises:
        DecodeError: it is not.
    """
    value = find(parameters, number)
    if not isinstance(value, bytes) or len(value) != size:
        raise invalid(f"RAN parameter {number} is not an octet string of {size}")
    return value
