"""E2SM-RC at the node: slice PRB quotas (style 2, action 6), handover (style 3, action 1), news of UEs (style 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from e2sim.node.functions import Content, ControlEffect, Subscription
from e2sim.node.identities import Identities
from e2sim.node.outcome import SlotOutcome
from e2sim.node.slice_quota import Quota
from e2sim.node.world import World
from oran.e2ap import (
    Action,
    ActionNotAdmitted,
    ActionType,
    CauseRicRequest,
    IndicationType,
    RanFunction,
    RicControlRequest,
    RicSubscriptionRequest,
)
from oran.e2sm import rc
from oran.e2sm.rc import handover, slice_quota
from oran.errors import DecisionRefused, RemoteProtocolError

REVISION = 1

UE_INFORMATION_STYLE = 4
RRC_STATE_CHANGED_TO = 202
"""RAN parameter of report style 4 (O-RAN.WG3.E2SM-RC-v01.03, 8.2.4)."""

CONNECTED, IDLE = 0, 2
"""RRC-State as a number: its place in the enumeration."""

UES_A_MESSAGE = 200
"""UEs in one indication: 200 take less than 4 kB."""


@dataclass
class UeNews:
    """UEs that came or went since the last report, as a subscription to RRC states sees them."""

    action_id: int
    condition_id: int
    wanted: frozenset[int]
    """RRC states to tell of."""
    states: list[tuple[int, int]] = field(default_factory=list)
    """(UE, state), oldest first."""
    known: NDArray[np.int64] | None = None

    def slot_ended(self, outcome: SlotOutcome) -> None:
        """UEs that are there when the subscription begins count as having just connected."""
        before = np.zeros(0, np.int64) if self.known is None else self.known
        self._note(np.setdiff1d(outcome.ue_ids, before), CONNECTED)
        self._note(np.setdiff1d(before, outcome.ue_ids), IDLE)
        self.known = outcome.ue_ids

    def _note(self, ue_ids: NDArray[np.int64], state: int) -> None:
        if state in self.wanted:
            self.states += [(ue_id, state) for ue_id in ue_ids.tolist()]

    def due(self) -> bool:
        return bool(self.states)

    def drain(self) -> list[tuple[int, int]]:
        states, self.states = self.states, []
        return states


class RcFunction:
    """RAN function E2SM-RC of one node.

    Args:
        identities: names of cells, slices and UEs.
        function_id: RAN function id to announce.
    """

    name = "rc"
    controls_need_subscription = False
    shows_effects = False

    def __init__(self, identities: Identities, function_id: int = rc.RAN_FUNCTION_ID) -> None:
        self._names = identities
        self._item = RanFunction(function_id, rc.encode_ran_function(definition()), REVISION, rc.OID)

    @property
    def item(self) -> RanFunction:
        return self._item

    # --- report ------------------------------------------------------------------------------------

    def admit(self, request: RicSubscriptionRequest) -> Subscription:
        """One report action of style 4 on changes of the RRC state; further actions are not admitted."""
        trigger = rc.decode_event_trigger(request.event_trigger)
        chosen = next((action for action in request.actions if action.type is ActionType.REPORT), None)
        if chosen is None:
            raise _refused("no report action")
        wanted = rc.decode_action(chosen.definition or b"")
        if wanted.style != UE_INFORMATION_STYLE or wanted.parameter_ids != (RRC_STATE_CHANGED_TO,):
            raise _refused(f"no report style {wanted.style} of parameters {wanted.parameter_ids}")
        return Subscription(
            request=request,
            admitted=(chosen.id,),
            not_admitted=tuple(_not_admitted(action) for action in request.actions if action is not chosen),
            period_slots=1,
            measuring=_news(chosen.id, trigger),
        )

    def contents(self, subscription: Subscription, world: World) -> list[Content]:
        news = subscription.measuring
        assert isinstance(news, UeNews)  # made by admit
        header = rc.encode_indication_header(rc.HeaderFormat1(news.condition_id))
        states = news.drain()
        return [
            Content(news.action_id, IndicationType.REPORT, header, self._message(states[start : start + UES_A_MESSAGE]))
            for start in range(0, len(states), UES_A_MESSAGE)
        ]

    def _message(self, states: list[tuple[int, int]]) -> bytes:
        ues = (
            rc.UeParameters(self._names.ue(ue_id), (rc.Parameter(RRC_STATE_CHANGED_TO, state),))
            for ue_id, state in states
        )
        return rc.encode_indication_message(rc.MessageFormat2(tuple(ues)))

    # --- control -----------------------------------------------------------------------------------

    def control(self, request: RicControlRequest, world: World) -> ControlEffect:
        """Sets quotas or hands a UE over; the answer carries no outcome, as srsRAN's."""
        header = rc.decode_control_header(request.header)
        match header.style, header.action:
            case slice_quota.STYLE, slice_quota.ACTION:
                self._set_quotas(rc.decode_quotas(request.message), world)
            case handover.STYLE, handover.ACTION:
                self._hand_over(header.ue, rc.read_target(rc.decode_control_message(request.message)), world)
            case style, action:
                raise _refused(f"no control style {style} with action {action}")
        return ControlEffect(outcome=None)

    def _set_quotas(self, asked: tuple[rc.SliceQuota, ...], world: World) -> None:
        world.set_quotas([self._quota(quota) for quota in asked])

    def _quota(self, quota: rc.SliceQuota) -> Quota:
        slices: list[int] = []
        for member in quota.members:
            found = self._names.slice_indices(member.slice)
            if member.plmn != self._names.settings.plmn or not found:
                raise _invalid("unknown_slice", f"no slice {member}")
            slices += found
        return Quota(tuple(slices), quota.min_percent, quota.max_percent, quota.dedicated_percent)

    def _hand_over(self, ue: rc.UeId, target: rc.NrCgi | rc.EutraCgi, world: World) -> None:
        cell = self._names.cell_index(target)
        if cell is None:
            raise _invalid("unknown_cell", f"no cell {target}")
        world.hand_over(self._names.ue_number(ue), cell)

    def refusal_outcome(self, request: RicControlRequest, reason: str, detail: str, world: World) -> bytes | None:
        return None


def _news(action_id: int, trigger: rc.EventTriggerFormat4) -> UeNews:
    """What the trigger's first condition asks to be told of; conditions on single UEs are not taken."""
    change = trigger.changes[0]
    if len(trigger.changes) > 1 or change.ues or not isinstance(change.trigger, rc.RrcStateChange):
        raise _refused("only one condition, on the RRC state of any UE")
    numbers = {rc.RrcState.CONNECTED: {CONNECTED}, rc.RrcState.IDLE: {IDLE}, rc.RrcState.ANY: {CONNECTED, IDLE}}
    wanted = frozenset[int]().union(*(numbers.get(state, set()) for state, _ in change.trigger.states))
    return UeNews(action_id, change.condition_id, wanted)


def _refused(text: str) -> RemoteProtocolError:
    return RemoteProtocolError(text, CauseRicRequest.ACTION_NOT_SUPPORTED)


def _invalid(reason: str, text: str) -> DecisionRefused:
    return DecisionRefused(reason, text, CauseRicRequest.CONTROL_MESSAGE_INVALID)


def _not_admitted(action: Action) -> ActionNotAdmitted:
    same = action.type is ActionType.REPORT
    return ActionNotAdmitted(
        action.id, CauseRicRequest.EXCESSIVE_ACTIONS if same else CauseRicRequest.ACTION_NOT_SUPPORTED
    )


_QUOTA_PARAMETERS = (
    (slice_quota.RATIO_LIST, "RRM Policy Ratio List"),
    (slice_quota.GROUP, "RRM Policy Ratio Group"),
    (slice_quota.POLICY, "RRM Policy"),
    (slice_quota.MEMBER_LIST, "RRM Policy Member List"),
    (slice_quota.MEMBER, "RRM Policy Member"),
    (slice_quota.PLMN, "PLMN Identity"),
    (slice_quota.SNSSAI, "S-NSSAI"),
    (slice_quota.SST, "SST"),
    (slice_quota.SD, "SD"),
    (slice_quota.MIN_RATIO, "Min PRB Policy Ratio"),
    (slice_quota.MAX_RATIO, "Max PRB Policy Ratio"),
    (slice_quota.DEDICATED_RATIO, "Dedicated PRB Policy Ratio"),
)
_HANDOVER_PARAMETERS = (
    (handover.TARGET_PRIMARY_CELL, "Target Primary Cell ID"),
    (handover.TARGET_CELL_CHOICE, "CHOICE Target Cell"),
    (handover.NR_CELL, "NR Cell"),
    (handover.NR_CELL_IDENTITY, "NR CGI"),
)


def definition() -> rc.RanFunctionDefinition:
    """What the node announces."""

    def named(parameters: tuple[tuple[int, str], ...]) -> tuple[rc.ParameterName, ...]:
        return tuple(rc.ParameterName(number, name) for number, name in parameters)

    quota = rc.ControlAction(slice_quota.ACTION, "Slice-level PRB quota", named(_QUOTA_PARAMETERS))
    move = rc.ControlAction(handover.ACTION, "Handover Control", named(_HANDOVER_PARAMETERS))
    state = (rc.ParameterName(RRC_STATE_CHANGED_TO, "RRC State Changed To"),)
    return rc.RanFunctionDefinition(
        rc.RanFunctionName(rc.SHORT_NAME, rc.OID, "RAN Control"),
        event_trigger=rc.EventTriggerDefinition((rc.EventTriggerStyle(4, "UE Information Change", 4),)),
        reports=(rc.ReportStyle(UE_INFORMATION_STYLE, "UE Information", 4, 1, 1, 2, state),),
        controls=(
            rc.ControlStyle(slice_quota.STYLE, "Radio Resource Allocation Control", (quota,)),
            rc.ControlStyle(handover.STYLE, "Connected Mode Mobility Control", (move,)),
        ),
    )
