from __future__ import annotations

import pytest

from oran.e2ap import CauseRicRequest, RicControlAcknowledge, RicControlFailure, RicRequestId
from oran.e2sm.rrm import ControlOutcome, encode_outcome
from oran.errors import DecodeError
from xapps.runtime.controls import OpenControls, SentControl

ID = RicRequestId(123, 7)


def ack(call_process_id: bytes | None = None, decision_id: int | None = None) -> RicControlAcknowledge:
    outcome = None if decision_id is None else encode_outcome(ControlOutcome(decision_id, 0))
    return RicControlAcknowledge(ID, 200, call_process_id, outcome)


def opened(*controls: tuple[str, int, bytes | None]) -> OpenControls:
    ledger = OpenControls(limit=4)
    for meid, decision_id, call in controls:
        ledger.sent(SentControl(meid, decision_id, call, 1.0))
    return ledger


def test_the_call_process_id_finds_the_control() -> None:
    ledger = opened(("a", 1, b"1"), ("a", 2, b"2"))
    settled = ledger.settle("a", ack(b"2"))
    assert settled.control is not None
    assert settled.control.decision_id == 2
    assert len(ledger) == 1


def test_the_outcome_finds_it_where_there_was_no_call() -> None:
    ledger = opened(("a", 1, None), ("b", 2, None), ("a", 2, None))
    settled = ledger.settle("a", ack(decision_id=2))
    assert settled.control == SentControl("a", 2, None, 1.0)


def test_an_answer_that_names_nothing_settles_the_nodes_oldest_control() -> None:
    ledger = opened(("b", 9, None), ("a", 1, None), ("a", 2, None))
    settled = ledger.settle("a", ack())
    assert settled.control is not None
    assert settled.control.decision_id == 1


def test_an_answer_to_nothing_we_sent_settles_nothing() -> None:
    ledger = opened(("a", 1, None))
    assert ledger.settle("a", ack(decision_id=77)).control is None
    assert ledger.settle("b", ack()).control is None
    assert len(ledger) == 1


def test_a_refusal_brings_its_reason() -> None:
    outcome = encode_outcome(ControlOutcome(1, 0, "late", "the insert is over"))
    failure = RicControlFailure(ID, 200, CauseRicRequest.CONTROL_TIMER_EXPIRED, None, outcome)
    settled = opened(("a", 1, None)).settle("a", failure)
    assert (settled.reason, settled.detail) == ("late", "the insert is over")


def test_a_malformed_outcome_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        opened(("a", 1, None)).settle("a", RicControlAcknowledge(ID, 200, None, b"\xff\xff\xff"))


def test_unanswered_controls_are_given_up_beyond_the_limit() -> None:
    ledger = opened(*(("a", number, None) for number in range(4)))
    assert ledger.sent(SentControl("a", 4, None, 1.0)) == 1
    assert len(ledger) == 4
    assert ledger.settle("a", ack(decision_id=0)).control is None
