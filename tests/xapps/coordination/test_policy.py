"""Foreseen changes of RU and the allocators: symmetric, feasible, repeatable, and worth their time."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as safetensors

from e2sim import scenario as scenarios
from e2sim.physics import constraints, objective
from e2sim.physics.units import db_to_linear
from e2sim.simulator import Simulator
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps import allocators
from xapps.classic.cell import gains, strongest_ru
from xapps.coordination.association import changes, even_rates, foresee, initialise
from xapps.coordination.exhaustive import ExhaustiveSweepAllocator
from xapps.coordination.field import Field
from xapps.coordination.learner import lesson, train
from xapps.coordination.plan import associations
from xapps.coordination.policy import CoordinationPolicy, SweepAllocator
from xapps.coordination.presets import Preset
from xapps.coordination.search import Effort, even_start, search
from xapps.runtime.model_file import ModelFile

WEIGHTS = initialise(8, np.random.default_rng(0))


def served(report, allocator):
    decided = allocator.decide(report)
    rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decided, report.noise_w)
    satisfied = objective.rate_satisfied(rate, report.min_rate_bps_hz).all()
    return float(satisfied * (rate * report.weight).sum())


def permuted(report, ues, rus, prbs):
    return replace(
        report,
        gain_db=report.gain_db[ues][:, rus][:, :, prbs],
        weight=report.weight[ues],
        min_rate_bps_hz=report.min_rate_bps_hz[ues],
        in_force=None,
    )


def test_permuting_ues_rus_and_prbs_permutes_what_changes_are_foreseen_to_be_worth(interfering):
    report, rng = interfering(0), np.random.default_rng(1)
    ues, rus, prbs = rng.permutation(9), rng.permutation(3), rng.permutation(10)
    other = permuted(report, ues, rus, prbs)

    def foreseen(one):
        serving = strongest_ru(gains(one)[None])
        change = changes(one, even_rates(one), serving)
        return change.to_ru[0], foresee(WEIGHTS, change.x)[0]

    (to_ru, worth), (moved_ru, moved_worth) = foreseen(report), foreseen(other)
    assert rus[moved_ru].tolist() == to_ru[ues].tolist()
    assert moved_worth == pytest.approx(worth[ues], abs=1e-4)


def test_permuting_ues_and_prbs_permutes_the_decision(interfering):
    report, rng = interfering(5), np.random.default_rng(2)
    ues, prbs = rng.permutation(9), rng.permutation(10)
    policy = CoordinationPolicy(WEIGHTS)
    one, other = policy.decide(report), policy.decide(permuted(report, ues, np.arange(3), prbs))
    assert other.power_w == pytest.approx(one.power_w[:, prbs], abs=1e-5)
    assert other.serving_ru.tolist() == one.serving_ru[ues].tolist()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), embb=st.integers(0, 12), rus=st.integers(1, 4), passes=st.integers(0, 4))
def test_no_decision_breaks_a_hard_limit(seed, embb, rus, passes):
    scenario = scenarios.varied(scenarios.load("interfering"), layout__num_rus=rus, slices__0__num_ues=embb)
    report = Simulator(scenario, np.random.default_rng(seed)).observe()
    for allocator in (
        SweepAllocator(Effort(sweeps=1, rounds=2), starts=2),
        CoordinationPolicy(WEIGHTS, passes=passes),
        ExhaustiveSweepAllocator(Effort(sweeps=1), passes=passes),
    ):
        assert constraints.violations(allocator.decide(report), report) == []


def test_changes_of_a_pass_share_no_ru_and_go_where_they_were_foreseen():
    report = Simulator(scenarios.load("interfering-7"), np.random.default_rng(0)).observe()
    rows = associations(report, lambda change: np.ones(change.to_ru.shape, np.float32), passes=3)
    assert len(rows) == 4
    for before, after in itertools.pairwise(rows):
        changed = np.flatnonzero(before != after)
        touched = np.concatenate([before[changed], after[changed]])
        assert 0 < len(touched) == len(set(touched.tolist()))


def test_where_nothing_is_worth_a_change_everybody_stays(interfering):
    report = interfering(2)
    rows = associations(report, lambda change: np.zeros(change.to_ru.shape, np.float32), passes=3)
    assert rows.tolist() == strongest_ru(gains(report)[None]).tolist()


def test_sweeps_satisfy_every_ue_and_earn_no_less_than_local_search(interfering):
    scores = np.zeros((2, 12))
    for seed in range(12):
        report = interfering(seed)
        for row, allocator in enumerate((SweepAllocator(Effort(sweeps=3, rounds=2)), allocators.build("local-search"))):
            scores[row, seed] = served(report, allocator)
    assert (scores[0] > 0).all()
    assert scores[0].mean() > scores[1].mean()


def test_a_label_is_the_difference_of_two_searches(interfering):
    report, preset = interfering(3, 4), Preset(wander=0.0)
    found = lesson(report, preset, np.random.default_rng(0))
    serving = strongest_ru(gains(report))
    change = changes(report, even_rates(report), serving)
    changed = serving.copy()
    changed[2, 5] = change.to_ru[2, 5]
    values = [
        search(cells, even_start(cells), preset.label_effort)[2, 0]
        for cells in (Field.of(report), Field.of(report, changed))
    ]
    assert found.worth[2, 5] == pytest.approx(values[1] - values[0], abs=0.05)
    assert found.x.shape[:2] == found.worth.shape == (4, 9)


@pytest.fixture(scope="module")
def trained(interfering):
    preset = Preset(width=16, steps=400)
    return train([lesson(interfering(100, 80), preset, np.random.default_rng(0))], preset, seed=0), preset


def test_foresight_tells_good_changes_from_bad_ones_on_drops_it_never_saw(trained, interfering):
    weights, preset = trained
    fresh = lesson(interfering(200, 30), preset, np.random.default_rng(1))
    foreseen = foresee(weights, fresh.x)
    worth = np.clip(fresh.worth, -30.0, 30.0)
    assert np.corrcoef(foreseen.ravel(), worth.ravel())[0, 1] > 0.5
    picked = np.take_along_axis(fresh.worth, foreseen.argmax(axis=-1)[:, None], -1)
    assert picked.mean() > fresh.worth.mean() + 10.0


def test_a_learned_association_is_no_worse_than_the_strongest_rus_alone(trained, interfering):
    weights, _ = trained
    learned, alone = CoordinationPolicy(weights), SweepAllocator()
    reports = [interfering(seed) for seed in range(300, 325)]
    difference = [served(report, learned) - served(report, alone) for report in reports]
    assert min(difference) > -1e-3  # the strongest RUs are among what is searched
    assert np.mean(difference) > 0.3


def test_training_again_gives_the_same_weights(interfering):
    preset = Preset(width=4, steps=5, epochs=2)
    lessons = [lesson(interfering(1, 2), preset, np.random.default_rng(0))]
    one, other = (train(lessons, preset, seed=3) for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)


def test_a_stored_model_decides_like_the_one_that_was_stored(interfering):
    options = {"effort": {"sweeps": 1, "rounds": 1}, "passes": 2}
    model = ModelFile.pack(safetensors.save(WEIGHTS), name="c", allocator="coordination", architecture=options)
    report = interfering(4)
    kept = CoordinationPolicy.from_model(model).decide(report)
    fresh = CoordinationPolicy(WEIGHTS, Effort(sweeps=1, rounds=1), passes=2).decide(report)
    assert (kept.power_w == fresh.power_w).all()
    assert kept.decision_id == report.report_id


@pytest.mark.parametrize("make", [SweepAllocator, lambda: CoordinationPolicy(WEIGHTS)])
def test_cells_without_ues_are_silent_and_nonsense_is_refused(make, interfering):
    empty = interfering(0, slices__0__num_ues=0, slices__1__num_ues=0)
    decided = make().decide(empty)
    assert constraints.violations(decided, empty) == []
    assert decided.power_w.sum() == 0.0
    broken = interfering(0)
    broken.gain_db[0, 0, 0] = np.nan
    with pytest.raises(DecisionRefused, match="NaN"):
        make().decide(broken)
    with pytest.raises(ConfigError):
        make().decide(replace(interfering(0), gain_db=None))


def test_weights_of_another_kind_and_bad_options_are_refused():
    with pytest.raises(ModelRejected):
        CoordinationPolicy({"in": WEIGHTS["in"]})
    with pytest.raises(ModelRejected, match="finite"):
        CoordinationPolicy({**WEIGHTS, "out.bias": np.array([np.nan], np.float32)})
    with pytest.raises(ConfigError):
        CoordinationPolicy(WEIGHTS, passes=-1)
    with pytest.raises(ConfigError):
        SweepAllocator(starts=0)
    model = ModelFile.pack(safetensors.save(WEIGHTS), name="c", allocator="coordination", architecture={"depth": 2})
    with pytest.raises(ConfigError):
        CoordinationPolicy.from_model(model)


def test_trying_every_change_earns_no_less_than_trying_none(interfering):
    effort = Effort(sweeps=3, rounds=2)
    earned = [
        [served(interfering(seed), each) for each in (SweepAllocator(effort), ExhaustiveSweepAllocator(effort))]
        for seed in range(8)
    ]
    none, every = np.transpose(earned)
    assert (every >= none - 1e-3).all()
    assert every.sum() > none.sum() + 1.0


def test_fewer_than_no_passes_are_refused():
    with pytest.raises(ConfigError, match="passes"):
        ExhaustiveSweepAllocator(passes=-1)


def test_no_ue_is_nobodys_change(interfering):
    report = interfering(0)
    empty = replace(
        report,
        ue_ids=report.ue_ids[:0],
        slice_ids=report.slice_ids[:0],
        weight=report.weight[:0],
        min_rate_bps_hz=report.min_rate_bps_hz[:0],
        max_delay_s=report.max_delay_s[:0],
        gain_db=report.gain_db[:0],
        in_force=None,
        kpi=None,
    )
    assert (ExhaustiveSweepAllocator().decide(empty).prb_owner < 0).all()


def test_more_starts_of_the_foreseen_association_are_never_worse(interfering):
    effort = Effort(sweeps=2, rounds=1)
    for seed in range(6):
        one, four = (CoordinationPolicy(WEIGHTS, effort, last_only=True, starts=starts) for starts in (1, 4))
        assert served(interfering(seed), four) >= served(interfering(seed), one) - 1e-3
    with pytest.raises(ConfigError, match="starts"):
        CoordinationPolicy(WEIGHTS, starts=0)
