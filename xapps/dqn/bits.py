"""The paper's decision process (paper 1, section 5.2): one bit a UE as state, one UE on one PRB at one power as action.

A step puts a UE on a PRB at a power level, whoever was there before; an episode changes one allocation in this way,
from nobody served on. The state says which UEs have their minimum rate. It says nothing of the channel, so the same
state asks for different actions in different drops: as printed, this cannot be learned, and the page says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY
from xapps.classic.cell import Cell
from xapps.dqn import network
from xapps.dqn.network import Architecture
from xapps.dqn.reward import RewardWeights, constraint_term, reward

Array = NDArray[np.float64]
Bits = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Plan:
    """An allocation of one cell in the making."""

    cell: Cell
    owner: NDArray[np.int16]
    """Shape (K,)."""
    power_w: Array
    """Shape (K,) [W]."""

    @classmethod
    def empty(cls, cell: Cell) -> Plan:
        """Nobody served."""
        return cls(cell, np.full(cell.num_prbs, NOBODY, np.int16), np.zeros(cell.num_prbs))

    def put(self, action: int, power_levels: int) -> None:
        """Carry out an action, an index into (UE, PRB, power level)."""
        pair, level = divmod(action, power_levels)
        ue, prb = divmod(pair, self.cell.num_prbs)
        self.owner[prb] = ue
        self.power_w[prb] = self.cell.cap_w * (level + 1) / power_levels

    def rate_bps_hz(self) -> Array:
        """Rate of each UE, shape (U,)."""
        return self.cell.rates_bps_hz(self.owner, self.power_w)

    def state(self) -> Bits:
        """s_u of the paper: 1 where UE u has its minimum rate, shape (U,)."""
        return (self.rate_bps_hz() >= self.cell.min_rate_bps_hz).astype(np.float32)

    def reward(self, weights: RewardWeights) -> float:
        """(22) of the allocation as it stands."""
        rate = self.rate_bps_hz()
        constraint = constraint_term(rate, self.cell.min_rate_bps_hz, self.power_w, self.cell.budget_w)
        return float(reward(np.asarray(rate @ self.cell.weight), constraint, weights))


def best(architecture: Architecture, weights: network.Weights, state: Bits) -> int:
    """The action of the largest Q in a state, shape (U,)."""
    return int(network.action_values(architecture, weights, state[None])[0].argmax())


def greedy(architecture: Architecture, weights: network.Weights, cell: Cell, steps: int) -> Plan:
    """The allocation after an episode without exploration."""
    plan = Plan.empty(cell)
    for _ in range(steps):
        plan.put(best(architecture, weights, plan.state()), architecture.power_levels)
    return plan
