"""Which nodes are subscribed, with what, and when they were last heard.

The RMR thread notes indications, a worker thread makes and ends subscriptions; both look here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar


class Trigger(Protocol):
    """How a subscription reports: compared for equality, with a period."""

    @property
    def period_ms(self) -> int:
        """Report period [ms]."""
        ...


TriggerT = TypeVar("TriggerT", bound=Trigger)


@dataclass(frozen=True, slots=True)
class Subscription(Generic[TriggerT]):
    """One subscription in place."""

    meid: str
    ran_function_id: int
    trigger: TriggerT
    subscription_id: str
    """Identifier at the subscription manager."""
    instance_id: int
    """E2EventInstanceId: ricInstanceID of the E2AP messages and RMR's sub_id."""
    heard_s: float
    """Monotonic time of the last indication, or of the admission."""
    admitted_s: float


class SubscriptionBook(Generic[TriggerT]):
    """The subscriptions of this xApp, one a node."""

    def __init__(self) -> None:
        self._entries: dict[str, Subscription[TriggerT]] = {}
        self._functions: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._lock = threading.Lock()

    def offered(self, meid: str, ran_function_id: int) -> None:
        """A node offers the service model under this id; its indications may come before the admission is known."""
        self._functions[meid] = ran_function_id

    def withdrawn(self, meid: str) -> None:
        """The node has gone, or offers the service model no longer."""
        self._functions.pop(meid, None)

    def accepts(self, meid: str, ran_function_id: int, instance_id: int) -> bool:
        """Whether an indication is ours to answer: of our service model, and not of a subscription just ended."""
        return self._functions.get(meid) == ran_function_id and self._ended.get(meid) != instance_id

    def admitted(self, subscription: Subscription[TriggerT]) -> None:
        with self._lock:
            self._entries[subscription.meid] = subscription
            self._ended.pop(subscription.meid, None)

    def ended(self, meid: str) -> Subscription[TriggerT] | None:
        """Strike an entry out; what is still under way from it is not answered any more."""
        with self._lock:
            entry = self._entries.pop(meid, None)
            if entry is not None:
                self._ended[meid] = entry.instance_id
            return entry

    def heard(self, meid: str, now_s: float) -> None:
        """An indication of the node has come."""
        with self._lock:
            entry = self._entries.get(meid)
            if entry is not None:
                self._entries[meid] = replace(entry, heard_s=now_s)

    def get(self, meid: str) -> Subscription[TriggerT] | None:
        return self._entries.get(meid)

    def all(self) -> list[Subscription[TriggerT]]:
        with self._lock:
            return list(self._entries.values())
