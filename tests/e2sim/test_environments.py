import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

from e2sim import scenario
from e2sim.environment import AllocationEnv, AllocationVectorEnv
from e2sim.multi_agent_environment import RadioUnitsEnv
from e2sim.physics import constraints
from e2sim.simulator import Simulator
from oran.errors import ConfigError


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["tiny", "interfering"])
def test_gymnasiums_own_checker_passes(name):
    check_env(AllocationEnv(scenario.load(name)), skip_render_check=True)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pettingzoos_own_checkers_pass():
    parallel_api_test(RadioUnitsEnv(scenario.load("interfering"), episode_slots=7), num_cycles=30)
    parallel_seed_test(lambda: RadioUnitsEnv(scenario.load("interfering"), episode_slots=7), num_cycles=20)


def rollout(env, seed, steps=5):
    seen = [env.reset(seed=seed)[0]]
    rng = np.random.default_rng(0)
    for _ in range(steps):
        action = rng.integers(env.single_action_space.nvec if hasattr(env, "num_envs") else env.action_space.nvec,
                              size=env.action_space.shape)  # fmt: skip
        seen.append(env.step(action)[0])
    return np.array(seen)


@pytest.mark.parametrize("make", [AllocationEnv, lambda radio: AllocationVectorEnv(radio, 3)])
def test_a_seed_repeats_its_episode_and_another_does_not(make):
    env = make(scenario.load("tiny"))
    first, again, other = rollout(env, 1), rollout(env, 1), rollout(env, 2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    followed, _ = env.reset()
    assert not np.array_equal(followed, other[0])


def test_episodes_are_truncated_and_never_terminated():
    env = AllocationEnv(scenario.load("tiny"), episode_slots=3)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_the_vector_environment_restarts_in_the_step_after_truncation():
    env = AllocationVectorEnv(scenario.load("tiny"), 4, episode_slots=2)
    env.reset(seed=0)
    action = np.ones((4, 6), int)
    assert not env.step(action)[3].any()
    assert env.step(action)[3].all()
    seen, reward, terminated, truncated, _ = env.step(action)
    assert (reward == 0).all() and not terminated.any() and not truncated.any()
    assert env.simulator.slot == 0 and seen in env.observation_space


def test_every_action_becomes_a_decision_within_the_hard_limits():
    env = AllocationEnv(scenario.load("interfering"))
    env.reset(seed=3)
    env.action_space.seed(3)
    for _ in range(20):
        report = env.simulator.observe()
        env.step(env.action_space.sample())
        assert constraints.violations(env.simulator.in_force, report) == []


def test_the_environment_shows_the_simulators_own_numbers():
    env = AllocationEnv(scenario.load("cell"))
    env.reset(seed=5)
    twin = Simulator(scenario.load("cell"), np.random.default_rng(np.random.default_rng(5).integers(2**63)))
    np.testing.assert_array_equal(env.simulator.observe().gain_db, twin.observe().gain_db)
    report = twin.observe()
    _, reward, _, _, info = env.step(np.full(25, 1))
    kpi = twin.step(env.simulator.in_force)
    assert info["weighted_throughput_bps_hz"] == kpi.weighted_throughput_bps_hz
    short = np.maximum(report.min_rate_bps_hz - kpi.rate_bps_hz, 0).sum()
    assert reward == pytest.approx((kpi.weighted_throughput_bps_hz - 10 * short) / 25)


def test_scenarios_with_churn_have_no_fixed_spaces():
    radio = scenario.parse(scenario.load("tiny").model_dump() | {"churn": {"arrivals_per_s": 1.0}})
    for make in (AllocationEnv, RadioUnitsEnv, lambda r: AllocationVectorEnv(r, 2)):
        with pytest.raises(ConfigError):
            make(radio)
