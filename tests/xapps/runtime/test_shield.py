from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from e2sim.physics import constraints
from oran.e2sm.rrm import NOBODY, Allocation
from oran.errors import DecisionRefused
from tests.xapps.runtime.doubles import make_allocation, make_report, with_power
from xapps.runtime.shield import project, require_feasible, require_finite

REPORT = make_report()
RUS, PRBS = 2, 6

indices = st.integers(-3, 6)
powers = st.one_of(
    st.floats(-5.0, 30.0), st.sampled_from([0.0, np.nan, np.inf, -np.inf, 4.0, 1e300, 5e-324, 10.0 / PRBS])
)


@st.composite
def proposals(draw: st.DrawFn) -> Allocation:
    """Anything an allocator could say that has the right shape."""
    ues = draw(st.integers(0, 6))
    ids = draw(st.lists(st.integers(98, 106), min_size=ues, max_size=ues))
    return Allocation(
        np.array(ids, np.int64),
        draw(hnp.arrays(np.int16, ues, elements=indices)),
        draw(hnp.arrays(np.int16, (RUS, PRBS), elements=indices)),
        draw(hnp.arrays(np.float64, (RUS, PRBS), elements=powers)),
        5,
    )


def equal(one: Allocation, other: Allocation) -> bool:
    fields = ("ue_ids", "serving_ru", "prb_owner", "power_w")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in fields)


@settings(max_examples=300, deadline=None)
@given(proposals())
def test_whatever_is_proposed_becomes_feasible_and_stays_as_it_is_from_then_on(proposal: Allocation) -> None:
    once, corrections = project(proposal, REPORT)
    assert constraints.violations(once, REPORT) == []
    again, further = project(once, REPORT)
    assert again is once
    assert further == 0
    assert (corrections == 0) == equal(once, proposal)


@settings(max_examples=200, deadline=None)
@given(proposals())
def test_what_the_node_would_obey_is_left_alone(proposal: Allocation) -> None:
    if not constraints.violations(proposal, REPORT):
        assert project(proposal, REPORT) == (proposal, 0)


@settings(max_examples=100, deadline=None)
@given(proposals())
def test_power_is_only_taken_away_and_owners_never_change_to_others(proposal: Allocation) -> None:
    once, _ = project(proposal, REPORT)
    asked_w = np.where(np.isfinite(proposal.power_w), np.maximum(proposal.power_w, 0.0), 0.0)
    assert (once.power_w <= asked_w).all()
    named = once.prb_owner != NOBODY
    kept = proposal.ue_ids[proposal.prb_owner[named]] if named.any() else np.zeros(0, np.int64)
    np.testing.assert_array_equal(once.ue_ids[once.prb_owner[named]], kept)


def test_a_feasible_decision_comes_back_as_the_same_object() -> None:
    allocation = make_allocation(REPORT)
    assert project(allocation, REPORT) == (allocation, 0)


def test_an_ru_above_its_budget_is_scaled_down_as_a_whole() -> None:
    allocation = make_allocation(REPORT)
    loud = with_power(allocation, [[4.0] * PRBS, [1.0] * PRBS])
    once, corrections = project(loud, REPORT)
    np.testing.assert_allclose(once.power_w[0], 10.0 / PRBS)
    np.testing.assert_array_equal(once.power_w[1], 1.0)
    assert corrections == PRBS


def test_power_on_one_prb_is_cut_at_the_cap() -> None:
    allocation = with_power(make_allocation(REPORT), [[9.0, 0, 0, 0, 0, 0], [0] * PRBS])
    once, corrections = project(allocation, REPORT)
    assert once.power_w[0, 0] == REPORT.prb_power_cap_w
    assert corrections == 1


def test_a_ue_that_has_left_loses_its_prbs_and_their_power() -> None:
    allocation = make_allocation(REPORT)
    gone = replace(REPORT, ue_ids=np.array([999, 101, 102, 103]))
    once, _ = project(allocation, gone)
    assert once.serving_ru[0] == NOBODY
    assert not (once.prb_owner == 0).any()
    assert constraints.violations(once, gone) == []


def test_a_prb_whose_owner_another_ru_serves_becomes_idle() -> None:
    allocation = make_allocation(REPORT)
    owner = allocation.prb_owner.copy()
    owner[0, 0] = 1  # UE row 1 is served by RU 1
    once, corrections = project(replace(allocation, prb_owner=owner), REPORT)
    assert once.prb_owner[0, 0] == NOBODY
    assert once.power_w[0, 0] == 0.0
    assert corrections == 2


def test_a_ue_named_twice_keeps_its_first_row() -> None:
    allocation = replace(make_allocation(REPORT), ue_ids=np.array([100, 101, 102, 100]))
    once, _ = project(allocation, REPORT)
    assert once.ue_ids.tolist() == [100, 101, 102]
    assert constraints.violations(once, REPORT) == []


@pytest.mark.parametrize(
    "bent",
    [
        lambda a: replace(a, power_w=a.power_w[:, :-1]),
        lambda a: replace(a, prb_owner=a.prb_owner[None]),
        lambda a: replace(a, serving_ru=a.serving_ru[:-1]),
        lambda a: replace(a, power_w=np.zeros((RUS, PRBS + 1)), prb_owner=np.zeros((RUS, PRBS + 1), np.int16)),
        lambda a: replace(a, serving_ru=a.serving_ru.astype(np.float64)),
        lambda a: replace(a, power_w=a.power_w.astype(object)),
    ],
)
def test_a_decision_of_another_shape_or_kind_cannot_be_repaired(bent) -> None:
    with pytest.raises(DecisionRefused) as caught:
        project(bent(make_allocation(REPORT)), REPORT)
    assert caught.value.reason == "shape"


def test_guards_name_what_is_wrong() -> None:
    allocation = make_allocation(REPORT)
    require_feasible(require_finite(allocation), REPORT)
    with pytest.raises(DecisionRefused) as finite:
        require_finite(with_power(allocation, np.full((RUS, PRBS), np.nan)))
    assert finite.value.reason == "not_finite"
    with pytest.raises(DecisionRefused) as feasible:
        require_feasible(with_power(allocation, np.full((RUS, PRBS), 3.9)), REPORT)
    assert feasible.value.reason == "ru_power_budget"
