"""How the paper's variant practises (Table 4): one episode after another, a gradient step at every step of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.classic.cell import Cell, single_cell
from xapps.dqn import network
from xapps.dqn.bits import Bits, Plan, best, greedy
from xapps.dqn.core import Core
from xapps.dqn.network import Architecture
from xapps.dqn.presets import Preset
from xapps.dqn.targets import targets
from xapps.ssvae.batches import drops


@dataclass(frozen=True, slots=True, eq=False)
class BitTransitions:
    """A batch of (s, a, r, s')."""

    before: Bits
    """Shape (B, U)."""
    action: NDArray[np.int64]
    """Index into (UE, PRB, power level), shape (B,)."""
    reward: NDArray[np.float64]
    after: Bits


class TransitionReplay:
    """The newest ``capacity`` transitions, 400 in Table 4."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._kept: list[tuple[Bits, int, float, Bits]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, before: Bits, action: int, reward: float, after: Bits) -> None:
        """Keep a transition; the oldest gives way."""
        self._kept.append((before, action, reward, after))
        del self._kept[: -self.capacity]

    def sample(self, rng: np.random.Generator, count: int) -> BitTransitions:
        """Uniformly drawn, with repetition."""
        return _stacked([self._kept[i] for i in rng.integers(len(self._kept), size=count)])

    def arrays(self) -> dict[str, NDArray]:
        """The whole content, oldest first."""
        if not self._kept:
            return {}
        every = _stacked(self._kept)
        return {"before": every.before, "action": every.action, "reward": every.reward, "after": every.after}

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Takes over what :meth:`arrays` gave."""
        self._kept = []
        if arrays:
            columns = (arrays[name] for name in ("before", "action", "reward", "after"))
            self._kept = [(s, int(a), float(r), t) for s, a, r, t in zip(*columns, strict=True)]


def _stacked(rows: list[tuple[Bits, int, float, Bits]]) -> BitTransitions:
    before, action, reward, after = zip(*rows, strict=True)
    return BitTransitions(np.stack(before), np.array(action, np.int64), np.array(reward), np.stack(after))


class PaperPractice:
    """Practice of a training of the paper's variant.

    Args:
        preset: settings.
        validation: drops that the weights are judged on, (N, U, 1, K).

    Raises:
        ConfigError: the drops have several RUs or no channel.
    """

    def __init__(self, preset: Preset, validation: RadioReport) -> None:
        self._validation = [single_cell(drop) for drop in drops(validation)]
        first = self._validation[0]
        if first.num_ues == 0:
            raise ConfigError("num_ues", 0, "the paper's variant needs UEs to have states of")
        self.architecture = Architecture(
            kind="paper",
            width=preset.width,
            layers=preset.layers,
            ues=first.num_ues,
            prbs=first.num_prbs,
            power_levels=preset.power_levels,
        )
        self._preset = preset
        self._replay = TransitionReplay(preset.replay)

    def run(self, core: Core, report: RadioReport, epoch: int, rng: np.random.Generator) -> dict[str, float]:
        """One epoch: an episode in each drop; returns what it measured."""
        losses: list[float] = []
        returns = []
        for index, drop in enumerate(drops(report)):
            first_step = ((epoch - 1) * self._preset.episodes + index) * self._preset.steps
            returns.append(self._episode(core, single_cell(drop), first_step, rng, losses))
        last = epoch * self._preset.episodes * self._preset.steps - 1
        return {"loss": float(np.mean(losses)), "return": float(np.mean(returns)), "epsilon": self.epsilon(last)}

    def epsilon(self, step: int) -> float:
        """Probability of a random action at a step of the training, from 0."""
        p = self._preset
        return max(p.epsilon_last, p.epsilon_first * p.epsilon_decay**step)

    def score(self, core: Core) -> float:
        """Mean of (22) at the end of the greedy episodes on the validation drops."""
        plans = [greedy(core.architecture, core.served_numpy(), cell, self._preset.steps) for cell in self._validation]
        return float(np.mean([plan.reward(self._preset.reward) for plan in plans]))

    def arrays(self) -> dict[str, NDArray]:
        """The replay memory, for a checkpoint."""
        return self._replay.arrays()

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Takes over what :meth:`arrays` gave."""
        self._replay.restore(arrays)

    def _episode(self, core: Core, cell: Cell, first_step: int, rng: np.random.Generator, losses: list[float]) -> float:
        """Plays one episode and learns on the way; returns the sum of its rewards."""
        p, total = self._preset, 0.0
        plan = Plan.empty(cell)
        state = plan.state()
        for step in range(first_step, first_step + p.steps):
            if rng.random() < self.epsilon(step):
                action = int(rng.integers(cell.num_ues * cell.num_prbs * p.power_levels))
            else:
                action = best(core.architecture, core.numpy(), state)
            plan.put(action, p.power_levels)
            earned, after = plan.reward(p.reward), plan.state()
            self._replay.add(state, action, earned, after)
            losses.append(self._learn(core, self._replay.sample(rng, p.batch_size)))
            state, total = after, total + earned
        return total

    def _learn(self, core: Core, batch: BitTransitions) -> float:
        p = self._preset
        with torch.no_grad():
            after = torch.from_numpy(batch.after)
            target = network.action_values(core.architecture, core.target, after).numpy()
            online = network.action_values(core.architecture, core.online, after).numpy() if p.double else target
        wanted = targets(batch.reward, np.full(len(batch.reward), p.gamma), online, target, double=p.double)
        q = network.action_values(core.architecture, core.online, torch.from_numpy(batch.before))
        return core.descend(q[torch.arange(len(wanted)), torch.from_numpy(batch.action)], wanted)
