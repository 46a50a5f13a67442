"""Several RUs: what is kept of the network, and what is searched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from e2sim.physics import constraints
from e2sim.physics.objective import rates_bps_hz
from e2sim.physics.units import db_to_linear
from oran.errors import ConfigError, DecisionRefused
from xapps.ssvae import network
from xapps.ssvae.decoder import Decoding
from xapps.ssvae.features import Normalisation
from xapps.ssvae.network import Architecture
from xapps.ssvae.policy import SsvaePolicy

ONE = Decoding(assignment="sweep", starts=1, sweeps=2, rounds=1)


@pytest.fixture(scope="module")
def policy() -> SsvaePolicy:
    architecture = Architecture(width=8, layers=1, rus=3)
    weights = network.initialise(architecture, np.random.default_rng(0))
    return SsvaePolicy(architecture, weights, Normalisation(10.0, 15.0), ONE)


@pytest.fixture(scope="module")
def reports(make_report):
    return [make_report(ues=7, rus=3, prbs=6, seed=seed) for seed in range(6)]


def worth(report, decided) -> float:
    rate = rates_bps_hz(db_to_linear(report.gain_db), decided, report.noise_w)
    missed = np.maximum(report.min_rate_bps_hz - rate, 0.0)
    return float(rate @ report.weight - 100.0 * missed.sum() - 20.0 * (missed > 1e-6).sum())


def test_the_association_is_the_networks_and_no_hard_limit_is_broken(policy, reports):
    for report in reports:
        decided = policy.decide(report)
        assert (decided.serving_ru == policy.candidates(report)[0][0].argmax(axis=-1)).all()
        assert constraints.violations(decided, report) == []


def test_more_associations_and_more_starts_are_never_worse(policy, reports):
    for report in reports:
        one = worth(report, policy.decide(report))
        for more in (replace(ONE, candidates=4, spread=6.0), replace(ONE, starts=3)):
            assert worth(report, policy.decoding_by(more).decide(report)) >= one - 1e-2


def test_equal_reports_get_equal_decisions(policy, reports):
    wide = policy.decoding_by(replace(ONE, candidates=3, starts=3))
    assert (wide.decide(reports[0]).power_w == wide.decide(reports[0]).power_w).all()


def test_gains_that_are_not_numbers_are_refused(policy, reports):
    broken = replace(reports[0], gain_db=np.full_like(reports[0].gain_db, np.nan))
    with pytest.raises(DecisionRefused, match="NaN"):
        policy.decide(broken)


@pytest.mark.parametrize("fields", [{"starts": 0}, {"sweeps": -1}, {"rounds": 65}, {"assignment": "search"}])
def test_a_search_without_bounds_is_a_config_error(fields):
    with pytest.raises(ConfigError):
        Decoding(**fields)
