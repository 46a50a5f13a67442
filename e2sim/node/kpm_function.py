"""E2SM-KPM at the node: measurements of the node, its cells, slices and UEs, report styles 1, 2, 4 and 5."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from e2sim.node.functions import Content, ControlEffect, Subscription
from e2sim.node.identities import Identities
from e2sim.node.kpm_collector import Block, Collection, Collector
from e2sim.node.kpm_plan import plan
from e2sim.node.world import World
from oran.e2ap import (
    Action,
    ActionNotAdmitted,
    ActionType,
    Cause,
    CauseRicRequest,
    IndicationType,
    RanFunction,
    RicControlRequest,
    RicSubscriptionRequest,
)
from oran.e2sm import kpm
from oran.e2sm.kpm.measurements import Level, names
from oran.errors import RemoteProtocolError

log = logging.getLogger(__name__)

REVISION = 1

MAX_PERIOD_MS = 60_000

MAX_RECORDS = 6_000
"""Granularity periods in one reporting period: 60 s of slots of 10 ms."""


class KpmFunction:
    """RAN function E2SM-KPM of one node.

    Args:
        identities: names of cells, slices and UEs.
        profile: object identifier and time stamps that the peers expect.
        function_id: RAN function id to announce.
        max_message_bytes: largest indication message to emit.
        unix_time_s: wall clock, for time stamps.
    """

    name = "kpm"
    controls_need_subscription = True
    shows_effects = True

    def __init__(
        self,
        identities: Identities,
        profile: kpm.Profile = kpm.OSC,
        function_id: int = kpm.RAN_FUNCTION_ID,
        max_message_bytes: int = 8000,
        unix_time_s: Callable[[], float] = time.time,
    ) -> None:
        self._names = identities
        self._profile = profile
        self._max_message_bytes = max_message_bytes
        self._unix_time_s = unix_time_s
        self._slot_ms = max(round(identities.scenario.slot_s * 1e3), 1)
        self._item = RanFunction(function_id, kpm.encode_ran_function(definition(profile)), REVISION, profile.oid)

    @property
    def item(self) -> RanFunction:
        return self._item

    # --- subscription -----------------------------------------------------------------------------

    def admit(self, request: RicSubscriptionRequest) -> Subscription:
        """Every action by itself: what cannot be measured is not admitted, the rest is.

        Raises:
            RemoteProtocolError: no action is left, or the reporting period does not fit the slots.
        """
        period_ms = kpm.decode_event_trigger(request.event_trigger).reporting_period_ms
        period_slots = self._slots(period_ms)
        collectors: list[Collector] = []
        refusals: list[tuple[int, RemoteProtocolError]] = []
        for action in request.actions:
            try:
                collectors.append(self._collector(action, period_slots))
            except RemoteProtocolError as error:
                log.info("action %d not admitted: %s", action.id, error)
                refusals.append((action.id, error))
        if not collectors:
            raise refusals[0][1]
        return Subscription(
            request=request,
            admitted=tuple(collector.action_id for collector in collectors),
            not_admitted=tuple(ActionNotAdmitted(action_id, _cause(error)) for action_id, error in refusals),
            period_slots=period_slots,
            measuring=Collection(collectors, period_slots),
        )

    def _slots(self, period_ms: int) -> int:
        slots, rest = divmod(period_ms, self._slot_ms)
        if rest or period_ms > MAX_PERIOD_MS:
            raise RemoteProtocolError(
                f"{period_ms} ms is no multiple of the slot ({self._slot_ms} ms) up to {MAX_PERIOD_MS} ms",
                CauseRicRequest.ACTION_NOT_SUPPORTED,
            )
        return slots

    def _collector(self, action: Action, period_slots: int) -> Collector:
        """The collector of one action.

        Raises:
            RemoteProtocolError: with the cause for which the action is not admitted.
        """
        if action.type is not ActionType.REPORT:
            raise RemoteProtocolError(f"action type {action.type.name}", CauseRicRequest.ACTION_NOT_SUPPORTED)
        wanted = plan(kpm.decode_action(action.definition or b""), self._names)
        slots = self._slots(wanted.granularity_ms)
        if period_slots % slots or period_slots // slots > MAX_RECORDS:
            raise RemoteProtocolError(
                f"granularity {wanted.granularity_ms} ms does not divide the reporting period",
                CauseRicRequest.ACTION_NOT_SUPPORTED,
            )
        collector = Collector(action.id, wanted, slots, self._names, self._unix_time_s)
        if len(kpm.encode_message(collector.largest().message())) > self._max_message_bytes:
            raise RemoteProtocolError("one record is larger than a message", CauseRicRequest.FUNCTION_RESOURCE_LIMIT)
        return collector

    # --- indication --------------------------------------------------------------------------------

    def contents(self, subscription: Subscription, world: World) -> list[Content]:
        """The reports of the period that is over, cut so that every message fits."""
        collection = subscription.measuring
        assert isinstance(collection, Collection)  # made by admit
        return [content for action_id, block in collection.drain() for content in self._contents(action_id, block)]

    def _contents(self, action_id: int, block: Block) -> Iterator[Content]:
        message = kpm.encode_message(block.message())
        parts = block.halves() if len(message) > self._max_message_bytes else ()
        if parts:
            for part in parts:
                yield from self._contents(action_id, part)
            return
        header = kpm.IndicationHeader(kpm.ntp_time(block.started_unix_s))
        yield Content(action_id, IndicationType.REPORT, kpm.encode_header(header, self._profile), message)

    # --- control -----------------------------------------------------------------------------------

    def control(self, request: RicControlRequest, world: World) -> ControlEffect:
        """KPM has no control service."""
        raise RemoteProtocolError("E2SM-KPM has no control", CauseRicRequest.ACTION_NOT_SUPPORTED)

    def refusal_outcome(self, request: RicControlRequest, reason: str, detail: str, world: World) -> bytes | None:
        return None


def _cause(error: RemoteProtocolError) -> Cause:
    return error.cause or CauseRicRequest.ACTION_NOT_SUPPORTED


def definition(profile: kpm.Profile) -> kpm.RanFunctionDefinition:
    """What the node announces: the styles and, for each, the measurements of its level."""
    node_level = tuple(kpm.OfferedMeasurement(name) for name in dict.fromkeys(names(Level.CELL) + names(Level.SLICE)))
    ue_level = tuple(kpm.OfferedMeasurement(name) for name in names(Level.UE))
    return kpm.RanFunctionDefinition(
        kpm.RanFunctionName(kpm.SHORT_NAME, profile.oid, "KPM Monitor"),
        (kpm.EventTriggerStyle(1, "Periodic Report", 1),),
        (
            kpm.ReportStyle(1, "E2 Node Measurement", 1, node_level, 1, 1),
            kpm.ReportStyle(2, "E2 Node Measurement for a single UE", 2, ue_level, 1, 1),
            kpm.ReportStyle(4, "Common Condition-based, UE-level Measurement", 4, ue_level, 1, 3),
            kpm.ReportStyle(5, "E2 Node Measurement for multiple UEs", 5, ue_level, 1, 3),
        ),
    )
