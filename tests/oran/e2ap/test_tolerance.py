"""What a receiver must put up with, what it must refuse, and with which cause."""

from dataclasses import replace

import pytest

from oran.e2ap import (
    Action,
    ActionType,
    CauseMisc,
    CauseProtocol,
    CauseRicRequest,
    ControlAckRequest,
    Criticality,
    CriticalityDiagnostics,
    E2ConnectionUpdateFailure,
    E2SetupFailure,
    E2SetupResponse,
    GlobalRicId,
    IeDiagnostic,
    IndicationType,
    PduRefused,
    ResetRequest,
    ResetResponse,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicServiceUpdateAcknowledge,
    RicSubscriptionFailure,
    RicSubscriptionRequest,
    RicSubscriptionResponse,
    TimeToWait,
    TriggeringMessage,
    decode,
    encode,
)
from oran.e2ap.containers import read_envelope, read_ies, write_ie, write_pdu
from oran.e2ap.tables import TABLES
from oran.errors import DecodeError, LocalProtocolError

REQUEST = RicRequestId(123, 1)
SUBSCRIPTION = RicSubscriptionRequest(REQUEST, 2, b"event", (Action(1, ActionType.REPORT, b"what"),))
INDICATION = RicIndication(REQUEST, 2, 1, IndicationType.REPORT, b"header", b"message", 7)
CONTROL = RicControlRequest(REQUEST, 3, b"header", b"message", b"\x07", ControlAckRequest.ACK)

REJECT, IGNORE, NOTIFY = Criticality


def ies_of(pdu):
    return list(read_ies(read_envelope(encode(pdu))[3]))


def rebuilt(pdu, ies):
    kind, procedure, criticality, _, _ = read_envelope(encode(pdu))
    return write_pdu(kind, procedure, criticality, [write_ie(*ie) for ie in ies])


def refusal(octets):
    with pytest.raises(PduRefused) as caught:
        decode(octets)
    return caught.value


@pytest.mark.parametrize("pdu", [SUBSCRIPTION, INDICATION, CONTROL], ids=lambda pdu: type(pdu).__name__)
def test_ies_are_accepted_in_any_order_and_with_any_criticality(pdu):
    ies = [(ie_id, NOTIFY, value) for ie_id, _, value in reversed(ies_of(pdu))]
    assert decode(rebuilt(pdu, ies)) == pdu


@pytest.mark.parametrize("criticality", [IGNORE, NOTIFY])
@pytest.mark.parametrize("pdu", [SUBSCRIPTION, INDICATION, CONTROL], ids=lambda pdu: type(pdu).__name__)
def test_an_unknown_ie_not_to_be_rejected_is_skipped(pdu, criticality):
    assert decode(rebuilt(pdu, [*ies_of(pdu), (999, criticality, b"\x01\x02")])) == pdu


@pytest.mark.parametrize("pdu", [SUBSCRIPTION, INDICATION, CONTROL], ids=lambda pdu: type(pdu).__name__)
def test_an_unknown_ie_to_be_rejected_is_refused_and_named(pdu):
    error = refusal(rebuilt(pdu, [*ies_of(pdu), (999, REJECT, b"\x01\x02")]))
    assert error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
    assert error.outline.diagnostics == [IeDiagnostic(REJECT, 999, missing=False)]


def test_start_and_end_time_of_a_later_version_are_skipped_although_to_be_rejected():
    octets = rebuilt(SUBSCRIPTION, [*ies_of(SUBSCRIPTION), (62, REJECT, bytes(8)), (63, REJECT, bytes(8))])
    assert decode(octets) == SUBSCRIPTION


MANDATORY = [(table, ie) for table in TABLES for ie in table.ies if ie.mandatory]


@pytest.mark.parametrize(
    ("table", "ie"), MANDATORY, ids=[f"{table.pdu.__name__}-{ie.attributes[0]}" for table, ie in MANDATORY]
)
def test_a_missing_mandatory_ie_is_refused_and_named(table, ie):
    error = refusal(write_pdu(table.kind, table.procedure, table.criticality, []))
    assert error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
    first = next(entry for entry in table.ies if entry.mandatory)
    assert error.outline.diagnostics == [IeDiagnostic(first.criticality, first.id, missing=True)]
    assert error.outline.procedure == table.procedure


@pytest.mark.parametrize("dropped", range(7))
def test_an_indication_without_one_of_its_ies_is_refused_unless_it_is_optional(dropped):
    ies = ies_of(INDICATION)
    gone = ies.pop(dropped)[0]
    if gone == 27:
        assert decode(rebuilt(INDICATION, ies)) == replace(INDICATION, sequence_number=None)
    else:
        assert refusal(rebuilt(INDICATION, ies)).outline.diagnostics == [IeDiagnostic(REJECT, gone, missing=True)]


@pytest.mark.parametrize("pdu", [SUBSCRIPTION, INDICATION, CONTROL], ids=lambda pdu: type(pdu).__name__)
def test_a_repeated_ie_is_refused(pdu):
    ies = ies_of(pdu)
    error = refusal(rebuilt(pdu, [*ies, ies[0]]))
    assert error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE


def test_a_cause_of_a_later_version_is_unspecified_in_its_group():
    # ricRequest with extension value 2 (duplicate-ric-request-id of v3): choice 0 000, enumeration 1 0 000010
    octets = rebuilt(
        RicSubscriptionFailure(REQUEST, 2, CauseMisc.UNSPECIFIED),
        [*ies_of(RicSubscriptionFailure(REQUEST, 2, CauseMisc.UNSPECIFIED))[:2], (1, REJECT, b"\x08\x20")],
    )
    assert decode(octets).cause is CauseRicRequest.UNSPECIFIED


def test_a_cause_group_of_a_later_version_is_misc_unspecified():
    pdu = ResetRequest(1, CauseMisc.OM_INTERVENTION)
    octets = rebuilt(pdu, [ies_of(pdu)[0], (1, IGNORE, b"\x80\x01\x00")])
    assert decode(octets).cause is CauseMisc.UNSPECIFIED


def test_a_time_to_wait_of_a_later_version_counts_as_absent():
    pdu = E2SetupFailure(1, CauseMisc.UNSPECIFIED, TimeToWait.V10S)
    octets = rebuilt(pdu, [*ies_of(pdu)[:2], (31, IGNORE, b"\x80")])
    assert decode(octets) == replace(pdu, time_to_wait=None)


def test_an_action_type_of_a_later_version_refuses_the_subscription():
    details = ies_of(SUBSCRIPTION)[2]
    action = details[2].index(b"\x00\x13\x40") + 4
    changed = bytearray(details[2])
    assert changed[action] == 0x40
    changed[action + 2] |= 0x80  # extension bit of RICactionType, the octet after RICactionID
    error = refusal(rebuilt(SUBSCRIPTION, [*ies_of(SUBSCRIPTION)[:2], (30, REJECT, bytes(changed))]))
    assert error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
    assert error.outline.request_id == REQUEST


def test_sequence_extensions_of_a_later_version_are_skipped():
    # RICaction-ToBeSetup-Item with ricActionExecutionOrder (v3). Bits: extended 1, no definition, no subsequent
    # action; octet of the id; type 0 00, one addition 0 000000, present 1; open type of one octet
    item = b"\x80\x01" + b"\x00\x20" + b"\x01\x05"
    body = b"\x05event" + b"\x00" + b"\x00\x13\x40" + bytes((len(item),)) + item
    octets = rebuilt(SUBSCRIPTION, [*ies_of(SUBSCRIPTION)[:2], (30, REJECT, b"\x00" + body)])
    assert decode(octets) == replace(SUBSCRIPTION, actions=(Action(1, ActionType.REPORT),))


def test_a_connection_update_failure_without_cause_is_read_as_unspecified():
    pdu = E2ConnectionUpdateFailure(4, CauseMisc.OM_INTERVENTION)
    assert decode(rebuilt(pdu, ies_of(pdu)[:1])) == E2ConnectionUpdateFailure(4, CauseMisc.UNSPECIFIED)


def test_a_service_update_acknowledge_without_accepted_functions_is_read():
    assert decode(encode(RicServiceUpdateAcknowledge(3))) == RicServiceUpdateAcknowledge(3)


def test_diagnostics_of_a_control_failure_are_read_but_never_sent():
    diagnostics = CriticalityDiagnostics(procedure_code=4)
    pdu = RicControlFailure(REQUEST, 3, CauseRicRequest.UNSPECIFIED, diagnostics=diagnostics)
    assert decode(encode(pdu)) == replace(pdu, diagnostics=None)
    diagnostics_ie = ies_of(ResetResponse(1, diagnostics))[1]
    assert decode(rebuilt(pdu, [*ies_of(pdu), diagnostics_ie])) == pdu


def test_octets_after_the_pdu_are_refused():
    error = refusal(encode(SUBSCRIPTION) + b"\x00")
    assert error.cause is CauseProtocol.TRANSFER_SYNTAX_ERROR
    assert error.outline.request_id == REQUEST


def test_a_truncated_pdu_is_refused_with_all_that_could_be_read():
    error = refusal(encode(SUBSCRIPTION)[:-2])
    assert error.cause is CauseProtocol.TRANSFER_SYNTAX_ERROR
    assert (error.outline.kind, error.outline.procedure) == (TriggeringMessage.INITIATING, 8)
    assert (error.outline.request_id, error.outline.ran_function_id) == (REQUEST, 2)


@pytest.mark.parametrize("procedure", [0, 13, 14, 255])
def test_an_unknown_procedure_is_an_abstract_syntax_error(procedure):
    error = refusal(write_pdu(TriggeringMessage.INITIATING, procedure, REJECT, []))
    assert error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT


@pytest.mark.parametrize("octets", [b"", b"\x00", b"\x60\x01\x00\x03\x00\x00\x00", b"\x80\x01\x00\x03\x00\x00\x00"])
def test_what_is_no_pdu_at_all_is_a_transfer_syntax_error(octets):
    assert refusal(octets).cause is CauseProtocol.TRANSFER_SYNTAX_ERROR


def test_a_node_that_is_no_gnb_is_refused_as_not_comprehended():
    pdu_ies = [(49, REJECT, b"\x00\x00"), (3, REJECT, b"\x30" + bytes(8))]
    error = refusal(write_pdu(TriggeringMessage.INITIATING, 1, REJECT, [write_ie(*ie) for ie in pdu_ies]))
    assert error.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
    assert error.outline.transaction_id == 0


OUT_OF_RANGE = [
    replace(INDICATION, ran_function_id=4096),
    replace(INDICATION, action_id=256),
    replace(INDICATION, sequence_number=65536),
    replace(INDICATION, request_id=RicRequestId(65536, 0)),
    replace(CONTROL, request_id=RicRequestId(0, -1)),
    replace(SUBSCRIPTION, actions=()),
    replace(SUBSCRIPTION, actions=SUBSCRIPTION.actions * 17),
    RicSubscriptionResponse(REQUEST, 2, ()),
    E2SetupResponse(1, GlobalRicId(b"\x00\xf1\x10", 2**20)),
    E2SetupResponse(1, GlobalRicId(b"\x00\xf1", 1)),
    ResetRequest(1, "om-intervention"),
]


@pytest.mark.parametrize("pdu", OUT_OF_RANGE, ids=lambda pdu: type(pdu).__name__)
def test_a_value_out_of_range_is_our_own_error(pdu):
    with pytest.raises(LocalProtocolError):
        encode(pdu)


def test_what_is_no_message_is_our_own_error():
    with pytest.raises(LocalProtocolError):
        encode(REQUEST)


def test_a_refusal_is_a_decode_error():
    assert issubclass(PduRefused, DecodeError)
