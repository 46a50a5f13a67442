"""What the tables of ALCOR are made of: policies by training seed, sum rates, and windows of time sharing.

Test seed k is played by the policy of training seed k (modulo the number of trainings), so that an interval over seeds
holds both the channels' and the trainings' spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rapp.alcor_runs import trained
from xapps.alcor import learned
from xapps.alcor.channels import draw_activity, draw_snr
from xapps.alcor.demand_networks import Effort
from xapps.alcor.links import rates_bps_hz, switched
from xapps.alcor.time_sharing import TimeSharing, TimeSharingRule, activation_probability, violation_percent
from xapps.alcor.ura import Ura
from xapps.alcor.window import Trajectory, play, slots

Array = NDArray[np.float64]
Policies = Sequence[Ura]
"""Of each training seed; one of them where nothing was trained."""

HELD_OUT = 9_999
"""First number of the seeds of test channels; trainings begin theirs with their own, smaller seed."""
CHUNK = 100
"""Channels decided at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is spent."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Of test channels."""
    trainings: int = 5
    """Seeds of training, from 0."""
    perceptrons: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds of training of perceptrons."""
    non_diverse: tuple[int, ...] = (0, 1)
    """Of perceptrons and distributed policies that saw everybody active in every channel."""
    channels: int = 1000
    settle: int = 20
    """Iterations before rates count."""
    iterations: int = 150
    """Iterations that count."""
    held: int = 20_000
    """Slots with multipliers held fixed."""
    effort: Effort = field(default_factory=Effort)
    fixed_steps: int = 1500
    """Training steps of the fixed networks of Table II."""
    feasible: int = 40
    """Feasible channels that are looked for, a demand vector."""
    programs: int = 10
    """Of these GP is solved on the first so many at N = 10 and 20 (about a second a round at N = 20)."""
    large_programs: int = 0
    """At N = 50, where a round takes ten seconds."""
    networks: int = 3
    """Training seeds of fixed and dynamic networks."""
    preset: str = "graph"
    root: Path = Path("out/alcor")
    docs: Path = Path("docs")


def learned_policies(plan: Plan, preset: str, seeds: Sequence[int] = (), powers: str = "ranked") -> list[Ura]:
    """The policies of a preset, one a training seed: the given ones, or as many as the plan says."""
    found: list[Ura] = []
    for seed in seeds or range(plan.trainings):
        model = trained(plan.root, preset, seed=seed)
        found.append(learned.from_weights(model.manifest.architecture | {"powers": powers}, model.weights))
    return found


def graph_policies(plan: Plan) -> list[Ura]:
    """The policies that the tables are made with."""
    return learned_policies(plan, plan.preset)


def sum_rates(policies: Policies, users: int, kappa: float, plan: Plan, layout: str = "iid") -> Array:
    """Mean sum rate of each test seed's channels, shape (seeds,) [bps/Hz]."""
    found = []
    for seed, ura in _by_seed(policies, plan):
        rng = channels_rng(seed)
        snr = draw_snr(layout, rng, plan.channels, users)
        active = draw_activity(rng, np.full(users, kappa), plan.channels)
        share = in_chunks(ura, snr, active)
        found.append(rates_bps_hz(switched(snr, active), share).sum(axis=-1).mean())
    return np.array(found)


def dead_users(policies: Policies, users: int, plan: Plan, layout: str = "iid") -> int:
    """Users of all policies who are never above half power on at least 1000 channels with everybody active."""
    snr = draw_snr(layout, channels_rng(plan.seeds[0]), max(plan.channels, 1000), users)
    return sum(int((~(in_chunks(ura, snr, np.ones(snr.shape[:2])) > 0.5).any(axis=0)).sum()) for ura in policies)


def window(ura: Ura, demand: Array, rule: TimeSharingRule, plan: Plan, seed: int) -> Trajectory:
    """One window of time sharing on held-out channels."""
    rng = channels_rng(seed)
    batches = (plan.settle + plan.iterations) * rule.batches
    return play(ura, TimeSharing(demand, rule), lambda b: draw_snr("iid", rng, b, len(demand)), rng, batches)


def windows(policies: Policies, demand: Array, rule: TimeSharingRule, plan: Plan) -> list[Trajectory]:
    """One window a test seed."""
    return [window(ura, demand, rule, plan, seed) for seed, ura in _by_seed(policies, plan)]


def sharing_cell(policies: Policies, demand: Array, rule: TimeSharingRule, plan: Plan) -> str:
    """Sum rate and violation of all slots after ``plan.settle`` iterations, the multipliers moving on."""
    since = plan.settle * rule.batches
    found = windows(policies, demand, rule, plan)
    violation = np.mean([each.violation_percent(demand, since) for each in found])
    return f"{spread(np.array([each.mean_rate(since).sum() for each in found]))} / {violation:.2f}"


def held_violation_percent(
    ura: Ura, demand: Array, rule: TimeSharingRule, found: Trajectory, plan: Plan, seed: int
) -> float:
    """Violation with the mean multipliers of the second half of the first ``plan.settle`` iterations held fixed [%]."""
    last = plan.settle * rule.batches
    held = found.multiplier[last // 2 : last].mean(axis=0)
    ones = np.ones_like(held)
    weighting = rule.means == "weighting"
    activity, weight = (ones, 1.0 + held) if weighting else (activation_probability(held), ones)
    rng = np.random.default_rng([HELD_OUT, seed, 1])
    rates = [
        slots(ura, activity, weight, draw_snr("iid", rng, CHUNK, len(demand)), rng)[0].mean(axis=0)
        for _ in range(max(1, plan.held // CHUNK))
    ]
    return violation_percent(demand, np.mean(rates, axis=0))


def in_chunks(ura: Ura, snr: Array, active: Array) -> Array:
    """Shares of many channels, a few at a time, shape (B, N)."""
    parts = range(0, len(snr), CHUNK)
    return np.concatenate([ura.shares(snr[k : k + CHUNK], active[k : k + CHUNK]) for k in parts])


def spread(values: Array, digits: int = 2) -> str:
    """Mean and the half-width of its normal 95 % interval over seeds."""
    if len(values) < 2:
        return f"{values.mean():.{digits}f}"
    return f"{values.mean():.{digits}f} ± {1.96 * values.std(ddof=1) / np.sqrt(len(values)):.{digits}f}"


def channels_rng(seed: int) -> np.random.Generator:
    """Of the test channels of a seed."""
    return np.random.default_rng([HELD_OUT, seed])


def row(title: str, cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {title} | {' | '.join(cells)} |"


def header(*titles: str) -> list[str]:
    """First lines of a table whose columns are numbers but the first."""
    return [f"| {' | '.join(titles)} |", "| --- |" + " ---: |" * (len(titles) - 1)]


def _by_seed(policies: Policies, plan: Plan) -> list[tuple[int, Ura]]:
    return [(seed, policies[index % len(policies)]) for index, seed in enumerate(plan.seeds)]
