"""From what judges pairs to one cell's owners and powers: rollouts, exact power for each, the best of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from xapps.classic.cell import Cell, cells, compose
from xapps.classic.equal import even_power_w
from xapps.dqn import assignment
from xapps.dqn.assignment import LEVELS, Indices
from xapps.dqn.presets import Decoding
from xapps.dqn.rollout import Judge, by_next_reward, finish, play

Array = NDArray[np.float64]

FIRST_LEVELS = tuple(sorted(LEVELS, key=lambda level: abs(level - 1.0)))
"""Levels in the order in which rollouts take them: the equal split first."""


def served(judge: Judge, cell: Cell, decoding: Decoding) -> tuple[Indices, Array]:
    """Owners and powers of one cell, shape (K,): the best of one rollout a level by the model's own physics,
    fewest missed UEs first."""
    if cell.num_ues == 0:
        return _silent(cell)
    problems = assignment.of_cell(cell, FIRST_LEVELS[: decoding.rollouts])
    owner = finish(judge, problems)
    worth = assignment.worth(problems, owner)
    best = int(np.lexsort((worth.value, -worth.missed))[-1])
    return owner[best], worth.power_w[best] if decoding.power == "exact" else even_power_w(cell)


def explored(judge: Judge, cell: Cell, rng: np.random.Generator, epsilon: float) -> tuple[Indices, Array]:
    """As :func:`served` from one epsilon-greedy rollout at a drawn level."""
    if cell.num_ues == 0:
        return _silent(cell)
    problems = assignment.of_cell(cell, (float(rng.choice(LEVELS)),))
    owner = play(judge, problems, rng, epsilon).owner
    return owner[0], assignment.worth(problems, owner).power_w[0]


def _silent(cell: Cell) -> tuple[Indices, Array]:
    return np.full(cell.num_prbs, NOBODY, np.int16), np.zeros(cell.num_prbs)


class UnlearnedAllocator:
    """The fair variant's process and decoder with nothing learned: every step takes the largest next reward.

    What a Q-network is worth shows in the distance to this, not in the distance to nothing.

    Args:
        decoding: as a model's.
    """

    name = "dqn-unlearned"

    def __init__(self, decoding: Decoding | None = None) -> None:
        self.decoding = decoding or Decoding()

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes.

        Raises:
            ConfigError: the report carries no channel.
        """
        return compose(report, [(cell, *served(by_next_reward, cell, self.decoding)) for cell in cells(report)])
