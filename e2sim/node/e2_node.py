"""The E2 node: keeps one association alive, admits subscriptions, sends indications, obeys controls.

One asyncio task per concern: :meth:`E2Node.run` (``link.py``) connects again and again and hands over what the RIC
sends, the clock of ``clock.py`` moves the world and asks for indications.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from e2sim.node.control_times import ControlTimes
from e2sim.node.functions import Content, ControlEffect, RanFunctionService, Subscription
from e2sim.node.inserts import Inserts
from e2sim.node.link import E2Link
from e2sim.node.metrics import NodeMetrics
from e2sim.node.settings import NodeSettings
from e2sim.node.world import World
from oran.e2ap import (
    Cause,
    CauseRicRequest,
    CauseTransport,
    ControlAckRequest,
    E2Association,
    E2ConnectionUpdate,
    E2ConnectionUpdateAcknowledge,
    E2SetupFailure,
    E2SetupRequest,
    E2SetupResponse,
    Pdu,
    ResetRequest,
    ResetResponse,
    RicControlAcknowledge,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicServiceQuery,
    RicServiceUpdate,
    RicSubscriptionDeleteFailure,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteResponse,
    RicSubscriptionFailure,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    TnlSetupFailed,
)
from oran.errors import DecisionRefused, RemoteProtocolError

log = logging.getLogger(__name__)


class E2Node(E2Link):
    """One node and its association with one near-RT RIC.

    Args:
        settings: identity and address of the RIC.
        world: the radio.
        functions: RAN functions to announce, each under its own id.
        metrics: where counters and gauges go.
        clock_s: monotonic time; a test may hand in its own.
    """

    def __init__(
        self,
        settings: NodeSettings,
        world: World,
        functions: Sequence[RanFunctionService],
        metrics: NodeMetrics,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(settings, metrics, clock_s)
        self.world = world
        self.functions = {function.item.id: function for function in functions}
        self.subscriptions: dict[RicRequestId, Subscription] = {}
        self.accepted: frozenset[int] = frozenset()
        self.changed = asyncio.Event()
        """Set whenever a subscription came or went."""
        self.indications_sent = 0
        self._times = ControlTimes(metrics, clock_s)
        self._inserts = Inserts()

    @property
    def latencies_ms(self) -> list[float]:
        """From a report to the control that answers it, in the order of the answers."""
        return self._times.latencies_ms

    @property
    def connected(self) -> bool:
        """E2 Setup was accepted and the association stands."""
        return bool(self.accepted) and self._channel is not None

    # --- what the association needs to know of the node -----------------------------------------------

    def _setup_request(self, association: E2Association) -> E2SetupRequest:
        items = tuple(function.item for function in self.functions.values())
        transaction_id = association.next_transaction_id()
        return E2SetupRequest(transaction_id, self.settings.node_id, items, self.settings.components)

    def _is_ready(self) -> bool:
        return bool(self.accepted)

    def _on_lost(self) -> None:
        self.accepted = frozenset()
        self.metrics.connected.set(0)
        self._drop_all_subscriptions()

    def _drop_all_subscriptions(self) -> None:
        self.subscriptions.clear()
        self._inserts.release()
        self._subscriptions_changed()

    def _subscriptions_changed(self) -> None:
        self.metrics.subscriptions.set(len(self.subscriptions))
        self.changed.set()

    # --- what the RIC sends ---------------------------------------------------------------------------

    async def _on_pdu(self, pdu: Pdu) -> None:
        match pdu:
            case RicControlRequest():
                await self._on_control(pdu)
            case RicSubscriptionRequest():
                await self._on_subscription(pdu)
            case RicSubscriptionDeleteRequest():
                await self._on_subscription_delete(pdu)
            case E2SetupResponse():
                self._on_setup_response(pdu)
            case E2SetupFailure():
                self._on_setup_failure(pdu)
            case ResetRequest():
                self._drop_all_subscriptions()
                await self._send(ResetResponse(pdu.transaction_id))
            case RicServiceQuery():
                await self._on_service_query(pdu)
            case E2ConnectionUpdate():
                await self._on_connection_update(pdu)
            case _:
                log.debug("received %s", type(pdu).__name__)

    def _on_setup_response(self, response: E2SetupResponse) -> None:
        self.accepted = frozenset(function.id for function in response.accepted) & frozenset(self.functions)
        for rejected in response.rejected:
            log.warning("RAN function %d rejected: %s", rejected.id, rejected.cause)
        self.metrics.connected.set(1)
        self.metrics.setups.inc()
        log.info("E2 Setup accepted with RAN functions %s", sorted(self.accepted))

    def _on_setup_failure(self, failure: E2SetupFailure) -> None:
        """Ends the association; the next attempt comes after TimeToWait, or after the back-off where there is none."""
        wait_s = failure.time_to_wait.seconds if failure.time_to_wait else self.settings.reconnect_first_s
        log.warning("E2 Setup refused (%s); next attempt in %g s", failure.cause, wait_s)
        self._time_to_wait_s = wait_s

    async def _on_service_query(self, query: RicServiceQuery) -> None:
        """Tells again of the functions that the RIC does not list (8.3.5)."""
        known = {function.id for function in query.accepted}
        missing = tuple(f.item for f in self.functions.values() if f.item.id not in known)
        if missing and self._association is not None:
            await self._send(RicServiceUpdate(self._association.next_transaction_id(), added=missing))

    async def _on_connection_update(self, update: E2ConnectionUpdate) -> None:
        """One association is all this node keeps: additional ones are refused one by one (8.3.6)."""
        cause = CauseTransport.TRANSPORT_RESOURCE_UNAVAILABLE
        failed = tuple(TnlSetupFailed(item.tnl, cause) for item in update.add)
        await self._send(E2ConnectionUpdateAcknowledge(update.transaction_id, update.modify, failed))

    # --- subscriptions ----------------------------------------------------------------------------------

    async def _on_subscription(self, request: RicSubscriptionRequest) -> None:
        try:
            subscription = self._admit(request)
        except RemoteProtocolError as error:
            cause = error.cause or CauseRicRequest.UNSPECIFIED
            log.warning("subscription %s refused: %s", request.request_id, error)
            await self._send(RicSubscriptionFailure(request.request_id, request.ran_function_id, cause))
            return
        # The response leaves before the first indication can: the clock sees the subscription only afterwards.
        response = RicSubscriptionResponse(
            request.request_id, request.ran_function_id, subscription.admitted, subscription.not_admitted
        )
        await self._send(response)
        self.subscriptions[request.request_id] = subscription
        self._subscriptions_changed()

    def _admit(self, request: RicSubscriptionRequest) -> Subscription:
        known = self.subscriptions.get(request.request_id)
        if known is not None and known.request == request:
            return known  # the RIC repeats what it did not see answered
        function = self.functions.get(request.ran_function_id)
        if function is None:
            raise RemoteProtocolError(
                f"no RAN function {request.ran_function_id}", CauseRicRequest.RAN_FUNCTION_ID_INVALID
            )
        subscription = function.admit(request)
        others = (s for key, s in self.subscriptions.items() if key != request.request_id)
        if subscription.lock_step and any(other.lock_step for other in others):
            raise RemoteProtocolError("one lock-step subscription at a time", CauseRicRequest.FUNCTION_RESOURCE_LIMIT)
        return subscription

    async def _on_subscription_delete(self, request: RicSubscriptionDeleteRequest) -> None:
        subscription = self.subscriptions.get(request.request_id)
        if subscription is None or subscription.request.ran_function_id != request.ran_function_id:
            cause = CauseRicRequest.REQUEST_ID_UNKNOWN
            await self._send(RicSubscriptionDeleteFailure(request.request_id, request.ran_function_id, cause))
            return
        del self.subscriptions[request.request_id]
        if subscription.lock_step:
            self._inserts.release()
        self._subscriptions_changed()
        await self._send(RicSubscriptionDeleteResponse(request.request_id, request.ran_function_id))

    # --- indications --------------------------------------------------------------------------------------

    async def report(self, subscription: Subscription) -> bytes | None:
        """Sends what is due for ``subscription``; returns the call process id that a lock-step report waits on.

        Raises:
            PeerClosed: the association is gone.
        """
        function = self.functions[subscription.request.ran_function_id]
        contents = function.contents(subscription, self.world)
        if subscription.measuring is None:
            self._times.report_leaves(self.world.observe().report_id)
        await self._send(*(self._indication(subscription, content) for content in contents))
        self.indications_sent += len(contents)
        self.metrics.indications.inc(len(contents))
        if contents and function.shows_effects:
            self._times.effects_shown(self.world.simulator.slot)
        return contents[-1].call_process_id if contents else None

    def slot_ended(self) -> None:
        """Lets every subscription that measures take in the slot that is over."""
        outcome = self.world.outcome
        assert outcome is not None  # a slot has ended
        for subscription in self.subscriptions.values():
            if subscription.measuring is not None:
                subscription.measuring.slot_ended(outcome)

    @staticmethod
    def _indication(subscription: Subscription, content: Content) -> RicIndication:
        sequence_number = subscription.sequence_number
        subscription.sequence_number = (sequence_number + 1) % 65536
        return RicIndication(
            subscription.request_id,
            subscription.request.ran_function_id,
            content.action_id,
            content.type,
            content.header,
            content.message,
            sequence_number,
            content.call_process_id,
        )

    def expect_control(self, call_process_id: bytes) -> None:
        """Prepares for the answer before the INSERT leaves, so that a fast one is not missed."""
        self._inserts.expect(call_process_id)

    async def wait_for_control(self, call_process_id: bytes, wait_s: float) -> bool:
        """Waits for the control that answers an INSERT; True if it came and was applied."""
        return await self._inserts.wait(call_process_id, wait_s)

    # --- controls -------------------------------------------------------------------------------------------

    async def _on_control(self, request: RicControlRequest) -> None:
        arrived_s = self._clock_s()
        try:
            effect = self._obey(request)
        except DecisionRefused as error:
            await self._refuse(
                request, error.cause or CauseRicRequest.CONTROL_FAILED_TO_EXECUTE, error.reason, str(error)
            )
        except RemoteProtocolError as error:
            await self._refuse(request, error.cause or CauseRicRequest.CONTROL_MESSAGE_INVALID, "malformed", str(error))
        else:
            self._note_times(request, effect, arrived_s)
            self._inserts.answer(request.call_process_id, applied=True)
            await self._acknowledge(request, effect)

    def _obey(self, request: RicControlRequest) -> ControlEffect:
        function = self.functions.get(request.ran_function_id)
        if function is None:
            raise RemoteProtocolError(
                f"no RAN function {request.ran_function_id}", CauseRicRequest.RAN_FUNCTION_ID_INVALID
            )
        if function.controls_need_subscription and request.request_id not in self.subscriptions:
            raise RemoteProtocolError(f"no subscription {request.request_id}", CauseRicRequest.REQUEST_ID_UNKNOWN)
        if request.call_process_id is not None and request.call_process_id not in self._inserts:
            raise DecisionRefused("late", "the insert it answers is over", CauseRicRequest.CONTROL_TIMER_EXPIRED)
        return function.control(request, self.world)

    async def _acknowledge(self, request: RicControlRequest, effect: ControlEffect) -> None:
        self.metrics.controls_applied.inc()
        if request.ack_request is ControlAckRequest.ACK:
            await self._send(
                RicControlAcknowledge(
                    request.request_id, request.ran_function_id, request.call_process_id, effect.outcome
                )
            )

    async def _refuse(self, request: RicControlRequest, cause: Cause, reason: str, detail: str) -> None:
        self.metrics.controls_refused.labels(reason=reason).inc()
        log.warning("control refused (%s): %s", reason, detail)
        self._inserts.answer(request.call_process_id, applied=False)
        function = self.functions.get(request.ran_function_id)
        outcome = function.refusal_outcome(request, reason, detail, self.world) if function else None
        await self._send(
            RicControlFailure(request.request_id, request.ran_function_id, cause, request.call_process_id, outcome)
        )

    def _note_times(self, request: RicControlRequest, effect: ControlEffect, arrived_s: float) -> None:
        if effect.report_id is not None:
            self._times.report_answered(effect.report_id, arrived_s)
        function = self.functions[request.ran_function_id]
        self._times.control_obeyed(function.name, arrived_s, self.world.simulator.slot)
