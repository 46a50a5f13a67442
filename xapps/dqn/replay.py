"""Replay memory of whole episodes: any moment of one is rebuilt from its final owners and the order of its steps.

An episode takes the place of K transitions with a channel in each, and a memory of 50 000 transitions fits into the
checkpoint of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY
from xapps.dqn.assignment import Indices, Problems
from xapps.dqn.rollout import Episodes

Arrays = dict[str, NDArray]


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """A batch of (s, a, r, s'), ``steps`` steps apart where the episode does not end before."""

    problems: Problems
    before: Indices
    """Owners in s, shape (B, K)."""
    action: Indices
    """Index into the flattened (U, K), shape (B,)."""
    reward: NDArray[np.float64]
    """Discounted sum of the rewards from s to s', shape (B,)."""
    after: Indices
    """Owners in s', shape (B, K)."""
    done: NDArray[np.bool_]
    """s' is the end, shape (B,)."""


class EpisodeReplay:
    """The newest ``capacity`` episodes.

    Args:
        capacity: in episodes.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._content: Arrays = {}

    def __len__(self) -> int:
        return len(self._content["owner"]) if self._content else 0

    def add(self, problems: Problems, episodes: Episodes) -> None:
        """Keep a batch of episodes; the oldest give way."""
        new: Arrays = {
            "gain_per_w": problems.gain_per_w.astype(np.float32),
            "weight": problems.weight,
            "min_rate_bps_hz": problems.min_rate_bps_hz,
            "budget_w": problems.budget_w,
            "cap_w": problems.cap_w,
            "level": problems.level,
            "owner": episodes.owner,
            "step": episodes.step,
            "reward": episodes.reward,
        }
        if self._content:
            new = {name: np.concatenate([self._content[name], array]) for name, array in new.items()}
        self._content = {name: array[-self.capacity :] for name, array in new.items()}

    def sample(self, rng: np.random.Generator, count: int, steps: int = 1, gamma: float = 1.0) -> Transitions:
        """Uniformly drawn moments and what followed within ``steps`` steps, each discounted by ``gamma``."""
        c = self._content
        episode = rng.integers(len(self), size=count)
        num_prbs = c["owner"].shape[-1]
        t = rng.integers(num_prbs, size=count)
        end = np.minimum(t + steps, num_prbs)
        owner, step = c["owner"][episode], c["step"][episode]
        prb = (step == t[:, None]).argmax(axis=-1)
        moment = np.arange(num_prbs)
        within = (moment >= t[:, None]) & (moment < end[:, None])
        return Transitions(
            problems=self._problems(episode),
            before=np.where(step < t[:, None], owner, NOBODY),
            action=owner[np.arange(count), prb].astype(np.intp) * num_prbs + prb,
            reward=(c["reward"][episode] * within * gamma ** np.maximum(moment - t[:, None], 0)).sum(axis=-1),
            after=np.where(step < end[:, None], owner, NOBODY),
            done=end == num_prbs,
        )

    def arrays(self) -> Arrays:
        """The whole content, for a checkpoint."""
        return dict(self._content)

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Takes over what :meth:`arrays` gave."""
        self._content = dict(arrays)

    def _problems(self, episode: Indices) -> Problems:
        c = self._content
        names = ("weight", "min_rate_bps_hz", "budget_w", "cap_w", "level")
        return Problems.of(c["gain_per_w"][episode].astype(np.float64), **{name: c[name][episode] for name in names})
