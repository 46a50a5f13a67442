"""Drops in the middle of their lives, with what was reported of them before: how reports and true gains go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import RadioReport

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Drops and their newest reports."""

    simulator: Simulator
    """Stands at the slot that is decided."""
    report: RadioReport
    """Arrays (N, ...)."""
    history_db: list[Array]
    """Reported gains, newest first, each (N, U, R, K)."""

    @classmethod
    def drawn(cls, scenario: Scenario, rng: np.random.Generator, num_drops: int, *, slots: int, reports: int) -> Seen:
        """Drops after so many slots in which nobody was served, and up to so many reports of each."""
        simulator = Simulator(scenario, rng, (num_drops,))
        history_db = [np.asarray(simulator.observe().gain_db)]
        for _ in range(slots):
            simulator.step(None)
            history_db.insert(0, np.asarray(simulator.observe().gain_db))
        return cls(simulator, simulator.observe(), history_db[:reports])


def pairs(scenario: Scenario, rng: np.random.Generator, num_drops: int, reports: int) -> tuple[list[Array], Array]:
    """Reported gains, newest first, each (N, U, R, K), and the true ones [dB], as a learner of beliefs is shown them.

    Even the oldest report is as old as the scenario's delay makes it.
    """
    slots = reports + max(scenario.observation.delay_slots, 1)
    seen = Seen.drawn(scenario, rng, num_drops, slots=slots, reports=reports)
    return seen.history_db, seen.simulator.true_gain_db
