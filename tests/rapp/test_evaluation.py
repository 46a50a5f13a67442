"""The gate: fair, paired, and able to say no."""

from __future__ import annotations

import gc
import json
from dataclasses import replace

import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.scenario import varied
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from rapp import evaluation
from rapp.evaluation import GateRules, Trial, gate, interval, judge, references, trial
from xapps import allocators


class Silent:
    """Serves nobody."""

    name = "silent"

    def decide(self, report: RadioReport) -> Allocation:
        shape = np.shape(report.gain_db)[1:]
        nobody = np.full(report.num_ues, NOBODY, np.int16)
        return Allocation(report.ue_ids, nobody, np.full(shape, NOBODY, np.int16), np.zeros(shape))


class Loud:
    """Matching at a hundred times the power that is allowed."""

    name = "loud"

    def __init__(self) -> None:
        self._inner = allocators.build("matching")

    def decide(self, report: RadioReport) -> Allocation:
        allocation = self._inner.decide(report)
        return replace(allocation, power_w=allocation.power_w * 100)


def trial_of(name: str, score: np.ndarray, satisfied: float = 1.0, latency_ms: float = 1.0) -> Trial:
    n = len(score)
    return Trial(name, score, score, np.full(n, satisfied), np.zeros(n), np.full(n, latency_ms))


def verdict_of(candidate: Trial, incumbent: Trial):
    return judge({"candidate": candidate, "incumbent": incumbent}, GateRules(), "made-up", 0)


def test_a_better_allocator_is_accepted_and_a_worse_one_refused(tiny):
    matching, silent = allocators.build("matching"), Silent()
    assert gate(matching, silent, [], tiny, seed=0, num_drops=20).accepted
    refused = gate(silent, matching, [], tiny, seed=0, num_drops=20)
    assert not refused.accepted
    assert "not better" in refused.reasons[0]


def test_an_allocator_is_not_better_than_itself(tiny):
    verdict = gate(allocators.build("equal"), allocators.build("equal"), [], tiny, seed=0, num_drops=20)
    assert (verdict.gain, verdict.gain_low, verdict.gain_high) == (0.0, 0.0, 0.0)
    assert not verdict.accepted


def test_a_gain_that_noise_explains_is_refused():
    rng = np.random.default_rng(0)
    incumbent = rng.normal(100, 10, 50)
    noisy = incumbent + rng.normal(0.1, 5, 50)
    assert not verdict_of(trial_of("candidate", noisy), trial_of("incumbent", incumbent)).accepted
    steady = incumbent + 0.1
    assert verdict_of(trial_of("candidate", steady), trial_of("incumbent", incumbent)).accepted


def test_losing_satisfied_users_or_time_refuses_a_gain():
    score = np.full(20, 100.0)
    incumbent = trial_of("incumbent", score)
    assert "fewer UEs" in verdict_of(trial_of("candidate", score + 1, satisfied=0.9), incumbent).reasons[0]
    assert "decides in" in verdict_of(trial_of("candidate", score + 1, latency_ms=50), incumbent).reasons[0]


def test_everybody_meets_the_same_drops(tiny):
    one = trial("a", allocators.build("matching"), tiny, seed=3, num_drops=10)
    again = trial("b", allocators.build("matching"), tiny, seed=3, num_drops=10)
    other = trial("c", allocators.build("matching"), tiny, seed=4, num_drops=10)
    np.testing.assert_array_equal(one.score, again.score)
    assert not np.array_equal(one.score, other.score)


def test_a_drop_with_an_unmet_service_level_scores_nothing(tiny):
    starved = trial("silent", Silent(), tiny, seed=0, num_drops=5)
    assert starved.score.tolist() == [0.0] * 5
    assert starved.satisfied.tolist() == [0.0] * 5


def test_decisions_are_counted_as_infeasible_before_the_shield_repairs_them(tiny):
    loud = trial("loud", Loud(), tiny, seed=0, num_drops=5)
    assert (loud.repaired > 0).all()
    assert loud.summary(None)["infeasible_before_projection"] == 1.0


def test_references_are_printed_and_the_verdict_is_json(tiny):
    verdict = gate(
        allocators.build("matching"),
        allocators.build("equal"),
        [allocators.build("exact"), allocators.build("random")],
        tiny,
        seed=0,
        num_drops=5,
    )
    back = json.loads(json.dumps(verdict.to_dict()))
    assert set(back["rows"]) == {"candidate", "incumbent", "exact", "random"}
    assert back["rows"]["exact"]["of_exact"] == pytest.approx(1.0)
    assert 0.9 < back["rows"]["candidate"]["of_exact"] <= 1.0 + 1e-9
    assert verdict.metrics["of_exact"] == back["rows"]["candidate"]["of_exact"]


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = [low <= 0.0 <= high for low, high in (interval(rng.normal(size=60)) for _ in range(200))]
    assert 0.88 <= np.mean(hits) <= 0.99


def test_every_classic_reference_that_can_decide_is_met_and_no_other(tiny):
    alone = [reference.name for reference in references(tiny)]
    assert set(alone) == set(evaluation.CLASSIC) - {"joint"}
    several = varied(scenarios.load("interfering"), radio__num_prbs=3)
    assert {reference.name for reference in references(several)} == set(evaluation.CLASSIC) - {"exact"}


def test_a_slow_reference_decides_the_first_of_the_common_drops(tiny):
    whole = trial("whole", allocators.build("matching"), tiny, seed=3, num_drops=12)
    part = trial("part", allocators.build("matching"), tiny, seed=3, num_drops=12, first=5)
    np.testing.assert_array_equal(part.score, whole.score[:5])
    assert len(part.latency_ms) == 5
    assert part.summary(whole)["of_exact"] == pytest.approx(1.0)
    assert part.summary(whole)["drops"] == 5.0


def test_the_gate_shows_round_robin_proportional_fair_and_local_search(tiny):
    verdict = gate(allocators.build("matching"), allocators.build("equal"), references(tiny), tiny, seed=1, num_drops=6)
    assert {"round-robin", "proportional-fair", "local-search", "exact"} <= verdict.rows.keys()


def test_decisions_are_timed_as_in_an_xapp_where_no_full_collection_walks_what_was_there_before(tiny):
    frozen = []

    class Watching:
        name = "watching"

        def decide(self, report):
            frozen.append(gc.get_freeze_count())
            return allocators.build("equal").decide(report)

    trial("watching", Watching(), tiny, seed=0, num_drops=3)
    assert min(frozen) > 1000
    assert gc.get_freeze_count() == 0
