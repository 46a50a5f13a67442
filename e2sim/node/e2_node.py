"""The E2 node: keeps one association alive, admits subscriptions, sends indications, obeys controls.

One asyncio task per concern: :meth:`E2Node.run` connects again and again, the receiver answers the RIC, the clock of
``e2sim/node/clock.py`` moves the world and asks for indications.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from e2sim.node.functions import Content, ControlEffect, RanFunctionService, Subscription
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
    Event,
    Pdu,
    PduReceived,
    ProcedureTimedOut,
    ProtocolViolation,
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
    Role,
    TnlSetupFailed,
)
from oran.errors import DecisionRefused, PeerClosed, RemoteProtocolError, TransportError
from oran.transport import Channel, backoff_s, connect

log = logging.getLogger(__name__)

LATENCY_WINDOW = 4096
"""Reports remembered for the loop latency; an answer to an older one is not timed."""


@dataclass(frozen=True, slots=True)
class ObeyedControl:
    """A control whose effect no report has shown yet."""

    function: str
    arrived_s: float
    slot: int
    """The slot that it governs."""


class E2Node:
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
        self.settings = settings
        self.world = world
        self.metrics = metrics
        self.functions = {function.item.id: function for function in functions}
        self.subscriptions: dict[RicRequestId, Subscription] = {}
        self.accepted: frozenset[int] = frozenset()
        self.changed = asyncio.Event()
        """Set whenever a subscription came or went."""
        self.indications_sent = 0
        self.latencies_ms: list[float] = []
        self._clock_s = clock_s
        self._rng = np.random.default_rng(settings.seed)
        self._association: E2Association | None = None
        self._channel: Channel | None = None
        self._time_to_wait_s = 0.0
        self._wake_timer = asyncio.Event()
        self._sent_at_s: dict[int, float] = {}
        self._unseen: list[ObeyedControl] = []
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}

    @property
    def connected(self) -> bool:
        """E2 Setup was accepted and the association stands."""
        return bool(self.accepted) and self._channel is not None

    # --- life of the association --------------------------------------------------------------------

    async def run(self) -> None:
        """Connects, sets up and serves until cancelled; a lost association is built up again with back-off."""
        delays = self._delays()
        while True:
            self._time_to_wait_s, was_ready = 0.0, False
            try:
                was_ready = await self._serve(await connect(self.settings.ric_url))
            except TransportError as error:
                log.info("no E2 association with %s: %s", self.settings.ric_url, error)
            if was_ready:
                delays = self._delays()
            await asyncio.sleep(max(self._time_to_wait_s, next(delays)))

    def _delays(self) -> Iterator[float]:
        return backoff_s(self._rng, first_s=self.settings.reconnect_first_s, limit_s=self.settings.reconnect_limit_s)

    async def _serve(self, channel: Channel) -> bool:
        """One association from set-up to loss; True if E2 Setup had been accepted."""
        association = E2Association(Role.E2_NODE, timeouts_s={E2SetupRequest: self.settings.setup_timeout_s})
        self._association, self._channel = association, channel
        timer = asyncio.create_task(self._run_timers(association))
        try:
            await self._send(self._setup_request(association))
            while not self._time_to_wait_s:
                await self._handle(association.receive(await channel.receive(), self._clock_s()))
        except (PeerClosed, RemoteProtocolError) as error:  # the latter: what came was no message of the transport
            log.warning("E2 association lost: %s", error)
        finally:
            was_ready = bool(self.accepted)
            timer.cancel()
            self._forget_association()
            await channel.close()
        return was_ready

    def _setup_request(self, association: E2Association) -> E2SetupRequest:
        items = tuple(function.item for function in self.functions.values())
        transaction_id = association.next_transaction_id()
        return E2SetupRequest(transaction_id, self.settings.node_id, items, self.settings.components)

    def _forget_association(self) -> None:
        self._association = self._channel = None
        self.accepted = frozenset()
        self.metrics.connected.set(0)
        self._drop_all_subscriptions()

    def _drop_all_subscriptions(self) -> None:
        self.subscriptions.clear()
        self._release_waiting()
        self._subscriptions_changed()

    def _release_waiting(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_result(False)
        self._waiting.clear()

    def _subscriptions_changed(self) -> None:
        self.metrics.subscriptions.set(len(self.subscriptions))
        self.changed.set()

    async def _run_timers(self, association: E2Association) -> None:
        """Drives the association's procedure timers; a set-up that is never answered ends the association."""
        while True:
            due_s = association.next_timer_s()
            timeout = None if due_s is None else max(due_s - self._clock_s(), 0.0)
            try:
                async with asyncio.timeout(timeout):
                    await self._wake_timer.wait()
                self._wake_timer.clear()
            except TimeoutError:
                await self._handle(association.on_timer(self._clock_s()))

    async def _send(self, *pdus: Pdu) -> None:
        association, channel = self._association, self._channel
        if association is None or channel is None:
            raise PeerClosed("no E2 association")
        for pdu in pdus:
            association.send(pdu, self._clock_s())
        await self._flush()

    async def _flush(self) -> None:
        association, channel = self._association, self._channel
        if association is None or channel is None:
            raise PeerClosed("no E2 association")
        for stream, data in association.outbox():
            await channel.send(data, stream=stream)
        self._wake_timer.set()

    # --- what the RIC sends ---------------------------------------------------------------------------

    async def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case PduReceived(pdu):
                    await self._on_pdu(pdu)
                case ProcedureTimedOut(E2SetupRequest()):
                    log.warning("E2 Setup was not answered; trying again")
                    if self._channel is not None:
                        await self._channel.close()
                case ProcedureTimedOut(request):
                    log.warning("%s was not answered", type(request).__name__)
                case ProtocolViolation(error):
                    self.metrics.violations.inc()
                    log.warning("from the RIC: %s", error)
        if self._association is not None:
            await self._flush()

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
            self._release_waiting()
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
            self._note_sent(self.world.observe().report_id)
        await self._send(*(self._indication(subscription, content) for content in contents))
        self.indications_sent += len(contents)
        self.metrics.indications.inc(len(contents))
        if contents and function.shows_effects:
            self._note_effects()
        return contents[-1].call_process_id if contents else None

    def slot_ended(self) -> None:
        """Lets every subscription that measures take in the slot that is over."""
        outcome = self.world.outcome
        assert outcome is not None  # a slot has ended
        for subscription in self.subscriptions.values():
            if subscription.measuring is not None:
                subscription.measuring.slot_ended(outcome)

    def _note_sent(self, report_id: int) -> None:
        self._sent_at_s[report_id] = self._clock_s()
        while len(self._sent_at_s) > LATENCY_WINDOW:
            del self._sent_at_s[next(iter(self._sent_at_s))]

    def _note_effects(self) -> None:
        """A report has left: it shows the effect of every control whose slot is over."""
        now_s, slot = self._clock_s(), self.world.simulator.slot
        shown = [control for control in self._unseen if control.slot < slot]
        self._unseen = [control for control in self._unseen if control.slot >= slot]
        for control in shown:
            self.metrics.control_effect_s.labels(control.function).observe(now_s - control.arrived_s)

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
        self._waiting[call_process_id] = asyncio.get_running_loop().create_future()

    async def wait_for_control(self, call_process_id: bytes, wait_s: float) -> bool:
        """Waits for the control that answers an INSERT; True if it came and was applied."""
        future = self._waiting.get(call_process_id)
        if future is None:
            return False  # released: the association or the subscription has gone
        try:
            async with asyncio.timeout(wait_s):  # not wait_for: before 3.12 it can swallow a cancellation
                return await future
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(call_process_id, None)

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
            self._note_latency(effect, arrived_s)
            self._note_obeyed(request, arrived_s)
            self._answer_waiting(request, applied=True)
            await self._acknowledge(request, effect)

    def _obey(self, request: RicControlRequest) -> ControlEffect:
        function = self.functions.get(request.ran_function_id)
        if function is None:
            raise RemoteProtocolError(
                f"no RAN function {request.ran_function_id}", CauseRicRequest.RAN_FUNCTION_ID_INVALID
            )
        if function.controls_need_subscription and request.request_id not in self.subscriptions:
            raise RemoteProtocolError(f"no subscription {request.request_id}", CauseRicRequest.REQUEST_ID_UNKNOWN)
        if request.call_process_id is not None and request.call_process_id not in self._waiting:
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
        self._answer_waiting(request, applied=False)
        function = self.functions.get(request.ran_function_id)
        outcome = function.refusal_outcome(request, reason, detail, self.world) if function else None
        await self._send(
            RicControlFailure(request.request_id, request.ran_function_id, cause, request.call_process_id, outcome)
        )

    def _answer_waiting(self, request: RicControlRequest, *, applied: bool) -> None:
        future = self._waiting.get(request.call_process_id or b"")
        if future is not None and not future.done():
            future.set_result(applied)

    def _note_obeyed(self, request: RicControlRequest, arrived_s: float) -> None:
        function = self.functions[request.ran_function_id]
        self._unseen.append(ObeyedControl(function.name, arrived_s, self.world.simulator.slot))
        del self._unseen[:-LATENCY_WINDOW]  # without a subscription nothing ever shows them

    def _note_latency(self, effect: ControlEffect, arrived_s: float) -> None:
        sent_s = self._sent_at_s.pop(effect.report_id, None) if effect.report_id is not None else None
        if sent_s is not None:
            self.latencies_ms.append((arrived_s - sent_s) * 1e3)
            self.metrics.loop_latency_s.observe(arrived_s - sent_s)
