import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from xapps.classic.waterfilling import fill, level_floors

CAP_W = 1.0


def random_rows(seed, rows=8, ues=4, prbs=9, most_wanted=4.0):
    rng = np.random.default_rng(seed)
    return {
        "gain_per_w": 10.0 ** rng.uniform(-2, 5, (rows, prbs)),
        "owner": rng.integers(-1, ues, (rows, prbs)),
        "weight": rng.uniform(0.5, 2.0, (rows, ues)),
        "min_rate_bps_hz": rng.uniform(0, most_wanted, (rows, ues)) * (rng.random((rows, ues)) < 0.7),
        "budget_w": rng.uniform(0.5, 5.0, rows),
        "cap_w": CAP_W,
    }


def rates(case, power):
    per_prb = np.log2(1 + case["gain_per_w"] * power)
    ues = np.arange(case["weight"].shape[-1])
    return np.where(case["owner"][:, None, :] == ues[:, None], per_prb[:, None, :], 0.0).sum(axis=-1)


def total(case):
    return np.minimum(case["budget_w"], CAP_W * (case["owner"] >= 0).sum(axis=-1))


@given(st.integers(0, 2**32 - 1))
def test_powers_stay_within_cap_and_budget_and_idle_prbs_are_silent(seed):
    case = random_rows(seed)
    power, _ = fill(**case)
    assert (power >= 0).all() and (power <= CAP_W).all()
    assert (power.sum(axis=-1) <= case["budget_w"] * (1 + 1e-12)).all()
    assert (power[case["owner"] < 0] == 0).all()


@given(st.integers(0, 2**32 - 1))
def test_feasible_rows_meet_every_minimum_and_satisfy_kkt(seed):
    """Powers below the cap sit at their UE's level, which is w mu, or above it where the minimum binds."""
    case = random_rows(seed, most_wanted=2.0)
    power, feasible = fill(**case)
    rate = rates(case, power)
    wanted = case["min_rate_bps_hz"]
    assert (rate[feasible] >= wanted[feasible] - 1e-9).all()
    assert (power.sum(axis=-1)[feasible] == pytest.approx(total(case)[feasible], rel=1e-9)) or not feasible.any()
    for row in np.flatnonzero(feasible):
        owner, gain = case["owner"][row], case["gain_per_w"][row]
        inside = (owner >= 0) & (power[row] > 1e-9) & (power[row] < CAP_W - 1e-9)
        level = power[row] + 1 / gain
        per_weight = level[inside] / case["weight"][row, owner[inside]]
        if not inside.any():
            continue
        binding = rate[row, owner[inside]] <= wanted[row, owner[inside]] + 1e-9
        if (~binding).any():
            mu = per_weight[~binding][0]
            np.testing.assert_allclose(per_weight[~binding], mu, rtol=1e-7)
            assert (per_weight[binding] >= mu * (1 - 1e-7)).all()
        for ue in np.unique(owner[inside]):
            same = level[inside & (owner == ue)]
            np.testing.assert_allclose(same, same[0], rtol=1e-7)
        dry = (owner >= 0) & (power[row] == 0)
        reach = {ue: level[inside & (owner == ue)] for ue in np.unique(owner[dry])}
        assert all(
            1 / gain[k] >= reach[owner[k]].max() * (1 - 1e-7) for k in np.flatnonzero(dry) if reach[owner[k]].size
        )


@pytest.mark.parametrize("seed", range(12))
def test_a_general_solver_finds_nothing_better(seed):
    case = random_rows(seed, rows=1, ues=3, prbs=5, most_wanted=1.5)
    power, feasible = fill(**case)
    gain, owner, weight = case["gain_per_w"][0], case["owner"][0], case["weight"][0]
    busy = owner >= 0

    def rate_of(p):
        return np.array([np.log2(1 + gain * p)[owner == ue].sum() for ue in range(3)])

    limits = [{"type": "ineq", "fun": lambda p: case["budget_w"][0] - p.sum()}]
    if feasible[0]:
        limits.append({"type": "ineq", "fun": lambda p: rate_of(p) - case["min_rate_bps_hz"][0]})

        def worth(p):
            return weight @ rate_of(p)
    else:

        def worth(p):
            return np.minimum(rate_of(p), case["min_rate_bps_hz"][0]).sum()

    found = minimize(
        lambda p: -worth(p), power[0] * 0.9 + 0.01 * busy, bounds=[(0, CAP_W * b) for b in busy], constraints=limits
    )
    assert worth(power[0]) >= -found.fun - 1e-4 * (1 + abs(found.fun)) or not found.success


def test_the_batch_equals_its_rows_one_by_one():
    case = random_rows(3, rows=30)
    power, feasible = fill(**case)
    for row in range(30):
        one = {k: (v[row] if isinstance(v, np.ndarray) else v) for k, v in case.items()}
        alone, ok = fill(**one)
        np.testing.assert_array_equal(power[row], alone)
        assert bool(ok) == feasible[row]


def test_without_minimum_rates_it_is_classic_water_filling():
    gain = np.array([10.0, 5.0, 1.0, 0.1])
    power, feasible = fill(gain, np.zeros(4, int), np.ones(1), np.zeros(1), 1.0, 10.0)
    level = (1.0 + 1 / 10 + 1 / 5) / 2  # only the two best are wet: 0.65 < 1
    np.testing.assert_allclose(power, [level - 0.1, level - 0.2, 0, 0])
    assert feasible


def test_a_minimum_out_of_reach_is_told_and_served_at_its_cap():
    power, feasible = fill(np.array([1.0, 100.0]), np.array([0, 1]), np.ones(2), np.array([5.0, 1.0]), 1.5, 1.0)
    assert not feasible
    np.testing.assert_allclose(power, [1.0, 0.5])


def test_too_small_a_budget_gives_nobody_more_than_the_minimum():
    case = random_rows(5, rows=200, most_wanted=9.0) | {"budget_w": np.full(200, 0.2)}
    power, feasible = fill(**case)
    short = ~feasible & (power.sum(axis=-1) < total(case) * (1 + 1e-9))
    assert short.any()
    reached = rates(case, power)
    over = reached > case["min_rate_bps_hz"] + 1e-9
    missing = (reached < case["min_rate_bps_hz"] - 1e-9) & (power.max(axis=-1) < CAP_W)[:, None]
    assert not (over.any(axis=-1) & missing.any(axis=-1) & short)[np.isfinite(floors(case)).all(axis=-1)].any()


def floors(case):
    owner = np.where(case["owner"] < 0, case["weight"].shape[-1], case["owner"])
    wanted = np.concatenate([case["min_rate_bps_hz"], np.zeros((len(owner), 1))], axis=-1)
    return level_floors(case["gain_per_w"], owner, wanted, CAP_W)


def test_level_floors_give_exactly_the_minimum_rate():
    case = random_rows(11, rows=100)
    floor = floors(case)[:, :-1]
    owner = np.maximum(case["owner"], 0)
    level = np.take_along_axis(np.where(np.isfinite(floor), floor, 0.0), owner, -1)
    power = np.where(case["owner"] >= 0, np.clip(level - 1 / case["gain_per_w"], 0, CAP_W), 0.0)
    rate = rates(case, power)
    known = np.isfinite(floor)
    np.testing.assert_allclose(rate[known], case["min_rate_bps_hz"][known], atol=1e-9)
    at_caps = rates(case, np.full(power.shape, CAP_W))
    assert (at_caps[~known] < case["min_rate_bps_hz"][~known]).all()


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 1)])
def test_degenerate_sizes_are_answered(shape):
    ues, prbs = shape
    owner = np.full(prbs, -1 if ues == 0 else 0)
    power, feasible = fill(np.ones(prbs), owner, np.ones(ues), np.zeros(ues), 1.0, 1.0)
    assert power.shape == (prbs,) and feasible


def test_users_of_no_weight_get_what_nobody_else_can_use():
    power, _ = fill(np.array([10.0, 10.0]), np.array([0, 1]), np.array([1.0, 0.0]), np.zeros(2), 1.5, 1.0)
    np.testing.assert_allclose(power, [1.0, 0.5], rtol=1e-6)
