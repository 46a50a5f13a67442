"""Radio reports: what an allocator's xApp asks of nodes that speak E2SM-RRM."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from oran.e2sm.rrm import (
    ActionDefinition,
    Clock,
    EventTrigger,
    ReportGroup,
    decode_ran_function,
    encode_action_definition,
    encode_event_trigger,
)
from oran.errors import DecodeError, PlatformError
from oran.platform.node_inventory import NodeDetails, OfferedFunction
from oran.platform.subscriptions import (
    ActionKind,
    ActionToSetUp,
    ClientEndpoint,
    SubscriptionDetail,
    SubscriptionRequest,
    Subsequent,
    SubsequentKind,
    WaitTime,
)

ACTION_ID = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to subscribe to, and how patiently."""

    endpoint: ClientEndpoint
    oid: str
    groups: tuple[ReportGroup, ...]
    insert_wait: WaitTime
    max_fragment_bytes: int = 0
    timeout_s: float = 15.0
    """Wait for the notification."""
    watchdog_s: float = 10.0
    """Silence after which a subscription is made anew; never less than ``WATCHDOG_PERIODS`` report periods."""

    def offer(self, details: NodeDetails) -> OfferedFunction | None:
        """The node's RAN function of our service model."""
        return details.function(self.oid)

    def check(self, meid: str, offer: OfferedFunction, trigger: EventTrigger) -> None:
        """Can the node report like that?

        Raises:
            PlatformError: its RAN function has no such clock or period.
        """
        try:
            definition = decode_ran_function(offer.definition)
        except DecodeError as error:
            raise PlatformError(f"{meid}: RAN function definition: {error}") from error
        if trigger.clock not in definition.clocks:
            raise PlatformError(f"{meid} has no {trigger.clock.name} clock")
        if not definition.min_period_ms <= trigger.period_ms <= definition.max_period_ms:
            allowed = f"{definition.min_period_ms}..{definition.max_period_ms} ms"
            raise PlatformError(f"{meid} reports every {allowed}, not {trigger.period_ms} ms")

    def request(self, meid: str, details: NodeDetails, trigger: EventTrigger) -> SubscriptionRequest:
        """The subscription of one node.

        Raises:
            PlatformError: the node cannot do that.
        """
        offer = self.offer(details)
        if offer is None:
            raise PlatformError(f"{meid} offers no {self.oid}")
        self.check(meid, offer, trigger)
        lock_step = trigger.clock is Clock.LOCK_STEP
        action = ActionToSetUp(
            id=ACTION_ID,
            kind=ActionKind.INSERT if lock_step else ActionKind.REPORT,
            definition=encode_action_definition(ActionDefinition(self.groups, self.max_fragment_bytes)),
            subsequent=Subsequent(kind=SubsequentKind.WAIT, wait=self.insert_wait) if lock_step else None,
        )
        detail = SubscriptionDetail(
            xapp_event_instance_id=zlib.crc32(meid.encode()) & 0xFFFF,  # the same body again after a restart
            event_trigger=encode_event_trigger(trigger),
            actions=(action,),
        )
        return SubscriptionRequest(client=self.endpoint, meid=meid, ran_function_id=offer.id, details=(detail,))
