"""The spine of every xApp: a report comes in, a decision goes out.

    RMR message -> E2AP RicIndication -> E2SM-RRM RadioReport -> allocator -> shield -> E2SM-RRM -> E2AP -> RMR message

``App`` has no socket, no thread and no clock of its own: messages are handed in, and leave through ``send``. All of
it runs on the thread of the RMR loop; whatever may wait (HTTP, gRPC, SDL) happens elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from oran import e2ap
from oran.e2ap import ControlAckRequest, IndicationType, RicControlRequest, RicIndication
from oran.e2sm.rrm import (
    ControlHeader,
    EventTrigger,
    RadioReport,
    ReportAssembler,
    encode_allocation,
    encode_control_header,
)
from oran.errors import SuiteError, TransportError
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps.runtime.controls import OpenControls, SentControl
from xapps.runtime.deciding import Decider
from xapps.runtime.decision import Decision
from xapps.runtime.experience import Recorder
from xapps.runtime.indication_order import IndicationOrder
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import RecentReports
from xapps.runtime.shadow import Answered
from xapps.runtime.subscription_book import SubscriptionBook

log = logging.getLogger(__name__)

Send = Callable[[RmrMessage], None]
"""Hands one message to RMR; raises TransportError if it cannot leave."""

Stream = tuple[str, e2ap.RicRequestId]
"""Where reports come from: node and subscription."""


@dataclass(frozen=True, slots=True)
class Question:
    """A complete report that wants a decision."""

    message: RmrMessage
    """The message that completed it: its node and subscription get the answer."""
    indication: RicIndication
    report: RadioReport
    octets: bytes
    """The report as it arrived, put together."""
    asked_s: float

    @property
    def stream(self) -> Stream:
        return self.message.meid, self.indication.request_id

    @property
    def lock_step(self) -> bool:
        """An insert: the node waits for this very answer (E2AP 8.2.3)."""
        return self.indication.type is IndicationType.INSERT


@dataclass
class App:
    """One xApp at work.

    Attributes:
        on_policy: takes A1 policy requests; must return at once.
        deadline_s: a free-running decision that takes longer is counted as late [s].
        now_s: monotonic clock [s].
        experience: takes what was reported, decided and earned; none: nothing is sent to the rApp.
    """

    decider: Decider
    recent: RecentReports
    book: SubscriptionBook[EventTrigger]
    metrics: Metrics
    send: Send
    on_policy: Callable[[RmrMessage], None]
    now_s: Callable[[], float]
    deadline_s: float = 0.02
    experience: Recorder | None = None

    def __post_init__(self) -> None:
        self._trials = self.decider.trials
        self._assemblers: dict[Stream, ReportAssembler] = {}
        self._open = OpenControls()
        self._order = IndicationOrder()

    def on_messages(self, messages: Sequence[RmrMessage]) -> None:
        """Handle everything that has arrived, oldest first.

        A node in lock-step gets an answer to every report. A free-running one has moved on: of several reports that
        waited, the newest is answered and the others are counted as stale.
        """
        newest: dict[Stream, Question] = {}
        for message in messages:
            with self._survived(message.mtype):
                question = self._receive(message)
                if question is None:
                    continue
                if question.lock_step:
                    self._answer(question)
                    continue
                if question.stream in newest:
                    self.metrics.stale.labels(message.meid).inc()
                newest[question.stream] = question
        for question in newest.values():
            with self._survived(MessageType.RIC_INDICATION):
                self._answer(question)

    # --- the eight hops -----------------------------------------------------------------------

    def on_indication(self, message: RmrMessage) -> Question | None:
        """The report that an indication completes; None while fragments are missing, or if it is not for us or no news.

        Raises:
            DecodeError: malformed E2AP or E2SM-RRM.
        """
        now_s = self.now_s()
        indication = e2ap.decode(message.payload)
        if not isinstance(indication, RicIndication):
            self._ignore("unexpected_pdu")
            return None
        if not self.book.accepts(message.meid, indication.ran_function_id, indication.request_id.instance):
            self._ignore("not_subscribed")
            return None
        self.book.heard(message.meid, now_s)
        assembler = self._assembler(message, indication)
        report = assembler.add(indication.header, indication.message)
        if report is None:
            return None
        question = Question(message, indication, report, assembler.octets, now_s)
        if not self._order.is_news(question.stream, indication.sequence_number):
            self.metrics.stale.labels(message.meid).inc()
            return None
        self._trials.heard(message.meid, report)
        return question

    def decide(self, question: Question) -> Decision:
        """The decision behind the shield. Raises: SuiteError if nobody could decide."""
        return self.decider.decide(question.stream, question.report, question.asked_s, lock_step=question.lock_step)

    def control(self, question: Question, decision: Decision, answer: bytes) -> RmrMessage:
        """The control that carries a decision, which ``answer`` is the encoded form of."""
        indication, report_id = question.indication, question.report.report_id
        header = ControlHeader(report_id, decision.author, decision.version)
        control = RicControlRequest(
            request_id=indication.request_id,  # ours, so that E2T routes the answer back to us
            ran_function_id=indication.ran_function_id,
            header=encode_control_header(header),
            message=answer,
            call_process_id=indication.call_process_id,
            ack_request=ControlAckRequest.ACK,
        )
        payload = e2ap.encode(control)
        return RmrMessage(MessageType.RIC_CONTROL_REQ, payload, question.message.sub_id, question.message.meid)

    def on_control_answer(self, message: RmrMessage) -> None:
        """Count what became of a control.

        Raises:
            DecodeError: malformed E2AP or control outcome.
        """
        answer = e2ap.decode(message.payload)
        if not isinstance(answer, e2ap.RicControlAcknowledge | e2ap.RicControlFailure):
            self._ignore("unexpected_pdu")
            return
        settled = self._open.settle(message.meid, answer)
        if settled.control is not None:
            self.metrics.control_round_trip.labels(message.meid).observe(self.now_s() - settled.control.sent_s)
        if isinstance(answer, e2ap.RicControlAcknowledge):
            self.metrics.controls_acked.labels(message.meid).inc()
            return
        cause = answer.cause.value
        self.metrics.controls_refused.labels(message.meid, cause, settled.reason).inc()
        log.warning("%s refused a decision: %s %s %s", message.meid, cause, settled.reason, settled.detail)

    # --- behind them --------------------------------------------------------------------------

    def _receive(self, message: RmrMessage) -> Question | None:
        """Dispatch by message type; only an indication can raise a question."""
        self.metrics.messages.labels(_type_name(message.mtype)).inc()
        match message.mtype:
            case MessageType.RIC_INDICATION:
                return self.on_indication(message)
            case MessageType.RIC_CONTROL_ACK | MessageType.RIC_CONTROL_FAILURE:
                self.on_control_answer(message)
            case MessageType.A1_POLICY_REQ:
                self.on_policy(message)
            case _:
                log.debug("message of type %s is not for us", message.mtype)
        return None

    def _answer(self, question: Question) -> None:
        """Decide, send, and only then keep the books."""
        meid, report = question.message.meid, question.report
        decision = self.decide(question)
        answer = encode_allocation(replace(decision.granted, decision_id=report.report_id))
        control = self.control(question, decision, answer)
        sent = True
        try:
            self.send(control)
        except TransportError as error:
            sent = False
            self.metrics.controls_unsent.labels(meid).inc()
            log.warning("control for %s not sent: %s", meid, error)
        else:
            self._record_sent(question)
        if decision.fault is None:
            self.recent.add(meid, report)
        self.metrics.record_kpis(meid, report)
        self._trials.answered(Answered(meid, decision, question.octets, answer))
        if self.experience is not None:
            self.experience.answered(question.stream, report, decision, sent=sent)

    def _record_sent(self, question: Question) -> None:
        now_s, meid = self.now_s(), question.message.meid
        took_s = now_s - question.asked_s
        call_process_id = question.indication.call_process_id
        given_up = self._open.sent(SentControl(meid, question.report.report_id, call_process_id, now_s))
        self.metrics.controls_unanswered.inc(given_up)
        self.metrics.reports.labels(meid).inc()
        self.metrics.controls_sent.labels(meid).inc()
        self.metrics.decision_latency.labels(meid).observe(took_s)
        if took_s > self.deadline_s and not question.lock_step:
            self.metrics.late.labels(meid).inc()

    def _ignore(self, reason: str) -> None:
        self.metrics.indications_ignored.labels(reason).inc()

    def _assembler(self, message: RmrMessage, indication: RicIndication) -> ReportAssembler:
        self.metrics.indications.labels(message.meid).inc()
        stream = (message.meid, indication.request_id)
        assembler = self._assemblers.get(stream)
        if assembler is None:  # a new subscription of the node replaces its former one
            for former in [kept for kept in self._assemblers if kept[0] == message.meid]:
                del self._assemblers[former]
                self._order.forget(former)
                self.decider.inputs.ages.forget(former)
            assembler = self._assemblers[stream] = ReportAssembler()
        return assembler

    @contextmanager
    def _survived(self, mtype: int) -> Iterator[None]:
        """The loop goes on whatever a message does to its handler: logged, and counted by type."""
        try:
            yield
        except SuiteError as error:
            log.warning("%s: %s: %s", _type_name(mtype), type(error).__name__, error)
            self.metrics.handler_errors.labels(_type_name(mtype), type(error).__name__).inc()
        except Exception as error:
            log.exception("%s failed", _type_name(mtype))
            self.metrics.handler_errors.labels(_type_name(mtype), type(error).__name__).inc()


def _type_name(mtype: int) -> str:
    try:
        return MessageType(mtype).name
    except ValueError:
        return "other"  # numbers of strangers must not become label values
