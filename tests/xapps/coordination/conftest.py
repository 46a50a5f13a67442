"""Small fields of interfering cells."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.simulator import Simulator


@pytest.fixture(scope="session")
def interfering():
    """Reports of the scenario "interfering": ``interfering(seed)``, or with a batch axis ``interfering(seed, n)``."""

    def make(seed, n=None, **changes):
        scenario = scenarios.varied(scenarios.load("interfering"), **changes)
        return Simulator(scenario, np.random.default_rng(seed), () if n is None else (n,)).observe()

    return make
