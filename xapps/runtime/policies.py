"""A1 policies: requests in over RMR, enforced on a worker thread, statuses out.

Two types: *model* names the allocator and its model, *reporting* the clock and the period. The mediator sends every
instance again whenever it is asked, so CREATE of a known policy changes nothing and repeats its status.

Of several instances of one type the last one that came is in force; the others become NOT_ENFORCED. When the instance
in force is deleted, the xApp's own settings apply again: a policy's effect ends with the policy. What could not be
enforced is tried again whenever the mediator sends it again, so that a model store may be down for a while.

A model policy on trial (shadow, canary) plays another role than the one that serves: one instance of each role can be
in force.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from oran.errors import DecodeError, SuiteError
from oran.platform.a1_messages import (
    HandlerStatus,
    NotEnforcedReason,
    Operation,
    PolicyRequest,
    PolicyResponse,
    decode_policy_request,
    encode_policy_query,
    encode_policy_response,
)
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps.runtime.background import Background, Job
from xapps.runtime.metrics import Metrics

log = logging.getLogger(__name__)


class Enforcer(Protocol):
    """What a policy type does."""

    def enforce(self, request: PolicyRequest) -> None:
        """Put a policy in force. Raises SuiteError with the reason if it cannot be; then nothing has changed."""
        ...

    def withdraw(self) -> None:
        """The policy in force was deleted. Raises SuiteError."""
        ...


class TrialEnforcer(Enforcer, Protocol):
    """What those policies of a type do that are on trial."""

    def takes(self, request: PolicyRequest) -> bool:
        """Whether a policy is one of them."""
        ...


class Role(StrEnum):
    """What a policy does beside others of its type."""

    SERVING = "serving"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """One instance and what became of it."""

    request: PolicyRequest
    status: HandlerStatus
    reason: str = ""
    final: bool = False
    """Not to be tried again until its content changes: superseded, or found bad while it served."""


PolicyKey = tuple[int, str]
Place = tuple[int, Role]


class Policies:
    """Handles the policies of one xApp.

    Args:
        enforcers: policy type id -> what it does.
        handler_id: name of the xApp in answers.
        send: hands a message to RMR; raises TransportError.
        trials: policy type id -> what its policies on trial do.
    """

    def __init__(
        self,
        enforcers: dict[int, Enforcer],
        handler_id: str,
        send: Callable[[RmrMessage], None],
        metrics: Metrics,
        max_queue: int = 64,
        trials: Mapping[int, TrialEnforcer] | None = None,
    ) -> None:
        self._enforcers = enforcers
        self._trials = trials or {}
        self._handler_id = handler_id
        self._send = send
        self._metrics = metrics
        self._jobs = Background(max_queue, self._note_failure)
        self._records: dict[PolicyKey, PolicyRecord] = {}
        self._in_force: dict[Place, PolicyKey] = {}
        self._former: dict[Place, PolicyKey] = {}
        """What was in force before: again so, if its successor is lost and it is still there."""

    # --- from any thread --------------------------------------------------------------------------

    def submit(self, message: RmrMessage) -> None:
        """Take a policy request; it is handled by ``run``."""
        self._put(lambda: self.handle(message))

    def lost(self, policy_type_id: int, reason: str, role: Role = Role.SERVING) -> None:
        """What a policy had put in force is gone (a model was rolled back): its status becomes ERROR."""
        self._put(lambda: self._lose((policy_type_id, role), reason))

    def judged(self, policy_type_id: int, reason: str) -> None:
        """What is in force was watched: it is kept where ``reason`` is empty, and missed, though still tried, else."""
        self._put(lambda: self._judge(policy_type_id, reason))

    def retry(self, policy_type_id: int) -> None:
        """What a policy waited for is here: enforce those that failed again."""
        self._put(lambda: self._retry(policy_type_id))

    def query(self) -> None:
        """Ask the mediator for every instance of our types.

        Raises:
            TransportError: no route to it yet.
        """
        for policy_type_id in self._enforcers:
            self._send(RmrMessage(MessageType.A1_POLICY_QUERY, encode_policy_query(policy_type_id)))

    def records(self) -> list[PolicyRecord]:
        """Every known instance, for the operator."""
        return list(self._records.values())

    def _put(self, job: Job) -> None:
        if not self._jobs.offer(job):
            self._metrics.messages_dropped.inc()
            log.warning("a policy request was dropped: too many wait")

    # --- on the worker thread ---------------------------------------------------------------------

    def run(self) -> None:
        """Handle requests until ``stop``."""
        self._jobs.run()

    def run_pending(self) -> None:
        """Handle what waits now, and return."""
        self._jobs.run_pending()

    def stop(self) -> None:
        """End ``run`` once the job at hand is done; what waits is dropped, the mediator sends it again."""
        self._jobs.stop()

    def handle(self, message: RmrMessage) -> None:
        """One A1 policy request.

        Raises:
            DecodeError: not a policy request; it names no policy that could be answered.
            TransportError: the answer could not be sent; the mediator will be asked to send the request again.
        """
        request = decode_policy_request(message.payload)
        record = self._deleted(request) if request.operation is Operation.DELETE else self._enforced(request)
        self._metrics.policy_requests.labels(request.operation, record.status).inc()
        self._respond(record)

    def _enforced(self, request: PolicyRequest) -> PolicyRecord:
        known = self._records.get(_key(request))
        if known is not None and _says_nothing_new(known, request):
            return known
        return self._enforce(request)

    def _enforce(self, request: PolicyRequest) -> PolicyRecord:
        key, place = _key(request), self._place(request)
        try:
            self._enforcer(place).enforce(request)
        except SuiteError as error:
            log.warning("policy %s not enforced: %s: %s", key, type(error).__name__, error)
            return self._store(PolicyRecord(request, HandlerStatus.ERROR, f"{type(error).__name__}: {error}"))
        for former in self._places_of(key):
            if former != place:  # promoted from a trial, or put back on one
                self._vacate(former)
        if self._in_force.get(place, key) != key:
            self._former[place] = self._in_force[place]
        self._in_force[place] = key
        self._supersede_others(key, place)
        return self._store(PolicyRecord(request, HandlerStatus.OK))

    def _place(self, request: PolicyRequest) -> Place:
        trial = self._trials.get(request.policy_type_id)
        on_trial = trial is not None and trial.takes(request)
        return request.policy_type_id, Role.TRIAL if on_trial else Role.SERVING

    def _places_of(self, key: PolicyKey) -> list[Place]:
        return [place for place, holder in self._in_force.items() if holder == key]

    def _enforcer(self, place: Place) -> Enforcer:
        policy_type_id, role = place
        enforcers: Mapping[int, Enforcer] = self._trials if role is Role.TRIAL else self._enforcers
        if policy_type_id not in enforcers:
            raise DecodeError(f"policy type {policy_type_id} is not ours")
        return enforcers[policy_type_id]

    def _vacate(self, place: Place) -> None:
        self._enforcer(place).withdraw()
        del self._in_force[place]
        self._former.pop(place, None)

    def _supersede_others(self, key: PolicyKey, place: Place) -> None:
        for other, record in list(self._records.items()):
            if other != key and not record.final and self._place(record.request) == place:
                reason = f"superseded by {key[1]}"
                self._respond(self._store(PolicyRecord(record.request, HandlerStatus.ERROR, reason, final=True)))

    def _deleted(self, request: PolicyRequest) -> PolicyRecord:
        key = _key(request)
        for place in self._places_of(key):
            self._vacate(place)
            self._readmit(place)
        self._records.pop(key, None)
        self._metrics.policy.labels(str(key[0]), key[1]).set(0)
        return PolicyRecord(request, HandlerStatus.DELETED)

    def _readmit(self, place: Place) -> None:
        """Nothing is in force now: instances that were superseded count when they are sent again."""
        for key, record in list(self._records.items()):
            if record.final and self._place(record.request) == place:
                del self._records[key]

    def _lose(self, place: Place, reason: str) -> None:
        key = self._in_force.pop(place, None)
        if key is not None:
            record = replace(self._records[key], status=HandlerStatus.ERROR, reason=reason, final=True)
            self._respond(self._store(record))
        former = self._former.pop(place, None)
        if former in self._records and place[1] is Role.SERVING:  # what it chose serves again
            self._in_force[place] = former
            self._respond(self._store(PolicyRecord(self._records[former].request, HandlerStatus.OK)))

    def _judge(self, policy_type_id: int, reason: str) -> None:
        key = self._in_force.get((policy_type_id, Role.SERVING))
        if key is not None:
            status = HandlerStatus.ERROR if reason else HandlerStatus.OK
            self._respond(self._store(replace(self._records[key], status=status, reason=reason, final=bool(reason))))

    def _retry(self, policy_type_id: int) -> None:
        for key, record in list(self._records.items()):
            if key[0] == policy_type_id and record.status is HandlerStatus.ERROR and not record.final:
                self._respond(self._enforce(record.request))

    def _store(self, record: PolicyRecord) -> PolicyRecord:
        key = _key(record.request)
        self._records[key] = record
        self._metrics.policy.labels(str(key[0]), key[1]).set(record.status is HandlerStatus.OK)
        return record

    def _respond(self, record: PolicyRecord) -> None:
        response = PolicyResponse(
            record.request.policy_type_id,
            record.request.policy_instance_id,
            self._handler_id,
            record.status,
            NotEnforcedReason.STATEMENT_NOT_APPLICABLE if record.status is HandlerStatus.ERROR else None,
        )
        self._send(RmrMessage(MessageType.A1_POLICY_RESP, encode_policy_response(response)))

    def _note_failure(self, error: Exception) -> None:
        """The worker goes on whatever a request does to it."""
        log.warning("policy: %s: %s", type(error).__name__, error, exc_info=not isinstance(error, SuiteError))
        self._metrics.handler_errors.labels(MessageType.A1_POLICY_REQ.name, type(error).__name__).inc()


def _key(request: PolicyRequest) -> PolicyKey:
    return request.policy_type_id, request.policy_instance_id


def _says_nothing_new(known: PolicyRecord, request: PolicyRequest) -> bool:
    """Sent again, as the mediator does when asked, and nothing is to be tried again."""
    same = known.request.payload_text == request.payload_text
    return same and (known.status is HandlerStatus.OK or known.final)
