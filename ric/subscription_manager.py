"""The subscription manager: REST requests of xApps become E2 subscriptions, shared where they are the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from oran.e2ap import (
    ActionNotAdmitted,
    Pdu,
    RicSubscriptionDeleteRequired,
    RicSubscriptionFailure,
    RicSubscriptionResponse,
)
from oran.errors import LocalProtocolError, NoRoute
from oran.platform.subscriptions import (
    ActionKind,
    SubscriptionDetail,
    SubscriptionInstance,
    SubscriptionNotification,
    SubscriptionRecord,
    SubscriptionRequest,
)
from ric.metrics import PlatformMetrics
from ric.rnib import ConnectionStatus
from ric.subscription_book import E2Subscription, Phase, RestSubscription, SubscriptionBook
from ric.subscription_procedures import NodeGone, Patience, SubscriptionProcedures

_log = logging.getLogger(__name__)

BLANK_CAUSE: Final = " "
"""What the platform puts into ErrorCause of a success."""
_DEFAULT_PATIENCE: Final = Patience()


class Routes(Protocol):
    """What the manager needs of the route manager."""

    async def add_subscription(self, instance: int, endpoint: str) -> None:
        """Raises: NoRoute if no xApp is registered under the endpoint."""

    def remove_subscription(self, instance: int, endpoint: str) -> None:
        """End it."""


class Notifications(Protocol):
    """How an xApp is told."""

    async def post(self, url: str, body: dict[str, Any]) -> bool:
        """Whether it took it."""


class NotConnected(Exception):
    """The node is not connected, or under reset."""


class UnknownSubscription(Exception):
    """No subscription has that id."""


class SubscriptionBusy(Exception):
    """The subscription's creation is still running."""


class _Refused(Exception):
    """A detail could not be set up."""

    def __init__(self, source: str, cause: str, timeout: str = "") -> None:
        super().__init__(cause)
        self.source, self.cause, self.timeout = source, cause, timeout


class SubscriptionManager:
    """Admits, merges, notifies, deletes.

    Args:
        node_status: status of a node by its name.
        new_id: makes REST subscription ids.
    """

    def __init__(
        self,
        book: SubscriptionBook,
        procedures: SubscriptionProcedures,
        routes: Routes,
        notifications: Notifications,
        metrics: PlatformMetrics,
        *,
        node_status: Callable[[str], ConnectionStatus],
        new_id: Callable[[], str],
    ) -> None:
        self._book = book
        self._procedures = procedures
        self._routes = routes
        self._notifications = notifications
        self._metrics = metrics
        self._node_status = node_status
        self._new_id = new_id
        self._creations: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def restore(self) -> None:
        """Take over the subscriptions of an earlier run, and route them as far as their xApps are registered.

        The node they belong to has to come back first, and then they are dropped: see :meth:`on_node_status`.
        """
        await self._book.restore()
        for e2 in self._book.e2.values():
            for endpoint in e2.endpoints:
                try:
                    await self._routes.add_subscription(e2.instance, endpoint)
                except NoRoute as error:
                    _log.warning("subscription %d: %s", e2.instance, error)
        self._count()

    async def close(self) -> None:
        """Stop what is running; the book stays in SDL."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def records(self) -> list[SubscriptionRecord]:
        """Every E2 subscription in force."""
        return self._book.records()

    # --- requests --------------------------------------------------------------------------

    async def subscribe(self, request: SubscriptionRequest) -> str:
        """Take a request; return its id at once. The outcome is notified later.

        Raises:
            NotConnected, UnknownSubscription.
        """
        if self._node_status(request.meid) is not ConnectionStatus.CONNECTED:
            raise NotConnected(f"no E2 connection for {request.meid}")
        rest = self._rest_subscription(request)
        if rest.busy:
            return rest.id  # the same body again while the first is under way
        rest.busy = True
        self._book.rest[rest.id] = rest
        self._run(self._process(rest, request))
        return rest.id

    def _rest_subscription(self, request: SubscriptionRequest) -> RestSubscription:
        digest = _digest(request)
        if request.subscription_id is None:
            known = self._book.by_digest(digest)
            return known or RestSubscription(self._new_id(), digest, request.meid, request.client)
        modified = self._book.rest.get(request.subscription_id)
        if modified is None:
            raise UnknownSubscription(request.subscription_id)
        return modified

    async def _process(self, rest: RestSubscription, request: SubscriptionRequest) -> None:
        try:
            for detail in request.details:
                outcome = await self._outcome(rest, request, detail)
                if rest.id not in self._book.rest:
                    await self._end(rest)  # the xApp has gone meanwhile
                    return
                self._metrics.subscription_outcomes.labels("success" if outcome.succeeded else "failure").inc()
                notification = SubscriptionNotification(subscription_id=rest.id, instances=(outcome,))
                await self._notifications.post(request.client.notification_url, notification.to_json())
        finally:
            rest.busy = False
        if not rest.instances:
            await self._book.drop_rest([rest])

    async def _outcome(
        self, rest: RestSubscription, request: SubscriptionRequest, detail: SubscriptionDetail
    ) -> SubscriptionInstance:
        try:
            e2 = await self._establish(rest, request, detail)
        except _Refused as refused:
            _log.warning("subscription of %s to %s refused: %s", rest.client.rmr_endpoint, rest.meid, refused)
            return SubscriptionInstance(
                xapp_event_instance_id=detail.xapp_event_instance_id,
                error_cause=refused.cause,
                error_source=refused.source,
                timeout_type=refused.timeout,
            )
        return SubscriptionInstance(
            xapp_event_instance_id=detail.xapp_event_instance_id,
            e2_event_instance_id=e2.instance,
            error_cause=e2.error_cause or BLANK_CAUSE,
            error_source="E2Node",
        )

    async def _establish(
        self, rest: RestSubscription, request: SubscriptionRequest, detail: SubscriptionDetail
    ) -> E2Subscription:
        """The E2 subscription that serves ``detail``: the one it has, one it can share, or a new one."""
        held = self._book.e2.get(rest.instances.get(detail.xapp_event_instance_id, 0))
        if held is not None and held.phase is Phase.ACTIVE:
            if held.serves(detail):
                return held  # an xApp that was restarted: no E2 traffic
            if detail.actions[0].kind is ActionKind.POLICY:
                return await self._modify(held, request, detail)
            await self._leave(rest, held)
        while (shared := self._book.mergeable(rest.meid, detail)) is not None:
            if shared.phase is Phase.CREATING:
                await self._creations[shared.instance].wait()
            elif await self._join(rest, request, detail, shared):
                return shared
        return await self._create(rest, request, detail)

    async def _join(
        self, rest: RestSubscription, request: SubscriptionRequest, detail: SubscriptionDetail, e2: E2Subscription
    ) -> bool:
        await self._route(e2, request)
        if e2.phase is not Phase.ACTIVE or self._book.e2.get(e2.instance) is not e2:
            self._routes.remove_subscription(e2.instance, rest.client.rmr_endpoint)
            return False
        await self._enter(rest, detail, e2)
        return True

    async def _create(
        self, rest: RestSubscription, request: SubscriptionRequest, detail: SubscriptionDetail
    ) -> E2Subscription:
        e2 = self._book.open_e2(rest.meid, request.ran_function_id, detail)
        if e2 is None:
            raise _Refused("SUBMGR", "no free subscription instance")
        created = self._creations[e2.instance] = asyncio.Event()
        try:
            await self._book.store(e2)
            await self._route(e2, request)
            e2.error_cause = await self._ask_node(e2, request)
            if self._book.e2.get(e2.instance) is not e2:
                raise _Refused("E2Node", f"E2 node {e2.meid} was reset")
            e2.phase = Phase.ACTIVE
            await self._enter(rest, detail, e2)
        except BaseException:
            self._routes.remove_subscription(e2.instance, rest.client.rmr_endpoint)
            await self._book.drop_e2([e2])
            raise
        finally:
            del self._creations[e2.instance]
            created.set()
        return e2

    async def _modify(
        self, e2: E2Subscription, request: SubscriptionRequest, detail: SubscriptionDetail
    ) -> E2Subscription:
        earlier, e2.detail = e2.detail, detail
        try:
            e2.error_cause = await self._ask_node(e2, request)
        except _Refused:
            e2.detail = earlier
            raise
        await self._book.store(e2)
        return e2

    async def _enter(self, rest: RestSubscription, detail: SubscriptionDetail, e2: E2Subscription) -> None:
        rest.instances[detail.xapp_event_instance_id] = e2.instance
        e2.users[rest.id] = rest.client.rmr_endpoint
        self._count()
        await self._book.store(e2, rest)

    async def _route(self, e2: E2Subscription, request: SubscriptionRequest) -> None:
        if request.directives is not None and not request.directives.rmr_routing_needed:
            return
        try:
            await self._routes.add_subscription(e2.instance, request.client.rmr_endpoint)
        except NoRoute as error:
            raise _Refused("RTMGR", str(error)) from error

    async def _ask_node(self, e2: E2Subscription, request: SubscriptionRequest) -> str:
        """Returns what the node refused of a subscription that it otherwise admitted; empty if nothing."""
        patience = _patience(request)
        try:
            answer = await self._procedures.subscribe(e2, patience)
        except NodeGone as error:
            raise _Refused("E2Node", str(error)) from error
        except LocalProtocolError as error:
            raise _Refused("ASN1", str(error)) from error
        match answer:
            case RicSubscriptionResponse():
                return _refused_actions(answer.not_admitted)
            case RicSubscriptionFailure():
                raise _Refused("E2Node", f"{type(answer.cause).__name__}: {answer.cause.value}")
            case _:
                await self._procedures.delete(e2, patience)
                raise _Refused("E2Node", "no answer from the E2 node", "E2-Timeout")

    # --- ends ------------------------------------------------------------------------------

    async def unsubscribe(self, rest_id: str) -> None:
        """End a subscription; unknown ones are no error.

        Raises:
            SubscriptionBusy: its creation is still running.
        """
        rest = self._book.rest.get(rest_id)
        if rest is None:
            return
        if rest.busy:
            raise SubscriptionBusy(rest_id)
        await self._end(rest)

    async def on_deregistered(self, endpoint: str) -> None:
        """An xApp has gone, or lives elsewhere now: nobody is left to end its subscriptions."""
        for rest in self._book.of_endpoint(endpoint):
            await self._end(rest)

    async def _end(self, rest: RestSubscription) -> None:
        used = [self._book.e2[instance] for instance in dict.fromkeys(rest.instances.values())]
        await self._book.drop_rest([rest])
        for e2 in used:
            await self._leave(rest, e2)

    async def _leave(self, rest: RestSubscription, e2: E2Subscription) -> None:
        """Take a user away; the last one takes the E2 subscription along (in the background: the node may be slow)."""
        e2.users.pop(rest.id, None)
        rest.instances = {key: value for key, value in rest.instances.items() if value != e2.instance}
        if e2.users:
            if rest.client.rmr_endpoint not in e2.endpoints:
                self._routes.remove_subscription(e2.instance, rest.client.rmr_endpoint)
            await self._book.store(e2)
        elif e2.phase is Phase.ACTIVE:
            e2.phase = Phase.DELETING
            await self._book.store(e2)
            self._run(self._delete(e2, rest.client.rmr_endpoint))
        self._count()

    async def _delete(self, e2: E2Subscription, endpoint: str) -> None:
        await self._procedures.delete(e2, _DEFAULT_PATIENCE)
        self._routes.remove_subscription(e2.instance, endpoint)
        await self._book.drop_e2([e2])

    async def on_node_status(self, ran_name: str, status: ConnectionStatus) -> None:
        """A node that comes, goes or is reset knows none of its subscriptions any more: drop them, tell nobody."""
        self._procedures.on_node_gone(ran_name)
        await self._drop(self._book.at_node(ran_name))

    async def _drop(self, dropped: list[E2Subscription]) -> None:
        for e2 in dropped:
            for endpoint in e2.endpoints:
                self._routes.remove_subscription(e2.instance, endpoint)
        await self._book.drop_e2(dropped)
        self._count()

    def on_e2_pdu(self, ran_name: str, pdu: Pdu) -> None:
        """Take what a node says about subscriptions."""
        if isinstance(pdu, RicSubscriptionDeleteRequired):
            instances = {item.request_id.instance for item in pdu.subscriptions}
            self._run(self._delete_required([e2 for e2 in self._book.at_node(ran_name) if e2.instance in instances]))
        elif not self._procedures.on_pdu(ran_name, pdu):
            _log.info("%s of %s came too late", type(pdu).__name__, ran_name)

    async def _delete_required(self, ended: list[E2Subscription]) -> None:
        for e2 in ended:
            e2.phase = Phase.DELETING
            await self._procedures.delete(e2, _DEFAULT_PATIENCE)
        await self._drop(ended)

    def _count(self) -> None:
        self._metrics.subscriptions.set(sum(e2.phase is Phase.ACTIVE for e2 in self._book.e2.values()))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("subscription work failed", exc_info=task.exception())


def _patience(request: SubscriptionRequest) -> Patience:
    directives = request.directives
    timeout_s = directives.e2_timeout_s if directives else None
    retries = directives.e2_retries if directives else None
    return Patience(
        timeout_s=_DEFAULT_PATIENCE.timeout_s if timeout_s is None else float(timeout_s),
        tries=_DEFAULT_PATIENCE.tries if retries is None else retries + 1,
    )


def _refused_actions(refused: tuple[ActionNotAdmitted, ...]) -> str:
    return "; ".join(f"action {item.id} not admitted: {item.cause.value}" for item in refused)


def _digest(request: SubscriptionRequest) -> str:
    body = json.dumps(request.to_json(), sort_keys=True).encode()
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
