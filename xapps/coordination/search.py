"""The search that all allocators of this room share: a few sweeps of best responses, then moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oran.e2sm.rrm import Allocation
from oran.errors import ConfigError
from xapps.coordination.field import Field, Single, State
from xapps.coordination.moves import move_round
from xapps.coordination.response import state_value, sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to search."""

    sweeps: int = 2
    rounds: int = 1
    """Moves that each RU may make after the sweeps."""

    def __post_init__(self) -> None:
        if min(self.sweeps, self.rounds) < 0:
            raise ConfigError("effort", (self.sweeps, self.rounds), "not negative")


def even_start(field: Field, candidates: int = 1) -> State:
    """Nobody is served yet, but every RU is expected to split its power evenly."""
    state = State.silent(field, candidates)
    state.power_w[...] = np.minimum(field.budget_w / max(field.shape[-1], 1), field.cap_w)[:, None]
    return state


def uneven_starts(field: Field, candidates: int, rng: np.random.Generator) -> State:
    """The even start, and others with random powers and random silence: different ends for the same search."""
    state = even_start(field, candidates)
    others = state.power_w[:, 1:]
    others *= (2.0 * rng.random(others.shape) * (rng.random(others.shape) < 0.7)).astype(np.float32)
    return state


def start_from(field: Field, allocation: Allocation) -> State:
    """The state of a decision for the only drop of ``field``, which must have its associations; idle RUs are silent."""
    state = State.silent(field, 1)
    ru, member = np.nonzero(field.members[0] >= 0)
    of_ue = np.zeros(len(allocation.serving_ru), np.intp)
    of_ue[field.members[0, ru, member]] = member
    for each, (owner, power_w) in enumerate(zip(allocation.prb_owner, allocation.power_w, strict=True)):
        granted_w = np.where(owner >= 0, power_w, 0.0).astype(np.float32)
        state.assign(field, each, of_ue[np.maximum(owner, 0)][None, None], granted_w[None, None])
    return state


def search(field: Field, state: State, effort: Effort) -> Single:
    """Improves every candidate in place; returns their values, shape (D, C)."""
    for _ in range(effort.sweeps):
        sweep(field, state)
    move_round(field, state, effort.rounds)
    return state_value(field, state)
