"""Models on trial in the loop: indications in, controls out, and who decided them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from oran import e2ap
from oran.e2sm.rrm import Kpi, decode_control_header
from oran.platform.a1 import Canary, GuardRules, ModelPolicy
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import MEID, FixedAllocator, Rig, indication_messages, make_allocation, make_report
from xapps.runtime.arms import lot
from xapps.runtime.background import Background
from xapps.runtime.model_slot import Serving

RULES = GuardRules(min_intervals=100, block_intervals=10)
SHADOW = ModelPolicy(allocator="new", mode="shadow", guard=RULES)
CANARY = ModelPolicy(allocator="new", mode="canary", canary=Canary(share=0.5), guard=RULES)


def fail(report):
    raise ZeroDivisionError("boom")


def idle(report):
    """A decision that serves nobody."""
    allocation = make_allocation(report)
    return replace(allocation, prb_owner=np.full_like(allocation.prb_owner, -1), power_w=0.0 * allocation.power_w)


def author(message: RmrMessage) -> str:
    control = e2ap.decode(message.payload)
    assert isinstance(control, e2ap.RicControlRequest)
    return decode_control_header(control.header).allocator


def authors(rig: Rig) -> list[str]:
    return [author(message) for message in rig.out.of_type(MessageType.RIC_CONTROL_REQ)]


def sample(rig: Rig, series: str, /, **labels: str) -> float | None:
    return rig.metrics.registry.get_sample_value(f"ricxapp_{series}", labels)


def kpi(throughput: float, satisfied: float = 1.0, ues: int = 4) -> Kpi:
    rate = np.full(ues, throughput / ues)
    return Kpi(throughput, rate, np.full(ues, 0.01), np.arange(ues) < satisfied * ues, 1.0)


def play(rig: Rig, intervals: int, delivers: Callable[[str], Kpi], first: int = 1) -> None:
    """Reports whose KPIs follow from who decided the interval before."""
    for number in range(first, first + intervals):
        report = replace(make_report(number), kpi=delivers(author(rig.out.sent[-1])) if rig.out.sent else None)
        rig.app.on_messages(indication_messages(report))


def measured_with(rng: np.random.Generator, loss: float) -> Callable[[str], Kpi]:
    return lambda who: kpi((100.0 * (1 - loss) if who == "new" else 100.0) * (1 + 0.1 * rng.standard_normal()))


# --- shadow ---------------------------------------------------------------------------------------


def test_a_shadow_decides_only_after_the_answer_has_left_and_sends_nothing(rig: Rig) -> None:
    shadow = FixedAllocator("new")
    rig.trials.begin(Serving(shadow), SHADOW)
    rig.app.on_messages(indication_messages(make_report(1)))
    assert authors(rig) == ["equal"]
    assert shadow.asked == []
    rig.trials.background.run_pending()
    assert shadow.asked == [1]
    assert authors(rig) == ["equal"]


def test_an_equal_shadow_agrees_everywhere_and_loses_nothing(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new")), SHADOW)
    for number in range(1, 121):
        rig.app.on_messages(indication_messages(make_report(number, seed=number)))
        rig.trials.background.run_pending()
    assert sample(rig, "shadow_decisions_total", outcome="compared") == 120
    assert sample(rig, "trial_agreement_ratio", mode="shadow") == 1.0
    assert sample(rig, "trial_loss_ratio", mode="shadow", kpi="throughput", bound="high") == 0.0
    assert sample(rig, "trial_intervals", mode="shadow", arm="candidate") == 120
    of_both = [
        sample(rig, "trial_weighted_throughput_bps_per_hz", mode="shadow", arm=a) for a in ("incumbent", "candidate")
    ]
    assert of_both[0] == of_both[1] > 0


def test_an_idle_shadow_is_shown_to_lose_everything_and_is_left_in_the_shadow(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new", idle)), SHADOW)
    for number in range(1, 121):
        rig.app.on_messages(indication_messages(make_report(number)))
        rig.trials.background.run_pending()
    assert sample(rig, "trial_loss_ratio", mode="shadow", kpi="throughput", bound="low") == pytest.approx(1.0)
    assert sample(rig, "trial_info", mode="shadow", allocator="new", name="", version="") == 1


def test_reports_that_the_shadow_cannot_keep_up_with_are_dropped_and_counted(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new")), SHADOW)
    for number in range(1, 11):
        rig.app.on_messages(indication_messages(make_report(number)))
    assert len(authors(rig)) == 10
    rig.trials.background.run_pending()
    assert sample(rig, "shadow_decisions_total", outcome="compared") == 4  # the rig's queue
    assert sample(rig, "shadow_decisions_total", outcome="dropped") == 6


def test_a_shadow_that_fails_is_counted_and_costs_nobody_anything(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new", fail)), SHADOW)
    for number in range(1, 9):
        rig.app.on_messages(indication_messages(make_report(number)))
        rig.trials.background.run_pending()
    assert sample(rig, "shadow_decisions_total", outcome="failed") == 8
    assert authors(rig) == ["equal"] * 8


def test_a_stuck_shadow_holds_up_no_answer() -> None:
    rig, held = Rig(), threading.Event()
    thread = threading.Thread(target=rig.trials.background.run, daemon=True)
    thread.start()
    rig.trials.begin(Serving(FixedAllocator("new", lambda report: held.wait(20) or make_allocation(report))), SHADOW)
    for number in range(1, 21):
        rig.app.on_messages(indication_messages(make_report(number)))
    assert len(authors(rig)) == 20
    held.set()
    rig.trials.background.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_work_in_the_background_survives_failures_and_stops_when_full() -> None:
    failures: list[Exception] = []
    background = Background(2, failures.append)
    assert background.offer(lambda: 1 / 0)
    assert background.offer(lambda: None)
    assert not background.offer(lambda: None)
    background.run_pending()
    assert [type(error) for error in failures] == [ZeroDivisionError]
    assert background.offer(lambda: None)
    assert background.offer(lambda: None)
    background.stop()
    background.run()  # returns at once


# --- canary ---------------------------------------------------------------------------------------


def test_a_canary_takes_its_share_by_the_lot_of_each_report(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new")), CANARY)
    play(rig, 60, lambda who: kpi(100.0))
    assert authors(rig) == ["new" if lot(MEID, number) < 0.5 else "equal" for number in range(1, 61)]


def test_each_arm_is_credited_with_the_intervals_that_it_decided(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new")), CANARY)
    play(rig, 80, lambda who: kpi(90.0 if who == "new" else 100.0, 0.5 if who == "new" else 1.0))
    decided = authors(rig)[:-1]
    for arm, name, level, share in (("candidate", "new", 90.0, 0.5), ("incumbent", "equal", 100.0, 1.0)):
        assert sample(rig, "trial_intervals", mode="canary", arm=arm) == decided.count(name)
        assert sample(rig, "trial_weighted_throughput_bps_per_hz", mode="canary", arm=arm) == pytest.approx(level)
        assert sample(rig, "trial_satisfied_ratio", mode="canary", arm=arm) == pytest.approx(share)


def test_a_bad_canary_is_ended_by_itself_and_every_report_is_answered(rig: Rig) -> None:
    reasons: list[str] = []
    rig.trials.on_stopped = reasons.append
    rig.trials.begin(Serving(FixedAllocator("new")), CANARY)
    play(rig, 500, measured_with(np.random.default_rng(0), 0.3))
    [reason] = reasons
    assert "throughput" in reason
    assert rig.metrics.count(rig.metrics.rollbacks, cause="throughput") == 1
    assert len(authors(rig)) == 500
    assert "new" not in authors(rig)[-200:]
    assert sample(rig, "trial_info", mode="canary", allocator="new", name="", version="") is None


def test_a_harmless_canary_stays(rig: Rig) -> None:
    reasons: list[str] = []
    rig.trials.on_stopped = reasons.append
    rig.trials.begin(Serving(FixedAllocator("new")), CANARY)
    play(rig, 500, measured_with(np.random.default_rng(0), 0.0))
    assert reasons == []
    assert "new" in authors(rig)[-20:]


def test_where_a_canary_fails_what_serves_decides_and_soon_it_is_ended(rig: Rig) -> None:
    reasons: list[str] = []
    rig.trials.on_stopped = reasons.append
    rig.trials.begin(Serving(FixedAllocator("new", fail)), CANARY)
    play(rig, 50, lambda who: kpi(100.0))
    assert authors(rig) == ["equal"] * 50
    assert len(reasons) == 1
    assert "boom" in reasons[0]
    assert rig.metrics.count(rig.metrics.rollbacks, cause="failures") == 1


def test_when_something_else_serves_the_comparison_begins_anew(rig: Rig) -> None:
    rig.trials.begin(Serving(FixedAllocator("new")), CANARY)
    play(rig, 60, lambda who: kpi(100.0))
    rig.slot.swap(Serving(FixedAllocator("greedy")))
    play(rig, 21, lambda who: kpi(100.0), first=61)
    counted = sum(sample(rig, "trial_intervals", mode="canary", arm=arm) or 0 for arm in ("incumbent", "candidate"))
    assert 0 < counted <= 21


def test_a_canary_of_another_node_leaves_this_one_alone(rig: Rig) -> None:
    policy = ModelPolicy(allocator="new", mode="canary", canary=Canary(nodes=["elsewhere"]), guard=RULES)
    rig.trials.begin(Serving(FixedAllocator("new")), policy)
    play(rig, 30, lambda who: kpi(100.0))
    assert set(authors(rig)) == {"equal"}


# --- after full promotion -------------------------------------------------------------------------


def promoted(rig: Rig, rules: GuardRules = RULES) -> list[str]:
    """A rig whose old allocator has served for a while, and whose new one is watched; the reasons of roll-backs."""
    reasons: list[str] = []
    rig.slot.on_roll_back = reasons.append
    play(rig, 240, measured_with(np.random.default_rng(1), 0.0))
    new, before = Serving(FixedAllocator("new")), rig.trials.baselines()
    assert set(before) == {MEID}
    rig.slot.swap(new)
    rig.trials.watch(new, rules, before)
    return reasons


def test_a_promoted_model_that_loses_is_taken_back(rig: Rig) -> None:
    reasons = promoted(rig)
    play(rig, 400, measured_with(np.random.default_rng(2), 0.2), first=241)
    assert len(reasons) == 1
    assert rig.slot.serving is rig.slot.initial
    assert authors(rig)[-1] == "equal"
    assert rig.metrics.count(rig.metrics.rollbacks, cause="throughput") == 1


def test_a_promoted_model_that_keeps_up_is_watched_for_as_long_as_the_rules_say(rig: Rig) -> None:
    reasons = promoted(rig, RULES.model_copy(update={"watch_intervals": 120}))
    play(rig, 110, measured_with(np.random.default_rng(2), 0.0), first=241)
    watched = {"mode": "watch", "allocator": "new", "name": "", "version": ""}
    assert sample(rig, "trial_info", **watched) == 1
    play(rig, 30, measured_with(np.random.default_rng(3), 0.0), first=351)
    assert sample(rig, "trial_info", **watched) is None
    assert (reasons, authors(rig)[-1]) == ([], "new")
