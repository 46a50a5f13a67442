from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2sim import scenario
from e2sim.physics import constraints
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation

REPORT = Simulator(scenario.load("interfering"), np.random.default_rng(1)).observe()


def allocation(**changes):
    """Everyone at RU 0, which serves UE k on PRB k; the other RUs are silent."""
    rus, prbs, ues = 3, 10, 9
    owner = np.full((rus, prbs), -1, np.int16)
    owner[0, :ues] = np.arange(ues)
    power = np.where(owner >= 0, 1.0, 0.0)
    whole = Allocation(np.asarray(REPORT.ue_ids), np.zeros(ues, np.int16), owner, power)
    return replace(whole, **changes)


def altered(array, index, value):
    copy = np.array(array)
    copy[index] = value
    return copy


BASE = allocation()
BROKEN = {
    "shape": allocation(power_w=np.zeros((3, 11))),
    "bad_index": allocation(prb_owner=altered(BASE.prb_owner, (0, 0), 9)),
    "unknown_ue": allocation(ue_ids=altered(BASE.ue_ids, 3, 4711)),
    "not_finite": allocation(power_w=altered(BASE.power_w, (0, 0), np.nan)),
    "unit_association": allocation(serving_ru=altered(BASE.serving_ru, 2, 1)),
    "negative_power": allocation(power_w=altered(BASE.power_w, (0, 0), -1e-6)),
    "prb_power_cap": allocation(power_w=altered(BASE.power_w, (0, 0), REPORT.prb_power_cap_w * 1.001)),
    "ru_power_budget": allocation(power_w=BASE.power_w * 1.2),
    "idle_prb_power": allocation(power_w=altered(BASE.power_w, (1, 4), 0.5)),
}


def test_a_decent_decision_breaks_nothing():
    assert constraints.violations(BASE, REPORT) == []
    assert constraints.feasible(BASE, REPORT)


@pytest.mark.parametrize("reason", BROKEN)
def test_each_limit_is_found_by_name(reason):
    assert [each.reason for each in constraints.violations(BROKEN[reason], REPORT)] == [reason]


@pytest.mark.parametrize("field", ["serving_ru", "prb_owner"])
@pytest.mark.parametrize("value", [-2, 40])
def test_indices_out_of_range_are_bad_indices(field, value):
    table = altered(getattr(BASE, field), (0,) * getattr(BASE, field).ndim, value)
    assert constraints.violations(replace(BASE, **{field: table}), REPORT)[0].reason == "bad_index"


def test_a_ue_listed_twice_is_a_bad_index():
    twice = allocation(ue_ids=altered(BASE.ue_ids, 1, BASE.ue_ids[0]))
    assert constraints.violations(twice, REPORT)[0].reason == "bad_index"


def test_a_ue_that_left_may_stand_in_the_table_if_it_is_not_served():
    gone = altered(BASE.ue_ids, 8, 4711)
    unserved = allocation(
        ue_ids=gone,
        serving_ru=altered(BASE.serving_ru, 8, -1),
        prb_owner=altered(BASE.prb_owner, (0, 8), -1),
        power_w=altered(BASE.power_w, (0, 8), 0.0),
    )
    assert constraints.violations(unserved, REPORT) == []


def test_fronthaul_capacity_is_found_by_name_and_binds_as_a_budget():
    radio = scenario.load("cell").model_dump()
    radio["fronthaul"] = {"capacity_bps_hz": 12.0, "quantisation_noise_w": 1e-3}
    limited = scenario.parse(radio)
    budget_w = limited.ru_power_budget_w[0]
    assert budget_w == pytest.approx(1e-3 * (2**12 - 1))
    report = Simulator(limited, np.random.default_rng(0)).observe()
    owner = np.zeros((1, 25), np.int16)
    serving = np.where(np.arange(20) == 0, 0, -1).astype(np.int16)
    within = Allocation(np.asarray(report.ue_ids), serving, owner, np.full((1, 25), budget_w / 25))
    assert constraints.violations(within, report, 1e-3) == []
    beyond = replace(within, power_w=within.power_w * 1.01)
    reasons = [each.reason for each in constraints.violations(beyond, report, 1e-3)]
    assert reasons == ["fronthaul_capacity", "ru_power_budget"]
    assert [each.reason for each in constraints.violations(beyond, report)] == ["ru_power_budget"]


@given(st.integers(0, 2**32 - 1))
def test_the_mask_and_the_named_list_agree_on_random_decisions(seed):
    rng = np.random.default_rng(seed)
    owner = np.where(rng.random((3, 10)) < 0.9, rng.integers(0, 9, (3, 10)), -1).astype(np.int16)
    serving = rng.integers(-1, 3, 9).astype(np.int16)
    if rng.random() < 0.7:  # mostly associations that hold
        owner = np.where(serving[owner] == np.arange(3)[:, None], owner, -1).astype(np.int16)
    power = np.where(owner >= 0, rng.random((3, 10)) * rng.choice([0.5, 2.0, 2.2]), 0.0)
    decision = Allocation(np.asarray(REPORT.ue_ids), serving, owner, power)
    assert bool(constraints.feasible(decision, REPORT)) == (constraints.violations(decision, REPORT) == [])
