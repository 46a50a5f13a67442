"""Both ends of an association joined by a wire of our own, and each end against a peer that breaks rules."""

from dataclasses import replace

import pytest

from oran.e2ap import (
    CauseMisc,
    CauseProtocol,
    CauseRicRequest,
    ComponentConfigAck,
    ControlAckRequest,
    E2Association,
    E2ConnectionUpdate,
    E2ConnectionUpdateAcknowledge,
    E2NodeConfigurationUpdate,
    E2NodeConfigurationUpdateFailure,
    E2SetupFailure,
    E2SetupRequest,
    E2SetupResponse,
    ErrorIndication,
    GlobalRicId,
    IndicationType,
    PduReceived,
    ProcedureAborted,
    ProcedureTimedOut,
    ProtocolViolation,
    RanFunctionRef,
    ResetRequest,
    ResetResponse,
    RicControlAcknowledge,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicServiceUpdate,
    RicServiceUpdateAcknowledge,
    RicServiceUpdateFailure,
    RicSubscriptionDeleteRequest,
    RicSubscriptionDeleteResponse,
    RicSubscriptionFailure,
    RicSubscriptionResponse,
    Role,
    State,
    TimeToWait,
    decode,
    encode,
)
from oran.e2ap import messages as m
from oran.e2ap.procedures import PROCEDURES, TRANSITIONS
from oran.errors import LocalProtocolError
from tests.oran.e2ap.samples import ACTION, F1, PLMN, SAMPLES

REQUEST = RicRequestId(123, 1)
SETUP = replace(SAMPLES[0], transaction_id=0)
SETUP_RESPONSE = E2SetupResponse(0, GlobalRicId(PLMN, 25), (RanFunctionRef(2, 1),), (), (ComponentConfigAck(F1),))
SUBSCRIPTION = m.RicSubscriptionRequest(REQUEST, 2, b"event", (ACTION,))
SUBSCRIBED = RicSubscriptionResponse(REQUEST, 2, (1,))
INDICATION = RicIndication(REQUEST, 2, 1, IndicationType.REPORT, b"header", b"message", 7)
CONTROL = RicControlRequest(REQUEST, 3, b"header", b"message", None, ControlAckRequest.ACK)
ACKNOWLEDGE = RicControlAcknowledge(REQUEST, 3)

INCOMPATIBLE = CauseProtocol.MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE


class Wire:
    """Two associations and the octets between them."""

    def __init__(self):
        self.ends = {role: E2Association(role) for role in Role}
        self.node, self.ric = self.ends[Role.E2_NODE], self.ends[Role.RIC]
        self.now_s = 0.0

    def ready(self):
        self.send(self.node, SETUP)
        self.send(self.ric, SETUP_RESPONSE)
        assert self.node.state is self.ric.state is State.READY
        return self

    def send(self, end, pdu):
        """Send and deliver; returns the events at the other end."""
        end.send(pdu, self.now_s)
        return self.deliver(end)

    def deliver(self, end):
        other = self.ends[end.role.peer]
        return [event for _, octets in end.outbox() for event in other.receive(octets, self.now_s)]

    def inject(self, end, octets):
        """Octets from a peer that did not pass through its own association; returns (events, answers)."""
        events = end.receive(octets, self.now_s)
        return events, [decode(answer) for _, answer in end.outbox()]


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def ready():
    return Wire().ready()


def violation(events):
    (event,) = events
    assert isinstance(event, ProtocolViolation)
    return event.error


# --- set-up -----------------------------------------------------------------------------------


def test_setup_leads_both_ends_to_ready(wire):
    assert wire.send(wire.node, SETUP) == [PduReceived(SETUP)]
    assert (wire.node.state, wire.ric.state) == (State.SETUP_SENT, State.SETUP_RECEIVED)
    assert wire.send(wire.ric, SETUP_RESPONSE) == [PduReceived(SETUP_RESPONSE)]
    assert wire.node.state is wire.ric.state is State.READY
    assert wire.node.next_timer_s() is None


def test_a_refused_setup_leads_both_ends_back_to_idle_and_the_wait_is_kept(wire):
    wire.send(wire.node, SETUP)
    wire.now_s = 3.0
    wire.send(wire.ric, E2SetupFailure(0, CauseMisc.UNSPECIFIED, TimeToWait.V10S))
    assert wire.node.state is wire.ric.state is State.IDLE
    assert wire.node.retry_at_s == 13.0
    with pytest.raises(LocalProtocolError):
        wire.node.send(SETUP, 12.9)
    wire.now_s = 13.0
    assert wire.send(wire.node, SETUP) == [PduReceived(SETUP)]


def test_a_failure_without_time_to_wait_allows_a_retry_at_once(wire):
    wire.send(wire.node, SETUP)
    wire.send(wire.ric, E2SetupFailure(0, CauseMisc.UNSPECIFIED))
    assert wire.node.retry_at_s is None
    assert wire.send(wire.node, SETUP) == [PduReceived(SETUP)]


def test_an_unanswered_setup_times_out_into_idle(wire):
    wire.node.send(SETUP, 0.0)
    assert wire.node.next_timer_s() == 10.0
    assert wire.node.on_timer(9.99) == []
    assert wire.node.on_timer(10.0) == [ProcedureTimedOut(SETUP)]
    assert wire.node.state is State.IDLE
    assert wire.node.next_timer_s() is None


def test_waiting_times_are_settable():
    node = E2Association(Role.E2_NODE, timeouts_s={E2SetupRequest: 1.5})
    node.send(SETUP, 2.0)
    assert node.next_timer_s() == 3.5


def test_a_setup_response_of_another_transaction_is_refused_and_the_setup_goes_on(wire):
    wire.send(wire.node, SETUP)
    events, answers = wire.inject(wire.node, encode(replace(SETUP_RESPONSE, transaction_id=9)))
    assert violation(events).cause is INCOMPATIBLE
    assert isinstance(answers[0], ErrorIndication)
    assert answers[0].transaction_id == 9
    assert wire.node.state is State.SETUP_SENT
    assert wire.send(wire.ric, SETUP_RESPONSE) == [PduReceived(SETUP_RESPONSE)]


def test_a_malformed_setup_is_answered_with_setup_failure(wire):
    octets = bytearray(encode(SETUP))
    octets[octets.index(b"\x00\x0a\x00") + 1] = 0x63  # RANfunctionsAdded becomes an unknown IE to be rejected
    events, answers = wire.inject(wire.ric, bytes(octets))
    assert violation(events).cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
    (failure,) = answers
    assert isinstance(failure, E2SetupFailure)
    assert failure.transaction_id == 0
    assert failure.diagnostics.ies[0].ie_id == 0x63
    assert wire.ric.state is State.IDLE


def test_a_node_that_restarts_sets_up_again_on_the_live_association(ready):
    ready.ric.send(SUBSCRIPTION, 0.0)
    ready.ric.outbox()
    events = ready.send(ready.node, SETUP)
    assert events == [PduReceived(SETUP), ProcedureAborted(SUBSCRIPTION)]
    assert ready.ric.state is State.SETUP_RECEIVED
    ready.send(ready.ric, SETUP_RESPONSE)
    assert ready.node.state is ready.ric.state is State.READY


# --- legality ---------------------------------------------------------------------------------


def test_indication_before_setup_is_refused_at_both_ends(wire):
    with pytest.raises(LocalProtocolError):
        wire.node.send(INDICATION, 0.0)
    assert wire.node.outbox() == []
    events, answers = wire.inject(wire.ric, encode(INDICATION))
    assert violation(events).cause is INCOMPATIBLE
    assert isinstance(answers[0], ErrorIndication)
    assert answers[0].request_id == REQUEST


def test_subscription_before_setup_is_answered_with_its_failure(wire):
    events, answers = wire.inject(wire.node, encode(SUBSCRIPTION))
    assert violation(events).cause is INCOMPATIBLE
    (failure,) = answers
    assert isinstance(failure, RicSubscriptionFailure)
    assert (failure.request_id, failure.ran_function_id, failure.cause) == (REQUEST, 2, INCOMPATIBLE)


STATES = [State.IDLE, State.SETUP_SENT, State.SETUP_RECEIVED, State.READY]


def put_into(association, state):
    association.state = state
    return association


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: type(pdu).__name__)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize("role", Role, ids=lambda role: role.name)
def test_what_the_table_does_not_allow_is_refused_whether_sent_or_received(role, state, pdu):
    if (role, role, state, type(pdu)) not in TRANSITIONS:
        association = put_into(E2Association(role), state)
        with pytest.raises(LocalProtocolError):
            association.send(pdu, 0.0)
        assert association.state is state
        assert association.outbox() == []
    if (role, role.peer, state, type(pdu)) not in TRANSITIONS:
        association = put_into(E2Association(role), state)
        error = violation(association.receive(encode(pdu), 0.0))
        assert error.cause is INCOMPATIBLE
        assert association.state is state


ONE_WAY = [procedure for procedure in PROCEDURES if procedure.initiator is not None]


@pytest.mark.parametrize("procedure", ONE_WAY, ids=lambda procedure: procedure.request.__name__)
def test_a_request_from_the_wrong_end_is_answered_with_an_error_indication(procedure):
    pdu = next(sample for sample in SAMPLES if type(sample) is procedure.request)
    association = put_into(E2Association(procedure.initiator), State.READY)
    violation(association.receive(encode(pdu), 0.0))
    ((_, answer),) = association.outbox()
    assert isinstance(decode(answer), ErrorIndication)


def test_every_message_is_legal_from_some_end_in_some_state():
    assert {key[3] for key in TRANSITIONS} == {type(pdu) for pdu in SAMPLES}


# --- procedures -------------------------------------------------------------------------------


def test_subscribe_indicate_control_delete(ready):
    assert ready.send(ready.ric, SUBSCRIPTION) == [PduReceived(SUBSCRIPTION)]
    assert ready.ric.next_timer_s() == 5.0
    assert ready.send(ready.node, SUBSCRIBED) == [PduReceived(SUBSCRIBED)]
    assert ready.ric.next_timer_s() is None
    assert ready.send(ready.node, INDICATION) == [PduReceived(INDICATION)]
    assert ready.send(ready.ric, CONTROL) == [PduReceived(CONTROL)]
    assert ready.send(ready.node, ACKNOWLEDGE) == [PduReceived(ACKNOWLEDGE)]
    delete = RicSubscriptionDeleteRequest(REQUEST, 2)
    assert ready.send(ready.ric, delete) == [PduReceived(delete)]
    deleted = RicSubscriptionDeleteResponse(REQUEST, 2)
    assert ready.send(ready.node, deleted) == [PduReceived(deleted)]
    assert ready.ric.next_timer_s() is None


def test_global_procedures_use_stream_zero_and_functional_ones_stream_one(ready):
    for end, pdu, stream in [
        (ready.ric, SUBSCRIPTION, 1),
        (ready.ric, CONTROL, 1),
        (ready.node, INDICATION, 1),
        (ready.ric, ErrorIndication(cause=CauseMisc.UNSPECIFIED), 0),
        (ready.node, RicServiceUpdate(1), 0),
        (ready.ric, ResetRequest(1, CauseMisc.UNSPECIFIED), 0),
    ]:
        end.send(pdu, 0.0)
        assert end.outbox() == [(stream, encode(pdu))]


def test_a_second_answer_is_refused_at_both_ends(ready):
    ready.send(ready.ric, SUBSCRIPTION)
    ready.send(ready.node, SUBSCRIBED)
    with pytest.raises(LocalProtocolError):
        ready.node.send(SUBSCRIBED, 0.0)
    events, answers = ready.inject(ready.ric, encode(SUBSCRIBED))
    assert violation(events).cause is INCOMPATIBLE
    assert isinstance(answers[0], ErrorIndication)
    assert answers[0].diagnostics.procedure_code == 8


def test_an_answer_after_the_time_out_is_refused(ready):
    ready.send(ready.ric, SUBSCRIPTION)
    assert ready.ric.on_timer(5.0) == [ProcedureTimedOut(SUBSCRIPTION)]
    assert violation(ready.send(ready.node, SUBSCRIBED)).cause is INCOMPATIBLE


def test_a_retransmitted_request_is_delivered_once_and_starts_the_timer_anew(ready):
    ready.send(ready.ric, SUBSCRIPTION)
    ready.now_s = 2.0
    assert ready.send(ready.ric, SUBSCRIPTION) == []
    assert ready.node.outbox() == []
    assert ready.ric.next_timer_s() == 7.0
    assert ready.send(ready.node, SUBSCRIBED) == [PduReceived(SUBSCRIBED)]
    assert ready.ric.next_timer_s() is None


def test_another_request_with_an_identifier_in_use_is_refused_without_answering_the_first(ready):
    ready.send(ready.ric, SUBSCRIPTION)
    other = replace(SUBSCRIPTION, event_trigger=b"another")
    with pytest.raises(LocalProtocolError):
        ready.ric.send(other, 0.0)
    events, answers = ready.inject(ready.node, encode(other))
    assert violation(events).cause is INCOMPATIBLE
    assert isinstance(answers[0], ErrorIndication)
    assert ready.send(ready.node, SUBSCRIBED) == [PduReceived(SUBSCRIBED)]


def test_controls_with_equal_identifiers_are_answered_one_by_one(ready):
    for _ in range(3):
        assert ready.send(ready.ric, CONTROL) == [PduReceived(CONTROL)]
    for _ in range(3):
        assert ready.send(ready.node, ACKNOWLEDGE) == [PduReceived(ACKNOWLEDGE)]
    with pytest.raises(LocalProtocolError):
        ready.node.send(ACKNOWLEDGE, 0.0)


def test_controls_are_told_apart_by_their_call_process(ready):
    first, second = (replace(CONTROL, call_process_id=bytes((number,))) for number in (1, 2))
    ready.send(ready.ric, first)
    ready.send(ready.ric, second)
    ready.send(ready.node, replace(ACKNOWLEDGE, call_process_id=b"\x02"))
    assert ready.ric.on_timer(2.0) == [ProcedureTimedOut(first)]


@pytest.mark.parametrize("ack_request", [None, ControlAckRequest.NO_ACK])
def test_a_control_without_acknowledgement_ends_in_silence_or_in_failure(ready, ack_request):
    control = replace(CONTROL, ack_request=ack_request)
    failure = RicControlFailure(REQUEST, 3, CauseRicRequest.CONTROL_MESSAGE_INVALID)
    ready.send(ready.ric, control)
    assert ready.send(ready.node, failure) == [PduReceived(failure)]
    ready.send(ready.ric, control)
    with pytest.raises(LocalProtocolError):
        ready.node.send(ACKNOWLEDGE, 0.0)
    assert ready.ric.on_timer(60.0) == []
    assert ready.ric.next_timer_s() is None


def test_transaction_identifiers_wrap_and_avoid_those_in_use(ready):
    ready.node.send(RicServiceUpdate(5), 0.0)
    ready.node._last_transaction_id = -1
    drawn = [ready.node.next_transaction_id() for _ in range(256)]
    assert drawn == [*range(5), *range(6, 256), 0]


def test_time_to_wait_holds_for_every_procedure_that_has_one(ready):
    ready.send(ready.node, RicServiceUpdate(1))
    ready.send(ready.ric, RicServiceUpdateFailure(1, CauseMisc.UNSPECIFIED, TimeToWait.V5S))
    with pytest.raises(LocalProtocolError):
        ready.node.send(RicServiceUpdate(2), 4.0)
    ready.now_s = 5.0
    ready.send(ready.node, RicServiceUpdate(2))
    ready.send(ready.ric, RicServiceUpdateAcknowledge(2))
    ready.send(ready.node, RicServiceUpdate(3))


def test_configuration_and_connection_updates_pair_with_their_answers(ready):
    ready.send(ready.node, E2NodeConfigurationUpdate(1))
    failure = E2NodeConfigurationUpdateFailure(1, CauseMisc.UNSPECIFIED)
    assert ready.send(ready.ric, failure) == [PduReceived(failure)]
    ready.send(ready.ric, E2ConnectionUpdate(1))
    acknowledge = E2ConnectionUpdateAcknowledge(1)
    assert ready.send(ready.node, acknowledge) == [PduReceived(acknowledge)]


@pytest.mark.parametrize("resetter", Role, ids=lambda role: role.name)
def test_a_reset_ends_all_other_procedures_at_both_ends(ready, resetter):
    ready.send(ready.ric, SUBSCRIPTION)
    end = ready.ends[resetter]
    reset = ResetRequest(3, CauseMisc.OM_INTERVENTION)
    events = ready.send(end, reset)
    assert events[0] == PduReceived(reset)
    assert events[1:] == ([ProcedureAborted(SUBSCRIPTION)] if resetter is Role.E2_NODE else [])
    with pytest.raises(LocalProtocolError):
        ready.node.send(SUBSCRIBED, 0.0)
    assert ready.send(ready.ends[resetter.peer], ResetResponse(3)) == [PduReceived(ResetResponse(3))]
    assert ready.ric.next_timer_s() is ready.node.next_timer_s() is None


def test_resets_may_cross(ready):
    ready.node.send(ResetRequest(1, CauseMisc.UNSPECIFIED), 0.0)
    ready.ric.send(ResetRequest(1, CauseMisc.UNSPECIFIED), 0.0)
    ready.deliver(ready.node)
    ready.deliver(ready.ric)
    assert ready.send(ready.ric, ResetResponse(1)) == [PduReceived(ResetResponse(1))]
    assert ready.send(ready.node, ResetResponse(1)) == [PduReceived(ResetResponse(1))]


# --- peers that break rules -------------------------------------------------------------------


def test_a_subscription_whose_identifier_can_be_read_is_answered_with_its_failure(ready):
    events, answers = ready.inject(ready.node, encode(SUBSCRIPTION)[:-3])
    assert violation(events).cause is CauseProtocol.TRANSFER_SYNTAX_ERROR
    (failure,) = answers
    assert isinstance(failure, RicSubscriptionFailure)
    assert (failure.request_id, failure.ran_function_id) == (REQUEST, 2)
    assert failure.cause is CauseProtocol.TRANSFER_SYNTAX_ERROR


def test_a_subscription_whose_identifier_cannot_be_read_is_answered_with_an_error_indication(ready):
    events, answers = ready.inject(ready.node, encode(SUBSCRIPTION)[:9])
    violation(events)
    (error,) = answers
    assert isinstance(error, ErrorIndication)
    assert error.request_id is None
    assert error.diagnostics.procedure_code == 8


def test_a_malformed_control_is_answered_with_a_failure_without_diagnostics(ready):
    _, answers = ready.inject(ready.node, encode(replace(CONTROL, call_process_id=b"\x07"))[:-6])
    (failure,) = answers
    assert failure == RicControlFailure(REQUEST, 3, CauseProtocol.TRANSFER_SYNTAX_ERROR, b"\x07")


def test_octets_that_are_no_pdu_are_answered_with_an_error_indication(ready):
    events, answers = ready.inject(ready.ric, b"\xde\xad\xbe\xef")
    assert violation(events).cause is CauseProtocol.TRANSFER_SYNTAX_ERROR
    assert answers == [ErrorIndication(cause=CauseProtocol.TRANSFER_SYNTAX_ERROR)]


def test_a_malformed_error_indication_is_never_answered(ready):
    octets = encode(ErrorIndication(request_id=REQUEST, cause=CauseMisc.UNSPECIFIED))
    events, answers = ready.inject(ready.ric, octets[:-1])
    violation(events)
    assert answers == []


@pytest.mark.parametrize(("criticality", "answered"), [(0x00, True), (0x40, False), (0x80, True)])
def test_an_unknown_procedure_is_answered_by_its_criticality(ready, criticality, answered):
    events, answers = ready.inject(ready.ric, bytes((0x00, 99, criticality, 3, 0, 0, 0)))
    violation(events)
    assert [type(answer) for answer in answers] == [ErrorIndication] * answered


def test_error_indications_do_not_breed(ready):
    ready.ric.receive(b"\xff", 0.0)
    for _ in range(3):
        ready.deliver(ready.ric)
        ready.deliver(ready.node)
    assert ready.ric.outbox() == ready.node.outbox() == []


def test_a_flood_of_requests_is_refused_before_memory_is():
    node = put_into(E2Association(Role.E2_NODE), State.READY)
    for number in range(4_096):
        node.receive(encode(replace(SUBSCRIPTION, request_id=RicRequestId(number, 0))), 0.0)
    assert node.outbox() == []
    events = node.receive(encode(replace(SUBSCRIPTION, request_id=RicRequestId(9_999, 0))), 0.0)
    assert violation(events).cause is CauseMisc.CONTROL_PROCESSING_OVERLOAD
    ((_, answer),) = node.outbox()
    assert isinstance(decode(answer), RicSubscriptionFailure)


# --- the end ----------------------------------------------------------------------------------


def test_closing_aborts_what_is_unanswered_and_silences_the_association(ready):
    ready.ric.send(SUBSCRIPTION, 0.0)
    assert ready.ric.close() == [ProcedureAborted(SUBSCRIPTION)]
    assert ready.ric.state is State.CLOSED
    assert ready.ric.outbox() == []
    assert ready.ric.receive(encode(INDICATION), 0.0) == []
    assert ready.ric.next_timer_s() is None
    with pytest.raises(LocalProtocolError):
        ready.ric.send(SUBSCRIPTION, 0.0)


def test_a_value_out_of_range_leaves_no_trace(ready):
    with pytest.raises(LocalProtocolError):
        ready.ric.send(replace(SUBSCRIPTION, ran_function_id=5_000), 0.0)
    assert ready.ric.next_timer_s() is None
    assert ready.ric.outbox() == []
