"""Quotas as bounds, the scheduler that shares within them, and their enforcement on anybody's decision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2sim.node import slice_quota
from e2sim.node.scheduler import round_robin
from e2sim.node.slice_quota import Bounds, Quota
from e2sim.node.world import World
from e2sim.physics.constraints import violations
from e2sim.scenario import load
from oran.e2sm.rrm import ControlHeader
from oran.errors import DecisionRefused
from tests.e2sim.node.witness import steady_scenario

PRBS, RUS, SLICES = 20, 3, 4


@st.composite
def quota_sets(draw: st.DrawFn) -> tuple[Quota, ...]:
    """Quotas that can hold together: up to two, of one slice or two."""
    slices = draw(st.permutations(range(SLICES)))
    quotas, left = [], 100
    for members in draw(st.sampled_from([(), ((0,),), ((0, 1),), ((0,), (1, 2)), ((0, 1), (2, 3))])):
        dedicated, low, high = sorted(draw(st.lists(st.integers(0, 100), min_size=3, max_size=3)))
        low = min(low, left)
        left -= low
        quotas.append(Quota(tuple(slices[m] for m in members), low, high, min(dedicated, low)))
    return tuple(quotas)


def populated(rng: np.random.Generator, ues: int):
    report = World(steady_scenario(max(ues, 1), prbs=PRBS, rus=RUS), seed=1).observe()
    report = replace(
        report,
        ue_ids=np.arange(ues),
        slice_ids=rng.integers(0, SLICES, ues).astype(np.int32),
        slot=int(rng.integers(0, 50)),
        gain_db=rng.uniform(-120, -60, (ues, RUS, PRBS)),
    )
    cells = rng.integers(0, RUS, ues).astype(np.int16)
    present = np.zeros((RUS, SLICES), bool)
    present[cells, report.slice_ids] = True
    return report, cells, present


def held(owner: np.ndarray, slice_ids: np.ndarray, quota: Quota, ru: int) -> tuple[int, int]:
    """PRBs of the quota's slices and of all others on one RU, counted one by one."""
    own = others = 0
    for prb in owner[ru]:
        if prb >= 0:
            own, others = (own + 1, others) if slice_ids[prb] in quota.slices else (own, others + 1)
    return own, others


def check_limits(owner: np.ndarray, slice_ids: np.ndarray, present: np.ndarray, quotas: tuple[Quota, ...]) -> None:
    for quota in quotas:
        for ru in range(RUS):
            own, others = held(owner, slice_ids, quota, ru)
            promised = quota.min_percent if present[ru, list(quota.slices)].any() else quota.dedicated_percent
            kept = min(promised * PRBS // 100, quota.max_percent * PRBS // 100)
            assert own <= quota.max_percent * PRBS // 100
            assert others <= PRBS - kept


@settings(deadline=None, max_examples=60)
@given(quotas=quota_sets(), ues=st.integers(0, 30), seed=st.integers(0, 2**32 - 1))
def test_what_the_scheduler_shares_out_is_within_the_quotas_and_needs_no_correction(quotas, ues, seed) -> None:
    report, cells, present = populated(np.random.default_rng(seed), ues)
    bounds = Bounds.of(quotas, present, PRBS)
    allocation = round_robin(report, cells, bounds, PRBS)
    check_limits(allocation.prb_owner, report.slice_ids, present, quotas)
    assert slice_quota.enforced(allocation, report.slice_ids, report.gain_db, bounds) is allocation
    assert violations(allocation, report) == []
    for quota in quotas:
        for ru in range(RUS):
            if present[ru, list(quota.slices)].any():
                own, _ = held(allocation.prb_owner, report.slice_ids, quota, ru)
                assert own >= min(quota.min_percent, quota.max_percent) * PRBS // 100


@settings(deadline=None, max_examples=60)
@given(quotas=quota_sets(), ues=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
def test_enforcement_only_silences_prbs_and_never_twice(quotas, ues, seed) -> None:
    rng = np.random.default_rng(seed)
    report, cells, present = populated(rng, ues)
    bounds = Bounds.of(quotas, present, PRBS)
    free = round_robin(report, cells, Bounds.of((), present, PRBS), PRBS)
    owner = np.where(rng.random((RUS, PRBS)) < 0.8, rng.permuted(free.prb_owner, axis=1), -1)
    decided = replace(free, prb_owner=owner, power_w=np.where(owner >= 0, 0.1, 0.0))
    obeyed = slice_quota.enforced(decided, report.slice_ids, report.gain_db, bounds)
    check_limits(obeyed.prb_owner, report.slice_ids, present, quotas)
    kept = obeyed.prb_owner >= 0
    np.testing.assert_array_equal(obeyed.prb_owner[kept], owner[kept])
    np.testing.assert_array_equal(obeyed.power_w, np.where(kept, decided.power_w, 0.0))
    assert slice_quota.enforced(obeyed, report.slice_ids, report.gain_db, bounds) is obeyed
    if not quotas:
        assert obeyed is decided


def test_of_a_slice_that_holds_too_much_the_worst_prbs_fall_silent() -> None:
    report, cells, present = populated(np.random.default_rng(4), 5)
    quota = Quota(tuple(range(SLICES)), 0, 25, 0)
    bounds = Bounds.of((quota,), present, PRBS)
    decided = round_robin(report, cells, Bounds.of((), present, PRBS), PRBS)
    obeyed = slice_quota.enforced(decided, report.slice_ids, report.gain_db, bounds)
    for ru in range(RUS):
        gains = [report.gain_db[ue, ru, prb] for prb, ue in enumerate(decided.prb_owner[ru]) if ue >= 0]
        kept = [report.gain_db[ue, ru, prb] for prb, ue in enumerate(obeyed.prb_owner[ru]) if ue >= 0]
        assert sorted(kept) == sorted(gains, reverse=True)[:5][::-1]


def test_without_quotas_every_ue_of_a_cell_gets_its_turn_equally_often() -> None:
    world = World(steady_scenario(40), seed=1, own_scheduler=True)
    turns = np.zeros(40)
    for _ in range(8):
        world.advance(decision_due=False)
        turns += np.bincount(world.simulator.in_force.prb_owner.ravel(), minlength=40)
    assert turns.min() == turns.max() == 5


def test_the_scheduler_keeps_quiet_once_an_xapp_has_decided() -> None:
    world = World(load("tiny"), seed=1, own_scheduler=True)
    world.advance(decision_due=False)
    assert world.simulator.in_force.power_w.any()
    report = world.observe()
    silent = replace(
        report.in_force,
        prb_owner=np.full_like(report.in_force.prb_owner, -1),
        power_w=np.zeros_like(report.in_force.power_w),
    )
    world.propose(ControlHeader(report.report_id, "test"), silent)
    for _ in range(3):
        world.advance(decision_due=False)
        assert not world.simulator.in_force.power_w.any()


@pytest.mark.parametrize(
    ("quotas", "reason"),
    [
        ([Quota((0,), 0, 10, 0), Quota((0, 1), 0, 10, 0)], "overlap"),
        ([Quota((0,), 20, 10, 0)], "ratio_order"),
        ([Quota((0,), 10, 20, 11)], "ratio_order"),
        ([Quota((0,), 60, 60, 0), Quota((1,), 41, 60, 0)], "overbooked"),
    ],
)
def test_quotas_that_contradict_each_other_are_refused_with_the_reason(quotas, reason) -> None:
    with pytest.raises(DecisionRefused) as caught:
        slice_quota.check(quotas)
    assert caught.value.reason == reason
