"""One seeded episode gives the same numbers inside the environment and over E2, to the last bit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from e2sim.decisions import even_allocation
from e2sim.environment import AllocationEnv, observed, reward_of
from e2sim.scenario import load
from e2sim.simulator import Simulator
from oran.e2ap import RicControlAcknowledge, RicIndication
from oran.e2sm import rrm
from tests.e2sim.node.scripted_ric import ScriptedRic, control_request, node_and_ric, subscription_request
from xapps.allocators import build

SLOTS = 12
SCENARIOS = ("tiny", "cell", "interfering", "uncertain", "bursty")


@dataclass
class Episode:
    """What a deciding end saw and got, slot by slot."""

    reports: list[rrm.RadioReport]
    kpis: list[rrm.Kpi]

    @property
    def observations(self) -> NDArray[np.float32]:
        """Those after each slot, as the environment returns them, shape (T, ...)."""
        after = zip(self.reports[1:], self.kpis, strict=False)
        return np.array([observed(report, kpi) for report, kpi in after])

    @property
    def rewards(self) -> NDArray[np.float64]:
        return np.array([reward_of(report, kpi) for report, kpi in zip(self.reports, self.kpis, strict=False)])


Decide = Callable[[rrm.RadioReport], rrm.Allocation]


def episode_in_process(scenario: str, seed: int, decide: Decide) -> Episode:
    simulator = Simulator(load(scenario), np.random.default_rng(seed))
    episode = Episode([], [])
    for _ in range(SLOTS):
        episode.reports.append(simulator.observe())
        episode.kpis.append(simulator.step(decide(episode.reports[-1])))
    return episode


def episode_over_e2(scenario: str, seed: int, decide: Decide) -> Episode:
    """The same, decided by who sees only what came off the wire."""

    async def run() -> Episode:
        async with node_and_ric(scenario=load(scenario)) as (node, ric):
            await ric.accept_setup()
            node.world.start_episode(seed, SLOTS)
            await ric.send(subscription_request(rrm.Clock.LOCK_STEP, fragment_bytes=4096))
            episode = Episode([], [])
            for _ in range(SLOTS):
                await decide_one_slot(ric, episode, decide)
            async with asyncio.timeout(5):
                while not node.world.episode.finished:
                    await asyncio.sleep(0)
            episode.kpis = [report.kpi for report in episode.reports[1:]] + [node.world.kpi]
            return episode

    return asyncio.run(run())


async def decide_one_slot(ric: ScriptedRic, episode: Episode, decide: Decide) -> None:
    indication = await ric.expect(RicIndication)
    episode.reports.append(await ric.report_of(indication))
    allocation = decide(episode.reports[-1])
    await ric.send(control_request(episode.reports[-1], allocation, indication.call_process_id))
    await ric.expect(RicControlAcknowledge)


def differences(ours: Episode, theirs: Episode) -> Iterator[str]:
    """Names of what is not the same, with the slot; only bookkeeping that E2 adds may differ."""
    assert len(ours.reports) == len(theirs.reports) == len(ours.kpis) == len(theirs.kpis) == SLOTS
    of_report = ("slot", "time_s", "noise_w", "ru_power_budget_w", "prb_power_cap_w", "ue_ids", "slice_ids", "weight",
                 "min_rate_bps_hz", "max_delay_s", "gain_db", "queue_bytes")  # fmt: skip
    of_kpi = ("weighted_throughput_bps_hz", "rate_bps_hz", "delay_s", "satisfied", "power_w")
    for names, mine, other in ((of_report, ours.reports, theirs.reports), (of_kpi, ours.kpis, theirs.kpis)):
        for slot in range(SLOTS):
            for name in names:
                left, right = getattr(mine[slot], name), getattr(other[slot], name)
                if not np.array_equal(np.asarray(left), np.asarray(right)):
                    yield f"{name} of slot {slot}: {left} and {right}"


@pytest.mark.parametrize("allocator", ["greedy", "matching"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_allocator_meets_the_same_reports_and_rates_in_the_simulator_and_over_e2(scenario, allocator) -> None:
    inside = episode_in_process(scenario, 21, build(allocator).decide)
    outside = episode_over_e2(scenario, 21, build(allocator).decide)
    assert list(differences(inside, outside)) == []
    assert inside.kpis[-1].weighted_throughput_bps_hz > 0
    assert list(differences(inside, episode_in_process(scenario, 22, build(allocator).decide)))


@pytest.mark.parametrize("scenario", ["tiny", "interfering"])
def test_an_agent_of_the_environment_sees_and_earns_the_same_over_e2(scenario) -> None:
    env = AllocationEnv(load(scenario), episode_slots=SLOTS)
    act = fixed_agent(env)
    seen, info = env.reset(seed=3)
    observations, rewards = [seen], []
    for _ in range(SLOTS):
        seen, reward, _, truncated, _ = env.step(act(seen))
        observations.append(seen)
        rewards.append(reward)
    assert truncated

    met = over_e2_with_the_agents_eyes(env, act, info["simulator_seed"])
    np.testing.assert_array_equal(observed(met.reports[0], None), observations[0])
    np.testing.assert_array_equal(met.observations, observations[1:SLOTS])
    np.testing.assert_array_equal(met.rewards, rewards)


def fixed_agent(env: AllocationEnv) -> Callable[[NDArray[np.float32]], NDArray[np.int64]]:
    """A linear policy with drawn weights: each entry of the observation can change what it does."""
    choices = env.action_space.nvec
    weights = np.random.default_rng(4).normal(size=(len(choices), choices[0], env.observation_space.shape[0]))
    return lambda observation: (weights @ observation.astype(np.float64)).argmax(axis=-1)


def over_e2_with_the_agents_eyes(env: gymnasium.Env, act: Callable, seed: int) -> Episode:
    shape = (env.scenario.num_rus, env.scenario.num_prbs)
    # the first report of an episode carries the KPI of no slot
    return episode_over_e2(
        env.scenario.name,
        seed,
        lambda report: even_allocation(report, act(observed(report, report.kpi)).reshape(shape) - 1),
    )
