"""Where drops come from: disjoint streams for what is trained on and what is held out."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import RadioReport


class Stream(IntEnum):
    """What drops are for. The first number of the seed, so that no two purposes ever meet the same drop."""

    LABELLED = 1
    UNLABELLED = 2
    HELD_OUT = 3
    TRAINING = 4
    VALIDATION = 5


def generator(stream: Stream, *seed: int) -> np.random.Generator:
    """The generator of a stream. Numbers are counted from one inside: numpy pads seeds with zeros."""
    return np.random.default_rng([stream, *(number + 1 for number in seed)])


def draw(scenario: Scenario, rng: np.random.Generator, num_drops: int) -> RadioReport:
    """Independent drops of a scenario, arrays (N, U, R, K)."""
    return Simulator(scenario, rng, (num_drops,)).observe()
