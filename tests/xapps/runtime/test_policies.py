"""A1 policies over RMR: what is enforced, what is refused, and what the mediator is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import save

from oran.e2sm.rrm import Clock, EventTrigger
from oran.errors import ConnectFailed, ModelNotFound, NoRoute, PlatformError
from oran.platform.a1_messages import decode_policy_query, decode_policy_response
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import FixedAllocator, Outgoing, Ticking, make_allocation, make_report
from xapps import allocators
from xapps.runtime.enforcers import ModelEnforcer, ReportingEnforcer, TrialModelEnforcer
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.policies import Policies, Role
from xapps.runtime.trial import Trials

MODEL, REPORTING = 20100, 20101
DEFAULT = EventTrigger(Clock.FREE_RUNNING, 20)
GOOD = ModelFile.pack(save({"w": torch.zeros(2)}), name="cell", version=3, allocator="learned")
NARROW = ModelFile.pack(save({"w": torch.ones(2)}), name="narrow", version=1, allocator="learned")


class Learned:
    """A learned allocator; the model named "narrow" has the wrong output shape."""

    name = "learned"

    def __init__(self, model: ModelFile) -> None:
        self.narrow = model.manifest.name == "narrow"

    @classmethod
    def from_model(cls, model: ModelFile) -> Learned:
        return cls(model)

    def decide(self, report):
        return make_allocation(make_report(prbs=3) if self.narrow else report)


class Reporting:
    """The part of Discovery that a reporting policy uses."""

    def __init__(self) -> None:
        self.trigger = DEFAULT
        self.refuse = False

    def change_reporting(self, trigger: EventTrigger) -> None:
        if self.refuse:
            raise PlatformError("the node reports every 10..100 ms")
        self.trigger = trigger


class Bench:
    """Policies with a slot, a store and an outgoing side."""

    def __init__(self, with_report: bool = True) -> None:
        self.out, self.metrics, self.reporting = Outgoing(), Metrics(), Reporting()
        self.slot = ModelSlot(Serving(FixedAllocator("equal")), Ticking())
        self.recent = RecentReports(4)
        if with_report:
            self.recent.add("gnb", make_report())
        self.stored: dict[tuple[str, int], ModelFile] = {("cell", 3): GOOD, ("narrow", 1): NARROW}
        self.fetched: list[tuple[str, str, int]] = []
        self.store_is_up = True
        self.trials = Trials(self.slot, self.metrics)
        model = ModelEnforcer(self.slot, self.recent, self.fetch, lambda: 0.02, self.metrics, self.trials)
        reporting = ReportingEnforcer(self.reporting, DEFAULT)  # type: ignore[arg-type]
        trials = {MODEL: TrialModelEnforcer(model)}
        self.policies = Policies({MODEL: model, REPORTING: reporting}, "ssvae", self.out, self.metrics, trials=trials)

    def fetch(self, store: str, name: str, version: int) -> ModelFile:
        self.fetched.append((store, name, version))
        if not self.store_is_up:
            raise ConnectFailed("model store: UNAVAILABLE")
        if (name, version) not in self.stored:
            raise ModelNotFound(f"{name} {version}")
        return self.stored[name, version]

    def request(self, payload: Any, instance: str = "one", kind: int = MODEL, operation: str = "CREATE") -> None:
        """One policy request as the mediator sends it, handled to the end."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        body = {"operation": operation, "policy_type_id": str(kind), "policy_instance_id": instance, "payload": text}
        self.policies.submit(RmrMessage(MessageType.A1_POLICY_REQ, json.dumps(body).encode(), kind))
        self.policies.run_pending()

    @property
    def answers(self) -> list[tuple[str, str]]:
        messages = self.out.of_type(MessageType.A1_POLICY_RESP)
        decoded = [decode_policy_response(message.payload) for message in messages]
        return [(answer.policy_instance_id, str(answer.status)) for answer in decoded]

    @property
    def reason(self) -> str:
        return self.policies.records()[-1].reason


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    real = allocators.load_class
    monkeypatch.setitem(allocators.LEARNED, "learned", "doubles:Learned")
    monkeypatch.setattr(allocators, "load_class", lambda name: Learned if name == "learned" else real(name))
    return Bench()


def reference(stored: ModelFile = GOOD, **changes: Any) -> dict[str, Any]:
    manifest = stored.manifest
    body = {"allocator": "learned", "model": manifest.name, "version": manifest.version, "sha256": manifest.sha256}
    return body | changes


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


# --- models on trial ------------------------------------------------------------------------------


def shadow(**changes: Any) -> dict[str, Any]:
    return reference(mode="shadow", **changes)


def canary(**changes: Any) -> dict[str, Any]:
    return reference(mode="canary", canary={"share": 0.5}, **changes)


def on_trial(bench: Bench) -> str:
    """The mode of the trial that runs, by the metric that shows it."""
    modes = {sample.labels["mode"] for metric in bench.metrics.trial.collect() for sample in metric.samples}
    return ",".join(sorted(modes))


def test_a_model_in_the_shadow_leaves_what_serves_and_its_policy_in_force(bench: Bench) -> None:
    bench.request({"allocator": "equal"}, "serving")
    serving = bench.slot.serving
    bench.request(shadow(), "trial")
    assert bench.slot.serving is serving
    assert on_trial(bench) == "shadow"
    assert bench.answers == [("serving", "OK"), ("trial", "OK")]


def test_a_later_trial_supersedes_the_earlier_one_and_no_serving_policy(bench: Bench) -> None:
    bench.request({"allocator": "equal"}, "serving")
    bench.request(shadow(), "one")
    bench.request(canary(), "two")
    assert on_trial(bench) == "canary"
    assert bench.answers[-2:] == [("one", "ERROR"), ("two", "OK")]
    bench.request({"allocator": "greedy"}, "next")
    assert bench.answers[-2:] == [("serving", "ERROR"), ("next", "OK")]
    assert on_trial(bench) == "canary"


def test_deleting_a_trial_ends_it_and_nothing_else(bench: Bench) -> None:
    bench.request({"allocator": "equal"}, "serving")
    serving = bench.slot.serving
    bench.request(canary(), "trial")
    bench.request("", "trial", operation="DELETE")
    assert on_trial(bench) == ""
    assert bench.slot.serving is serving


def test_an_update_promotes_the_model_that_was_on_trial(bench: Bench) -> None:
    bench.request({"allocator": "equal"}, "serving")
    bench.request(canary(), "model")
    bench.request(reference(), "model", operation="UPDATE")
    assert bench.slot.serving.sha256 == GOOD.manifest.sha256
    assert on_trial(bench) == ""
    assert bench.answers[-2:] == [("serving", "ERROR"), ("model", "OK")]


def test_an_update_that_puts_a_serving_model_on_trial_lets_the_initial_one_serve(bench: Bench) -> None:
    bench.request(reference(), "model")
    bench.request(shadow(), "model", operation="UPDATE")
    assert bench.slot.serving is bench.slot.initial
    assert on_trial(bench) == "shadow"


def test_a_bad_model_is_refused_for_a_trial_as_for_service(bench: Bench) -> None:
    bench.request(reference(NARROW, mode="canary", canary={"share": 0.1}), "trial")
    assert bench.answers == [("trial", "ERROR")]
    assert "self-test" in bench.reason
    assert on_trial(bench) == ""


def test_a_canary_that_ended_by_itself_is_not_enforced_and_not_tried_again(bench: Bench) -> None:
    bench.request(canary(), "trial")
    bench.policies.lost(MODEL, "loses 20 % of throughput", Role.TRIAL)
    bench.policies.run_pending()
    assert bench.answers[-1] == ("trial", "ERROR")
    fetched = len(bench.fetched)
    bench.request(canary(), "trial")
    assert len(bench.fetched) == fetched
    assert bench.answers[-1] == ("trial", "ERROR")


def test_when_a_promoted_model_is_taken_back_the_policy_before_is_in_force_again(bench: Bench) -> None:
    bench.slot.on_roll_back = lambda reason: bench.policies.lost(MODEL, reason)
    bench.request({"allocator": "greedy"}, "old")
    old = bench.slot.serving
    bench.request(reference(), "new")
    bench.slot.roll_back(bench.slot.serving, "loses throughput")
    bench.policies.run_pending()
    assert bench.slot.serving is old
    assert bench.answers[-2:] == [("new", "ERROR"), ("old", "OK")]
    bench.request("", "old", operation="DELETE")
    assert bench.slot.serving is bench.slot.initial


def test_guard_rules_on_a_serving_policy_begin_a_watch(bench: Bench) -> None:
    bench.request(reference(guard={}), "model")
    assert on_trial(bench) == "watch"
    bench.request({"allocator": "equal"}, "next")
    bench.trials.heard("gnb", make_report(2))
    assert on_trial(bench) == ""
