"""What is known of a PDU that is refused: enough to tell the peer, in the right message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oran.aper.composed import decode
from oran.e2ap import information_elements as ie
from oran.e2ap.messages import Criticality, CriticalityDiagnostics, IeDiagnostic, RicRequestId, TriggeringMessage
from oran.errors import DecodeError

_IDENTIFYING = {
    49: ("transaction_id", ie.TRANSACTION_ID),
    29: ("request_id", ie.REQUEST_ID),
    5: ("ran_function_id", ie.RAN_FUNCTION_ID),
    20: ("call_process_id", ie.OCTETS),
}


@dataclass(slots=True)
class Outline:
    """The readable part of a PDU; what could not be read is None.

    Attributes:
        kind, procedure, criticality: the envelope.
        diagnostics: the IEs at fault.
    """

    kind: TriggeringMessage | None = None
    procedure: int | None = None
    criticality: Criticality | None = None
    transaction_id: int | None = None
    request_id: RicRequestId | None = None
    ran_function_id: int | None = None
    call_process_id: bytes | None = None
    diagnostics: list[IeDiagnostic] = field(default_factory=list)

    def identify(self, received: dict[int, tuple[Criticality, bytes]]) -> None:
        """Read the identifying IEs among ``received``, as far as they are readable."""
        for ie_id, (attribute, kind) in _IDENTIFYING.items():
            if ie_id in received:
                setattr(self, attribute, _readable(kind, received[ie_id][1]))

    def criticality_diagnostics(self) -> CriticalityDiagnostics:
        """CriticalityDiagnostics (9.2.2) of the fault."""
        return CriticalityDiagnostics(
            procedure_code=self.procedure,
            triggering_message=self.kind,
            procedure_criticality=self.criticality,
            request_id=self.request_id,
            ies=tuple(self.diagnostics),
        )


def _readable(kind: Any, octets: bytes) -> Any:
    try:
        return decode(kind, octets)
    except DecodeError:
        return None  # unreadable is an answer here: the PDU is already being refused


class PduRefused(DecodeError):
    """An E2AP-PDU that cannot be decoded.

    Attributes:
        outline: what could be read of it.
    """

    def __init__(self, error: DecodeError, outline: Outline) -> None:
        super().__init__(str(error), error.cause)
        self.outline = outline
