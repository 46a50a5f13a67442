"""Fields, best responses and moves against physics in double precision and against looking at everything."""

import itertools

import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.physics import constraints, objective
from e2sim.physics.units import db_to_linear
from e2sim.simulator import Simulator
from oran.errors import ConfigError
from xapps.coordination.field import Field, State, allocation, member_rates
from xapps.coordination.moves import best_move, move_round
from xapps.coordination.response import LEVEL_SHARES, respond, state_value, sweep, worth_of_rate
from xapps.coordination.search import Effort, even_start, search, start_from, uneven_starts
from xapps.ssvae.batches import take


def searched(report, effort, starts=1):
    field = Field.of(report)
    state = uneven_starts(field, starts, np.random.default_rng(0))
    return field, state, search(field, state, effort)


def rates_of(report, decided):
    return objective.rates_bps_hz(db_to_linear(report.gain_db), decided, report.noise_w)


def test_rates_of_members_are_those_of_the_allocation(interfering):
    report = interfering(1, 3)
    field, state, _ = searched(report, Effort(sweeps=2, rounds=1), starts=2)
    for drop, candidate in itertools.product(range(3), range(2)):
        one = take(report, drop)
        rate = rates_of(one, allocation(report, field, state, drop, candidate))
        members = field.members[drop]
        found = member_rates(field, state)[drop, candidate][members >= 0]
        assert found == pytest.approx(rate[members[members >= 0]], rel=1e-4, abs=1e-4)


def test_every_ue_is_a_member_of_one_ru_and_padding_hears_nothing(interfering):
    field = Field.of(interfering(2, 20))
    for members in field.members:
        assert sorted(members[members >= 0].tolist()) == list(range(9))
    assert (field.own[field.members < 0] == 0.0).all()
    assert (field.foreign[field.members < 0] == 0.0).all()
    assert (np.einsum("drnrk->drnk", field.foreign) == 0.0).all()


def test_an_association_given_is_taken(interfering):
    serving = np.array([[0, 1, 2] * 3, [2] * 9])
    field = Field.of(interfering(3), serving)
    assert field.members[0, 1].tolist()[:3] == [1, 4, 7]
    assert field.members[1, 2].tolist() == list(range(9))
    assert (field.members[1, :2] == -1).all()


def test_searches_side_by_side_are_the_searches_one_by_one(interfering):
    report = interfering(4, 5)
    _, _, together = searched(report, Effort(sweeps=2, rounds=2))
    for drop in range(5):
        alone = Field.of(take(report, drop))
        value = search(alone, even_start(alone), Effort(sweeps=2, rounds=2))
        assert value[0, 0] == pytest.approx(together[drop, 0], rel=1e-4)


@pytest.mark.parametrize("starts", [1, 6])
def test_no_end_of_a_search_breaks_a_hard_limit(interfering, starts):
    for seed in range(8):
        report = interfering(seed)
        field, state, _ = searched(report, Effort(sweeps=seed % 3, rounds=seed % 4), starts)
        for candidate in range(starts) if seed % 3 + seed % 4 else ():
            assert constraints.violations(allocation(report, field, state, 0, candidate), report) == []


def test_without_minimum_rates_a_response_is_the_best_of_all_owners_and_powers():
    report = tiny(prbs=1)
    field = Field.of(report)
    state = even_start(field)
    respond(field, state, 1)  # an owner at the other RU, who can be disturbed
    respond(field, state, 0)
    best = max(
        (worth(report, field, state, owner, share * field.cap_w), owner, share)
        for owner in range(2)
        for share in LEVEL_SHARES
    )
    assert state.power_w[0, 0, 0, 0] == pytest.approx(best[2] * field.cap_w)
    assert state.owner[0, 0, 0, 0] == (best[1] if best[2] > 0 else -1)


def tiny(prbs):
    """Two RUs with two UEs each, no minimum rates, and power that is never short."""
    slices = [{"name": "best-effort", "num_ues": 4}]
    scenario = scenarios.varied(
        scenarios.load("interfering-2"), slices=slices, radio__num_prbs=prbs, radio__ru_power_budget_dbm=60.0
    )
    for seed in range(50):
        report = Simulator(scenario, np.random.default_rng(seed)).observe()
        if (Field.of(report).members >= 0).sum(axis=-1).tolist() == [[2, 2]]:
            return report
    raise AssertionError("no drop with two UEs an RU")


def worth(report, field, state, owner, power_w):
    """Sum of all rates if RU 0 served one UE at one power, in double precision, at the lowest price of power."""
    trial = State(*(part.copy() for part in (state.owner, state.power_w, state.heard, state.own)))
    trial.assign(field, 0, np.full((1, 1, 1), owner), np.full((1, 1, 1), power_w, np.float32))
    decided = allocation(report, field, trial, 0, 0)
    even_w = min(float(field.budget_w[0]), field.cap_w)
    return rates_of(report, decided).sum() - 0.05 / (even_w * np.log(2.0)) * power_w


def test_sweeps_raise_the_sum_rate_where_nothing_else_binds():
    report = tiny(prbs=6)
    field = Field.of(report)
    state = even_start(field)
    sweep(field, state)
    first = state_value(field, state)[0, 0]
    for _ in range(4):
        sweep(field, state)
    assert state_value(field, state)[0, 0] >= 0.98 * first > 0.0


def test_moves_never_lower_the_value_and_change_it_by_what_they_say(interfering):
    field = Field.of(interfering(6, 4))
    state = uneven_starts(field, 3, np.random.default_rng(0))
    sweep(field, state)
    total = member_rates(field, state)
    for ru in (0, 1, 2, 0, 1, 2):
        before = state_value(field, state)
        total = best_move(field, state, ru, total)
        assert (state_value(field, state) >= before - 1e-2).all()
        assert total == pytest.approx(member_rates(field, state), abs=1e-4)


def test_a_move_is_the_best_of_all_owners_and_powers_on_all_prbs(interfering):
    field = Field.of(interfering(7))
    state = even_start(field)
    sweep(field, state)
    before = State(*(part.copy() for part in (state.owner, state.power_w, state.heard, state.own)))
    best_move(field, state, 1, member_rates(field, state))
    left_w = max(float(field.budget_w[1] - before.power_w[0, 0, 1].sum()), 0.0)
    values = []
    for prb, member, share in itertools.product(range(10), range(field.shape[2]), (0.0, 0.1, 0.3, 1.0)):
        trial = State(*(part.copy() for part in (before.owner, before.power_w, before.heard, before.own)))
        owner, power_w = trial.owner[:, :, 1].copy(), trial.power_w[:, :, 1].copy()
        owner[0, 0, prb] = member
        power_w[0, 0, prb] = share * min(field.cap_w, power_w[0, 0, prb] + left_w)
        trial.assign(field, 1, owner, power_w)
        values.append(state_value(field, trial)[0, 0])
    assert state_value(field, state)[0, 0] == pytest.approx(max(values), abs=0.02)


def test_moves_mend_minimum_rates_that_sweeps_missed(interfering):
    field = Field.of(interfering(8, 40))
    state = even_start(field)
    sweep(field, state)
    lacking = (member_rates(field, state) < field.wanted[:, None]).any(axis=(-2, -1)).mean()
    move_round(field, state, 3)
    mended = (member_rates(field, state) < field.wanted[:, None]).any(axis=(-2, -1)).mean()
    assert lacking > 0.0
    assert mended < 0.3 * lacking


def test_a_missed_minimum_costs_its_price_and_a_met_one_nothing():
    rate, weight, wanted = (np.array(each, np.float32) for each in ([3.0, 1.0], [1.0, 1.0], [2.0, 2.0]))
    assert worth_of_rate(rate, weight, wanted) == pytest.approx([3.0, 1.0 - 20.0 - 100.0], rel=1e-4)


def test_negative_efforts_are_refused():
    with pytest.raises(ConfigError):
        Effort(sweeps=-1)


def test_a_search_that_starts_from_a_decision_starts_with_its_rates(interfering):
    report = interfering(6)
    field, state, values = searched(report, Effort(sweeps=2, rounds=1))
    decided = allocation(report, field, state, 0, 0)
    again = Field.of(report, decided.serving_ru[None].astype(np.intp))
    assert state_value(again, start_from(again, decided)) == pytest.approx(values, rel=1e-4)
    assert search(again, start_from(again, decided), Effort(sweeps=0, rounds=3))[0, 0] >= values[0, 0] - 1e-3
