"""From scores to allocations: feasible whatever the scores, optimal where that is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim.physics.constraints import violations
from e2sim.physics.objective import rates_bps_hz
from e2sim.physics.units import db_to_linear
from oran.errors import ConfigError, DecisionRefused
from xapps.ssvae.decoder import (
    Decoding,
    _thrifty,
    assignments,
    decode,
    frugal_assignments,
    polish,
    power_needed_w,
    prbs_expected,
    prbs_needed,
)


def scores(report, candidates: int = 1, seed: int = 0):
    rng = np.random.default_rng(seed)
    shape = np.shape(report.gain_db)
    return rng.standard_normal((candidates, *shape[:2])), rng.standard_normal((candidates, *shape))


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(1, 8),
    st.floats(0, 30),
    st.sampled_from(["matching", "argmax"]),
)
def test_whatever_the_scores_the_node_would_obey(make_report, seed, ues, rus, prbs, wanted, assignment):
    report = make_report(ues=ues, rus=rus, prbs=prbs, seed=seed, min_rate_bps_hz=np.full(ues, wanted))
    decoding = Decoding(assignment=assignment, candidates=2)
    allocation = decode(report, *scores(report, 2, seed), decoding)
    assert violations(allocation, report) == []
    assert allocation.decision_id == report.report_id


def test_prbs_needed_counts_a_ues_best_prbs():
    sinr = np.array([[1.0, 3.0, 7.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])  # rates 1, 2, 3 / 1, 1, 1 / 0
    for wanted, expected in (([3.0, 2.0, 1.0], [1, 2, 3]), ([4.0, 0.0, 0.0], [2, 0, 0]), ([99.0, 3.0, 0.0], [3, 3, 0])):
        assert prbs_needed(sinr, np.array(wanted)).tolist() == expected


def test_prbs_expected_are_the_scores_odds_within_what_is_needed_and_there():
    sure = np.full((3, 6), -50.0)
    sure[[0, 0, 0, 1, 1, 2], range(6)] = 50.0

    def expected(least: list[int]) -> list[int]:
        return prbs_expected(sure[None], np.array(least))[0].tolist()

    assert expected([1, 1, 1]) == [3, 2, 1]
    assert expected([1, 1, 2]) == [2, 2, 2]  # one too many: the most generous claim is cut
    assert expected([0, 1, 1]) == [0, 2, 1]  # no minimum rate, no claim
    assert expected([6, 6, 6]) == [6, 6, 6]  # needs are not cut


def test_each_candidate_gets_the_claims_that_it_gets_alone():
    rng = np.random.default_rng(0)
    scores, least = 3.0 * rng.standard_normal((40, 5, 7)), np.array([1, 2, 0, 1, 3])
    together = prbs_expected(scores, least)
    for each, claims in zip(scores, together, strict=True):
        assert claims.tolist() == prbs_expected(each[None], least)[0].tolist()


def test_every_ue_gets_the_prbs_it_needs_at_the_least_regret():
    rng = np.random.default_rng(0)
    for _ in range(20):
        logits = rng.standard_normal((3, 4))
        # so little is wanted that one PRB each is the least of the claims; one is to spare
        owner = assignments(logits[None], np.ones((3, 4)), np.full(3, 0.1), 4.0, 1.0, "matching")[0]
        regret = logits - logits.max(axis=0)
        feasible = [o for o in product(range(3), repeat=4) if set(o) == {0, 1, 2}]
        best = max(feasible, key=lambda o: regret[list(o), range(4)].sum())
        assert regret[owner, range(4)].sum() == pytest.approx(regret[list(best), range(4)].sum())


def test_argmax_gives_every_prb_to_its_favourite():
    logits = np.array([[3.0, 0.0, 0.0], [0.0, 1.0, 2.0]])
    assert assignments(logits[None], np.ones((2, 3)), np.ones(2), 3.0, 1.0, "argmax").tolist() == [[0, 1, 1]]


def test_the_worth_of_a_candidate_is_less_shortfall_then_throughput(make_report):
    report = make_report()
    gain_per_w = db_to_linear(report.gain_db)[:, 0] / report.noise_w
    owner = np.array([[0, 1, 2, 3, 0, 1], [0, 0, 0, 0, 0, 0]])
    power, worth = polish(owner, gain_per_w, report.weight, report.min_rate_bps_hz, 2.0, 1.0)
    for row in range(2):
        rate = np.zeros(4)
        for k in range(6):
            rate[owner[row, k]] += np.log2(1 + gain_per_w[owner[row, k], k] * power[row, k])
        assert worth[row] == pytest.approx([-np.maximum(1 - rate, 0).sum(), rate.sum()], abs=1e-9)


def test_the_best_candidate_by_physics_is_taken(make_report):
    report = make_report()
    association, owner = scores(report, 8)
    best = decode(report, association, owner, Decoding())

    def worth(allocation):
        rate = rates_bps_hz(db_to_linear(report.gain_db), allocation, report.noise_w)
        return -np.maximum(report.min_rate_bps_hz - rate, 0).sum().round(9), rate.sum()

    alone = [worth(decode(report, association[i : i + 1], owner[i : i + 1], Decoding())) for i in range(8)]
    assert worth(best) == pytest.approx(max(alone))


def test_an_ru_without_users_is_silent(make_report):
    report = make_report(rus=2)
    association = np.zeros((1, 4, 2))
    association[..., 0] = 1.0
    allocation = decode(report, association, scores(report)[1], Decoding())
    assert (allocation.prb_owner[1] == -1).all()
    assert (allocation.power_w[1] == 0).all()
    assert (allocation.serving_ru == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gains_and_scores_that_are_no_numbers_are_refused(make_report, value):
    report = make_report()
    association, owner = scores(report)
    gain_db = np.array(report.gain_db)
    gain_db[0, 0, 0] = value
    with pytest.raises(DecisionRefused) as caught:
        decode(replace(report, gain_db=gain_db), association, owner, Decoding())
    assert caught.value.reason == "not_finite"
    owner[0, 0, 0, 0] = value
    with pytest.raises(DecisionRefused):
        decode(report, association, owner, Decoding())


@pytest.mark.parametrize("fields", [{"assignment": "guess"}, {"candidates": 0}, {"spread": -1}, {"beam": 3}])
def test_a_bad_decoding_is_a_config_error(fields):
    with pytest.raises(ConfigError):
        Decoding.from_dict(fields)


def test_the_power_needed_meets_the_minimum_rate_exactly_when_all_prbs_are_in_use():
    rng = np.random.default_rng(0)
    gain = rng.uniform(5.0, 8.0, (4, 5))
    wanted = np.full(4, 6.0)
    need = power_needed_w(gain, wanted)
    for ue in range(4):
        for count in range(1, 6):
            best = np.sort(gain[ue])[::-1][:count]
            level = (need[ue, count - 1] + (1 / best).sum()) / count
            assert level > (1 / best).max()  # so that all are in use
            assert np.log2(best * level).sum() == pytest.approx(6.0)


def test_where_power_is_short_prbs_go_to_whoever_saves_most_until_it_suffices():
    gain = np.array([[1.0, 1.0, 1.0, 1.0], [100.0, 100.0, 100.0, 100.0]])
    wanted = np.array([4.0, 4.0])  # UE 0 needs 15 W on one PRB, 6 W on two, 4.6 W on three
    for budget, expected in ((20.0, [1, 1]), (7.0, [2, 1]), (5.0, [3, 1]), (0.0, [3, 1])):
        rows = frugal_assignments(np.zeros((1, 2, 4)), gain, wanted, budget, 100.0)
        counts = {tuple(np.bincount(row, minlength=2)) for row in rows}
        assert any(count[1] >= expected[1] and count[0] >= expected[0] for count in counts)


def test_one_walk_finds_the_thrifty_answers_of_every_share():
    rng = np.random.default_rng(1)
    for _ in range(50):
        gain, wanted = rng.exponential(size=(4, 9)), rng.uniform(0, 4, 4) * rng.integers(0, 2, 4)
        least, need_w = prbs_needed(2.0 * gain, wanted), power_needed_w(gain, wanted)
        shares = [40.0, 20.0, 5.0, 1.0, 0.0]
        alone = [next(_thrifty(least, need_w, [share])) for share in shares]
        assert list(_thrifty(least, need_w, shares)) == alone
        for prbs, share in zip(alone, shares, strict=True):
            spent_w = sum(need_w[ue, count - 1] for ue, count in enumerate(prbs) if count)
            saves = [need_w[ue, count - 1] > need_w[ue, count] for ue, count in enumerate(prbs) if 0 < count < 9]
            assert spent_w <= share + 1e-9 or sum(prbs) >= 9 or not any(saves)


def test_frugal_counting_meets_minimum_rates_that_equal_power_cannot(make_report):
    rescued = 0
    for seed in range(60):
        report = make_report(seed=seed, ues=5, prbs=8, min_rate_bps_hz=np.full(5, 4.0), noise_w=3e-11)
        gain_per_w = db_to_linear(report.gain_db)[:, 0] / report.noise_w
        logits = np.array(report.gain_db)[None, :, 0] / 5
        limits = (report.weight, report.min_rate_bps_hz, 2.0, 1.0)
        plain = assignments(logits, gain_per_w, report.min_rate_bps_hz, 2.0, 1.0, "matching")
        frugal = frugal_assignments(logits, gain_per_w, report.min_rate_bps_hz, 2.0, 1.0)
        missed, met = (
            polish(plain, gain_per_w, *limits)[1][:, 0].max() < 0,
            polish(frugal, gain_per_w, *limits)[1][:, 0].max() == 0,
        )
        rescued += missed and met
    assert rescued > 0
