"""An upper bound on what any number of interfering RUs can earn, for every association: pairs of RUs at a time.

Proof. Let T_r be the weighted throughput that RU r delivers in some allocation within budgets and caps. Leaving out the
interference of all RUs but s can only raise T_r, so T_r + T_s <= P_rs, the best that r and s could do if they disturbed
nobody but each other; and T_r <= B_r, the best of r alone. For x >= 0 on pairs and y >= 0 on RUs whose sum at every RU
is one, sum of T_r = sum of x_rs (T_r + T_s) + sum of y_r T_r <= sum of x_rs P_rs + sum of y_r B_r, and a linear program
finds the smallest such sum. P_rs is bounded by its Lagrangian in the two budgets, which falls apart into PRBs, with the
powers of r and s in intervals: r's own part is maximised over its interval exactly, at the least power of s in that of
s. Minimum rates are left out, which can only raise the bound as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linprog

from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import Array, Indices, gains
from xapps.classic.waterfilling import LEAST_GAIN_PER_W, LEAST_WEIGHT

PRICE_FACTORS = np.array([0.5, 0.75, 1.0, 1.3])
"""Prices of power tried for each RU of a pair, relative to that of the RU alone."""
INTERVALS = 16
LEAST_POWER_SHARE = 1.0 / 256.0
"""Upper end of the lowest interval of powers, as a share of the cap."""
MOST_PARTNERS = 6
"""Partners with which an RU is paired, those that disturb it most; leaving pairs out keeps the bound valid."""
_BISECTIONS = 60


def upper_bound(report: RadioReport) -> float:
    """No allocation of this report, whatever it does about minimum rates, has a larger weighted throughput [bps/Hz].

    Raises:
        ConfigError: the report has no channel.
    """
    if report.num_ues == 0:
        return 0.0
    field = _Field.of(report)
    alone = np.array([field.alone(ru) for ru in range(report.num_rus)])
    pairs = field.pairs()
    if not pairs:
        return float(alone.sum())
    together = np.array([field.together(r, s) for r, s in pairs])
    members = np.array(pairs)
    return _smallest_cover(alone, members, np.minimum(together, alone[members].sum(axis=-1)))


def _smallest_cover(alone: Array, pairs: Indices, together: Array) -> float:
    """min of x P + y B with sums of one at every RU; any such x, y give a bound, so the solver's slack is repaired."""
    rus = len(alone)
    holds = np.concatenate([np.eye(rus), (pairs[:, :, None] == np.arange(rus)).any(axis=1)])  # (RUs + pairs, RUs)
    found = linprog(np.concatenate([alone, together]), A_eq=holds.T, b_eq=np.ones(rus), method="highs").x
    share = np.maximum(found[rus:], 0.0) / max(1.0, float((np.maximum(found, 0.0) @ holds).max()))
    rest = 1.0 - share @ holds[rus:]
    return float(share @ together + rest @ alone)


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """A report as arrays, and the price of power of every RU alone."""

    gain: Array
    """Over noise, shape (U, R, K) [1/W]."""
    weight: Array
    """Shape (U, 1)."""
    budget_w: Array
    cap_w: float
    price: Array
    """lambda of each RU if it were alone, shape (R,) [bps/Hz/W]."""

    @classmethod
    def of(cls, report: RadioReport) -> _Field:
        gain = np.maximum(gains(report) / report.noise_w, LEAST_GAIN_PER_W)
        weight = np.maximum(report.weight, LEAST_WEIGHT)[:, None]
        price = [
            _price(gain[:, ru], weight, float(report.ru_power_budget_w[ru]), report.prb_power_cap_w)
            for ru in range(report.num_rus)
        ]
        return cls(gain, weight, report.ru_power_budget_w, report.prb_power_cap_w, np.array(price))

    def alone(self, ru: int) -> float:
        """B_r: the Lagrangian of the RU without any interference."""
        price = self.price[ru]
        earned, _ = _best_earned(self.gain[:, ru], self.weight, price, 0.0, self.cap_w)
        return float(price * self.budget_w[ru] + earned.max(axis=0).sum())

    def pairs(self) -> list[tuple[int, int]]:
        """Pairs worth bounding: every RU with those that reach its UEs best."""
        rus = self.gain.shape[1]
        wideband = self.gain.mean(axis=-1)
        serving = wideband.argmax(axis=1)
        heard = np.array([wideband[serving == ru].sum(axis=0) for ru in range(rus)])  # (R, R)
        heard = heard + heard.T
        np.fill_diagonal(heard, -1.0)
        partners = np.argsort(-heard, axis=-1)[:, : min(MOST_PARTNERS, rus - 1)]
        near = {tuple(sorted((ru, int(other)))) for ru in range(rus) for other in partners[ru]}
        return [pair for pair in combinations(range(rus), 2) if pair in near]

    def together(self, r: int, s: int) -> float:
        """P_rs: the least Lagrangian over the prices tried."""
        low_w, high_w = _intervals(self.cap_w)
        of_r, of_s = self._earned(r, s, low_w, high_w), self._earned(s, r, low_w, high_w)  # (F, K, own, other)
        best = np.array(
            [[(mine + np.swapaxes(theirs, -1, -2)).max(axis=(-1, -2)).sum() for theirs in of_s] for mine in of_r]
        )
        paid_r, paid_s = (PRICE_FACTORS * self.price[ru] * self.budget_w[ru] for ru in (r, s))
        return float((best + paid_r[:, None] + paid_s).min())

    def _earned(self, ru: int, other: int, low_w: Array, high_w: Array) -> Array:
        """Most that any UE earns for ``ru`` less its power, shape (prices, K, own interval, interval of the other)."""
        disturbed = self.gain[:, ru, :, None] / (1.0 + self.gain[:, other, :, None] * low_w)  # (U, K, other)
        found = np.empty((len(PRICE_FACTORS), disturbed.shape[1], len(low_w), len(low_w)))
        for index, price in enumerate(PRICE_FACTORS * self.price[ru]):
            for own, (low, high) in enumerate(zip(low_w, high_w, strict=True)):
                earned, _ = _best_earned(disturbed, self.weight[..., None], price, low, high)
                found[index, :, own] = earned.max(axis=0)
        return found


def _intervals(cap_w: float) -> tuple[Array, Array]:
    """Ends of intervals that cover silence and 0..cap, shape (I,) each [W]."""
    edges = cap_w * np.geomspace(LEAST_POWER_SHARE, 1.0, INTERVALS)
    return np.concatenate([[0.0, 0.0], edges[:-1]]), np.concatenate([[0.0], edges])


def _best_earned(gain: Array, weight: Array, price: float, low_w: float, high_w: float) -> tuple[Array, Array]:
    """max over low <= p <= high of w log2(1 + c p) - lambda p, and its p, shapes of ``gain``."""
    power = np.clip(weight / (price * np.log(2.0)) - 1.0 / gain, low_w, high_w)
    return weight * np.log2(1.0 + gain * power) - price * power, power


def _price(gain: Array, weight: Array, budget_w: float, cap_w: float) -> float:
    """Price at which one RU alone spends its budget, or nearly nothing where the caps bind first."""
    low, high = 1e-9, float((weight * gain).max()) / np.log(2.0)
    for _ in range(_BISECTIONS):
        price = np.sqrt(low * high)
        earned, power = _best_earned(gain, weight, price, 0.0, cap_w)
        spent = np.take_along_axis(power, earned.argmax(axis=0)[None], 0).sum()
        low, high = (price, high) if spent > budget_w else (low, price)
    return high
