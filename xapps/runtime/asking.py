"""What a kind of xApp asks of E2 nodes: the part of a subscription that depends on the service model."""

from __future__ import annotations

from typing import Protocol, TypeVar

from oran.platform.node_inventory import NodeDetails, OfferedFunction
from oran.platform.subscriptions import SubscriptionRequest
from xapps.runtime.subscription_book import Trigger

_AskedT = TypeVar("_AskedT", bound=Trigger, contravariant=True)


class Asking(Protocol[_AskedT]):
    """What a kind of xApp asks of the nodes that speak its service model."""

    @property
    def timeout_s(self) -> float:
        """Wait for the notification."""
        ...

    @property
    def watchdog_s(self) -> float:
        """Silence after which a subscription is made anew."""
        ...

    def offer(self, details: NodeDetails) -> OfferedFunction | None:
        """The node's RAN function of the service model, if it has one."""
        ...

    def check(self, meid: str, offer: OfferedFunction, trigger: _AskedT) -> None:
        """Raises PlatformError if the node cannot report like that."""
        ...

    def request(self, meid: str, details: NodeDetails, trigger: _AskedT) -> SubscriptionRequest:
        """The subscription of one node; raises PlatformError if there can be none."""
        ...
