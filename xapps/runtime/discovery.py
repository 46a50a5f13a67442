"""Finds the E2 nodes that offer our service model, and keeps one subscription at each of them.

The platform drops subscriptions without a word when a node or one of its own parts restarts; so this is a
reconciliation: ``tick`` compares what should be with what is, and takes the next step. One subscription is made at a
time, since SubMgr loses one of two that run at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic

from oran.errors import PlatformError
from oran.platform.node_inventory import NodeDetails, NodeInventoryClient, OfferedFunction
from oran.platform.subscriptions import SubscriptionClient, SubscriptionInstance, SubscriptionRequest
from xapps.runtime.asking import Asking
from xapps.runtime.ledger import SubscriptionLedger
from xapps.runtime.metrics import PlatformMetrics
from xapps.runtime.notifications import NotificationBox
from xapps.runtime.subscription_book import Subscription, SubscriptionBook, TriggerT

log = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LAST_RETRY_S = 30.0
WATCHDOG_PERIODS = 10
MAX_SILENT_ROUNDS = 3


class SubscriptionFailed(PlatformError):
    """SubMgr or the node refused a subscription, or did not say in time what became of it."""


@dataclass(slots=True)
class _Node:
    """A connected node that offers the service model."""

    details: NodeDetails
    offer: OfferedFunction
    not_before_s: float = 0.0
    """When to try the next subscription."""
    delay_s: float = FIRST_RETRY_S
    silent_rounds: int = 0
    """Subscriptions in a row that brought no indication."""

    @property
    def since(self) -> str:
        """Time stamp of its last change of state: another one means that it was away."""
        return self.details.status_update_time_stamp

    def failed(self, now_s: float) -> None:
        self.not_before_s = now_s + self.delay_s
        self.delay_s = min(2.0 * self.delay_s, LAST_RETRY_S)


@dataclass
class Discovery(Generic[TriggerT]):
    """Keeps the subscriptions; every method may wait for the platform and belongs on a worker thread.

    Attributes:
        trigger: how often the nodes report; changed by ``change_reporting``.
        on_gone: called with the RAN name of a node that has gone.
    """

    nodes: NodeInventoryClient
    subscriptions: SubscriptionClient
    notifications: NotificationBox
    ledger: SubscriptionLedger
    book: SubscriptionBook[TriggerT]
    metrics: PlatformMetrics
    wanted: Asking[TriggerT]
    trigger: TriggerT
    now_s: Callable[[], float]
    on_gone: Callable[[str], None] = field(default=lambda meid: None)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()  # a tick and a change of reporting exclude each other
        self._nodes: dict[str, _Node] = {}
        self._ids: dict[str, str] = {}  # every SubscriptionId that may exist at SubMgr -> RAN name
        self._saved: dict[str, str] | None = None  # None: the ledger has not been read yet
        self._stopped = False

    def tick(self) -> None:
        """One round of reconciliation.

        Raises:
            PlatformError: a platform service did not answer; the next round goes on from there.
        """
        with self._lock:
            if self._stopped:
                return
            self._end_leftovers()
            self._look_around()
            self._end_silent()
            for meid in self._nodes:
                self._try_subscribe(meid)
            self._save()

    def change_reporting(self, trigger: TriggerT) -> None:
        """Subscribe everywhere with another clock or period: SubMgr cannot modify, so delete and subscribe.

        Raises:
            PlatformError: a node cannot do that (nothing was changed), or a subscription failed (it is retried).
        """
        with self._lock:
            for meid, node in self._nodes.items():
                self.wanted.check(meid, node.offer, trigger)
            self.trigger = trigger
            for meid in self._nodes:
                entry = self.book.get(meid)
                if entry is None or entry.trigger != trigger:
                    self._subscribe(meid)
            self._save()

    def stop(self) -> None:
        """End every subscription; failures are logged, since nobody is left to retry."""
        self.notifications.close()
        with self._lock:
            self._stopped = True
            for meid in set(self._ids.values()):
                with _logged(self.metrics, "unsubscribe"):
                    self._end(meid)
            with _logged(self.metrics, "sdl"):
                self._save()

    def rewrite_ledger(self) -> None:
        """The database was away and may have forgotten: write the ledger again with the next round."""
        with self._lock:
            if self._saved is not None:
                self._saved = {}

    # --- what there is --------------------------------------------------------------------------

    def _end_leftovers(self) -> None:
        """End the subscriptions of an earlier life that was killed."""
        if self._saved is not None:
            return
        try:
            leftovers = self.ledger.load()
        except PlatformError as error:  # without SDL we go on: SubMgr takes an equal request for the earlier one
            log.warning("earlier subscriptions unknown: %s", error)
            self.metrics.platform_errors.labels("sdl").inc()
            return
        for subscription_id in leftovers.keys() - self._ids.keys():
            log.info("ending subscription %s of an earlier life", subscription_id)
            self.subscriptions.unsubscribe(subscription_id)
        self._saved = leftovers

    def _look_around(self) -> None:
        """Learn which connected nodes offer the service model; forget those that left or came back meanwhile."""
        found: dict[str, _Node] = {}
        for state in self.nodes.states():
            if state.connected:
                details = self.nodes.node(state.inventory_name)
                offer = self.wanted.offer(details)
                if offer is not None:
                    found[state.inventory_name] = _Node(details, offer)
        for meid in list(self._nodes):
            if meid not in found or found[meid].since != self._nodes[meid].since:
                self._gone(meid)
        for meid, node in found.items():
            kept = self._nodes.setdefault(meid, node)
            kept.details, kept.offer = node.details, node.offer
            self.book.offered(meid, node.offer.id)
        self.metrics.e2_nodes.set(len(self._nodes))

    def _gone(self, meid: str) -> None:
        """A node has left; SubMgr has dropped its subscription, the deletion is for when it has not."""
        log.warning("node %s has gone", meid)
        self._nodes.pop(meid)
        self.book.withdrawn(meid)
        with _logged(self.metrics, "unsubscribe"):
            self._end(meid)
        self.on_gone(meid)

    def _end_silent(self) -> None:
        """End subscriptions that bring nothing; a node that stays silent is asked ever less often."""
        now_s = self.now_s()
        for entry in self.book.all():
            node = self._nodes[entry.meid]
            if entry.heard_s > entry.admitted_s:
                node.silent_rounds = 0
            if now_s - entry.heard_s > self._watchdog_s(entry) * 2**node.silent_rounds:
                log.warning("no indication from %s for %.1f s", entry.meid, now_s - entry.heard_s)
                node.silent_rounds = min(node.silent_rounds + 1, MAX_SILENT_ROUNDS)
                self._end(entry.meid)

    def _watchdog_s(self, entry: Subscription[TriggerT]) -> float:
        return max(self.wanted.watchdog_s, WATCHDOG_PERIODS * entry.trigger.period_ms * 1e-3)

    # --- making and ending ------------------------------------------------------------------------

    def _try_subscribe(self, meid: str) -> None:
        node, entry = self._nodes[meid], self.book.get(meid)
        in_place = entry is not None and entry.trigger == self.trigger
        if self._stopped or in_place or self.now_s() < node.not_before_s:
            return
        try:
            self._subscribe(meid)
        except PlatformError as error:
            log.warning("subscription at %s failed: %s", meid, error)
            node.failed(self.now_s())
        else:
            node.delay_s = FIRST_RETRY_S

    def _subscribe(self, meid: str) -> None:
        """Subscribe at one node; a subscription that is there is ended first.

        Raises:
            PlatformError: it cannot be had, or not now.
        """
        trigger = self.trigger
        try:
            request = self.wanted.request(meid, self._nodes[meid].details, trigger)
            self._end(meid)
            entry = self._admission(meid, request)
        except PlatformError:
            self.metrics.subscription_attempts.labels("failed").inc()
            raise
        self.book.admitted(entry)
        self.metrics.subscription_attempts.labels("admitted").inc()
        self.metrics.subscriptions.set(len(self.book.all()))
        log.info("subscribed at %s: %s, instance %d", meid, trigger, entry.instance_id)

    def _admission(self, meid: str, request: SubscriptionRequest) -> Subscription[TriggerT]:
        """Ask, and wait for the outcome.

        Raises:
            PlatformError: refused or unanswered; the request has been taken back.
        """
        self.notifications.clear()
        subscription_id = self.subscriptions.subscribe(request)
        self._ids[subscription_id] = meid
        with _logged(self.metrics, "sdl"):
            self._save()  # before the outcome is known: a kill now must not leak it
        outcome = self.notifications.take(subscription_id, self.wanted.timeout_s)
        if outcome is None or not outcome.succeeded:
            with _logged(self.metrics, "unsubscribe"):
                self._end(meid)
            raise SubscriptionFailed(_why(outcome))
        instance_id, now_s = outcome.e2_event_instance_id, self.now_s()
        return Subscription(meid, request.ran_function_id, self.trigger, subscription_id, instance_id, now_s, now_s)

    def _end(self, meid: str) -> None:
        """Unsubscribe at one node.

        Raises:
            PlatformError: no answer; the id is kept for another try.
        """
        self.book.ended(meid)
        self.metrics.subscriptions.set(len(self.book.all()))
        for subscription_id in [key for key, name in self._ids.items() if name == meid]:
            self.subscriptions.unsubscribe(subscription_id)
            del self._ids[subscription_id]

    def _save(self) -> None:
        if self._saved is not None and self._saved != self._ids:
            self.ledger.save(dict(self._ids))
            self._saved = dict(self._ids)


def _why(outcome: SubscriptionInstance | None) -> str:
    if outcome is None:
        return "no notification came in time"
    return f"{outcome.error_source} {outcome.timeout_type} {outcome.error_cause}".strip()


@contextmanager
def _logged(metrics: PlatformMetrics, operation: str) -> Iterator[None]:
    """A step whose failure must not stop the ones after it."""
    try:
        yield
    except PlatformError as error:
        log.warning("%s: %s", operation, error)
        metrics.platform_errors.labels(operation).inc()
