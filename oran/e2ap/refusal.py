"""What is known of a PDU that could not be decoded: enough to tell the peer, in the right message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oran.aper.composed import decode
from oran.aper.types import Type
from oran.e2ap import information_elements as ie
from oran.e2ap.messages import (
    Criticality,
    CriticalityDiagnostics,
    IeDiagnostic,
    RicRequestId,
    TriggeringMessage,
)
from oran.errors import DecodeError


@dataclass(slots=True)
class Outline:
    """The readable part of a PDU, filled in as decoding proceeds.

    Attributes:
        kind, procedure, criticality: the envelope; None if not even that could be read.
        received: the IEs before the fault, by identifier.
        diagnostics: the IEs at fault.
    """

    kind: TriggeringMessage | None = None
    procedure: int | None = None
    criticality: Criticality | None = None
    received: dict[int, tuple[Criticality, bytes]] = field(default_factory=dict)
    diagnostics: list[IeDiagnostic] = field(default_factory=list)

    @property
    def transaction_id(self) -> int | None:
        """TransactionID, if readable."""
        value: int | None = self._read(49, ie.TRANSACTION_ID)
        return value

    @property
    def request_id(self) -> RicRequestId | None:
        """RICrequestID, if readable."""
        value: RicRequestId | None = self._read(29, ie.REQUEST_ID)
        return value

    @property
    def ran_function_id(self) -> int | None:
        """RANfunctionID, if readable."""
        value: int | None = self._read(5, ie.RAN_FUNCTION_ID)
        return value

    @property
    def call_process_id(self) -> bytes | None:
        """RICcallProcessID, if readable."""
        value: bytes | None = self._read(20, ie.OCTETS)
        return value

    def _read(self, ie_id: int, kind: Type) -> Any:
        if ie_id not in self.received:
            return None
        try:
            return decode(kind, self.received[ie_id][1])
        except DecodeError:
            return None  # unreadable is a valid answer here: the fault itself is already being reported

    def criticality_diagnostics(self) -> CriticalityDiagnostics:
        """CriticalityDiagnostics (9.2.2) of the fault."""
        return CriticalityDiagnostics(
            procedure_code=self.procedure,
            triggering_message=self.kind,
            procedure_criticality=self.criticality,
            request_id=self.request_id,
            ies=tuple(self.diagnostics[:256]),
        )


class PduRefused(DecodeError):
    """An E2AP-PDU that cannot be decoded.

    Attributes:
        outline: what could be read of it.
    """

    def __init__(self, error: DecodeError, outline: Outline) -> None:
        super().__init__(str(error), error.cause)
        self.outline = outline
