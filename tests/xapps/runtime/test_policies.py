"""A1 policies over RMR: what is enforced, what is refused, and what the mediator is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oran.e2sm.rrm import Clock, EventTrigger
from oran.errors import NoRoute
from oran.platform.a1_messages import decode_policy_query
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import make_report
from tests.xapps.runtime.policy_bench import DEFAULT, GOOD, MODEL, NARROW, REPORTING, Bench, reference
from xapps.runtime.model_file import ModelFile
from xapps.runtime.policies import Policies


def test_a_classic_allocator_serves_when_a_policy_names_it(bench: Bench) -> None:
    bench.request({"allocator": "equal"})
    assert bench.slot.serving is not bench.slot.initial
    assert bench.answers == [("one", "OK")]


def test_a_model_is_fetched_tested_and_swapped_in(bench: Bench) -> None:
    bench.request(reference(store="127.0.0.1:7"))
    assert bench.fetched == [("127.0.0.1:7", "cell", 3)]
    assert bench.slot.serving.sha256 == GOOD.manifest.sha256
    assert bench.answers == [("one", "OK")]
    assert bench.metrics.registry.get_sample_value("ricxapp_policy_enforced", {"type": str(MODEL), "policy": "one"})


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("{not json", "not JSON"),
        ("[1]", "not a JSON object"),
        ({}, "ModelPolicy"),
        ({"allocator": 7}, "ModelPolicy"),
        ({"allocator": "equal", "colour": "red"}, "ModelPolicy"),
        ({"allocator": "oracle"}, "allocator='oracle'"),
        ({"allocator": "learned"}, "comes from a model file"),
        (reference(version=4), "ModelNotFound"),
        (reference(model="other"), "ModelNotFound"),
        (reference(sha256="0" * 64), "DigestMismatch"),
        (reference(allocator="equal"), "is a model of learned"),
        (reference(NARROW), "shape"),
    ],
)
def test_what_cannot_be_enforced_is_answered_error_and_the_old_model_goes_on(
    bench: Bench, payload: Any, says: str
) -> None:
    bench.request(reference())
    serving = bench.slot.serving
    bench.request(payload, operation="UPDATE")
    assert bench.answers == [("one", "OK"), ("one", "ERROR")]
    assert says in bench.reason
    assert bench.slot.serving is serving


def test_bytes_that_were_changed_in_the_store_are_refused(bench: Bench) -> None:
    bench.stored["cell", 3] = ModelFile(GOOD.manifest, GOOD.weights + b" ")
    bench.request(reference())
    assert bench.answers == [("one", "ERROR")]
    assert "DigestMismatch" in bench.reason


def test_a_store_that_was_down_is_asked_again_when_the_policy_comes_again(bench: Bench) -> None:
    bench.store_is_up = False
    bench.request(reference())
    bench.store_is_up = True
    bench.request(reference())
    assert bench.answers == [("one", "ERROR"), ("one", "OK")]


def test_the_same_policy_again_changes_nothing_and_repeats_its_status(bench: Bench) -> None:
    bench.request(reference())
    serving = bench.slot.serving
    bench.request(reference())
    assert bench.slot.serving is serving
    assert len(bench.fetched) == 1
    assert bench.answers == [("one", "OK"), ("one", "OK")]


def test_a_later_instance_takes_over_and_the_earlier_one_is_told(bench: Bench) -> None:
    bench.request({"allocator": "equal"}, "one")
    bench.request(reference(), "two")
    bench.request({"allocator": "equal"}, "one")  # as the mediator sends it again when asked
    assert bench.answers == [("one", "OK"), ("one", "ERROR"), ("two", "OK"), ("one", "ERROR")]
    assert bench.slot.serving.sha256 == GOOD.manifest.sha256


def test_deleting_the_policy_in_force_brings_the_initial_allocator_back(bench: Bench) -> None:
    bench.request(reference(), "one")
    bench.request("", "one", operation="DELETE")
    assert bench.answers == [("one", "OK"), ("one", "DELETED")]
    assert bench.slot.serving is bench.slot.initial
    assert bench.policies.records() == []


def test_deleting_a_superseded_policy_leaves_the_one_in_force(bench: Bench) -> None:
    bench.request({"allocator": "equal"}, "one")
    bench.request(reference(), "two")
    bench.request("", "one", operation="DELETE")
    assert bench.answers[-1] == ("one", "DELETED")
    assert bench.slot.serving.sha256 == GOOD.manifest.sha256


def test_when_the_policy_in_force_is_gone_a_superseded_one_counts_again(bench: Bench) -> None:
    bench.request(reference(), "one")
    bench.request({"allocator": "equal"}, "two")
    bench.request("", "two", operation="DELETE")
    bench.request(reference(), "one")
    assert bench.answers[-1] == ("one", "OK")
    assert bench.slot.serving.sha256 == GOOD.manifest.sha256


def test_a_model_that_comes_before_any_report_waits_for_one(bench: Bench) -> None:
    waiting = Bench(with_report=False)
    waiting.recent.on_first = lambda: waiting.policies.retry(MODEL)
    waiting.request(reference())
    assert waiting.answers == [("one", "ERROR")]
    assert "no report" in waiting.reason
    waiting.recent.add("gnb", make_report())
    waiting.policies.run_pending()
    assert waiting.answers == [("one", "ERROR"), ("one", "OK")]
    assert waiting.slot.serving.sha256 == GOOD.manifest.sha256


def test_a_rolled_back_model_is_reported_and_not_tried_again(bench: Bench) -> None:
    bench.slot.on_roll_back = lambda reason: bench.policies.lost(MODEL, reason)
    bench.request(reference())
    for _ in range(3):
        bench.slot.failed(bench.slot.serving, ValueError("live data"))
    bench.policies.run_pending()
    bench.request(reference())
    assert bench.answers == [("one", "OK"), ("one", "ERROR"), ("one", "ERROR")]
    assert "live data" in bench.reason
    assert bench.slot.serving is bench.slot.initial


def test_a_reporting_policy_changes_clock_and_period_until_it_is_deleted(bench: Bench) -> None:
    bench.request({"clock": "lock-step", "period_ms": 40}, "r", REPORTING)
    assert bench.reporting.trigger == EventTrigger(Clock.LOCK_STEP, 40)
    bench.request("", "r", REPORTING, "DELETE")
    assert bench.reporting.trigger == DEFAULT
    assert bench.answers == [("r", "OK"), ("r", "DELETED")]


@pytest.mark.parametrize(
    "payload", [{"clock": "sundial", "period_ms": 20}, {"clock": "lock-step"}, {"clock": "lock-step", "period_ms": 0}]
)
def test_a_reporting_policy_that_makes_no_sense_is_refused(bench: Bench, payload: Any) -> None:
    bench.request(payload, "r", REPORTING)
    assert bench.answers == [("r", "ERROR")]
    assert bench.reporting.trigger == DEFAULT


def test_a_reporting_policy_that_a_node_refuses_is_not_enforced(bench: Bench) -> None:
    bench.reporting.refuse = True
    bench.request({"clock": "lock-step", "period_ms": 20}, "r", REPORTING)
    assert bench.answers == [("r", "ERROR")]


def test_a_policy_of_a_type_that_is_not_ours_is_refused(bench: Bench) -> None:
    bench.request({"threshold": 5}, kind=20008)
    assert bench.answers == [("one", "ERROR")]


def test_deleting_what_was_never_there_is_answered(bench: Bench) -> None:
    bench.request("", "ghost", operation="DELETE")
    assert bench.answers == [("ghost", "DELETED")]


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{}", b'{"operation": "SING"}', b"[" * 5000])
def test_a_request_that_cannot_be_read_is_counted_and_the_next_one_handled(bench: Bench, payload: bytes) -> None:
    bench.policies.submit(RmrMessage(MessageType.A1_POLICY_REQ, payload, MODEL))
    bench.request({"allocator": "equal"})
    assert bench.answers == [("one", "OK")]
    assert bench.metrics.count(bench.metrics.handler_errors, type="A1_POLICY_REQ", error="DecodeError") == 1


def test_an_answer_without_a_route_does_not_undo_what_was_enforced(bench: Bench) -> None:
    bench.out.broken = True
    bench.request(reference())
    assert bench.slot.serving.sha256 == GOOD.manifest.sha256
    bench.out.broken = False
    bench.request(reference())
    assert bench.answers == [("one", "OK")]


def test_every_type_is_asked_for_by_number(bench: Bench) -> None:
    bench.policies.query()
    queries = bench.out.of_type(MessageType.A1_POLICY_QUERY)
    assert [decode_policy_query(message.payload) for message in queries] == [MODEL, REPORTING]
    bench.out.broken = True
    with pytest.raises(NoRoute):
        bench.policies.query()


def test_too_many_requests_are_dropped_and_counted(bench: Bench) -> None:
    small = Policies({}, "x", bench.out, bench.metrics, max_queue=2)
    for _ in range(5):
        small.submit(RmrMessage(MessageType.A1_POLICY_REQ, b"{}"))
    assert bench.metrics.count(bench.metrics.messages_dropped) == 3


def test_the_worker_ends_when_told_even_behind_a_full_queue(bench: Bench) -> None:
    handled: list[int] = []
    jobs: list[Callable[[], None]] = [lambda: handled.append(1)]
    worker = Policies({}, "x", bench.out, bench.metrics, max_queue=1)
    for job in jobs:
        worker._put(job)
    worker.stop()
    worker.run()
    assert handled == []
