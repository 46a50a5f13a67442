"""Interfering RUs: classical searches and searches over foreseen associations, on the same drops."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from rapp.draws import Stream, draw, generator
from rapp.evaluation import Decided, Trial, decided, judged
from rapp.figures.trials import kept_trial
from rapp.files import write_atomically
from xapps import allocators
from xapps.coordination import association, learner, presets
from xapps.coordination.policy import CoordinationPolicy, SweepAllocator
from xapps.coordination.search import Effort
from xapps.runtime.contracts import Allocator
from xapps.ssvae.batches import drops

THREE_SLICES = (
    {"name": "eMBB", "num_ues": 3, "min_rate_bps_hz": 3, "max_delay_s": 0.020, "packet_bytes": 1000},
    {"name": "URLLC", "num_ues": 3, "min_rate_bps_hz": 2, "max_delay_s": 0.001, "packet_bytes": 32},
    {"name": "mMTC", "num_ues": 3, "min_rate_bps_hz": 0.5, "max_delay_s": 1.0, "packet_bytes": 125},
)

SHARE_OF_DROPS = {"interfering": 2, "three slices": 2, "interfering-7": 5, "interfering-19": 10}
"""Drops that everybody is judged on: the plan's number over this; more RUs say more a drop."""

LESSONS = {"interfering": 400, "three slices": 200, "interfering-7": 24}
"""Drops that a foresight learns from, all changes of each tried; none has 19 RUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A row: how to search, learned or not."""

    title: str
    sweeps: int = 2
    rounds: int = 1
    starts: int = 1
    passes: int = 0
    """Above 0: learned, so many passes of foreseen changes."""
    classical: str = ""
    """Another classical allocator's name; empty: one of the searches of this room."""
    most_rus: int = 1000
    """With more RUs than this it takes too long."""
    last_only: bool = False

    def allocator(self, weights: dict[str, np.ndarray] | None) -> Allocator:
        if self.classical:
            return allocators.build(self.classical)
        effort = Effort(sweeps=self.sweeps, rounds=self.rounds)
        if weights is None:
            return SweepAllocator(effort, self.starts)
        return CoordinationPolicy(weights, effort, self.passes, self.last_only, self.starts)


CLASSICAL = (
    Contender(title="matching", classical="matching"),
    Contender(title="local-search", classical="local-search"),
    Contender(title="sweep, 1 + 1", sweeps=1),
    Contender(title="sweep, 2 + 1"),
    Contender(title="sweep, 3 + 2", sweeps=3, rounds=2),
    Contender(title="sweep, 5 + 3", sweeps=5, rounds=3),
    Contender(title="sweep, 3 + 2, best of 4 starts", sweeps=3, rounds=2, starts=4),
    Contender(title="sweep, 3 + 2, best of 8 starts", sweeps=3, rounds=2, starts=8),
    Contender(title="sweep, 3 + 2, every change of RU tried", classical="sweep-all-changes", most_rus=3),
)
LEARNED = (
    Contender(title="learned, 1 + 1", sweeps=1, passes=3, last_only=True),
    Contender(title="learned, 2 + 1", passes=3, last_only=True),
    Contender(title="learned, 3 + 2", sweeps=3, rounds=2, passes=5, last_only=True),
    Contender(title="learned, 3 + 2, best of up to 5", sweeps=3, rounds=2, passes=4),
    Contender(title="learned, 3 + 2, best of 8 starts", sweeps=3, rounds=2, passes=5, last_only=True, starts=8),
)
"""Titles: sweeps + rounds of moves."""


@cache
def scenario_of(name: str) -> Scenario:
    if name == "three slices":
        return scenarios.varied(scenarios.load("interfering"), slices=list(THREE_SLICES))
    return scenarios.load(name)


def trained(root: Path, seed: int) -> tuple[dict[str, np.ndarray], float]:
    """A foresight for any number of RUs, and what labels and training cost [CPU s]; kept."""
    path = root / f"foresight-{'-'.join(scenario_of(name).digest[:6] for name in LESSONS)}-{seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        start_s, preset = time.process_time(), presets.preset("sane")
        lessons = [_lesson(name, count, preset, seed) for name, count in LESSONS.items()]
        weights = learner.train(lessons, preset, seed=seed)
        with write_atomically(path) as file:
            np.savez(file, cpu_seconds=time.process_time() - start_s, **weights)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as kept:
        shapes = association.weight_shapes(len(kept["in.bias"]))
        return {name: kept[name] for name in shapes}, float(kept["cpu_seconds"])


def _lesson(name: str, count: int, preset: presets.Preset, seed: int) -> learner.Lesson:
    rng = generator(Stream.LABELLED, seed)
    return learner.lesson(draw(scenario_of(name), rng, count), preset, rng)


def reference(root: Path, name: str, allocator: str, num_drops: int) -> Trial:
    """A slow classical allocator's trial, kept."""
    return kept_trial(
        root, allocator, lambda: allocators.build(allocator), scenario_of(name), seed=0, num_drops=num_drops
    )


def contest(name: str, contenders: Sequence[Allocator], num_drops: int) -> list[Trial]:
    """Everybody's trial on the held-out drops, in turns drop by drop: a machine that slows down slows down all."""

    def simulator() -> Simulator:
        return Simulator(scenario_of(name), generator(Stream.HELD_OUT, 0), (num_drops,))

    found: list[list[Decided]] = [[] for _ in contenders]
    for report in drops(simulator().observe()):
        for allocator, decisions in zip(contenders, found, strict=True):
            decisions.append(decided(allocator, report))
    return [judged(each.name, simulator(), decisions) for each, decisions in zip(contenders, found, strict=True)]
