"""The rows of Diffusion-QL's tables: which preset, trained where, drawn from how; and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.objective import rates_bps_hz
from e2sim.physics.units import db_to_linear
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation, RadioReport
from rapp.draws import Stream, generator
from rapp.evaluation import Trial, decided, judged
from rapp.figures.tables import Plan, Say
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.classic.cell import single_cell
from xapps.classic.matching import match
from xapps.diffusion_ql.experience import throughput_bps_hz
from xapps.diffusion_ql.policy import with_sampling
from xapps.diffusion_ql.reward import of_rates
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build
from xapps.ssvae.batches import drops, stack
from xapps.ssvae.decoder import Decoding, decode
from xapps.ssvae.features import equal_power_snr_db

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A preset with changes, and how its answers are drawn."""

    title: str
    preset: str = "sane"
    changes: Mapping[str, Any] = field(default_factory=dict)
    sampling: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 0
    """Of the plan's seeds the first so many; 0: all."""


BY_Q = {"candidates": 8, "choose": "q", "temperature": 0.5}
BY_PHYSICS = {"candidates": 8, "choose": "physics", "temperature": 0.5}

WAYS = (
    Row(title="Diffusion-QL, best of 8 by Q", sampling=BY_Q),
    Row(title="Diffusion-QL, best of 8 by its own physics", sampling=BY_PHYSICS),
    Row(title="Diffusion-QL, 5 steps"),
    Row(title="Diffusion-QL, 1 step", sampling={"steps": 1}),
    Row(title="Diffusion-QL, 20 steps", sampling={"steps": 20}),
    Row(title="Diffusion-QL as printed (Table I)", preset="paper", seeds=1),
)

IMITATION = {"guidance": 0.0, "own_answers": 0}

ABLATIONS = (
    Row(title="all", seeds=1),
    Row(title="without Q guidance", changes={"guidance": 0.0}, seeds=1),
    Row(title="without its own answers", changes={"own_answers": 0}, seeds=1),
    Row(title="imitation of better answers alone", changes=IMITATION, seeds=1),
    Row(title="imitation of all answers alike", changes=IMITATION | {"behaviour_temperature": 0.0}, seeds=1),
    Row(title="the printed reward", changes={"reward": "printed"}, seeds=1),
    Row(title="*cloned from matching, a heuristic*", changes=IMITATION | {"behaviours": ["matching"]}, seeds=1),
)


class ScoreAllocator:
    """The decoder on scores that nobody learned: what of a row is the decoder's merit.

    Args:
        name: of the row.
        scores: a report's scores, shape (U, 1, K).
    """

    def __init__(self, name: str, scores: Callable[[RadioReport], Array]) -> None:
        self.name = name
        self._scores = scores

    def decide(self, report: RadioReport) -> Allocation:
        return decode(report, np.zeros((1, report.num_ues, 1)), self._scores(report)[None], Decoding())


def unlearned() -> dict[str, Allocator]:
    """The same decoder on equal-power rates, and on noise."""
    rng = np.random.default_rng(0)
    return {
        "rates at equal power, same decoder": ScoreAllocator(
            "rates", lambda report: np.log2(1.0 + db_to_linear(equal_power_snr_db(report)))
        ),
        "noise, same decoder": ScoreAllocator("noise", lambda report: rng.standard_normal(report.gain_db.shape)),  # type: ignore[union-attr]
    }


def run_of(plan: Plan, scenario_name: str, row: Row, seed: int) -> Run:
    """The run of a row, new or found."""
    config = RunConfig(
        allocator="diffusion-ql",
        model="diffusion-ql",
        preset=row.preset,
        changes=dict(row.changes),
        seed=seed,
        scenario=scenario_name,
    )
    return Run.create(plan.root / "runs", config)


def trained(plan: Plan, scenario_name: str, row: Row, seed: int) -> ModelFile:
    """The model of a row, drawn from in its way; from its run folder if it is there."""
    return with_sampling(run_of(plan, scenario_name, row, seed).execute(), **row.sampling)


def models(plan: Plan, scenario_name: str, row: Row, say: Say) -> list[ModelFile]:
    """A row's models, one a seed."""
    seeds = plan.seeds[: row.seeds or None]
    for seed in seeds:
        say(f"{scenario_name}: {row.title}, seed {seed}")
    return [trained(plan, scenario_name, row, seed) for seed in seeds]


def served(model: ModelFile) -> Allocator:
    """The allocator that a model serves as."""
    return build(model).allocator


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Held-out drops of a scenario of one RU, the same for everybody."""

    scenario: Scenario
    num_drops: int
    report: RadioReport
    unit_bps_hz: Array
    """Matching's throughput in each drop: the unit of the polished reward."""

    @classmethod
    def of(cls, scenario: Scenario, num_drops: int) -> Judge:
        report = Simulator(scenario, generator(Stream.HELD_OUT, 0), (num_drops,)).observe()
        cells = [single_cell(drop) for drop in drops(report)]
        return cls(scenario, num_drops, report, np.array([throughput_bps_hz(cell, match(cell)) for cell in cells]))

    def tried(self, name: str, allocator: Allocator) -> tuple[Trial, float]:
        """An allocator's trial, and the mean polished reward of what the shield let through."""
        simulator = Simulator(self.scenario, generator(Stream.HELD_OUT, 0), (self.num_drops,))
        found = [decided(allocator, drop) for drop in drops(simulator.observe())]
        allocation = stack([each.allocation for each in found])
        rate = rates_bps_hz(db_to_linear(np.asarray(self.report.gain_db)), allocation, self.report.noise_w)
        worth = of_rates(rate, self.report.weight, self.report.min_rate_bps_hz, self.unit_bps_hz)
        return judged(name, simulator, found), float(worth.mean())


def classic(names: Sequence[str]) -> dict[str, Allocator]:
    """Classic allocators by name."""
    return {name: allocators.build(name) for name in names}
