"""E2SM-RRM at the node: REPORT runs free, INSERT runs in lock-step, CONTROL takes allocations."""

from __future__ import annotations

from dataclasses import dataclass

from e2sim.node.functions import Content, ControlEffect, Subscription
from e2sim.node.world import World
from e2sim.scenario import Scenario
from oran.e2ap import (
    Action,
    ActionNotAdmitted,
    ActionType,
    CauseRicRequest,
    IndicationType,
    RanFunction,
    RicControlRequest,
    RicSubscriptionRequest,
    SubsequentActionType,
)
from oran.e2sm import rrm
from oran.errors import RemoteProtocolError

DEFAULT_WAIT_S = 1.0
"""How long an INSERT waits where the subscription names no time to wait."""

MAX_PERIOD_MS = 60_000


@dataclass(frozen=True, slots=True)
class RrmDetails:
    """Trigger and action of one RRM subscription, decoded."""

    action_id: int
    clock: rrm.Clock
    groups: tuple[rrm.ReportGroup, ...]
    max_fragment_bytes: int


class RrmFunction:
    """RAN function E2SM-RRM over one world.

    Args:
        scenario: its sizes and slot length go into the definition.
        function_id: RAN function id to announce.
        max_fragment_bytes: largest indication message to emit.
    """

    name = "rrm"
    controls_need_subscription = True
    shows_effects = True

    def __init__(
        self,
        scenario: Scenario,
        function_id: int = rrm.RAN_FUNCTION_ID,
        max_fragment_bytes: int = rrm.DEFAULT_FRAGMENT_BYTES,
    ) -> None:
        self._slot_ms = max(round(scenario.slot_s * 1e3), 1)
        self._max_fragment_bytes = min(max_fragment_bytes, rrm.MAX_FRAGMENT_BYTES)
        self._item = RanFunction(
            function_id, rrm.encode_ran_function(self._definition(scenario)), rrm.REVISION, rrm.OID
        )

    @property
    def item(self) -> RanFunction:
        return self._item

    def _definition(self, scenario: Scenario) -> rrm.RanFunctionDefinition:
        return rrm.RanFunctionDefinition(
            name="E2SM-RRM",
            description=f"Per-PRB radio state and allocation, scenario {scenario.name}",
            clocks=tuple(rrm.Clock),
            report_groups=tuple(rrm.ReportGroup),
            control_kinds=(rrm.ControlKind.ALLOCATION,),
            min_period_ms=self._slot_ms,
            max_period_ms=MAX_PERIOD_MS,
            num_rus=scenario.num_rus,
            num_prbs=scenario.num_prbs,
            max_ues=scenario.num_ues,
            max_fragment_bytes=self._max_fragment_bytes,
        )

    # --- subscription -----------------------------------------------------------------------------

    def admit(self, request: RicSubscriptionRequest) -> Subscription:
        """One report or insert action with a period that is a whole number of slots; further actions are refused."""
        trigger = rrm.decode_event_trigger(request.event_trigger)
        period_slots = self._period_slots(trigger)
        wanted = ActionType.INSERT if trigger.clock is rrm.Clock.LOCK_STEP else ActionType.REPORT
        chosen = next((action for action in request.actions if action.type is wanted), None)
        if chosen is None:
            raise RemoteProtocolError(
                f"clock {trigger.clock.name} needs an action of type {wanted.name}",
                CauseRicRequest.ACTION_NOT_SUPPORTED,
            )
        return Subscription(
            request=request,
            admitted=(chosen.id,),
            not_admitted=self._refused(request.actions, chosen),
            period_slots=period_slots,
            lock_step=trigger.clock is rrm.Clock.LOCK_STEP,
            wait_s=_wait_s(chosen),
            details=self._details(chosen, trigger.clock),
        )

    def _period_slots(self, trigger: rrm.EventTrigger) -> int:
        period_slots, rest = divmod(trigger.period_ms, self._slot_ms)
        if rest or period_slots == 0 or trigger.period_ms > MAX_PERIOD_MS:
            raise RemoteProtocolError(
                f"period {trigger.period_ms} ms is no multiple of the slot ({self._slot_ms} ms) up to {MAX_PERIOD_MS}",
                CauseRicRequest.ACTION_NOT_SUPPORTED,
            )
        return period_slots

    def _details(self, action: Action, clock: rrm.Clock) -> RrmDetails:
        definition = rrm.decode_action_definition(action.definition or b"")
        limit = definition.max_fragment_bytes or self._max_fragment_bytes
        groups = definition.report_groups or tuple(rrm.ReportGroup)
        return RrmDetails(action.id, clock, groups, min(limit, self._max_fragment_bytes))

    @staticmethod
    def _refused(actions: tuple[Action, ...], chosen: Action) -> tuple[ActionNotAdmitted, ...]:
        def cause(action: Action) -> CauseRicRequest:
            same = action.type is chosen.type
            return CauseRicRequest.EXCESSIVE_ACTIONS if same else CauseRicRequest.ACTION_NOT_SUPPORTED

        return tuple(ActionNotAdmitted(action.id, cause(action)) for action in actions if action is not chosen)

    # --- indication --------------------------------------------------------------------------------

    def contents(self, subscription: Subscription, world: World) -> list[Content]:
        details: RrmDetails = subscription.details
        report = world.observe()
        insert = details.clock is rrm.Clock.LOCK_STEP
        call_process_id = report.report_id.to_bytes(8, "big") if insert else None
        kind = IndicationType.INSERT if insert else IndicationType.REPORT
        fragments = rrm.split_report(
            report, details.groups, clock=details.clock, max_fragment_bytes=details.max_fragment_bytes
        )
        return [Content(details.action_id, kind, header, message, call_process_id) for header, message in fragments]

    # --- control -----------------------------------------------------------------------------------

    def control(self, request: RicControlRequest, world: World) -> ControlEffect:
        header = rrm.decode_control_header(request.header)
        allocation = rrm.decode_control_message(request.message)
        slot = world.propose(header, allocation)
        return ControlEffect(rrm.encode_outcome(rrm.ControlOutcome(header.report_id, slot)), header.report_id)

    def refusal_outcome(self, request: RicControlRequest, reason: str, detail: str, world: World) -> bytes | None:
        slot = world.simulator.slot
        return rrm.encode_outcome(rrm.ControlOutcome(0, slot, reason, detail))


def _wait_s(action: Action) -> float:
    subsequent = action.subsequent
    if subsequent is None or subsequent.type is not SubsequentActionType.WAIT:
        return DEFAULT_WAIT_S
    text = subsequent.time_to_wait.value[1:]
    return float(text[:-2]) / 1e3 if text.endswith("ms") else float(text[:-1])
