"""Time sharing (paper 5, III-C and III-D): multipliers that rise until every user's demand holds on average.

F(lambda) = E[u_min - U] is what a user lacks; lambda >= 0 with F(lambda) <= 0 is looked for. All variants share one
face without clock or randomness: ``activity`` and ``weight`` say how the next batch is to be played, ``advance`` takes
the mean utilities that it brought.

- ``silencing`` (the paper): user i is switched on with probability kappa_i = (1 + lambda_i) / max(1 + lambda).
- ``weighting``: everybody is on, and 1 + lambda is the weight of the user's utility in the policy. A user who has
  enough is not silenced where he disturbs nobody, so the sum rate stays higher.

How lambda moves:

- ``ascent``: lambda <- max(0, lambda + gamma alpha_k F_hat), the simpler algorithm below Algorithm 1.
- ``printed``: Algorithm 1 with both batches of an iteration drawn at kappa^k (steps 1 and 5).
- ``corrected``: Algorithm 1 with step 1 at kappa(max(0, lambda_bar^k)) and step 5 at kappa(lambda^(k+1)): the two
  points at which a forward-backward-forward method must evaluate F, since T = -F + A.
- ``past``: the corrected algorithm with one batch an iteration. The batch at kappa(lambda^k) ends iteration k - 1 (step
  7) and stands in for the one at the base point in step 3 of iteration k, as Popov (1980) saved the second evaluation
  of the extragradient method. The base is not a point at which demands hold: it keeps the noise of users who have
  enough, which step 4 cuts off only from lambda. Slots at the base serve users badly, and ``past`` has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from oran.errors import ConfigError

Array = NDArray[np.float64]

Rule = Literal["ascent", "printed", "corrected", "past"]
RULES: tuple[Rule, ...] = get_args(Rule)
Means = Literal["silencing", "weighting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSharingRule:
    """How the multipliers move."""

    rule: Rule = "corrected"
    means: Means = "silencing"
    gamma: float = 1.0
    """Step of the multipliers; larger: fewer violations, lower sum rate."""
    alpha: float = 0.9
    """alpha_0 in (0, 1); Algorithm 1 averages with it."""
    alpha_decay: float = 0.0
    """alpha-tilde of alpha_k = alpha_0 / sqrt(1 + alpha-tilde k); 0: a fixed step."""
    batch: int = 25
    """B: slots whose mean utilities make one estimate."""
    dead_band_bps_hz: float = 0.0
    """Estimates |u_min - U| up to this count as zero, so that noise moves nothing."""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigError("rule", self.rule, f"one of {', '.join(RULES)}")
        if self.means not in ("silencing", "weighting"):
            raise ConfigError("means", self.means, "silencing or weighting")
        if not 0.0 < self.alpha <= 1.0:
            raise ConfigError("alpha", self.alpha, "above 0 and at most 1")
        if self.batch < 1:
            raise ConfigError("batch", self.batch, "at least 1")
        for field in ("gamma", "alpha_decay", "dead_band_bps_hz"):
            if getattr(self, field) < 0:
                raise ConfigError(field, getattr(self, field), "not negative")

    @property
    def batches(self) -> int:
        """Batches an iteration."""
        return 2 if self.rule in ("printed", "corrected") else 1

    def alpha_at(self, iteration: int) -> float:
        """alpha_k (III-D)."""
        return self.alpha / float(np.sqrt(1.0 + self.alpha_decay * iteration))


WEIGHTING = TimeSharingRule(rule="ascent", means="weighting", gamma=0.3, alpha=1.0)
"""lambda <- max(0, lambda + 0.3 (u_min - U)), lambda inside the policy."""


def activation_probability(multiplier: Array, highest: float | None = None) -> Array:
    """kappa of eq. 6, shape (N,).

    Args:
        multiplier: lambda, negative entries count as 0.
        highest: largest multiplier of all users, where these are only some of them (Remark III.2).
    """
    raised = 1.0 + np.maximum(multiplier, 0.0)
    return raised / (raised.max(initial=1.0) if highest is None else 1.0 + highest)


class TimeSharing:
    """The multipliers of one window of demands.

    Args:
        demand_bps_hz: u_min, shape (N,).
        rule: how they move.
        multiplier: where they start, shape (N,); default 0.
    """

    def __init__(self, demand_bps_hz: Array, rule: TimeSharingRule, multiplier: Array | None = None) -> None:
        self.rule = rule
        self.restart(demand_bps_hz, multiplier)

    def restart(self, demand_bps_hz: Array, multiplier: Array | None = None) -> None:
        """Begin a window with new demands: Algorithm 1 restarts; multipliers may be carried over."""
        self.demand_bps_hz = np.asarray(demand_bps_hz, np.float64)
        start = np.zeros_like(self.demand_bps_hz) if multiplier is None else np.array(multiplier, np.float64)
        self.multiplier = start  # lambda^k
        self._base = start.copy()  # lambda_bar^k
        self._base_before = start.copy()  # lambda_bar^(k-1)
        self._half = start.copy()  # h^k
        self._second_batch = False
        self.iteration = 0

    @property
    def sampling_point(self) -> Array:
        """The multipliers at which the next batch is played, shape (N,)."""
        if self.rule.rule == "corrected" and not self._second_batch:
            return np.maximum(self._base, 0.0)
        return self._announced if self.rule.rule == "printed" else self.multiplier

    @property
    def activity(self) -> Array:
        """kappa for the next batch, shape (N,); all ones where multipliers are weights."""
        if self.rule.means == "weighting":
            return np.ones_like(self.multiplier)
        return activation_probability(self.sampling_point)

    @property
    def weight(self) -> Array:
        """Utility weights for the next batch, shape (N,); all ones where multipliers silence users."""
        if self.rule.means == "weighting":
            return 1.0 + self.sampling_point
        return np.ones_like(self.multiplier)

    def advance(self, utility_bps_hz: Array) -> bool:
        """Take a batch's mean utilities, shape (N,); True where they end an iteration k."""
        lacking = self.demand_bps_hz - utility_bps_hz
        lacking = np.where(np.abs(lacking) <= self.rule.dead_band_bps_hz, 0.0, lacking)
        alpha = self.rule.alpha_at(self.iteration)
        if self.rule.rule == "ascent":
            self.multiplier = np.maximum(0.0, self.multiplier + self.rule.gamma * alpha * lacking)
        elif self.rule.rule == "past":
            if self.iteration:
                self._second_half(self.rule.alpha_at(self.iteration - 1), self.rule.gamma * lacking)
            self._first_half(alpha, self.rule.gamma * lacking)
        elif not self._second_batch:
            self._first_half(alpha, self.rule.gamma * lacking)
            return False
        else:
            self._second_half(alpha, self.rule.gamma * lacking)
        self.iteration += 1
        return True

    def _first_half(self, alpha: float, step: Array) -> None:
        """Steps 3 and 4."""
        self._announced_before = self.multiplier
        self._half = self._base + step + (1.0 - alpha) * (self._half - self._base_before - step)
        self.multiplier = np.maximum(0.0, self._half)
        self._second_batch = True

    def _second_half(self, alpha: float, step: Array) -> None:
        """Step 7."""
        self._base_before = self._base
        self._base = self._base - alpha * (self._half - self.multiplier - step)
        self._second_batch = False

    @property
    def _announced(self) -> Array:
        """lambda^k while its iteration lasts: what kappa^k of both printed batches is made of (step 8)."""
        return self._announced_before if self._second_batch else self.multiplier


def violation_percent(demand_bps_hz: Array, rate_bps_hz: Array) -> float:
    """Eq. 12: the largest shortfall relative to its demand, users without demand aside [%]."""
    wanted = demand_bps_hz > 0
    if not wanted.any():
        return 0.0
    short = np.maximum(0.0, demand_bps_hz - rate_bps_hz)[wanted] / demand_bps_hz[wanted]
    return float(100.0 * short.max())
