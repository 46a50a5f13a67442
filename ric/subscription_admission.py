"""Admission of subscriptions: which E2 subscription serves a request, and how a new one is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from oran.e2ap import ActionNotAdmitted, RicSubscriptionFailure, RicSubscriptionResponse
from oran.errors import LocalProtocolError, NoRoute, SuiteError
from oran.platform.subscriptions import ActionKind, SubscriptionDetail, SubscriptionRequest
from ric.subscription_book import E2Subscription, Phase, RestSubscription, SubscriptionBook
from ric.subscription_procedures import NodeGone, Patience, SubscriptionProcedures

DEFAULT_PATIENCE: Final = Patience()


class Routes(Protocol):
    """What the manager needs of the route manager."""

    async def add_subscription(self, instance: int, endpoint: str) -> None:
        """Raises: NoRoute if no xApp is registered under the endpoint."""

    def remove_subscription(self, instance: int, endpoint: str) -> None:
        """End it."""


class Refused(SuiteError):
    """A detail could not be set up.

    Attributes:
        source, cause, timeout: ErrorSource, ErrorCause and TimeoutType of the notification.
    """

    def __init__(self, source: str, cause: str, timeout: str = "") -> None:
        super().__init__(cause)
        self.source, self.cause, self.timeout = source, cause, timeout


class SubscriptionAdmission:
    """Serves each detail of a request with an E2 subscription: the one it has, one it can share, or a new one.

    Args:
        leave: ends a REST subscription's use of an E2 subscription.
    """

    def __init__(
        self,
        book: SubscriptionBook,
        procedures: SubscriptionProcedures,
        routes: Routes,
        *,
        leave: Callable[[RestSubscription, E2Subscription], Awaitable[None]],
    ) -> None:
        self._book = book
        self._procedures = procedures
        self._routes = routes
        self._leave = leave
        self._creations: dict[int, asyncio.Event] = {}

    async def establish(
        self, rest: RestSubscription, request: SubscriptionRequest, detail: SubscriptionDetail
    ) -> E2Subscription:
        """The E2 subscription that serves ``detail`` from now on.

        Raises:
            Refused: there is none.
        """
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
            raise Refused("SUBMGR", "no free subscription instance")
        created = self._creations[e2.instance] = asyncio.Event()
        try:
            await self._book.store(e2)
            await self._route(e2, request)
            e2.error_cause = await self._ask_node(e2, request)
            if self._book.e2.get(e2.instance) is not e2:
                raise Refused("E2Node", f"E2 node {e2.meid} was reset")
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
        except Refused:
            e2.detail = earlier
            raise
        await self._book.store(e2)
        return e2

    async def _enter(self, rest: RestSubscription, detail: SubscriptionDetail, e2: E2Subscription) -> None:
        rest.instances[detail.xapp_event_instance_id] = e2.instance
        e2.users[rest.id] = rest.client.rmr_endpoint
        await self._book.store(e2, rest)

    async def _route(self, e2: E2Subscription, request: SubscriptionRequest) -> None:
        if request.directives is not None and not request.directives.rmr_routing_needed:
            return
        try:
            await self._routes.add_subscription(e2.instance, request.client.rmr_endpoint)
        except NoRoute as error:
            raise Refused("RTMGR", str(error)) from error

    async def _ask_node(self, e2: E2Subscription, request: SubscriptionRequest) -> str:
        """Returns what the node refused of a subscription that it otherwise admitted; empty if nothing."""
        patience = _patience(request)
        try:
            answer = await self._procedures.subscribe(e2, patience)
        except NodeGone as error:
            raise Refused("E2Node", str(error)) from error
        except LocalProtocolError as error:
            raise Refused("ASN1", str(error)) from error
        match answer:
            case RicSubscriptionResponse():
                return _refused_actions(answer.not_admitted)
            case RicSubscriptionFailure():
                raise Refused("E2Node", f"{type(answer.cause).__name__}: {answer.cause.value}")
            case _:
                await self._procedures.delete(e2, patience)
                raise Refused("E2Node", "no answer from the E2 node", "E2-Timeout")


def _patience(request: SubscriptionRequest) -> Patience:
    directives = request.directives
    timeout_s = directives.e2_timeout_s if directives else None
    retries = directives.e2_retries if directives else None
    return Patience(
        timeout_s=DEFAULT_PATIENCE.timeout_s if timeout_s is None else float(timeout_s),
        tries=DEFAULT_PATIENCE.tries if retries is None else retries + 1,
    )


def _refused_actions(refused: tuple[ActionNotAdmitted, ...]) -> str:
    return "; ".join(f"action {item.id} not admitted: {item.cause.value}" for item in refused)
