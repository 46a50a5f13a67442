"""The step gamma of silencing: one way of choosing it for all rules, numbers of users and tables.

It is the smallest step of a grid with which pair-greedy, which learns nothing, falls short of demands by at most 0.5 %
on validation channels, on average over their seeds and over the demand vectors of Table III (N = 5: IV). Smaller steps
leave a higher sum rate but bring multipliers late, so the smallest that is enough is the best. Neither test channels
nor trained networks have a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rapp.figures import alcor_demands
from rapp.figures.alcor_measures import Plan, header, row, windows
from xapps.alcor.time_sharing import Rule, TimeSharingRule
from xapps.alcor.ura import PairGreedyUra

Array = NDArray[np.float64]

GRID = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0)
MOST_VIOLATION_PERCENT = 0.5
VALIDATION_SEEDS = tuple(range(100, 110))
ITERATIONS = 150

CHOSEN: dict[Rule, dict[int, float]] = {
    "ascent": {5: 0.75, 10: 0.5, 20: 0.75, 50: 3.0},
    "past": {5: 0.75, 10: 0.25, 20: 0.75, 50: 2.0},
}
"""What ``smallest_enough`` finds: gamma by rule and number of users (``alcor figures --only steps`` measures it)."""


def silencing(rule: Rule, users: int) -> TimeSharingRule:
    """A rule of silencing with its chosen step."""
    return TimeSharingRule(rule=rule, gamma=CHOSEN[rule][users])


def strict_demands() -> dict[int, list[Array]]:
    """What steps are chosen on: the vectors of Table IV (N = 5) and Table III."""
    return {5: list(alcor_demands.TABLE_4.values())} | {n: [each] for n, each in alcor_demands.TABLE_3.items()}


def validation_violation_percent(rule: TimeSharingRule, demands: Sequence[Array], plan: Plan) -> float:
    """Mean over validation seeds and demand vectors [%]."""
    validation = replace(plan, seeds=VALIDATION_SEEDS, iterations=ITERATIONS)
    since = validation.settle * rule.batches
    found = []
    for demand in demands:
        played = windows([PairGreedyUra()], demand, rule, validation)
        found += [each.violation_percent(demand, since) for each in played]
    return float(np.mean(found))


def smallest_enough(rule: Rule, demands: Sequence[Array], plan: Plan) -> tuple[float, list[float]]:
    """The chosen step, infinite where none of the grid is enough, and the violations [%] of all steps up to it."""
    tried: list[float] = []
    for gamma in GRID:
        tried.append(validation_violation_percent(TimeSharingRule(rule=rule, gamma=gamma), demands, plan))
        if tried[-1] <= MOST_VIOLATION_PERCENT:
            return gamma, tried
    return np.inf, tried


def steps(plan: Plan) -> list[str]:
    """Violations on validation channels by step, up to the first that is enough."""
    lines = header("rule", *(f"γ = {gamma:g}" for gamma in GRID))
    titles: dict[Rule, str] = {"ascent": "ascent", "past": "one batch"}
    for rule, title in titles.items():
        for users, demands in strict_demands().items():
            _, tried = smallest_enough(rule, demands, plan)
            cells = [*(f"{each:.2f}" for each in tried[:-1]), f"**{tried[-1]:.2f}**"]
            lines.append(row(f"{title}, N = {users}", cells + ["–"] * (len(GRID) - len(cells))))
    span = f"validation seeds {VALIDATION_SEEDS[0]} to {VALIDATION_SEEDS[-1]}"
    text = f"Violation by eq. 12 [%] of pair-greedy, mean over {span}; bold: the step that is taken."
    return [*lines, "", text]
