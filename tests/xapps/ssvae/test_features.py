"""What the network sees: relative gains, equivariant rows, nothing that names a UE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.errors import ConfigError
from xapps.ssvae.batches import take
from xapps.ssvae.features import GAIN_FEATURES, Normalisation, equal_power_snr_db, num_features, observe

NORMAL = Normalisation(20.0, 10.0)


def test_equal_power_snr_is_gain_plus_power_over_noise(make_report):
    report = make_report()
    power_db = 10 * np.log10(2.0 / 6 / 1e-12)
    np.testing.assert_allclose(equal_power_snr_db(report), report.gain_db + power_db)


def test_the_share_of_the_budget_never_exceeds_the_cap(make_report):
    rich = make_report(ru_power_budget_w=np.array([600.0]))
    np.testing.assert_allclose(equal_power_snr_db(rich), rich.gain_db + 120.0)


def test_relative_features_are_zero_for_the_best(make_report):
    x = observe(make_report(), NORMAL, 2)
    assert x.shape == (4, 1, 6, num_features(2))
    below_best = x[..., GAIN_FEATURES.index("below_best_rival")]
    np.testing.assert_allclose(below_best.max(axis=0), 0.0)
    assert (below_best <= 0).all()
    np.testing.assert_allclose(x[..., GAIN_FEATURES.index("below_own_best")].max(axis=-1), 0.0)
    np.testing.assert_allclose(x[..., GAIN_FEATURES.index("below_best_ru")], 0.0)  # only one RU


def test_prbs_needed_is_one_where_one_prb_carries_the_minimum_rate(make_report):
    report = make_report()
    rate = np.log2(1 + 10 ** (equal_power_snr_db(report)[:, 0, 0] / 10))
    x = observe(replace(report, min_rate_bps_hz=rate), NORMAL, 2)
    np.testing.assert_allclose(x[:, 0, 0, GAIN_FEATURES.index("prbs_needed")], 1.0, rtol=1e-5)  # log2(1 + 1)


def test_a_batch_gives_what_its_drops_give_one_by_one(make_report):
    batch = make_report(n=5)
    x = observe(batch, NORMAL, 2)
    for index in range(5):
        np.testing.assert_array_equal(x[index], observe(take(batch, index), NORMAL, 2))


def test_a_slice_that_training_never_saw_has_no_one_hot(make_report):
    x = observe(make_report(slice_ids=np.array([0, 1, 2, 3])), NORMAL, 2)
    one_hot = x[:, 0, 0, -2:]
    np.testing.assert_array_equal(one_hot, [[1, 0], [0, 1], [0, 0], [0, 0]])


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 3), st.integers(1, 8))
def test_permuting_ues_and_prbs_permutes_the_features(make_report, seed, ues, rus, prbs):
    report = make_report(ues=ues, rus=rus, prbs=prbs, seed=seed)
    rng = np.random.default_rng(seed)
    u, k = rng.permutation(ues), rng.permutation(prbs)
    x = observe(report, NORMAL, 2)
    permuted = observe(
        replace(report, gain_db=report.gain_db[u][..., k], slice_ids=report.slice_ids[u], ue_ids=report.ue_ids[u]),
        NORMAL,
        2,
    )
    np.testing.assert_allclose(permuted, x[u][:, :, k], rtol=1e-5, atol=1e-5)


def test_a_report_without_channel_is_a_config_error(make_report):
    with pytest.raises(ConfigError, match="gain_db"):
        observe(make_report(gain_db=None), NORMAL, 2)


@pytest.mark.parametrize("std", [0.0, -1.0, np.nan, np.inf])
def test_a_normalisation_that_cannot_divide_is_refused(std):
    with pytest.raises(ConfigError):
        Normalisation(0.0, std)
