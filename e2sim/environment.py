"""Gymnasium faces of the simulator: one agent that gives every PRB an owner, alone and vectorised over the batch axis.

Observations are the reported gains as signal-to-noise ratios at even power (in tens of dB) and, for every UE, whether
its minimum rate was met in the last slot. Powers are split evenly. The reward is the weighted throughput a PRB, less a
price for missed minimum rates. Episodes end by their length only: they are truncated, never terminated.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from e2sim.decisions import even_allocation, reported_gain_db
from e2sim.physics.units import linear_to_db
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Kpi, RadioReport
from oran.errors import ConfigError

Array = NDArray[np.float64]

SHORTFALL_PRICE = 10.0
"""Price of a missed bps/Hz of minimum rate, in bps/Hz of throughput."""
EPISODE_SLOTS = 100
_SNR_RANGE = 40.0


def observation_space(scenario: Scenario) -> spaces.Box:
    size = scenario.num_ues * scenario.num_rus * scenario.num_prbs + scenario.num_ues
    return spaces.Box(-_SNR_RANGE, _SNR_RANGE, (size,), np.float32)


def action_space(scenario: Scenario) -> spaces.MultiDiscrete:
    """For every (RU, PRB), row by row: 0 leaves it idle, u serves the u-th UE."""
    return spaces.MultiDiscrete(np.full(scenario.num_rus * scenario.num_prbs, scenario.num_ues + 1))


def observed(report: RadioReport, kpi: Kpi | None) -> NDArray[np.float32]:
    """The observation of a report, shape (..., U R K + U)."""
    gain_db = reported_gain_db(report)
    share_w = np.minimum(report.ru_power_budget_w / gain_db.shape[-1], report.prb_power_cap_w)
    snr = (gain_db + linear_to_db(share_w / report.noise_w)[:, None]) / 10.0
    flat = snr.reshape(*snr.shape[:-3], -1)
    satisfied = np.zeros(report.ue_ids.shape) if kpi is None else kpi.satisfied
    whole = np.concatenate([flat, satisfied], axis=-1)
    return np.clip(whole, -_SNR_RANGE, _SNR_RANGE).astype(np.float32)


def reward_of(report: RadioReport, kpi: Kpi) -> Array:
    """Weighted throughput less the price of shortfalls, a PRB, shape (...)."""
    short = np.maximum(report.min_rate_bps_hz - kpi.rate_bps_hz, 0.0).sum(axis=-1)
    prbs = reported_gain_db(report).shape[-1] * report.num_rus
    return np.asarray((kpi.weighted_throughput_bps_hz - SHORTFALL_PRICE * short) / prbs)


def _fixed_population(scenario: Scenario) -> Scenario:
    if scenario.churn is not None:
        raise ConfigError("churn", scenario.name, "spaces are of fixed size: UEs cannot come and go")
    return scenario


class AllocationEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.int64]]):
    """One cell or cluster, one agent.

    Args:
        scenario: the radio, without churn.
        episode_slots: slots until the episode is truncated.
    """

    def __init__(self, scenario: Scenario, episode_slots: int = EPISODE_SLOTS) -> None:
        self.scenario = _fixed_population(scenario)
        self.observation_space = observation_space(scenario)
        self.action_space = action_space(scenario)
        self.simulator: Simulator | None = None
        self._episode_slots = episode_slots

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts an episode; ``info["simulator_seed"]`` is the seed under which an E2 node meets the same one."""
        super().reset(seed=seed)
        simulator_seed = int(self.np_random.integers(2**63))
        self.simulator = Simulator(self.scenario, np.random.default_rng(simulator_seed))
        return observed(self.simulator.observe(), None), {"simulator_seed": simulator_seed}

    def step(self, action: NDArray[np.int64]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        if self.simulator is None:
            raise gymnasium.error.ResetNeeded("call reset before step")
        report = self.simulator.observe()
        owner = np.asarray(action).reshape(self.scenario.num_rus, self.scenario.num_prbs) - 1
        kpi = self.simulator.step(even_allocation(report, owner))
        truncated = self.simulator.slot >= self._episode_slots
        info = {"weighted_throughput_bps_hz": float(kpi.weighted_throughput_bps_hz), "satisfied": kpi.satisfied}
        return observed(self.simulator.observe(), kpi), float(reward_of(report, kpi)), False, truncated, info


class AllocationVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.int64], NDArray[np.generic]]):
    """Many independent cells stepped at once; all episodes have the same length and restart together.

    Args:
        scenario: the radio, without churn.
        num_envs: cells.
        episode_slots: slots until the episodes are truncated.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - the face of the base class

    def __init__(self, scenario: Scenario, num_envs: int, episode_slots: int = EPISODE_SLOTS) -> None:
        self.scenario, self.num_envs = _fixed_population(scenario), num_envs
        self.single_observation_space = observation_space(scenario)
        self.single_action_space = action_space(scenario)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.simulator: Simulator | None = None
        self._episode_slots = episode_slots

    def reset(  # type: ignore[override]
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        if seed is not None or self.simulator is None:
            self._np_random, self._np_random_seed = gymnasium.utils.seeding.np_random(seed)
        self.simulator = Simulator(
            self.scenario, np.random.default_rng(self.np_random.integers(2**63)), (self.num_envs,)
        )
        return observed(self.simulator.observe(), None), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], Array, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        if self.simulator is None:
            raise gymnasium.error.ResetNeeded("call reset before step")
        never = np.zeros(self.num_envs, np.bool_)
        if self.simulator.slot >= self._episode_slots:  # the step after a truncation starts the next episode
            seen, info = self.reset()
            return seen, np.zeros(self.num_envs), never, never, info
        report = self.simulator.observe()
        shape = (self.num_envs, self.scenario.num_rus, self.scenario.num_prbs)
        kpi = self.simulator.step(even_allocation(report, np.asarray(actions).reshape(shape) - 1))
        truncated = np.full(self.num_envs, self.simulator.slot >= self._episode_slots)
        info = {"weighted_throughput_bps_hz": np.asarray(kpi.weighted_throughput_bps_hz)}
        return observed(self.simulator.observe(), kpi), reward_of(report, kpi), never, truncated, info
