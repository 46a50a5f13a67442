"""What is remembered, what is forgotten, and moments rebuilt from whole episodes."""

from __future__ import annotations

import numpy as np
import pytest

from xapps.dqn.printed import TransitionReplay
from xapps.dqn.replay import EpisodeReplay
from xapps.dqn.rollout import by_network, play

from . import from_scratch


@pytest.fixture
def played(fair, weights, problems):
    return play(by_network(fair, weights), problems, np.random.default_rng(0), 0.7)


@pytest.fixture
def replay(problems, played):
    memory = EpisodeReplay(100)
    memory.add(problems, played)
    return memory


@pytest.mark.parametrize(("steps", "gamma"), [(1, 1.0), (3, 0.5), (6, 0.9)])
def test_moments_are_those_of_the_episode_played_step_by_step(replay, problems, played, steps, gamma):
    batch = replay.sample(np.random.default_rng(1), 200, steps, gamma)
    for row in range(200):
        before, after = batch.before[row : row + 1], batch.after[row : row + 1]
        t = int((before >= 0).sum())
        one = batch.problems.at(np.array([row]))
        owner, total = before, 0.0
        same_channel = np.isclose(problems.gain_per_w, one.gain_per_w, rtol=1e-5).all(axis=(-2, -1))
        episode = int(np.flatnonzero(same_channel)[0])
        for step in range(t, min(t + steps, 6)):
            prb = int((played.step[episode] == step).argmax())
            action = int(played.owner[episode, prb]) * 6 + prb
            if step == t:
                assert batch.action[row] == action
            following = from_scratch.give(owner, np.array([action]))
            total += gamma ** (step - t) * from_scratch.rewards(one, owner, following)[0]
            owner = following
        np.testing.assert_array_equal(owner, after)
        assert batch.reward[row] == pytest.approx(total, rel=1e-4, abs=1e-4)
        assert batch.done[row] == (t + steps >= 6)


def test_the_oldest_episodes_give_way(problems, played):
    memory = EpisodeReplay(15)
    memory.add(problems, played)
    memory.add(problems, played)
    assert len(memory) == 15
    np.testing.assert_array_equal(memory.arrays()["owner"], np.concatenate([played.owner[-3:], played.owner]))


def test_a_restored_memory_gives_the_same_batches(replay):
    copy = EpisodeReplay(100)
    copy.restore(replay.arrays())
    one, other = (memory.sample(np.random.default_rng(4), 20, 2) for memory in (replay, copy))
    np.testing.assert_array_equal(one.action, other.action)
    np.testing.assert_array_equal(one.problems.rate, other.problems.rate)


def test_the_papers_memory_keeps_the_newest_400_transitions():
    memory = TransitionReplay(400)
    for i in range(450):
        memory.add(np.array([i % 2], np.float32), i, float(i), np.array([1.0], np.float32))
    assert len(memory) == 400
    drawn = memory.sample(np.random.default_rng(0), 2000)
    assert set(drawn.action) <= set(range(50, 450))
    assert len(set(drawn.action)) > 380
    np.testing.assert_array_equal(drawn.reward, drawn.action)
    np.testing.assert_array_equal(drawn.before[:, 0], drawn.action % 2)


def test_the_papers_memory_survives_a_checkpoint():
    memory, copy = TransitionReplay(3), TransitionReplay(3)
    copy.restore(memory.arrays())
    assert len(copy) == 0
    for i in range(5):
        memory.add(np.array([0.0], np.float32), i, 0.5 * i, np.array([1.0], np.float32))
    copy.restore(memory.arrays())
    assert copy.arrays()["action"].tolist() == [2, 3, 4]
    assert copy.arrays()["reward"].tolist() == [1.0, 1.5, 2.0]
