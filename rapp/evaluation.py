"""The gate: a candidate against what serves now, on held-out drops that everybody meets alike, references beside it.

All allocators see the same drops (common random numbers), so that differences are paired and little noise is left in
them. The score of a drop is its weighted throughput if every service level in it holds, and 0 if not: an allocator that
drops the weak users gains throughput and must not be paid for it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError
from rapp.draws import Stream, draw, generator
from xapps import allocators
from xapps.runtime import shield
from xapps.runtime.contracts import Allocator
from xapps.ssvae.batches import drops, stack

Array = NDArray[np.float64]

REFERENCES = ("equal", "random", "greedy", "matching", "exact")
"""Classic allocators that are printed in every table of the docs."""

CLASSIC = (*REFERENCES, "round-robin", "proportional-fair", "local-search", "joint")
"""Classic allocators that the gate shows beside a candidate, where they can decide."""

SLOW = {"joint": 20}
"""References that decide only the first so many drops: a mixed-integer program of seconds a drop."""

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What a candidate must satisfy."""

    max_satisfied_loss: float = 0.005
    """Largest drop in the share of satisfied UEs against what serves."""
    max_latency_p99_ms: float = 20.0
    """Longest 99th percentile of a decision's processor time [ms]."""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """A decision as the node would get it."""

    allocation: Allocation
    repaired: int
    """Entries that the shield had to change."""
    latency_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What one allocator did on the held-out drops, arrays (N,)."""

    name: str
    score: Array
    """Weighted throughput where all service levels hold, else 0 [bps/Hz]."""
    weighted_throughput: Array
    satisfied: Array
    """Share of the UEs whose service levels hold."""
    repaired: Array
    """Entries that the shield had to change."""
    latency_ms: Array
    """Processor time of a decision: what else the training machine does is no fault of the candidate's; the xApp's
    self-test measures real time where it serves."""

    def summary(self, exact: Trial | None) -> dict[str, float]:
        """Means and percentiles; ``of_exact`` is the ratio of scores on drops that the exact solver can satisfy.

        ``drops`` are those that it decided.
        """
        low, high = interval(self.score)
        shown = {
            "score": float(self.score.mean()),
            "score_low": low,
            "score_high": high,
            "weighted_throughput": float(self.weighted_throughput.mean()),
            "satisfied_share": float(self.satisfied.mean()),
            "drops_all_satisfied": float((self.score > 0).mean()),
            "infeasible_before_projection": float((self.repaired > 0).mean()),
            "latency_p50_ms": float(np.percentile(self.latency_ms, 50)),
            "latency_p99_ms": float(np.percentile(self.latency_ms, 99)),
            "drops": float(len(self.score)),
        }
        if exact is not None and (exact.score[: len(self.score)] > 0).any():
            exact = exact.first(len(self.score))
            solvable = exact.score > 0
            shown["of_exact"] = float(self.score[solvable].sum() / exact.score[solvable].sum())
        return shown

    def first(self, count: int) -> Trial:
        """What it did on the first ``count`` drops."""
        kept = {each.name: getattr(self, each.name)[:count] for each in fields(self) if each.name != "name"}
        return Trial(name=self.name, **kept)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of the gate."""

    accepted: bool
    reasons: tuple[str, ...]
    """Why it was refused; empty when accepted."""
    candidate: str
    incumbent: str
    gain: float
    """Mean paired difference of scores, candidate less incumbent [bps/Hz]."""
    gain_low: float
    gain_high: float
    """Bootstrap interval of the gain."""
    rows: Mapping[str, Mapping[str, float]]
    """One summary an allocator: candidate, incumbent, references."""
    scenario: str
    seed: int
    num_drops: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def metrics(self) -> dict[str, float]:
        """What goes into the candidate's manifest."""
        return dict(self.rows[self.candidate]) | {"gain": self.gain, "gain_low": self.gain_low}


def gate(
    candidate: Allocator,
    incumbent: Allocator,
    references: Sequence[Allocator],
    scenario: Scenario,
    *,
    seed: int,
    num_drops: int,
    rules: GateRules | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Verdict:
    """Try everybody on the same held-out drops and judge the candidate.

    Args:
        seed: of the held-out drops, a stream of their own that no data set draws from.
        on_progress: told the name of each allocator as its trial begins.

    Raises:
        DecisionRefused: an allocator's answer does not have the report's shape.
        ConfigError: an allocator cannot decide in this scenario.
    """
    rules = rules or GateRules()
    named: dict[str, Allocator] = {"candidate": candidate, "incumbent": incumbent}
    named |= {reference.name: reference for reference in references}
    trials = {}
    for name, allocator in named.items():
        if on_progress is not None:
            on_progress(name)
        trials[name] = trial(name, allocator, scenario, seed=seed, num_drops=num_drops, first=SLOW.get(name, 0))
    return judge(trials, rules, scenario.name, seed)


def judge(trials: Mapping[str, Trial], rules: GateRules, scenario: str, seed: int) -> Verdict:
    """The verdict on ``trials["candidate"]`` against ``trials["incumbent"]``."""
    candidate, incumbent = trials["candidate"], trials["incumbent"]
    difference = candidate.score - incumbent.score
    low, high = interval(difference)
    reasons = tuple(_reasons(candidate, incumbent, low, rules))
    return Verdict(
        accepted=not reasons,
        reasons=reasons,
        candidate="candidate",
        incumbent="incumbent",
        gain=float(difference.mean()),
        gain_low=low,
        gain_high=high,
        rows={name: each.summary(trials.get("exact")) for name, each in trials.items()},
        scenario=scenario,
        seed=seed,
        num_drops=len(difference),
    )


def references(scenario: Scenario) -> list[Allocator]:
    """Those of ``CLASSIC`` that can decide in a scenario: ``exact`` one RU, ``joint`` a few that interfere."""
    known = [name for name in CLASSIC if name != "joint" or scenario.num_rus > 1]
    [probe] = drops(draw(scenario, generator(Stream.HELD_OUT, 0, 0), 1))
    return [allocator for allocator in map(allocators.build, known) if _can_decide(allocator, probe)]


def _can_decide(allocator: Allocator, drop: RadioReport) -> bool:
    try:
        allocator.decide(drop)
    except ConfigError:
        return False
    return True


def trial(
    name: str,
    allocator: Allocator,
    scenario: Scenario,
    *,
    seed: int,
    num_drops: int,
    first: int = 0,
    stream: Stream = Stream.HELD_OUT,
) -> Trial:
    """One allocator on the held-out drops, its decisions shielded as in the xApp.

    Args:
        first: decides only the first so many of them; 0: all.
        stream: where the drops come from.
    """
    simulator = Simulator(scenario, generator(stream, seed), (num_drops,))
    for _ in range(scenario.observation.delay_slots):  # reports of a drop's first slots are younger than they will be
        simulator.step(None)
    count = min(first or num_drops, num_drops)
    with _nothing_old_collected():
        found = [decided(allocator, drop) for drop in islice(drops(simulator.observe()), count)]
    filled = found + found[:1] * (num_drops - count)  # the simulator wants a decision for every drop
    return judged(name, simulator, filled).first(count)


@contextmanager
def _nothing_old_collected() -> Iterator[None]:
    """As in an xApp, no full collection walks in mid-decision what existed before (here a fifth of a second, as torch
    and the rest are loaded)."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def judged(name: str, simulator: Simulator, found: Sequence[Decided]) -> Trial:
    """What the decisions do on the drops that ``simulator`` showed."""
    kpi = simulator.step(stack([each.allocation for each in found]))
    throughput = np.asarray(kpi.weighted_throughput_bps_hz)
    return Trial(
        name=name,
        score=np.where(kpi.satisfied.all(axis=-1), throughput, 0.0),
        weighted_throughput=throughput,
        satisfied=kpi.satisfied.mean(axis=-1),
        repaired=np.array([each.repaired for each in found]),
        latency_ms=np.array([each.latency_ms for each in found]),
    )


def decided(allocator: Allocator, drop: RadioReport) -> Decided:
    """One shielded decision, timed without the shield.

    Raises:
        DecisionRefused: the answer does not have the report's shape.
    """
    start_s = time.thread_time()
    proposed = allocator.decide(drop)
    latency_ms = 1e3 * (time.thread_time() - start_s)
    allocation, repaired = shield.project(proposed, drop)
    return Decided(allocation, repaired, latency_ms)


def interval(values: Array) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron 1979); seeded, so that equal trials give equal verdicts."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=-1)
    tail = 100.0 * (1.0 - CONFIDENCE) / 2.0
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return float(low), float(high)


def _reasons(candidate: Trial, incumbent: Trial, gain_low: float, rules: GateRules) -> list[str]:
    reasons = []
    if not gain_low > 0.0:
        reasons.append(f"not better than what serves: the gain's lower bound is {gain_low:.3f} bps/Hz")
    lost = float(incumbent.satisfied.mean() - candidate.satisfied.mean())
    if lost > rules.max_satisfied_loss:
        reasons.append(f"satisfies {100 * lost:.1f} points fewer UEs, allowed are {100 * rules.max_satisfied_loss:.1f}")
    p99_ms = float(np.percentile(candidate.latency_ms, 99))
    if p99_ms > rules.max_latency_p99_ms:
        reasons.append(f"decides in {p99_ms:.1f} ms (p99), allowed are {rules.max_latency_p99_ms:.1f}")
    return reasons
