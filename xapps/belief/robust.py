"""Decisions under a belief of one cell's channel: candidates with margins, judged by the chance that nobody misses.

A minimum rate met with equality on an uncertain channel is missed every other time, and a drop counts for nothing if
one UE misses. Margins cost power, and a distant UE's margin costs a thousand times a near one's. So

1. for a few prices of power mu, every UE takes the margin z that earns most: ln Phi(z) - mu * (power that z needs);
2. power-aware matching and exact water-filling on the gains that are z deviations below the expected ones;
3. the candidates are judged on gains drawn from the belief: mean throughput times the chance of all minimum rates;
4. the winner's margins are settled anew on the PRBs that its UEs now own, and judged once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.belief.rice import Belief
from xapps.classic import waterfilling
from xapps.classic.cell import Array, Cell, Indices, compose, single_cell
from xapps.classic.matching import candidates_of_each

MARGINS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
"""z, in standard deviations of the log-gain."""

PRICES = np.geomspace(0.03, 30.0, 6)
"""mu: what the whole budget, or all PRBs, are worth as a logarithm of probability."""

EVEN_MARGINS = (0.5, 1.0, 1.5, 2.0)
"""Margins that all UEs share, tried as well."""

FINE_PRICES = np.geomspace(0.005, 50.0, 14)
LEVEL_SHARES = (0.02, 0.07, 0.2, 0.45, 0.8)
MOST_SLOTS = 4
CONSOLATION = 0.05
"""What the share of satisfied UEs is worth beside the chance of all: hopeless drops still serve whom they can."""

NOISE_SEED = 5

Propose = Callable[[Cell], Indices]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Assignments with powers, and what they are expected to earn."""

    owner: Indices
    """Shape (A, K)."""
    power_w: Array
    """Shape (A, K)."""
    worth: Array
    """Expected throughput if every UE is satisfied, shape (A,) [bps/Hz]."""

    @property
    def best(self) -> int:
        return int(self.worth.argmax())


class Robust:
    """Decides under a belief.

    Args:
        samples: gains drawn a PRB to judge candidates. The draws are the same for every report, so that equal reports
            get equal decisions.
    """

    def __init__(self, samples: int = 128) -> None:
        self._samples = samples
        self._noise: dict[int, NDArray[np.complex64]] = {}

    def decide(self, report: RadioReport, belief: Belief, propose: Propose | None = None) -> Allocation:
        """The allocation for one RU, belief of shape (U, 1, K).

        Args:
            report: a state without batch axes.
            belief: of its gains.
            propose: assignments of a cell with cautious gains, shape (C, K), C at least 1; power-aware matching if not
                given.

        Raises:
            ConfigError: the report has several RUs or no channel.
        """
        cell = single_cell(report)
        if cell.num_ues == 0:
            return compose(report, [(cell, np.full(cell.num_prbs, -1), np.zeros(cell.num_prbs))])
        over_noise = Belief(belief.known[:, 0] / report.noise_w, belief.diffuse[:, 0] / report.noise_w)
        mean_ln, std_ln = over_noise.log_moments()
        owners, margins = _candidates(cell, mean_ln, std_ln, propose)
        judged = self._judge(cell, over_noise, owners, _margin_gain(owners, margins, mean_ln, std_ln))
        first = judged.best
        again = np.repeat(owners[first][None], len(FINE_PRICES), axis=0)
        margins = _margins(cell, FINE_PRICES, _need_on_own(cell, owners[first], mean_ln, std_ln))
        settled = self._judge(cell, over_noise, again, _margin_gain(again, margins, mean_ln, std_ln))
        chosen, best = (settled, settled.best) if settled.worth.max() > judged.worth[first] else (judged, first)
        return compose(report, [(cell, chosen.owner[best], chosen.power_w[best])])

    def _judge(self, cell: Cell, belief: Belief, owner: Indices, gain: Array) -> Judged:
        """Powers for assignments (A, K) whose owners have cautious gains ``gain`` (A, K), and their worth."""
        power_w, _ = waterfilling.fill(gain, owner, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)
        prb = np.arange(cell.num_prbs)
        own = Belief(belief.known[owner, prb][..., None], belief.diffuse[owner, prb][..., None])
        rate = own.draw(self._draws(cell.num_prbs))  # (A, K, S), made of the gains in their place
        rate *= power_w[..., None].astype(rate.dtype)
        rate += 1.0
        return Judged(owner, power_w, _expected_worth(cell, owner, np.log2(rate, out=rate)))

    def _draws(self, num_prbs: int) -> NDArray[np.complex64]:
        if num_prbs not in self._noise:
            rng = np.random.default_rng(NOISE_SEED)
            parts = rng.standard_normal((2, num_prbs, self._samples)) * np.sqrt(0.5)
            self._noise[num_prbs] = (parts[0] + 1j * parts[1]).astype(np.complex64)
        return self._noise[num_prbs]


def _expected_worth(cell: Cell, owner: Indices, rate: NDArray[np.float32]) -> Array:
    """Mean throughput times the product over UEs of the share of draws that satisfy them: rates (A, K, S) give (A,).

    UEs share no PRB and PRBs fade independently, so the product is the chance of all; it wastes fewer draws than
    counting those in which all are satisfied. Half a draw is added to either outcome, so that no chance is 0 or 1.
    """
    rows, _, samples = rate.shape
    one_hot = (owner[:, None, :] == np.arange(cell.num_ues)[:, None]).astype(np.float32)  # (A, U, K)
    of_ue = one_hot @ rate  # (A, U, S)
    wanted = cell.min_rate_bps_hz[:, None].astype(of_ue.dtype)
    met = ((of_ue >= wanted).sum(axis=-1) + 0.5) / (samples + 1.0)
    met = np.where(cell.min_rate_bps_hz > 0, met, 1.0)
    chance = met.prod(axis=-1) + CONSOLATION * met.mean(axis=-1)
    throughput = of_ue.mean(axis=-1) @ cell.weight
    return np.asarray(chance * throughput, np.float64).reshape(rows)


def _candidates(cell: Cell, mean_ln: Array, std_ln: Array, propose: Propose | None) -> tuple[Indices, Array]:
    """Distinct assignments a price of power, shape (A, K), and the margins they were made with, shape (A, U)."""
    priced = _margins(cell, PRICES, _need_on_best(cell, mean_ln, std_ln))
    even = np.repeat(np.array(EVEN_MARGINS)[:, None], cell.num_ues, axis=1)
    margins = np.unique(np.concatenate([priced, even]), axis=0)
    gain_per_w = np.exp(mean_ln - margins[..., None] * std_ln)
    if propose is None:
        found = candidates_of_each(cell, gain_per_w, LEVEL_SHARES)
    else:
        found = [propose(replace(cell, gain_per_w=cautious)) for cautious in gain_per_w]
    return np.concatenate(found), np.repeat(margins, [len(each) for each in found], axis=0)


def _margins(cell: Cell, prices: Array, need: Array) -> Array:
    """Margin of each UE at each price, shape (M, U), from the share of the cell (Z, U) that every margin needs."""
    cost = prices[:, None, None] * np.minimum(need, 1e6)  # (M, Z, U)
    return MARGINS[(log_ndtr(MARGINS)[:, None] - cost).argmax(axis=1)]


def _need_on_best(cell: Cell, mean_ln: Array, std_ln: Array) -> Array:
    """Least share of the budget and of the PRBs that each margin needs on a UE's best PRBs, shape (Z, U)."""
    cautious = mean_ln - MARGINS[:, None, None] * std_ln  # (Z, U, K)
    best = -np.sort(-cautious, axis=-1)[..., :MOST_SLOTS]
    share_of_prbs = np.arange(1, best.shape[-1] + 1) / cell.num_prbs
    return (_power_need_w(best, cell.min_rate_bps_hz) / cell.budget_w + share_of_prbs).min(axis=-1)


def _need_on_own(cell: Cell, owner: Indices, mean_ln: Array, std_ln: Array) -> Array:
    """Share of the budget that each margin needs on the PRBs that each UE owns, shape (Z, U); 0 for UEs without any."""
    mine = owner == np.arange(cell.num_ues)[:, None]  # (U, K)
    cautious = np.where(mine, mean_ln - MARGINS[:, None, None] * std_ln, -np.inf)
    best = -np.sort(-cautious, axis=-1)
    need = _power_need_w(np.maximum(best, -60.0), cell.min_rate_bps_hz) / cell.budget_w  # (Z, U, K)
    owned = np.arange(cell.num_prbs) < mine.sum(axis=-1)[:, None]
    return np.where(mine.any(axis=-1), np.where(owned, need, np.inf).min(axis=-1), 0.0)


def _power_need_w(best_ln: Array, wanted: Array) -> Array:
    """Power that meets a minimum rate on a UE's n best PRBs, all in use, n along the last axis: (..., U, N) [W].

    One level on n PRBs of gains c: sum of log2(c level) = R.
    """
    count = np.arange(1, best_ln.shape[-1] + 1)
    ln_level = (wanted[:, None] * np.log(2.0) - best_ln.cumsum(axis=-1)) / count
    return np.maximum(count * np.exp(np.minimum(ln_level, 300.0)) - np.exp(-best_ln).cumsum(axis=-1), 0.0)


def _margin_gain(owner: Indices, margins: Array, mean_ln: Array, std_ln: Array) -> Array:
    """Cautious gain of each PRB's owner, shape (A, K), for margins (A, U)."""
    prb = np.arange(owner.shape[-1])
    margin = np.take_along_axis(margins, owner, axis=-1)
    return np.exp(mean_ln[owner, prb] - margin * std_ln[owner, prb])
