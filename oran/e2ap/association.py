"""One E2 association seen from either end: octets in, events out. No socket, no clock, no thread.

The owner hands every received SCTP message to ``receive``, sends what ``outbox`` yields, and calls
``on_timer`` when ``next_timer_s`` has come. What is legal is in :mod:`oran.e2ap.procedures`.

    IDLE --E2SetupRequest--> SETUP_SENT / SETUP_RECEIVED --E2SetupResponse--> READY
      ^------------------------- E2SetupFailure, time-out ----/
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from oran.e2ap import messages as m
from oran.e2ap.codec import decode, encode
from oran.e2ap.procedures import (
    PROCEDURE_OF_ANSWER,
    PROCEDURE_OF_REQUEST,
    TRANSITIONS,
    Procedure,
    Role,
    State,
    error_indication,
    outline_of,
    refusal_of,
    stream_of,
)
from oran.e2ap.refusal import Outline, PduRefused
from oran.errors import LocalProtocolError, RemoteProtocolError

_INCOMPATIBLE = m.CauseProtocol.MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE

MAX_UNANSWERED = 4096
"""Requests of a peer that may wait for our answer at once; further ones are refused."""


@dataclass(frozen=True, slots=True)
class PduReceived:
    """A legal PDU came from the peer. A request must be answered by ``send``."""

    pdu: m.Pdu


@dataclass(frozen=True, slots=True)
class ProcedureTimedOut:
    """No answer to ``request`` came in time."""

    request: m.Pdu


@dataclass(frozen=True, slots=True)
class ProcedureAborted:
    """No answer to ``request`` will come: a reset, a new set-up or the end of the association overtook it."""

    request: m.Pdu


@dataclass(frozen=True, slots=True)
class ProtocolViolation:
    """The peer broke a rule. The association has already queued what E2AP asks for in return."""

    error: RemoteProtocolError


class _IdentifierInUse(RemoteProtocolError):
    """A second request with the identifier of an unanswered one: a failure would seem to answer the first."""


Event = PduReceived | ProcedureTimedOut | ProcedureAborted | ProtocolViolation


@dataclass(frozen=True, slots=True)
class _Pending:
    request: m.Pdu
    deadline_s: float
    answer_wanted: bool


class E2Association:
    """The E2AP state of one association.

    Args:
        role: which end we are.
        timeouts_s: waiting times that differ from those of ``PROCEDURES``, by class of the request.

    Attributes:
        role: which end we are.
        state: where the association stands.
    """

    def __init__(self, role: Role, *, timeouts_s: Mapping[type, float] | None = None) -> None:
        self.role = role
        self.state = State.IDLE
        self._timeouts_s = dict(timeouts_s or {})
        self._outbox: list[tuple[int, bytes]] = []
        self._pending: dict[Hashable, list[_Pending]] = {}
        self._owed: dict[Hashable, list[m.Pdu]] = {}
        self._not_before_s: dict[type, float] = {}
        self._last_transaction_id = -1

    # --- outwards ---

    def send(self, pdu: m.Pdu, now_s: float) -> None:
        """Queue ``pdu`` for the peer and follow the procedure it starts or ends.

        Raises:
            LocalProtocolError: not allowed in this state, an answer nobody asked for, a request
                whose identifier is in use, a retry before the peer's time to wait, or a value out of range.
        """
        next_state = TRANSITIONS.get((self.role, self.role, self.state, type(pdu)))
        if next_state is None:
            raise LocalProtocolError(f"{self.role.value} may not send {type(pdu).__name__} in state {self.state.value}")
        octets = encode(pdu)
        if type(pdu) in PROCEDURE_OF_ANSWER:
            self._settle(PROCEDURE_OF_ANSWER[type(pdu)], pdu)
        elif type(pdu) in PROCEDURE_OF_REQUEST:
            self._start(PROCEDURE_OF_REQUEST[type(pdu)], pdu, now_s)
        self.state = next_state
        self._outbox.append((stream_of(pdu), octets))

    def outbox(self) -> list[tuple[int, bytes]]:
        """Take what waits to be sent: (SCTP stream, E2AP-PDU), in order."""
        waiting, self._outbox = self._outbox, []
        return waiting

    def next_transaction_id(self) -> int:
        """A TransactionID that none of our unanswered requests uses, 0..255."""
        used = {
            getattr(entry.request, "transaction_id", None) for entries in self._pending.values() for entry in entries
        }
        for step in range(1, 257):
            candidate = (self._last_transaction_id + step) % 256
            if candidate not in used:
                self._last_transaction_id = candidate
                return candidate
        raise LocalProtocolError("all 256 transaction identifiers are in use")

    @property
    def retry_at_s(self) -> float | None:
        """When the next E2SetupRequest is allowed, after a failure with a time to wait; else None."""
        return self._not_before_s.get(m.E2SetupRequest)

    def close(self) -> list[Event]:
        """The association is gone. Returns an event for every request that stays unanswered."""
        self.state = State.CLOSED
        self._outbox.clear()
        return self._abort()

    def _start(self, procedure: Procedure, pdu: m.Pdu, now_s: float) -> None:
        not_before_s = self._not_before_s.get(type(pdu), now_s)
        if now_s < not_before_s:
            raise LocalProtocolError(f"{type(pdu).__name__} not before {not_before_s:.3f} s, now {now_s:.3f} s")
        key = procedure.code, procedure.key(pdu)
        entries = self._pending.get(key, [])
        if entries and procedure.request is not m.RicControlRequest:
            if entries[0].request != pdu:
                raise LocalProtocolError(f"another {type(pdu).__name__} with identifier {key[1]} is unanswered")
            entries = []  # a retransmission starts the timer anew
        if isinstance(pdu, (m.ResetRequest, m.E2SetupRequest)):
            self._abort(keep=type(pdu))
        wanted = not isinstance(pdu, m.RicControlRequest) or pdu.ack_request is m.ControlAckRequest.ACK
        timeout_s = self._timeouts_s.get(type(pdu), procedure.timeout_s)
        self._pending[key] = [*entries, _Pending(pdu, now_s + timeout_s, wanted)]

    def _settle(self, procedure: Procedure, answer: m.Pdu) -> None:
        key = procedure.code, procedure.key(answer)
        requests = self._owed.get(key)
        if requests:
            self._owed[key] = requests[1:]
            if not self._owed[key]:
                del self._owed[key]
        elif not isinstance(answer, m.RicControlFailure):  # may also follow a request without acknowledgement
            raise LocalProtocolError(f"{type(answer).__name__} with identifier {key[1]} answers no request")

    # --- inwards ---

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """Take one SCTP message. Nothing the peer can send makes this raise."""
        if self.state is State.CLOSED:
            return []
        try:
            pdu = decode(data)
        except PduRefused as refused:
            return [self._violation(refused.outline, refused)]
        try:
            return self._take(pdu, now_s)
        except RemoteProtocolError as error:
            return [self._violation(outline_of(pdu), error)]

    def _take(self, pdu: m.Pdu, now_s: float) -> list[Event]:
        request_of = PROCEDURE_OF_REQUEST.get(type(pdu))
        if request_of and self._is_retransmission(request_of, pdu):
            return []
        next_state = TRANSITIONS.get((self.role, self.role.peer, self.state, type(pdu)))
        if next_state is None:
            raise self._incompatible(f"{type(pdu).__name__} in state {self.state.value}")
        events: list[Event] = [PduReceived(pdu)]
        if request_of:
            events += self._owe(request_of, pdu)
        elif type(pdu) in PROCEDURE_OF_ANSWER:
            self._finish(PROCEDURE_OF_ANSWER[type(pdu)], pdu, now_s)
        self.state = next_state
        return events

    def _is_retransmission(self, procedure: Procedure, pdu: m.Pdu) -> bool:
        """The answer to the first one will serve. Two equal control requests are two controls."""
        waiting = self._owed.get((procedure.code, procedure.key(pdu)), ())
        return pdu in waiting and not isinstance(pdu, m.RicControlRequest)

    def _owe(self, procedure: Procedure, request: m.Pdu) -> list[Event]:
        """Note that ``request`` must be answered; a reset or a new set-up ends everything else."""
        aborted: list[Event] = []
        if isinstance(request, (m.ResetRequest, m.E2SetupRequest)):
            aborted = self._abort(keep=m.ResetRequest)
        if isinstance(request, m.RicControlRequest) and request.ack_request is not m.ControlAckRequest.ACK:
            return aborted
        key = procedure.code, procedure.key(request)
        waiting = self._owed.get(key, [])
        if waiting and not isinstance(request, m.RicControlRequest):
            raise _IdentifierInUse(f"{type(request).__name__} with identifier {key[1]}, which is in use", _INCOMPATIBLE)
        if sum(map(len, self._owed.values())) >= MAX_UNANSWERED:
            raise RemoteProtocolError("too many unanswered requests", m.CauseMisc.CONTROL_PROCESSING_OVERLOAD)
        self._owed[key] = [*waiting, request]
        return aborted

    def _finish(self, procedure: Procedure, answer: m.Pdu, now_s: float) -> None:
        key = procedure.code, procedure.key(answer)
        entries = self._pending.get(key)
        if not entries:
            raise self._incompatible(f"{type(answer).__name__} with identifier {key[1]} answers no request")
        self._pending[key] = entries[1:]
        if not self._pending[key]:
            del self._pending[key]
        wait = getattr(answer, "time_to_wait", None)
        self._not_before_s.pop(procedure.request, None)
        if wait is not None:
            self._not_before_s[procedure.request] = now_s + wait.seconds

    def _incompatible(self, message: str) -> RemoteProtocolError:
        return RemoteProtocolError(message, _INCOMPATIBLE)

    def _violation(self, outline: Outline, error: RemoteProtocolError) -> ProtocolViolation:
        cause = error.cause or m.CauseProtocol.UNSPECIFIED
        if isinstance(error, _IdentifierInUse):
            answer: m.Pdu | None = error_indication(outline, cause)
        else:
            answer = refusal_of(outline, cause, self.role.peer)
        if answer is not None:
            self._outbox.append((stream_of(answer), encode(answer)))
        return ProtocolViolation(error)

    # --- time ---

    def next_timer_s(self) -> float | None:
        """When ``on_timer`` wants to be called next; None: no request of ours is unanswered."""
        return min((entry.deadline_s for entries in self._pending.values() for entry in entries), default=None)

    def on_timer(self, now_s: float) -> list[Event]:
        """Give up the requests whose time is over. A set-up that times out leads back to IDLE."""
        events: list[Event] = []
        for key, entries in list(self._pending.items()):
            late = [entry for entry in entries if entry.deadline_s <= now_s]
            if not late:
                continue
            self._pending[key] = [entry for entry in entries if entry.deadline_s > now_s]
            if not self._pending[key]:
                del self._pending[key]
            events += [ProcedureTimedOut(entry.request) for entry in late if entry.answer_wanted]
        if any(
            isinstance(event, ProcedureTimedOut) and isinstance(event.request, m.E2SetupRequest) for event in events
        ):
            self.state = State.IDLE
        return events

    def _abort(self, keep: type | None = None) -> list[Event]:
        """Drop all procedures but those started by ``keep``."""
        events: list[Event] = []
        for key, entries in list(self._pending.items()):
            if type(entries[0].request) is not keep:
                del self._pending[key]
                events += [ProcedureAborted(entry.request) for entry in entries if entry.answer_wanted]
        self._owed = {key: requests for key, requests in self._owed.items() if type(requests[0]) is keep}
        return events
