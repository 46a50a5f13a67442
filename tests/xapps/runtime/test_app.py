"""The spine: bytes of an indication in, bytes of a control out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oran import e2ap
from oran.e2ap import CauseRicRequest, RicControlAcknowledge, RicControlFailure, RicControlRequest, RicRequestId
from oran.e2sm.rrm import (
    Clock,
    ControlOutcome,
    decode_control_header,
    decode_control_message,
    encode_outcome,
)
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import (
    FUNCTION_ID,
    MEID,
    REQUEST_ID,
    FixedAllocator,
    Rig,
    indication_messages,
    make_allocation,
    make_report,
    with_power,
)
from xapps.runtime.model_slot import Serving


def controls(rig: Rig) -> list[RicControlRequest]:
    pdus = [e2ap.decode(message.payload) for message in rig.out.of_type(MessageType.RIC_CONTROL_REQ)]
    assert all(isinstance(pdu, RicControlRequest) for pdu in pdus)
    return pdus  # type: ignore[return-value]


def decided(rig: Rig) -> list[int]:
    return [decode_control_message(control.message).decision_id for control in controls(rig)]


def test_an_indication_is_answered_by_a_control_of_the_same_subscription(rig: Rig) -> None:
    report = make_report(42)
    rig.app.on_messages(indication_messages(report))
    [message] = rig.out.sent
    assert (message.mtype, message.sub_id, message.meid) == (MessageType.RIC_CONTROL_REQ, REQUEST_ID.instance, MEID)
    [control] = controls(rig)
    assert control.request_id == REQUEST_ID
    assert control.ran_function_id == FUNCTION_ID
    assert control.ack_request is e2ap.ControlAckRequest.ACK
    header = decode_control_header(control.header)
    assert (header.report_id, header.allocator, header.model_version) == (42, "equal", "")
    allocation, wanted = decode_control_message(control.message), make_allocation(report)
    assert allocation.decision_id == 42
    np.testing.assert_array_equal(allocation.prb_owner, wanted.prb_owner)
    np.testing.assert_array_equal(allocation.power_w, wanted.power_w)


def test_fragments_are_put_together_before_anybody_decides(rig: Rig) -> None:
    messages = indication_messages(make_report(3), max_fragment_bytes=100)
    assert len(messages) > 3
    rig.app.on_messages(messages[:-1])
    assert rig.out.sent == []
    rig.app.on_messages(messages[-1:])
    assert decided(rig) == [3]


def test_of_free_running_reports_that_waited_only_the_newest_is_answered(rig: Rig) -> None:
    rig.app.on_messages([m for number in (1, 2, 3) for m in indication_messages(make_report(number))])
    assert decided(rig) == [3]
    assert rig.allocator.asked == [3]
    assert rig.metrics.count(rig.metrics.stale) == 2


def test_in_lock_step_every_report_is_answered_with_its_call_process_id(rig: Rig) -> None:
    messages = [
        message
        for number in (1, 2, 3)
        for message in indication_messages(
            make_report(number), clock=Clock.LOCK_STEP, call_process_id=number.to_bytes(8, "big")
        )
    ]
    rig.app.on_messages(messages)
    assert decided(rig) == [1, 2, 3]
    assert [control.call_process_id for control in controls(rig)] == [n.to_bytes(8, "big") for n in (1, 2, 3)]
    assert rig.metrics.count(rig.metrics.stale) == 0


def test_two_nodes_do_not_make_each_other_stale(rig: Rig) -> None:
    rig.book.offered("gnb_2", 201)
    other = indication_messages(make_report(9), meid="gnb_2", function_id=201, request_id=RicRequestId(123, 8))
    rig.app.on_messages([*indication_messages(make_report(1)), *other])
    assert sorted(decided(rig)) == [1, 9]
    assert {message.meid for message in rig.out.sent} == {MEID, "gnb_2"}


@pytest.mark.parametrize("kept_bytes", range(0, 120, 7))
def test_a_truncated_indication_is_counted_and_the_next_one_answered(rig: Rig, kept_bytes: int) -> None:
    [message] = indication_messages(make_report(1))
    rig.app.on_messages([replace(message, payload=message.payload[:kept_bytes])])
    assert rig.out.sent == []
    assert rig.metrics.count(rig.metrics.handler_errors, type="RIC_INDICATION") == 1
    rig.app.on_messages([message])
    assert decided(rig) == [1]


def test_garbage_of_every_kind_leaves_the_loop_alive(rig: Rig) -> None:
    rng = np.random.default_rng(0)
    kinds = [MessageType.RIC_INDICATION, MessageType.RIC_CONTROL_ACK, MessageType.RIC_CONTROL_FAILURE, 4711]
    garbage = [RmrMessage(int(rng.choice(kinds)), rng.bytes(int(rng.integers(0, 90))), 7, MEID) for _ in range(300)]
    rig.app.on_messages([*garbage, *indication_messages(make_report(5))])
    assert decided(rig) == [5]


def test_an_indication_of_another_ran_function_or_node_is_ignored_and_counted(rig: Rig) -> None:
    rig.app.on_messages(indication_messages(make_report(), function_id=3))
    rig.app.on_messages(indication_messages(make_report(), meid="stranger"))
    assert rig.out.sent == []
    assert rig.metrics.count(rig.metrics.indications_ignored, reason="not_subscribed") == 2


def test_what_the_shield_changes_is_counted_and_the_repaired_decision_sent(rig: Rig) -> None:
    rig.allocator.answer = lambda report: with_power(make_allocation(report), np.full((2, 6), 4.0))
    rig.app.on_messages(indication_messages(make_report()))
    sent = decode_control_message(controls(rig)[0].message)
    np.testing.assert_allclose(sent.power_w.sum(axis=-1), 10.0)
    assert rig.metrics.count(rig.metrics.shield_corrections) == 12


def test_when_the_serving_allocator_fails_the_initial_one_decides_and_is_named(rig: Rig) -> None:
    def fail(report):
        raise ZeroDivisionError("boom")

    rig.slot.swap(Serving(FixedAllocator("learned", fail)))
    rig.app.on_messages(indication_messages(make_report(1)))
    assert decode_control_header(controls(rig)[0].header).allocator == "equal"
    assert rig.metrics.count(rig.metrics.fallbacks) == 1
    assert rig.metrics.count(rig.metrics.handler_errors, type="decide", error="ZeroDivisionError") == 1


def test_an_allocator_that_keeps_failing_is_rolled_back(rig: Rig) -> None:
    def fail(report):
        raise ZeroDivisionError("boom")

    reasons: list[str] = []
    rig.slot.on_roll_back = reasons.append
    rig.slot.swap(Serving(FixedAllocator("learned", fail)))
    for number in (1, 2, 3):
        rig.app.on_messages(indication_messages(make_report(number)))
    assert rig.slot.serving is rig.slot.initial
    assert len(reasons) == 1
    assert "learned" in reasons[0]


def test_a_swap_takes_effect_at_the_next_indication(rig: Rig) -> None:
    rig.app.on_messages(indication_messages(make_report(1)))
    rig.slot.swap(Serving(FixedAllocator("greedy")))
    rig.app.on_messages(indication_messages(make_report(2)))
    assert [decode_control_header(control.header).allocator for control in controls(rig)] == ["equal", "greedy"]


def test_a_late_free_running_decision_is_sent_and_counted() -> None:
    rig = Rig()
    rig.now_s.step_s = 0.05
    rig.app.on_messages(indication_messages(make_report(1)))
    assert decided(rig) == [1]
    assert rig.metrics.count(rig.metrics.late) == 1
    rig.app.on_messages(indication_messages(make_report(2), clock=Clock.LOCK_STEP, call_process_id=b"x"))
    assert rig.metrics.count(rig.metrics.late) == 1


def test_a_control_without_a_route_is_counted_and_the_report_kept(rig: Rig) -> None:
    rig.out.broken = True
    rig.app.on_messages(indication_messages(make_report(1, kpi=True)))
    assert rig.metrics.count(rig.metrics.controls_unsent) == 1
    assert rig.metrics.count(rig.metrics.controls_sent) == 0
    assert [report.report_id for report in rig.recent.snapshot()] == [1]


def test_acknowledgements_and_failures_are_counted_with_cause_and_reason(rig: Rig) -> None:
    rig.app.on_messages([*indication_messages(make_report(1)), *indication_messages(make_report(2))])
    ack = RicControlAcknowledge(REQUEST_ID, FUNCTION_ID, None, encode_outcome(ControlOutcome(2, 12)))
    outcome = encode_outcome(ControlOutcome(3, 13, "unknown_ue", "UE 100 not in the cell"))
    cause = CauseRicRequest.CONTROL_FAILED_TO_EXECUTE
    failure = RicControlFailure(REQUEST_ID, FUNCTION_ID, cause, None, outcome)
    rig.app.on_messages(
        [
            RmrMessage(MessageType.RIC_CONTROL_ACK, e2ap.encode(ack), 7, MEID),
            RmrMessage(MessageType.RIC_CONTROL_FAILURE, e2ap.encode(failure), 7, MEID),
        ]
    )
    assert rig.metrics.count(rig.metrics.controls_acked, meid=MEID) == 1
    assert rig.metrics.count(rig.metrics.controls_refused, cause=cause.value, reason="unknown_ue") == 1


def test_kpis_of_the_report_become_gauges(rig: Rig) -> None:
    report = make_report(1, kpi=True)
    assert report.kpi is not None
    rig.app.on_messages(indication_messages(report))
    read = rig.metrics.registry.get_sample_value
    by_node = {"meid": MEID}
    assert read("ricxapp_weighted_throughput_bps_per_hz", by_node) == report.kpi.weighted_throughput_bps_hz
    embb = float(report.kpi.rate_bps_hz[report.slice_ids == 0].sum())
    assert read("ricxapp_slice_rate_bps_per_hz", by_node | {"slice": "embb"}) == pytest.approx(embb)
    assert read("ricxapp_satisfied_ratio", by_node) == pytest.approx(float(report.kpi.satisfied.mean()))
    assert read("ricxapp_radiated_power_watts", by_node) == 12.5


def test_policy_requests_are_passed_on_at_once(rig: Rig) -> None:
    message = RmrMessage(MessageType.A1_POLICY_REQ, b"{}", 20100)
    rig.app.on_messages([message])
    assert rig.policies == [message]


def test_indications_are_heard_by_the_watchdog(rig: Rig) -> None:
    heard: list[tuple[str, float]] = []
    rig.book.heard = lambda meid, now_s: heard.append((meid, now_s))  # type: ignore[method-assign]
    rig.app.on_messages(indication_messages(make_report(1)))
    assert heard == [(MEID, 100.0)]
