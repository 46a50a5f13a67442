"""How the fair variant practises: episodes side by side, whole ones kept, Double-DQN steps on moments of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from xapps.dqn import assignment, network
from xapps.dqn.assignment import LEVELS, Indices
from xapps.dqn.core import Core, TorchSegments
from xapps.dqn.features import observe
from xapps.dqn.network import Architecture
from xapps.dqn.presets import Preset
from xapps.dqn.replay import EpisodeReplay, Transitions
from xapps.dqn.rollout import by_network, finish, play, scattered
from xapps.dqn.state import State
from xapps.dqn.targets import targets

EXPLORING_EPOCHS = 2.0 / 3.0
"""Share of the epochs over which epsilon falls."""


class FairPractice:
    """Practice of a training of the fair variant.

    Args:
        preset: settings.
        validation: drops that the weights are judged on, (N, U, 1, K).

    Raises:
        ConfigError: the drops have several RUs or no channel.
    """

    def __init__(self, preset: Preset, validation: RadioReport) -> None:
        self.architecture = Architecture(kind="fair", width=preset.width, layers=preset.layers)
        self._preset = preset
        n = len(np.asarray(validation.gain_db))
        self._validation = [assignment.of_drops(validation, np.full(n, level)) for level in LEVELS]
        self._replay = EpisodeReplay(preset.replay)

    def run(self, core: Core, report: RadioReport, epoch: int, rng: np.random.Generator) -> dict[str, float]:
        """One epoch: play the drops, keep the episodes, take gradient steps; returns what it measured."""
        level = rng.choice(LEVELS, size=self._preset.episodes)
        problems = assignment.of_drops(report, level)
        epsilon = self.epsilon(epoch)
        episodes = play(by_network(core.architecture, core.numpy()), problems, rng, epsilon)
        self._replay.add(problems, episodes)
        p = self._preset
        losses = [
            self._step(core, self._replay.sample(rng, p.batch_size, p.lookahead, p.gamma)) for _ in range(p.updates)
        ]
        return {
            "loss": float(np.mean(losses)),
            "return": float(episodes.reward.sum(axis=-1).mean()),
            "epsilon": epsilon,
        }

    def epsilon(self, epoch: int) -> float:
        """Probability of a random action in an epoch."""
        p = self._preset
        if not p.epsilon_first:
            return 0.0
        share = min((epoch - 1) / (EXPLORING_EPOCHS * p.epochs), 1.0)
        return float(p.epsilon_first * (max(p.epsilon_last, 1e-6) / p.epsilon_first) ** share)

    def score(self, core: Core) -> float:
        """Mean of the gate's score over the validation drops: throughput of the greedy episodes where nobody is missed,
        0 elsewhere; the best level of each drop."""
        judge = by_network(core.architecture, core.served_numpy())
        ends = [assignment.worth(problems, finish(judge, problems)) for problems in self._validation]
        return float(np.max([np.where(each.missed == 0, each.throughput, 0.0) for each in ends], axis=0).mean())

    def arrays(self) -> dict[str, NDArray]:
        """The replay memory, for a checkpoint."""
        return self._replay.arrays()

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Takes over what :meth:`arrays` gave."""
        self._replay.restore(arrays)

    def _step(self, core: Core, batch: Transitions) -> float:
        wanted = self._targets(core, batch)
        state = State(batch.problems, batch.before)
        pairs = np.flatnonzero(state.actions())
        row = np.searchsorted(pairs, np.arange(len(wanted)) * batch.problems.num_pairs + batch.action)
        predicted = _Seen.of(state, pairs).values(core, core.online)
        return core.descend(predicted[torch.from_numpy(row)], wanted)

    def _targets(self, core: Core, batch: Transitions) -> NDArray[np.float64]:
        wanted = batch.reward.copy()
        live = np.flatnonzero(~batch.done)
        if live.size:
            state = State(batch.problems.at(live), batch.after[live])
            pairs = np.flatnonzero(state.actions())
            seen = _Seen.of(state, pairs)
            shape = (len(live), batch.problems.num_pairs)
            with torch.no_grad():
                online, target = (
                    scattered(seen.values(core, weights).numpy(), pairs, shape)
                    for weights in (core.online, core.target)
                )
            discount = np.full(len(live), self._preset.gamma**self._preset.lookahead)
            wanted[live] = targets(batch.reward[live], discount, online, target, double=self._preset.double)
        return wanted


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """States as tensors."""

    features: torch.Tensor
    """Of all allowed pairs, one problem after another, shape (M, F)."""
    segments: TorchSegments

    @classmethod
    def of(cls, state: State, pairs: Indices) -> _Seen:
        counts = np.bincount(pairs // state.problems.num_pairs, minlength=len(state.problems))
        return cls(torch.from_numpy(observe(state, pairs)), TorchSegments(counts))

    def values(self, core: Core, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Q of the pairs as ``weights`` see it, shape (M,)."""
        q: torch.Tensor = network.pair_values(core.architecture, weights, self.features, self.segments, torch)
        return q
