"""Episodes of the fair variant: from nothing assigned to every PRB given away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xapps.dqn import assignment, network
from xapps.dqn.assignment import REWARD_SCALE, Indices, Owners, Problems
from xapps.dqn.features import observe
from xapps.dqn.network import Architecture, Weights
from xapps.dqn.state import State


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """What was done in a batch of problems, in full."""

    owner: Owners
    """Final owners, shape (N, K)."""
    step: Indices
    """Number of the step, from 0, at which each PRB was given away, shape (N, K)."""
    reward: NDArray[np.float64]
    """By step, shape (N, K)."""


Judge = Callable[[State, Indices], NDArray[np.floating]]
"""Ranks pairs, indices into the flattened (N, U, K), within each problem; shape (M,)."""


def by_network(architecture: Architecture, weights: Weights) -> Judge:
    """Judges by a Q-network; ``weights`` are numpy arrays."""

    def judge(state: State, pairs: Indices) -> NDArray[np.floating]:
        values: NDArray[np.float32] = network.pair_advantages(architecture, weights, observe(state, pairs))
        return values

    return judge


def by_next_reward(state: State, pairs: Indices) -> NDArray[np.floating]:
    """Judges by the potential that a pair gains at once: what the decision process is worth if nobody learns."""
    return state.next_gain(pairs).astype(np.float32)


def play(
    judge: Judge,
    problems: Problems,
    rng: np.random.Generator | None = None,
    epsilon: NDArray[np.float64] | float = 0.0,
) -> Episodes:
    """Play every problem to its end, epsilon-greedily.

    Rewards are the potential's change, and at the end what exact powers make of it.

    Args:
        rng: draws the exploration; None plays greedily whatever ``epsilon`` is.
        epsilon: probability of a random allowed action, one for all or one a problem, shape (N,).
    """
    state = State(problems)
    step = np.zeros_like(state.owner)
    potential = np.empty((len(problems), problems.num_prbs + 1))
    for t in range(problems.num_prbs):
        potential[:, t] = state.potential
        action = choose(judge, state, rng, epsilon)
        state.give(action)
        step[np.arange(len(step)), action % problems.num_prbs] = t
    potential[:, -1] = assignment.worth(problems, state.owner).value - problems.best_possible
    return Episodes(state.owner, step, REWARD_SCALE * np.diff(potential, axis=-1))


def finish(judge: Judge, problems: Problems) -> Owners:
    """Owners after greedy episodes, shape (N, K): as :func:`play`, without the book-keeping of learning."""
    state = State(problems)
    for _ in range(problems.num_prbs):
        if state.settled:
            break
        state.give(choose(judge, state, None, 0.0))
    return state.settle()


def choose(
    judge: Judge, state: State, rng: np.random.Generator | None, epsilon: NDArray[np.float64] | float
) -> Indices:
    """One action a problem, an index into the flattened (U, K), shape (N,)."""
    allowed = state.actions().reshape(len(state.owner), -1)
    pairs = np.flatnonzero(allowed)
    greedy = scattered(judge(state, pairs), pairs, allowed.shape).argmax(axis=-1)
    if rng is None:
        return greedy
    drawn = np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=-1)
    return np.where(rng.random(len(allowed)) < epsilon, drawn, greedy)


def scattered(values: NDArray[np.floating], pairs: Indices, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Values of pairs, shape (M,), in their places in an array of ``shape``, -inf elsewhere."""
    q = np.full(shape, -np.inf, np.float32)
    q.reshape(-1)[pairs] = values
    return q
