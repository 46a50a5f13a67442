"""Distributed time sharing (paper 5, Remark III.2): a cell keeps its users' multipliers, cells exchange scalars.

A cell runs Algorithm 1 on what its own users got. All it lacks is the normalisation max(1 + lambda) of step 8:
every cell announces its largest multiplier and takes the largest it hears. Step by step the result equals the
centralised algorithm.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from xapps.alcor.time_sharing import TimeSharing, TimeSharingRule, activation_probability

Array = NDArray[np.float64]
Indices = NDArray[np.integer]


class CellAgent:
    """The multipliers of one cell's users.

    Args:
        demand_bps_hz: of its users, shape (n,).
        rule: how multipliers move.
        multiplier: where they start, shape (n,).
    """

    def __init__(self, demand_bps_hz: Array, rule: TimeSharingRule, multiplier: Array | None = None) -> None:
        self.sharing = TimeSharing(demand_bps_hz, rule, multiplier)

    def announcement(self) -> float:
        """What the other cells are told: the largest multiplier of the next batch."""
        return float(self.sharing.sampling_point.max(initial=0.0))

    def activity(self, heard: Iterable[float]) -> Array:
        """kappa of its users, given the announcements of the other cells, shape (n,)."""
        if self.sharing.rule.means == "weighting":
            return self.sharing.activity
        highest = max([self.announcement(), *heard])
        return activation_probability(self.sharing.sampling_point, highest)


class CellSharing:
    """All cells of a network behind the face of :class:`TimeSharing`.

    Args:
        demand_bps_hz: of all users, shape (N,).
        cell_of_user: index of each user's cell, shape (N,).
        rule: how multipliers move.
        multiplier: where they start, shape (N,).
    """

    def __init__(
        self, demand_bps_hz: Array, cell_of_user: Indices, rule: TimeSharingRule, multiplier: Array | None = None
    ) -> None:
        start = np.zeros(len(demand_bps_hz)) if multiplier is None else multiplier
        self.rule = rule
        self._members = [np.flatnonzero(cell_of_user == cell) for cell in np.unique(cell_of_user)]
        self._agents = [CellAgent(demand_bps_hz[users], rule, start[users]) for users in self._members]
        self._num_users = len(demand_bps_hz)
        self.messages = 0
        """Scalars exchanged so far."""

    @property
    def activity(self) -> Array:
        """kappa of all users, shape (N,); costs one announcement from every cell to every other."""
        said = [agent.announcement() for agent in self._agents]
        self.messages += len(said) * (len(said) - 1)
        return self._gathered([agent.activity(said[:own] + said[own + 1 :]) for own, agent in enumerate(self._agents)])

    @property
    def weight(self) -> Array:
        return self._gathered([agent.sharing.weight for agent in self._agents])

    @property
    def multiplier(self) -> Array:
        return self._gathered([agent.sharing.multiplier for agent in self._agents])

    def advance(self, utility_bps_hz: Array) -> bool:
        """Give every cell the mean utilities of its own users; True at the end of an iteration."""
        ended = [
            agent.sharing.advance(utility_bps_hz[users])
            for users, agent in zip(self._members, self._agents, strict=True)
        ]
        return all(ended)

    def _gathered(self, parts: list[Array]) -> Array:
        values = np.zeros(self._num_users)
        for users, part in zip(self._members, parts, strict=True):
            values[users] = part
        return values
