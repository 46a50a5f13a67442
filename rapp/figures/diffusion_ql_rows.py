"""The rows of Diffusion-QL's tables: which preset, trained where, drawn from how; and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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
from xapps.classic.cell import gains, single_cell
from xapps.classic.matching import match
from xapps.diffusion_ql.experience import throughput_bps_hz
from xapps.diffusion_ql.policy import with_sampling
from xapps.diffusion_ql.reward import of_rates
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build
from xapps.ssvae import prior
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
    teacher: Literal["", "dqn", "plain"] = ""
    """Whose finished run is learned from: a DQN's, or that of Diffusion-QL without a prior."""


BY_Q = {"steps": 1, "candidates": 8, "choose": "q", "temperature": 2.0}
BY_PHYSICS = {"steps": 1, "candidates": 8, "choose": "physics", "temperature": 0.5}
FIVE_STEPS: dict[str, Any] = {"steps": 5}

WAYS = (
    Row(title="Diffusion-QL, best of 8 by Q", sampling=BY_Q),
    Row(title="Diffusion-QL, best of 8 by its own physics", sampling=BY_PHYSICS),
    Row(title="Diffusion-QL, 1 step", sampling={"steps": 1}),
    Row(title="Diffusion-QL, 5 steps", sampling=FIVE_STEPS),
    Row(title="Diffusion-QL, 20 steps", sampling={"steps": 20}),
    Row(title="without a prior, 1 step", preset="plain", sampling={"steps": 1}, seeds=3),
    Row(title="without a prior, 5 steps", preset="plain", sampling=FIVE_STEPS, seeds=3),
    Row(title="Diffusion-QL as printed (Table I)", preset="paper", seeds=1),
)

VARIETY = {"parts": 12, "ues": [0.3, 2.0], "power_db": [-10.0, 3.0], "cap_db": [-10.0, 0.0], "noise_db": [0.0, 18.0]}
"""Loads, powers and noise of a training that shall hold for more than one."""

ABLATIONS = (
    Row(title="all", seeds=3),
    Row(title="without the prior", changes={"prior": False}, seeds=3),
    Row(title="owners one by one instead of ranking", changes={"denoising": "likelihood"}, seeds=3),
    Row(title="with Q guidance", changes={"guidance": 0.1}, seeds=3),
    Row(title="without its own answers", changes={"own_answers": 0}, seeds=3),
    Row(title="all answers alike", changes={"behaviour_temperature": 0.0}, seeds=3),
    Row(title="the printed reward", changes={"reward": "printed"}, seeds=3),
    Row(
        title="a DQN among the behaviour policies",
        changes={"behaviours": ["random", "random-repaired", "greedy", "dqn"]},
        teacher="dqn",
        seeds=3,
    ),
    Row(
        title="a DQN as the only behaviour policy, no prior",
        changes={"behaviours": ["dqn"], "prior": False},
        teacher="dqn",
        seeds=3,
    ),
    Row(title="varied loads, powers and noise", changes={"variety": VARIETY}, seeds=3),
    Row(title="neither prior nor ranking, with guidance", preset="plain", sampling={"steps": 1}, seeds=3),
    Row(title="*cloned from matching, a heuristic*", changes={"behaviours": ["matching"], "own_answers": 0}, seeds=3),
)

STUDENT = {"preset": "student", "teacher": "plain", "seeds": 3}

STEPS: dict[str, tuple[Row, ...]] = {
    "without a prior, DDIM": tuple(
        Row(title=f"{steps}", preset="plain", sampling={"steps": steps}, seeds=3) for steps in (1, 2, 5, 20)
    ),
    "its student": tuple(Row(title=f"{steps}", sampling={"steps": steps}, **STUDENT) for steps in (1, 2)),  # type: ignore[arg-type]
    "with a prior, DDIM": tuple(Row(title=f"{steps}", sampling={"steps": steps}, seeds=3) for steps in (1, 2, 5, 20)),
    "without a prior, DDIM, best of 8 by physics": tuple(
        Row(title=f"{steps}", preset="plain", sampling=BY_PHYSICS | {"steps": steps}, seeds=3)
        for steps in (1, 2, 5, 20)
    ),
    "its student, best of 8 by physics": tuple(
        Row(title=f"{steps}", sampling=BY_PHYSICS | {"steps": steps}, **STUDENT)  # type: ignore[arg-type]
        for steps in (1, 2)
    ),
}
"""Fewer steps: the chains' sub-steps, and a student of the twenty."""


class ScoreAllocator:
    """The decoder on scores that nobody learned: what of a row is the decoder's merit.

    Args:
        name: of the row.
        scores: a report's scores, shape (U, R, K); UEs go to their strongest RU.
    """

    def __init__(self, name: str, scores: Callable[[RadioReport], NDArray[np.floating]]) -> None:
        self.name = name
        self._scores = scores

    def decide(self, report: RadioReport) -> Allocation:
        association = gains(report).mean(axis=-1)[None]
        scores = np.asarray(self._scores(report), np.float64)
        return decode(report, association, scores[None], Decoding())


def unlearned() -> dict[str, Allocator]:
    """The same decoder on equal-power rates, on the prior alone, and on noise."""
    rng = np.random.default_rng(0)
    return {
        "rates at equal power, same decoder": ScoreAllocator(
            "rates", lambda report: np.log2(1.0 + db_to_linear(equal_power_snr_db(report)))
        ),
        "the prior alone, same decoder": ScoreAllocator("prior", prior.unlearned_scores),
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
        teacher=_teacher(plan, scenario_name, row, seed),
    )
    return Run.create(plan.root / "runs", config)


def dqn_run(plan: Plan, scenario_name: str, preset: str, seed: int) -> Run:
    """A DQN's run, the one that its own page trains."""
    config = RunConfig(allocator="dqn", model="dqn", preset=preset, seed=seed, scenario=scenario_name)
    return Run.create(plan.root / "runs", config)


def _teacher(plan: Plan, scenario_name: str, row: Row, seed: int) -> str:
    """Folder of the run that a row learns from, finished if need be; empty if it learns from none."""
    if not row.teacher:
        return ""
    if row.teacher == "dqn":
        run = dqn_run(plan, scenario_name, "fair", seed)
    else:
        run = run_of(plan, scenario_name, Row(title="", preset=row.teacher), seed)
    run.execute()
    return str(run.folder)


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

    stream: Stream = Stream.HELD_OUT

    @classmethod
    def of(cls, scenario: Scenario, num_drops: int, stream: Stream = Stream.HELD_OUT) -> Judge:
        report = Simulator(scenario, generator(stream, 0), (num_drops,)).observe()
        cells = [single_cell(drop) for drop in drops(report)]
        unit = np.array([throughput_bps_hz(cell, match(cell)) for cell in cells])
        return cls(scenario, num_drops, report, unit, stream)

    def tried(self, name: str, allocator: Allocator) -> tuple[Trial, float]:
        """An allocator's trial, and the mean polished reward of what the shield let through."""
        simulator = Simulator(self.scenario, generator(self.stream, 0), (self.num_drops,))
        found = [decided(allocator, drop) for drop in drops(simulator.observe())]
        allocation = stack([each.allocation for each in found])
        rate = rates_bps_hz(db_to_linear(np.asarray(self.report.gain_db)), allocation, self.report.noise_w)
        worth = of_rates(rate, self.report.weight, self.report.min_rate_bps_hz, self.unit_bps_hz)
        return judged(name, simulator, found), float(worth.mean())


def classic(names: Sequence[str]) -> dict[str, Allocator]:
    """Classic allocators by name."""
    return {name: allocators.build(name) for name in names}
