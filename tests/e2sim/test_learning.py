"""A learner of another project learns in the environment."""

import numpy as np
import pytest

from e2sim import scenario
from e2sim.environment import AllocationEnv

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def mean_reward(env, act, episodes=30):
    total, slots = 0.0, 0
    for episode in range(episodes):
        seen, _ = env.reset(seed=10_000 + episode)
        truncated = False
        while not truncated:
            seen, reward, _, truncated, _ = env.step(act(seen))
            total, slots = total + reward, slots + 1
    return total / slots


def test_ppo_of_stable_baselines3_learns_to_beat_chance():
    ppo = pytest.importorskip("stable_baselines3").PPO
    env = AllocationEnv(scenario.load("tiny"), episode_slots=10)
    rng = np.random.default_rng(0)
    chance = mean_reward(env, lambda seen: rng.integers(env.action_space.nvec))
    learner = ppo("MlpPolicy", env, seed=1, n_steps=512, batch_size=128, gamma=0.0, gae_lambda=1.0, device="cpu")
    untrained = mean_reward(env, lambda seen: learner.predict(seen, deterministic=True)[0])
    learner.learn(20_000)
    trained = mean_reward(env, lambda seen: learner.predict(seen, deterministic=True)[0])
    print(f"reward a slot: chance {chance:.2f}, untrained {untrained:.2f}, trained {trained:.2f}")
    assert trained > max(chance, untrained) + 1.0
