"""PettingZoo face of the simulator: one agent a radio unit, a common reward."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from e2sim import environment
from e2sim.decisions import even_allocation
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.errors import ConfigError

Observations = dict[str, NDArray[np.float32]]


class RadioUnitsEnv(ParallelEnv[str, NDArray[np.float32], NDArray[np.int64]]):
    """Every RU gives its own PRBs owners; what it serves disturbs the others.

    All agents observe the whole report (centralised observation, decentralised action) and share the reward.

    Args:
        scenario: the radio, without churn.
        episode_slots: slots until the episode is truncated.
    """

    metadata = {"name": "radio_units_v0", "render_modes": []}  # noqa: RUF012 - the face of the base class

    def __init__(self, scenario: Scenario, episode_slots: int = environment.EPISODE_SLOTS) -> None:
        if scenario.churn is not None:
            raise ConfigError("churn", scenario.name, "spaces are of fixed size: UEs cannot come and go")
        self.scenario = scenario
        self.possible_agents = [f"ru-{ru}" for ru in range(scenario.num_rus)]
        self.agents: list[str] = []
        self.render_mode = None
        seen = environment.observation_space(scenario)
        choices = np.full(scenario.num_prbs, scenario.num_ues + 1)
        self.observation_spaces = dict.fromkeys(self.possible_agents, seen)
        self.action_spaces = {agent: spaces.MultiDiscrete(choices) for agent in self.possible_agents}
        self._episode_slots = episode_slots
        self._rng: np.random.Generator | None = None

    def observation_space(self, agent: str) -> spaces.Space:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, dict[str, Any]]]:
        if seed is not None or self._rng is None:
            self._rng, _ = seeding.np_random(seed)
        self._simulator = Simulator(self.scenario, np.random.default_rng(self._rng.integers(2**63)))
        self.agents = list(self.possible_agents)
        seen = environment.observed(self._simulator.observe(), None)
        return self._to_all(seen), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, NDArray[np.int64]]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        report = self._simulator.observe()
        owner = np.stack([np.asarray(actions[agent]) for agent in self.agents]) - 1
        kpi = self._simulator.step(even_allocation(report, owner))
        over = self._simulator.slot >= self._episode_slots
        reward = float(environment.reward_of(report, kpi))
        agents = self.agents
        seen = self._to_all(environment.observed(self._simulator.observe(), kpi))
        if over:
            self.agents = []
        infos: dict[str, dict[str, Any]] = {agent: {} for agent in agents}
        return seen, dict.fromkeys(agents, reward), dict.fromkeys(agents, False), dict.fromkeys(agents, over), infos

    def _to_all(self, seen: NDArray[np.float32]) -> Observations:
        return {agent: seen.copy() for agent in self.agents}
