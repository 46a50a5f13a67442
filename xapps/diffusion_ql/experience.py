"""What is learned from: drops, several answers to each, and what each answer was worth. No answer is an optimum.

Answers come from policies that need no label (random, random repaired, greedy), from perturbing theirs, from the field,
and later from the learning policy itself. ``matching`` can be asked for as well; what is learned from it is cloned from
a near-optimal heuristic and must be called so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.classic import greedy
from xapps.classic.cell import Array, Cell, Indices, single_cell
from xapps.classic.matching import Solution, match
from xapps.classic.random_assignment import drawn
from xapps.diffusion_ql.reward import Kind, of_rates, rewards
from xapps.ssvae.batches import drops, num_drops, take
from xapps.ssvae.decoder import Decoding, decode

BEHAVIOURS: dict[str, Callable[[Cell, np.random.Generator], Indices]] = {
    "random": drawn,
    "random-repaired": lambda cell, rng: greedy.repaired(cell, drawn(cell, rng)),
    "greedy": lambda cell, rng: greedy.repaired(cell, greedy.best_channel(cell)),
    "matching": lambda cell, rng: match(cell).owner,
}
"""Policies whose answers may be learned from: owners (K,) of a cell's PRBs."""

Behaviour = Callable[[RadioReport, np.random.Generator], Indices]
"""A policy that answers a batch of drops (N, U, 1, K) at once: owners (N, K)."""

EMPTY = -np.inf
"""Reward of a place that holds no answer yet."""


@dataclass(slots=True, eq=False)
class Experience:
    """N drops of one cell with M places for answers each; the last places are the learning policy's own."""

    report: RadioReport
    """Arrays (N, U, 1, K)."""
    owner: NDArray[np.int16]
    """Position of the UE on each PRB, shape (N, M, K)."""
    reward: Array
    """Shape (N, M); ``EMPTY`` where there is no answer."""
    unit_bps_hz: Array
    """Weighted throughput that counts as one, shape (N,)."""
    kind: Kind
    own: int
    """Number of the last places that belong to the learning policy."""

    @property
    def size(self) -> int:
        return len(self.reward)

    def judge(self, index: int, owner: Indices) -> Array:
        """Rewards of answers (M, K) to one drop, shape (M,)."""
        return rewards(self.kind, cell_of(self.report, index), owner, float(self.unit_bps_hz[index]))

    def keep(self, index: int, owner: Indices, worth: Array) -> None:
        """Put the learning policy's newest answers, shape (own - 1, K), into its own places; the best ever stays last.

        The last place holds the best answer of all, whoever gave it.
        """
        first, last = self.reward.shape[1] - self.own, self.reward.shape[1] - 1
        best = int(self.reward[index].argmax())
        if worth.max() > self.reward[index, best]:
            self.owner[index, last], self.reward[index, last] = owner[worth.argmax()], worth.max()
        else:
            self.owner[index, last], self.reward[index, last] = self.owner[index, best], self.reward[index, best]
        self.owner[index, first:last], self.reward[index, first:last] = owner, worth


def gather(
    report: RadioReport,
    behaviours: Sequence[str],
    rng: np.random.Generator,
    *,
    perturbed: int,
    own: int,
    kind: Kind = "polished",
    trained: Mapping[str, Behaviour] | None = None,
) -> Experience:
    """Answers of the behaviour policies to a batch of drops, with their rewards.

    Args:
        report: arrays (N, U, 1, K).
        perturbed: further answers, each a behaviour's with some PRBs in other hands.
        own: places kept free for the learning policy: one for the best answer, the others for its newest ones.
        trained: policies beside ``BEHAVIOURS``, by the names under which ``behaviours`` asks for them.

    Raises:
        ConfigError: no or an unknown behaviour, or several RUs.
    """
    others = trained or {}
    _require(behaviours, [*BEHAVIOURS, *others])
    given = {name: others[name](report, rng) for name in behaviours if name in others}
    count = len(behaviours) + perturbed
    shape = (num_drops(report), count + own, np.asarray(report.gain_db).shape[-1])
    owner, worth = np.zeros(shape, np.int16), np.full(shape[:2], EMPTY)
    unit = np.empty(shape[0])
    for index, drop in enumerate(drops(report)):
        cell = single_cell(drop)
        unit[index] = throughput_bps_hz(cell, match(cell))
        answers = np.stack(
            [given[name][index] if name in given else BEHAVIOURS[name](cell, rng) for name in behaviours]
        )
        owner[index, :count] = with_perturbed(answers, perturbed, cell.num_ues, rng)
        worth[index, :count] = rewards(kind, cell, owner[index, :count].astype(np.intp), unit[index])
    return Experience(report, owner, worth, unit, kind, own)


def observed(report: RadioReport, owner: Indices, rate_bps_hz: Array) -> Experience:
    """Answers that were given in the field with what they brought: one place a drop.

    The reward is the polished one of the *measured* rates, so it holds whatever else happened in the interval, and
    powers that were not exact.

    Args:
        report: arrays (N, U, 1, K).
        owner: shape (N, K); every PRB has one.
        rate_bps_hz: of each UE in the interval, shape (N, U).

    Raises:
        ConfigError: several RUs.
    """
    cells = [single_cell(drop) for drop in drops(report)]
    unit = np.array([throughput_bps_hz(cell, match(cell)) for cell in cells])
    worth = [of_rates(rate_bps_hz[i], c.weight, c.min_rate_bps_hz, unit[i]) for i, c in enumerate(cells)]
    return Experience(report, owner[:, None].astype(np.int16), np.array(worth)[:, None], unit, "polished", 0)


def with_perturbed(answers: Indices, count: int, num_ues: int, rng: np.random.Generator) -> Indices:
    """The answers (B, K) and ``count`` more, shape (B + count, K): the last of them, which is the most sensible, with a
    tenth to a third of its PRBs dealt anew among their owners or, one in five, to anybody."""
    num_prbs = answers.shape[-1]
    rows = [*answers]
    for _ in range(count):
        row = answers[-1].copy()
        moved = rng.permutation(num_prbs)[: max(2, round(num_prbs * rng.uniform(0.1, 0.33)))]
        row[moved] = rng.permutation(row[moved])
        anybody = moved[rng.random(len(moved)) < 0.2]
        row[anybody] = rng.integers(num_ues, size=len(anybody))
        rows.append(row)
    return np.stack(rows)


def cell_of(report: RadioReport, index: int) -> Cell:
    """The cell of one drop of a batch."""
    return single_cell(take(report, index))


def decoded_owners(drop: RadioReport, logits: Array) -> Indices:
    """What the decoder makes of each answer by itself, log-odds (C, U, 1, K) to owners (C, K)."""
    association = np.zeros((1, drop.num_ues, 1))
    return np.stack([decode(drop, association, each[None], Decoding()).prb_owner[0] for each in logits]).astype(np.intp)


def throughput_bps_hz(cell: Cell, solution: Solution) -> float:
    """Weighted throughput of a solution."""
    return float(cell.rates_bps_hz(solution.owner, solution.power_w) @ cell.weight)


def _require(behaviours: Sequence[str], known: Sequence[str]) -> None:
    for name in behaviours:
        if name not in known:
            raise ConfigError("behaviours", name, f"known are {', '.join(known)}")
    if not behaviours:
        raise ConfigError("behaviours", (), "at least one")
