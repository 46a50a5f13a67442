"""The E2 side of subscriptions: requests to a node, with the manager's own times and tries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Protocol

from oran.e2ap import (
    Action,
    ActionType,
    Pdu,
    RicRequestId,
    RicSubscriptionDeleteFailure,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteResponse,
    RicSubscriptionFailure,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    RicTimeToWait,
    SubsequentAction,
    SubsequentActionType,
)
from oran.errors import LocalProtocolError, TransportError
from oran.platform.subscriptions import ActionKind, ActionToSetUp, SubsequentKind, WaitTime
from ric.subscription_book import E2Subscription

_log = logging.getLogger(__name__)

REQUESTOR_ID: Final = 123
"""RICrequestorID of every subscription that the platform's subscription manager makes."""
_TYPE_OF_KIND: Final = {
    ActionKind.REPORT: ActionType.REPORT,
    ActionKind.INSERT: ActionType.INSERT,
    ActionKind.POLICY: ActionType.POLICY,
}
_ANSWER_TO: Final[dict[type, type]] = {
    RicSubscriptionResponse: RicSubscriptionRequest,
    RicSubscriptionFailure: RicSubscriptionRequest,
    RicSubscriptionDeleteResponse: RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteFailure: RicSubscriptionDeleteRequest,
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and how often, a node is asked."""

    timeout_s: float = 2.0
    tries: int = 2


class NodeGone(TransportError):
    """The node left before it answered."""


class SendToNode(Protocol):
    """How a PDU reaches a node."""

    def __call__(self, ran_name: str, pdu: Pdu) -> Awaitable[None]:
        """Raises: TransportError, LocalProtocolError."""


class SubscriptionProcedures:
    """Asks nodes and waits for their answers."""

    def __init__(self, send: SendToNode) -> None:
        self._send = send
        self._waiting: dict[tuple[str, int, type], asyncio.Future[Pdu]] = {}

    async def subscribe(self, e2: E2Subscription, patience: Patience) -> Pdu | None:
        """The node's answer to a subscription request; None if it gave none.

        Raises:
            NodeGone: the node is not, or no longer, connected.
            LocalProtocolError: E2AP cannot carry what was asked for.
        """
        actions = tuple(_action(action) for action in e2.detail.actions)
        request = RicSubscriptionRequest(
            RicRequestId(REQUESTOR_ID, e2.instance), e2.ran_function_id, e2.detail.event_trigger, actions
        )
        return await self._ask(e2, request, patience)

    async def delete(self, e2: E2Subscription, patience: Patience) -> None:
        """Ask the node to end a subscription; whatever it says, or does not say, is only logged."""
        request = RicSubscriptionDeleteRequest(RicRequestId(REQUESTOR_ID, e2.instance), e2.ran_function_id)
        try:
            answer = await self._ask(e2, request, patience)
        except (NodeGone, LocalProtocolError) as error:
            _log.info("subscription %d at %s not deleted there: %s", e2.instance, e2.meid, error)
            return
        if not isinstance(answer, RicSubscriptionDeleteResponse):
            _log.warning("deletion of subscription %d at %s: %s", e2.instance, e2.meid, answer or "no answer")

    async def _ask(self, e2: E2Subscription, request: Pdu, patience: Patience) -> Pdu | None:
        key = (e2.meid, e2.instance, type(request))
        answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            for _ in range(patience.tries):
                await self._transmit(e2.meid, request)
                done, _pending = await asyncio.wait({answer}, timeout=patience.timeout_s)
                if done:
                    return answer.result()
            return None
        finally:
            self._waiting.pop(key, None)

    async def _transmit(self, meid: str, request: Pdu) -> None:
        try:
            await self._send(meid, request)
        except TransportError as error:
            raise NodeGone(str(error)) from error

    def on_pdu(self, ran_name: str, pdu: Pdu) -> bool:
        """Take a node's answer; False if nobody waits for it."""
        request = _ANSWER_TO.get(type(pdu))
        instance = getattr(getattr(pdu, "request_id", None), "instance", None)
        answer = self._waiting.get((ran_name, instance, request)) if request and instance is not None else None
        if answer is None or answer.done():
            return False
        answer.set_result(pdu)
        return True

    def on_node_gone(self, ran_name: str) -> None:
        """Nothing more will be heard of this node."""
        for (name, _, _), answer in list(self._waiting.items()):
            if name == ran_name and not answer.done():
                answer.set_exception(NodeGone(f"E2 node {ran_name} has left"))


def _action(action: ActionToSetUp) -> Action:
    return Action(action.id, _TYPE_OF_KIND[action.kind], action.definition, _subsequent(action))


def _subsequent(action: ActionToSetUp) -> SubsequentAction | None:
    if action.subsequent is None:
        return None
    wait = action.subsequent.wait
    waits = action.subsequent.kind is SubsequentKind.WAIT
    kind = SubsequentActionType.WAIT if waits else SubsequentActionType.CONTINUE
    # E2AP v2 has no "zero"; the shortest stands for it, as on the platform
    return SubsequentAction(kind, RicTimeToWait.W1MS if wait is WaitTime.ZERO else RicTimeToWait(wait.value))
