"""Cells unlike the ones that were drawn: other numbers, the same UEs."""

from __future__ import annotations

import numpy as np
import pytest

from oran.errors import ConfigError
from xapps.diffusion_ql.variety import Variety, populated, varied

WIDE = Variety(parts=6, ues=(0.3, 3.0), power_db=(-10.0, 3.0), cap_db=(-6.0, 0.0), noise_db=(0.0, 20.0))


def test_the_first_group_is_as_drawn_and_every_drop_is_somewhere(make_report):
    report = make_report(n=32)
    found = varied(report, WIDE, np.random.default_rng(0))
    assert sum(len(np.asarray(each.gain_db)) for each in found) == 32
    np.testing.assert_array_equal(found[0].gain_db, np.asarray(report.gain_db)[:6])
    assert found[0].noise_w == report.noise_w


def test_groups_stay_within_their_ranges_and_differ(make_report):
    report = make_report(n=60)
    found = varied(report, Variety(parts=60, ues=(0.3, 3.0), power_db=(-10.0, 3.0)), np.random.default_rng(1))[1:]
    counts = [each.num_ues for each in found]
    assert min(counts) >= 1 and max(counts) <= 12 and len(set(counts)) > 4
    power_db = [10 * np.log10(float(each.ru_power_budget_w[0]) / 2.0) for each in found]
    assert min(power_db) >= -10.0 and max(power_db) <= 3.0 and np.ptp(power_db) > 8.0
    assert {each.noise_w for each in found} == {report.noise_w}


def test_ues_bring_all_that_is_theirs_along_and_none_is_there_twice(make_report):
    report = make_report(n=5, ues=4, min_rate_bps_hz=np.random.default_rng(0).random((5, 4)))
    gain_db, wanted = np.asarray(report.gain_db), report.min_rate_bps_hz
    for count in (2, 4, 10):
        found = populated(report, np.array([0, 3]), count, np.random.default_rng(2))
        assert np.asarray(found.gain_db).shape == (2, count, 1, 6)
        for drop in range(2):
            origins = set()
            for ue in range(count):
                ((n, u),) = np.argwhere((gain_db == np.asarray(found.gain_db)[drop, ue]).all(axis=(-2, -1)))
                assert found.min_rate_bps_hz[drop, ue] == wanted[n, u]
                assert found.slice_ids[drop, ue] == u % 2
                origins.add((n, u))
            assert len(origins) == count
        assert len(set(found.ue_ids[0])) == count


def test_a_drop_that_loses_ues_keeps_its_own(make_report):
    report = make_report(n=3, ues=6)
    found = np.asarray(populated(report, np.array([1]), 4, np.random.default_rng(0)).gain_db)[0]
    own = np.asarray(report.gain_db)[1]
    assert all((own == ue).all(axis=(-2, -1)).any() for ue in found)


def test_no_variety_is_the_drops_themselves(make_report):
    report = make_report(n=4)
    (found,) = varied(report, Variety(), np.random.default_rng(0))
    np.testing.assert_array_equal(found.gain_db, report.gain_db)


def test_more_groups_than_drops_are_as_many_as_drops(make_report):
    assert len(varied(make_report(n=3), WIDE, np.random.default_rng(0))) == 3


@pytest.mark.parametrize(
    "values", [{"parts": 0}, {"ues": [2.0, 1.0]}, {"ues": [0.0, 1.0]}, {"noise_db": [1.0]}, {"rain_db": [0.0, 1.0]}]
)
def test_a_bad_range_is_a_config_error(values):
    with pytest.raises(ConfigError):
        Variety.from_dict(values)


def test_settings_survive_json():
    assert Variety.from_dict(WIDE.to_dict()) == WIDE
