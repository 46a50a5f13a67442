"""Targets of Q-learning against a loop, and on a process whose values are known."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xapps.dqn.targets import targets


def slow_targets(reward, discount, online, target, double):
    wanted = []
    for r, d, chooser, values in zip(reward, discount, online if double else target, target, strict=True):
        best, best_value = None, None
        for action, value in enumerate(chooser):
            if best is None or value > best_value:
                best, best_value = action, value
        wanted.append(r + d * values[best] if d > 0 else r)
    return wanted


@given(seed=st.integers(0, 10_000), double=st.booleans())
def test_targets_are_those_of_a_loop_over_the_batch(seed, double):
    rng = np.random.default_rng(seed)
    online, target = rng.normal(size=(2, 7, 5))
    masked = rng.random((7, 5)) < 0.3
    masked[:, 2] = False
    online[masked] = target[masked] = -np.inf
    reward, discount = rng.normal(size=7), rng.choice([0.0, 0.9, 1.0], size=7)
    found = targets(reward, discount, online, target, double=double)
    np.testing.assert_allclose(found, slow_targets(reward, discount, online, target, double))


def test_double_targets_take_the_online_networks_choice_at_the_target_networks_value():
    online, target = np.array([[1.0, 2.0]]), np.array([[5.0, 3.0]])
    assert targets(np.zeros(1), np.ones(1), online, target, double=True) == [3.0]
    assert targets(np.zeros(1), np.ones(1), online, target, double=False) == [5.0]


def test_the_end_is_worth_its_reward_even_where_nothing_is_allowed_after_it():
    nothing = np.full((1, 3), -np.inf)
    assert targets(np.array([2.5]), np.zeros(1), nothing, nothing, double=True) == [2.5]


def test_a_table_taught_by_the_targets_reaches_the_values_of_value_iteration():
    """Four states, three actions, random transitions: Q(s, a) = r + gamma max Q(s', .) solved by a linear program's
    twin, policy enumeration."""
    rng = np.random.default_rng(5)
    after, reward = rng.integers(4, size=(4, 3)), rng.normal(size=(4, 3))
    table, frozen = np.zeros((4, 3)), np.zeros((4, 3))
    for step in range(4000):
        state, action = rng.integers(4), rng.integers(3)
        following = after[state, action]
        wanted = targets(
            reward[state, action][None], np.array([0.9]), table[following][None], frozen[following][None], double=True
        )
        table[state, action] += 0.5 * (wanted[0] - table[state, action])
        if step % 20 == 0:
            frozen = table.copy()
    best = max(_policy_values(policy, after, reward).sum() for policy in np.ndindex(3, 3, 3, 3))
    assert np.isclose(table.max(axis=1).sum(), best, atol=1e-3)


def _policy_values(policy, after, reward):
    """Values of a stationary policy, from (I - gamma P) v = r."""
    states = np.arange(4)
    moves = np.zeros((4, 4))
    moves[states, after[states, list(policy)]] = 1.0
    return np.linalg.solve(np.eye(4) - 0.9 * moves, reward[states, list(policy)])
