"""The two ways received bytes can be wrong, each with the E2AP cause a peer is told.

The cause enumeration is imported when a fault is made, not when this module is: E2AP is itself
built on this runtime, and either package may be imported first.
"""

from __future__ import annotations

from oran.errors import DecodeError


def malformed(message: str) -> DecodeError:
    """Bits that no encoder could have produced (E2AP 10.2, transfer syntax error)."""
    from oran.e2ap.messages import CauseProtocol

    return DecodeError(message, CauseProtocol.TRANSFER_SYNTAX_ERROR)


def not_comprehended(message: str) -> DecodeError:
    """A well-formed value of a later version that we do not know (E2AP 10.3, abstract syntax error)."""
    from oran.e2ap.messages import CauseProtocol

    return DecodeError(message, CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT)
