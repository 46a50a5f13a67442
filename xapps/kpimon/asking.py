"""The subscription of one node, and what its actions are about."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from oran.e2sm import kpm
from oran.errors import DecodeError, LocalProtocolError, PlatformError
from oran.platform.node_inventory import NodeDetails, OfferedFunction
from oran.platform.subscriptions import (
    MAX_DEFINITION_BYTES,
    ActionKind,
    ActionToSetUp,
    ClientEndpoint,
    SubscriptionDetail,
    SubscriptionRequest,
)
from xapps.kpimon.actions import PlannedAction, Wishes, planned
from xapps.kpimon.settings import Reporting


@dataclass
class KpmAsking:
    """Asks every node for what it offers.

    Attributes:
        plans: RAN name -> action id -> what was asked; read by the thread that takes indications.
    """

    endpoint: ClientEndpoint
    oids: tuple[str, ...]
    wishes: Wishes
    timeout_s: float = 15.0
    watchdog_s: float = 10.0
    plans: dict[str, dict[int, PlannedAction]] = field(default_factory=dict)

    def offer(self, details: NodeDetails) -> OfferedFunction | None:
        """The node's KPM function."""
        return next((offer for oid in self.oids if (offer := details.function(oid)) is not None), None)

    def check(self, meid: str, offer: OfferedFunction, trigger: Reporting) -> None:
        """Nothing in a definition says which periods a node has: it is asked, and may refuse."""

    def request(self, meid: str, details: NodeDetails, trigger: Reporting) -> SubscriptionRequest:
        """The subscription of one node.

        Raises:
            PlatformError: its RAN function definition cannot be read, or offers nothing that is wanted.
        """
        offer = self.offer(details)
        if offer is None:
            raise PlatformError(f"{meid} offers no E2SM-KPM")
        actions = self._planned(meid, details, offer, trigger)
        self.plans[meid] = {action.id: action for action in actions}
        detail = SubscriptionDetail(
            xapp_event_instance_id=zlib.crc32(meid.encode()) & 0xFFFF,  # the same body again after a restart
            event_trigger=kpm.encode_event_trigger(kpm.EventTrigger(trigger.period_ms)),
            actions=tuple(_to_set_up(action) for action in actions),
        )
        return SubscriptionRequest(client=self.endpoint, meid=meid, ran_function_id=offer.id, details=(detail,))

    def _planned(
        self, meid: str, details: NodeDetails, offer: OfferedFunction, trigger: Reporting
    ) -> tuple[PlannedAction, ...]:
        try:
            definition = kpm.decode_ran_function(offer.definition)
            actions = planned(definition, details.global_nb_id, self.wishes, trigger.granularity_ms)
            fitting = tuple(
                action for action in actions if len(kpm.encode_action(action.definition)) <= MAX_DEFINITION_BYTES
            )
        except (DecodeError, LocalProtocolError) as error:  # the latter: names that cannot be sent back
            raise PlatformError(f"{meid}: RAN function definition: {error}") from error
        if not fitting:
            raise PlatformError(f"{meid} offers no measurement that is wanted")
        return fitting


def _to_set_up(action: PlannedAction) -> ActionToSetUp:
    return ActionToSetUp(id=action.id, kind=ActionKind.REPORT, definition=kpm.encode_action(action.definition))
