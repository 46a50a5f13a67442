"""When a new model has cost too much: a sequential test that may be looked at after every interval.

A test of fixed size that is repeated while data come in raises false alarms sooner or later. The bounds here are an
asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Ann. Statist. 52(6), 2024, Proposition on one-sided boundaries): they hold at all
times at once, with the probability asked for, whenever one stops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

from oran.platform.a1 import GuardRules

MIN_BLOCKS = 10
"""Observations before any bound: an estimate of the spread from fewer is no basis for a verdict."""
TIGHTEST_AT_BLOCKS = 30
"""Number of observations at which the bounds are as tight as they can be made."""


@dataclass(slots=True)
class LossSequence:
    """The mean of a loss, observation by observation, with bounds that hold at all times at once.

    Attributes:
        error_probability: that the mean ever leaves its bound, each side.
        reference_error: standard error of what the loss is measured against, if that is an estimate of its own.
    """

    error_probability: float
    reference_error: float = 0.0
    count: int = 0
    mean: float = 0.0
    _squares: float = 0.0
    """Sum of squared deviations (Welford 1962)."""

    def add(self, loss: float) -> None:
        self.count += 1
        deviation = loss - self.mean
        self.mean += deviation / self.count
        self._squares += deviation * (loss - self.mean)

    @property
    def low(self) -> float:
        """The mean is above this; minus infinity while there are too few observations."""
        return self.mean - self._radius()

    @property
    def high(self) -> float:
        """The mean is below this; infinity while there are too few observations."""
        return self.mean + self._radius()

    def _radius(self) -> float:
        if self.count < MIN_BLOCKS:
            return math.inf
        alpha = self.error_probability
        if self.reference_error:  # half the probability for each of the two uncertain things
            alpha /= 2.0
        spread, quantile = math.sqrt(self._squares / (self.count - 1)), NormalDist().inv_cdf(1.0 - alpha)
        few = 1.0 + (quantile**2 + 1.0) / (4.0 * (self.count - 1))  # Student's quantile over the normal one
        return few * spread * boundary(self.count, alpha) + quantile * self.reference_error


def boundary(count: int, alpha: float) -> float:
    """Distance of the one-sided bound from the mean after ``count`` observations, in standard deviations.

    sqrt(2 (t rho^2 + 1) / (t rho)^2 * log(1 + sqrt(t rho^2 + 1) / (2 alpha))), with rho tuned for
    ``TIGHTEST_AT_BLOCKS``.
    """
    narrow = -2.0 * math.log(2.0 * alpha)
    rho_2 = (narrow + math.log(narrow + 1.0)) / TIGHTEST_AT_BLOCKS
    t = count * rho_2 + 1.0
    return math.sqrt(2.0 * t / (count * count * rho_2) * math.log1p(math.sqrt(t) / (2.0 * alpha)))


@dataclass(slots=True)
class Guard:
    """Watches what a candidate loses against what served before it.

    Both KPIs share the probability of a false alarm. With ``reference_error`` 0 the reference is measured in the same
    intervals, so that what both have in common cancels.
    """

    rules: GuardRules
    throughput: LossSequence = field(init=False)
    """Relative loss of weighted throughput, a block an observation."""
    satisfied: LossSequence = field(init=False)
    """Loss in the share of satisfied UEs, a block an observation."""
    intervals: int = 0
    """Intervals of the candidate so far."""

    def __post_init__(self) -> None:
        each = self.rules.false_alarm / 2.0
        self.throughput, self.satisfied = LossSequence(each), LossSequence(each)

    def against_estimate(self, throughput_error: float, satisfied_error: float) -> None:
        """The reference is an earlier measurement with these standard errors; the largest told counts."""
        self.throughput.reference_error = max(self.throughput.reference_error, throughput_error)
        self.satisfied.reference_error = max(self.satisfied.reference_error, satisfied_error)

    def add(self, throughput_loss: float, satisfied_loss: float, intervals: int) -> None:
        """One block: means over ``intervals`` intervals of the candidate."""
        self.intervals += intervals
        self.throughput.add(throughput_loss)
        self.satisfied.add(satisfied_loss)

    @property
    def alarm(self) -> str:
        """The KPI whose loss is certainly above what the rules allow; empty if none is."""
        if self.intervals < self.rules.min_intervals:
            return ""
        if self.throughput.low > self.rules.max_throughput_loss:
            return "throughput"
        return "satisfied" if self.satisfied.low > self.rules.max_satisfied_loss else ""

    @property
    def finding(self) -> str:
        """What was measured, in words."""
        throughput, satisfied = self.throughput, self.satisfied
        return (
            f"loses {throughput.mean:.1%} of throughput (at least {throughput.low:.1%}, allowed "
            f"{self.rules.max_throughput_loss:.1%}) and {satisfied.mean:.1%} of satisfied UEs (at least "
            f"{satisfied.low:.1%}, allowed {self.rules.max_satisfied_loss:.1%}) over {self.intervals} intervals"
        )
