from collections.abc import Callable

import numpy as np
import pytest

from e2sim import scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import Cell


@pytest.fixture
def reports() -> Callable[..., list[RadioReport]]:
    """Reports of a scenario's first slots, with changes to its content if asked for."""

    def draw(name: str, count: int, seed: int = 7, **changes: object) -> list[RadioReport]:
        content = scenario.load(name).model_dump()
        for path, value in changes.items():
            section, _, field = path.partition("__")
            content[section] = (content[section] | {field: value}) if field else value
        sim = Simulator(scenario.parse(content), np.random.default_rng(seed))
        drawn = []
        for _ in range(count):
            drawn.append(sim.observe())
            sim.step(None)
        return drawn

    return draw


@pytest.fixture
def random_cell() -> Callable[..., Cell]:
    """A small cell with gains over several orders of magnitude and some minimum rates."""

    def draw(rng: np.random.Generator, num_ues: int, num_prbs: int, most_wanted: float = 6.0) -> Cell:
        mean = 10.0 ** rng.uniform(0, 4, (num_ues, 1))
        wanted = rng.uniform(0, most_wanted, num_ues) * (rng.random(num_ues) < 0.8)
        return Cell(
            ues=np.arange(num_ues),
            gain_per_w=mean * rng.exponential(size=(num_ues, num_prbs)),
            weight=rng.uniform(0.5, 2.0, num_ues),
            min_rate_bps_hz=wanted,
            budget_w=float(rng.uniform(1.0, 4.0)),
            cap_w=1.0,
        )

    return draw
