from dataclasses import replace

import numpy as np
import pytest

from e2sim.physics import constraints
from oran.errors import ConfigError
from xapps.allocators import ALLOCATORS, build
from xapps.runtime.contracts import Allocator

ONE_RU_ONLY = {"exact"}


def first_ues(report, count):
    gain = report.gain_db[:count] if report.gain_db is not None else None
    cut = {name: getattr(report, name)[:count] for name in
           ("ue_ids", "slice_ids", "weight", "min_rate_bps_hz", "max_delay_s")}  # fmt: skip
    return replace(report, gain_db=gain, **cut)


def names(rus=1):
    return [name for name in ALLOCATORS if rus == 1 or name not in ONE_RU_ONLY]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_every_decision_keeps_the_hard_limits_whatever_the_number_of_ues(name, count, reports):
    report = first_ues(reports("tiny", 1)[0], count)
    decision = build(name).decide(report)
    assert constraints.violations(decision, report) == []
    assert decision.decision_id == report.report_id


@pytest.mark.parametrize("name", names(rus=3))
def test_several_interfering_rus_are_served_within_the_hard_limits(name, reports):
    for report in reports("interfering", 3, radio__num_prbs=4):
        decision = build(name).decide(report)
        assert constraints.violations(decision, report) == []
        if not name.startswith("alcor"):  # on and off is what ALCOR decides: who is off has no RU
            assert (decision.serving_ru >= 0).all()


@pytest.mark.parametrize("name", names())
def test_more_ues_than_prbs_are_no_obstacle(name, reports):
    report = reports("cell", 1, radio__num_prbs=6)[0]
    decision = build(name).decide(report)
    assert constraints.violations(decision, report) == []


@pytest.mark.parametrize("name", ALLOCATORS)
def test_allocators_bear_their_registered_name_and_the_common_face(name):
    allocator = build(name)
    assert isinstance(allocator, Allocator) and allocator.name == name


@pytest.mark.parametrize("name", ALLOCATORS)
def test_a_report_without_channel_is_a_config_error(name, reports):
    with pytest.raises(ConfigError):
        build(name).decide(replace(reports("tiny", 1)[0], gain_db=None))


@pytest.mark.parametrize("name", ["equal", "greedy", "matching", "exact"])
def test_equal_reports_get_equal_decisions(name, reports):
    report = reports("tiny", 1)[0]
    first, second = build(name).decide(report), build(name).decide(report)
    np.testing.assert_array_equal(first.prb_owner, second.prb_owner)
    np.testing.assert_array_equal(first.power_w, second.power_w)


def test_random_decides_by_its_seed(reports):
    report = reports("cell", 1)[0]
    a, b, c = (build("random", seed=seed).decide(report).prb_owner for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_equal_deals_the_prbs_round_and_spends_the_budget(reports):
    decision = build("equal").decide(reports("cell", 1)[0])
    assert decision.prb_owner[0].tolist() == [k % 20 for k in range(25)]
    np.testing.assert_allclose(decision.power_w, 0.4)


def test_the_ranking_of_the_references_is_as_it_should_be(reports):
    from e2sim.physics import objective
    from e2sim.physics.units import db_to_linear

    mean = {}
    for name in ("random", "equal", "greedy", "matching", "exact"):
        allocator = build(name)
        mean[name] = np.mean(
            [
                objective.rates_bps_hz(db_to_linear(r.gain_db), allocator.decide(r), r.noise_w).sum()
                for r in reports("cell", 8)
            ]
        )
    assert mean["exact"] >= mean["matching"] > mean["greedy"] > 1.2 * max(mean["equal"], mean["random"])
