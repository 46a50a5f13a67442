"""Episodes of the fair variant: from nothing assigned to every PRB given away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xapps.dqn import assignment, network
from xapps.dqn.assignment import Indices, Mask, Owners, Problems
from xapps.dqn.features import observe
from xapps.dqn.network import Architecture, NumpySegments, Weights


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """What was done in a batch of problems, in full."""

    owner: Owners
    """Final owners, shape (N, K)."""
    step: Indices
    """Number of the step, from 0, at which each PRB was given away, shape (N, K)."""
    reward: NDArray[np.float64]
    """By step, shape (N, K)."""


Judge = Callable[[Problems, Owners, Mask], NDArray[np.float32]]
"""Values of the allowed pairs, shape (M,), in a state; ``allowed`` has shape (N, U * K)."""


def by_network(architecture: Architecture, weights: Weights) -> Judge:
    """Judges by a Q-network; ``weights`` are numpy arrays."""

    def judge(problems: Problems, owner: Owners, allowed: Mask) -> NDArray[np.float32]:
        segments = NumpySegments(np.count_nonzero(allowed, axis=-1))
        values: NDArray[np.float32] = network.pair_values(
            architecture, weights, visible(problems, owner, allowed), segments, np
        )
        return values

    return judge


def by_next_reward(problems: Problems, owner: Owners, allowed: Mask) -> NDArray[np.float32]:
    """Judges by the potential that a pair gains at once: what the decision process is worth if nobody learns."""
    return assignment.next_gain(problems, owner).reshape(allowed.shape)[allowed].astype(np.float32)


def play(
    judge: Judge,
    problems: Problems,
    rng: np.random.Generator | None = None,
    epsilon: NDArray[np.float64] | float = 0.0,
) -> Episodes:
    """Play every problem to its end, epsilon-greedily.

    Args:
        rng: draws the exploration; None plays greedily whatever ``epsilon`` is.
        epsilon: probability of a random allowed action, one for all or one a problem, shape (N,).
    """
    owner = problems.unassigned()
    step = np.zeros_like(owner)
    reward = np.zeros(owner.shape)
    for t in range(problems.num_prbs):
        after = assignment.give(owner, choose(judge, problems, owner, rng, epsilon))
        reward[:, t] = assignment.rewards(problems, owner, after)
        step[after != owner] = t
        owner = after
    return Episodes(owner, step, reward)


def finish(judge: Judge, problems: Problems) -> Owners:
    """Owners after greedy episodes, shape (N, K): as :func:`play`, without the book-keeping of learning."""
    owner = problems.unassigned()
    for _ in range(problems.num_prbs):
        owner = assignment.give(owner, choose(judge, problems, owner, None, 0.0))
    return owner


def choose(
    judge: Judge,
    problems: Problems,
    owner: Owners,
    rng: np.random.Generator | None,
    epsilon: NDArray[np.float64] | float,
) -> Indices:
    """One action a problem, an index into the flattened (U, K), shape (N,)."""
    allowed = assignment.actions(problems, owner).reshape(len(owner), -1)
    greedy = scattered(judge(problems, owner, allowed), allowed).argmax(axis=-1)
    if rng is None:
        return greedy
    drawn = np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=-1)
    return np.where(rng.random(len(owner)) < epsilon, drawn, greedy)


def visible(problems: Problems, owner: Indices, allowed: Mask) -> NDArray[np.float32]:
    """Features of the allowed pairs, shape (M, F), one problem after another; ``allowed`` has shape (N, U * K)."""
    return observe(problems, owner).reshape(*allowed.shape, -1)[allowed]


def scattered(values: NDArray[np.float32], allowed: Mask) -> NDArray[np.float32]:
    """Values of the allowed pairs, shape (M,), in their places, shape (N, U * K), -inf elsewhere."""
    q = np.full(allowed.shape, -np.inf, np.float32)
    q[allowed] = values
    return q
