"""What a RAN function of the node must offer, whatever its service model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from e2sim.node.outcome import SlotOutcome
from e2sim.node.world import World
from oran.e2ap import (
    ActionNotAdmitted,
    IndicationType,
    RanFunction,
    RicControlRequest,
    RicRequestId,
    RicSubscriptionRequest,
)


class Measuring(Protocol):
    """What a subscription that reports slots that are over collects meanwhile."""

    def slot_ended(self, outcome: SlotOutcome) -> None:
        """Takes in one slot."""
        ...

    def due(self) -> bool:
        """Is there something to report?"""
        ...


@dataclass(slots=True)
class Subscription:
    """One admitted RIC subscription.

    ``period_slots`` counts slots between reports; ``lock_step`` subscriptions suspend the world for every report.
    """

    request: RicSubscriptionRequest
    admitted: tuple[int, ...]
    not_admitted: tuple[ActionNotAdmitted, ...]
    period_slots: int
    lock_step: bool = False
    wait_s: float = 1.0
    """How long a lock-step report waits for its control."""
    details: Any = None
    """What the service model decoded from trigger and actions."""
    measuring: Measuring | None = None
    """None: it shows the slot that begins and asks for a decision; else it tells of slots that are over."""
    sequence_number: int = 0
    slots_since_report: int = field(default=0)

    @property
    def request_id(self) -> RicRequestId:
        return self.request.request_id

    def due(self) -> bool:
        """Counts one slot; True when this slot ends a reporting period."""
        if self.measuring is not None:
            return self.measuring.due()
        self.slots_since_report += 1
        if self.slots_since_report < self.period_slots:
            return False
        self.slots_since_report = 0
        return True


@dataclass(frozen=True, slots=True)
class Content:
    """Header and message octets of one indication, with the action it belongs to."""

    action_id: int
    type: IndicationType
    header: bytes
    message: bytes
    call_process_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class ControlEffect:
    """A control that was carried out."""

    outcome: bytes | None
    report_id: int | None = None
    """Report that the decision answered, where the service model says so."""


class RanFunctionService(Protocol):
    """A service model at the node."""

    name: str
    """Short name, for settings and metrics: rrm, kpm, rc."""
    controls_need_subscription: bool
    """A control is only taken under the request id of an admitted subscription."""
    shows_effects: bool
    """Its reports show what a control did to the radio."""

    @property
    def item(self) -> RanFunction:
        """The RANfunction-Item announced at set-up."""
        ...

    def admit(self, request: RicSubscriptionRequest) -> Subscription:
        """Decides on a subscription.

        Raises:
            RemoteProtocolError: with the cause of the RIC Subscription Failure.
        """
        ...

    def contents(self, subscription: Subscription, world: World) -> list[Content]:
        """The indications that are due now for ``subscription``."""
        ...

    def control(self, request: RicControlRequest, world: World) -> ControlEffect:
        """Carries out a control.

        Raises:
            RemoteProtocolError: malformed, with the cause.
            DecisionRefused: understood, but against a limit.
        """
        ...

    def refusal_outcome(self, request: RicControlRequest, reason: str, detail: str, world: World) -> bytes | None:
        """The outcome octets of the failure that answers a refused control."""
        ...
