"""A1 policies that put models on trial, promote them and lose them."""

from __future__ import annotations

from typing import Any

from tests.xapps.runtime.doubles import make_report
from tests.xapps.runtime.policy_bench import GOOD, MODEL, NARROW, Bench, reference
from xapps.runtime.policies import Role


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
