"""From scores to a feasible allocation: assignment by matching, exact power for it, the best of several candidates.

Nothing here searches on: no local moves follow the matching, so what is good or bad in the scores shows in the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import ConfigError, DecisionRefused
from xapps.classic import waterfilling
from xapps.runtime.manifest_entry import ManifestEntry

Array = NDArray[np.float64]
Indices = NDArray[np.integer]

POWER_LEVELS = (0.5, 1.0, 1.6, 2.5)
"""Powers a PRB, in shares of an equal split, at which the PRBs that a UE needs are counted."""

EQUAL_SPLIT = slice(1, 2)
"""The equal split itself among ``POWER_LEVELS``."""

MINIMUM_RATE_SHARES = (1.0, 0.8, 0.5, 0.2, 0.0)
"""Shares of the budget that the minimum rates may take where power is short: one candidate each."""

Worth = tuple[float, float]
"""What an allocation is worth, ordered as tuples are: less shortfall of minimum rates, then weighted throughput."""

POWER_ROUNDS = 2
"""Rounds in which several RUs answer to each other's powers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding(ManifestEntry):
    """How scores become an allocation; stands in the manifest beside the network."""

    entry: ClassVar[str] = "decoding"

    assignment: Literal["matching", "argmax", "sweep"] = "matching"
    """"sweep", for several RUs, keeps the association alone and searches for the rest: :mod:`xapps.ssvae.sweeping`."""
    candidates: int = 1
    """Latent draws that are decoded; the best by the model's own physics is the decision. 1: the latent's mean."""
    spread: float = 1.0
    """Factor on the latent's standard deviation in the draws beyond the first."""
    physics: bool = False
    """One more candidate beside them: what physics alone says (:mod:`xapps.ssvae.prior`)."""
    starts: int = 8
    """Starts that a sweep is searched from."""
    sweeps: int = 3
    """Sweeps of a search."""
    rounds: int = 2
    """Moves of each RU after them."""

    def __post_init__(self) -> None:
        if self.assignment not in ("matching", "argmax", "sweep"):
            raise ConfigError("assignment", self.assignment, "matching, argmax or sweep")
        if not (1 <= self.starts <= 256 and 0 <= self.sweeps <= 64 and 0 <= self.rounds <= 64):
            raise ConfigError("starts", (self.starts, self.sweeps, self.rounds), "1 to 256 starts, 0 to 64 others")
        if not 1 <= self.candidates <= 256:
            raise ConfigError("candidates", self.candidates, "1 to 256")
        if not 0.0 <= self.spread <= 100.0:
            raise ConfigError("spread", self.spread, "0 to 100")


def decode(report: RadioReport, association: Array, owner_scores: Array, decoding: Decoding) -> Allocation:
    """The best allocation that the candidates' scores lead to.

    Args:
        report: a state without batch axes.
        association: score of each RU for each UE, shape (C, U, R).
        owner_scores: score of each UE for each PRB, shape (C, U, R, K).

    Raises:
        DecisionRefused: ``not_finite``, if gains or scores are not numbers.
    """
    if report.gain_db is None or not (np.isfinite(report.gain_db).all() and np.isfinite(owner_scores).all()):
        raise DecisionRefused("not_finite", "channel gains or scores are missing, NaN or infinite")
    gain = db_to_linear(report.gain_db)  # (U, R, K)
    served = [
        _serve(report, gain, serving, scores, decoding)
        for serving, scores in _by_association(association.argmax(axis=-1), owner_scores)
    ]
    _, serving, owner, power_w = max(served, key=lambda candidate: candidate[0])
    return Allocation(
        ue_ids=report.ue_ids,
        serving_ru=serving.astype(np.int16),
        prb_owner=owner.astype(np.int16),
        power_w=power_w,
        decision_id=report.report_id,
    )


def nobody_served(report: RadioReport) -> Allocation:
    """The only allocation of a cell without UEs.

    Raises:
        DecisionRefused: ``not_finite``, if the report carries no channel to take the number of PRBs from.
    """
    if report.gain_db is None:
        raise DecisionRefused("not_finite", "channel gains are missing")
    shape = report.gain_db.shape[-2:]
    nobody = np.full(report.num_ues, NOBODY, np.int16)
    return Allocation(report.ue_ids, nobody, np.full(shape, NOBODY, np.int16), np.zeros(shape), report.report_id)


def _by_association(serving: Indices, scores: Array) -> Iterator[tuple[Indices, Array]]:
    """Candidates that associate every UE alike, together: (U,) and (C, U, R, K); with one RU that is all of them."""
    if scores.shape[-2] == 1:
        yield serving[0], scores
        return
    distinct, which = np.unique(serving, axis=0, return_inverse=True)
    for index, each in enumerate(distinct):
        yield each, scores[which.ravel() == index]


def _serve(
    report: RadioReport, gain: Array, serving: Indices, scores: Array, decoding: Decoding
) -> tuple[Worth, Indices, Indices, Array]:
    """Candidates of one association: worth, associations (U,), owners (R, K) and powers (R, K) of the best."""
    num_rus, num_prbs = scores.shape[-2:]
    owner = np.full((num_rus, num_prbs), NOBODY)
    share_w = np.minimum(report.ru_power_budget_w / num_prbs, report.prb_power_cap_w)
    power_w = np.repeat(share_w[:, None], num_prbs, axis=1)
    worth = np.zeros(2)
    for _ in range(POWER_ROUNDS if num_rus > 1 else 1):
        rows = [
            _serve_ru(report, gain, np.flatnonzero(serving == ru), ru, scores[:, :, ru], owner, power_w, decoding)
            for ru in range(num_rus)
        ]
        worth = np.sum(rows, axis=0)
    return (float(worth[0]), float(worth[1])), serving, owner, power_w


def _serve_ru(
    report: RadioReport,
    gain: Array,
    ues: Indices,
    ru: int,
    scores: Array,
    owner: Indices,
    power_w: Array,
    decoding: Decoding,
) -> Array:
    """Fill one RU's row of ``owner`` and ``power_w`` against the other RUs' powers; returns the row's worth, (2,)."""
    if ues.size == 0:
        owner[ru], power_w[ru] = NOBODY, 0.0
        return np.zeros(2)
    others = np.arange(len(power_w)) != ru
    heard = gain if len(ues) == len(gain) else gain[ues]
    interference_w = (heard[:, others] * power_w[others]).sum(axis=1)  # (u, K)
    gain_per_w = heard[:, ru] / (report.noise_w + interference_w)
    weight, wanted = report.weight[ues], report.min_rate_bps_hz[ues]
    budget_w, cap_w = report.ru_power_budget_w[ru], report.prb_power_cap_w
    limits = (gain_per_w, weight, wanted, budget_w, cap_w)
    rows = assignments(scores[:, ues], gain_per_w, wanted, budget_w, cap_w, decoding.assignment)
    power, worth = polish(rows, *limits)
    if worth[:, 0].max() < 0.0 and decoding.assignment == "matching":  # a minimum rate is missed: count PRBs by power
        frugal = frugal_assignments(scores[:, ues], gain_per_w, wanted, budget_w, cap_w)
        more_power, more_worth = polish(frugal, *limits)
        rows, power = np.concatenate([rows, frugal]), np.concatenate([power, more_power])
        worth = np.concatenate([worth, more_worth])
    best = int(np.lexsort((worth[:, 1], worth[:, 0]))[-1])
    owner[ru], power_w[ru] = ues[rows[best]], power[best]
    return worth[best]


def assignments(
    scores: Array, gain_per_w: Array, wanted: Array, budget_w: float, cap_w: float, kind: str
) -> NDArray[np.intp]:
    """Owners of one RU's PRBs, shape (A, K): one row for each distinct answer to "how many PRBs does a UE need".

    The first candidate's scores are matched for every answer, the others' for an equal power split and for their own.

    Args:
        scores: shape (C, u, K).
        gain_per_w: shape (u, K) [1/W].
        wanted: minimum rates, shape (u,) [bps/Hz].
        budget_w: of the RU [W].
        cap_w: cap a PRB [W].
    """
    if kind == "argmax":
        return scores.argmax(axis=1)
    share_w = budget_w / scores.shape[-1]
    power_w = np.minimum(np.array([*POWER_LEVELS, np.inf]) * share_w, cap_w)
    best = np.sort(gain_per_w, axis=-1)[:, ::-1]
    *by_power, least = _needed_on_best(best * power_w[:, None, None], wanted)
    answers: list[set[tuple[int, ...]]] = [{tuple(each)} for each in prbs_expected(scores, least)]
    for index, needed in enumerate(answers):
        needed.update(map(tuple, by_power if index == 0 else by_power[EQUAL_SPLIT]))
    return _distinct(_all_matched(scores, answers))


def frugal_assignments(
    scores: Array, gain_per_w: Array, wanted: Array, budget_w: float, cap_w: float
) -> NDArray[np.intp]:
    """Owners where power is short, shape (A, K): PRBs go where they save the most power until the budget suffices.

    Each candidate's scores, shape (C, u, K), are matched for each share of the budget that the minimum rates may take,
    as a UE that gets other PRBs than its best needs more power than was counted on.
    """
    least = prbs_needed(gain_per_w * cap_w, wanted)
    need_w = power_needed_w(gain_per_w, wanted)
    needed = set(_thrifty(least, need_w, [share * budget_w for share in MINIMUM_RATE_SHARES]))
    return _distinct(_all_matched(scores, [needed] * len(scores)))


def power_needed_w(gain_per_w: Array, wanted: Array) -> Array:
    """Power that meets a minimum rate on a UE's n best PRBs, all in use: shapes (u, K), (u,) -> (u, K), n along K [W].

    One water level on n PRBs of gains c: sum of log2(c level) = R, hence level = 2^(R / n) / geometric mean of c.
    """
    best = np.maximum(np.sort(gain_per_w, axis=-1)[:, ::-1], 1e-30)
    count = np.arange(1, best.shape[-1] + 1)
    exponent = (wanted[:, None] - np.log2(best).cumsum(axis=-1)) / count
    return count * np.exp2(np.minimum(exponent, 200.0)) - (1.0 / best).cumsum(axis=-1)


def _thrifty(least: NDArray[np.intp], need_w: Array, affordable_w: Sequence[float]) -> Iterator[tuple[int, ...]]:
    """PRBs of each UE, (u,): from ``least`` on, one more to whoever saves most, until all is affordable.

    One answer for each of ``affordable_w``, which must fall: the way is the same for all, only its end differs.
    """
    prbs, ues = least.copy(), np.arange(len(least))
    num_prbs = need_w.shape[-1]
    saving = need_w - np.concatenate([need_w[:, 1:], np.full((len(least), 1), np.inf)], axis=-1)  # by one PRB more
    spent_w = need_w[ues, least - 1][least > 0].sum()
    for affordable in affordable_w:
        while prbs.sum() < num_prbs and spent_w > affordable:
            saved_w = np.where(prbs > 0, saving[ues, prbs - 1], -np.inf)
            most = saved_w.argmax()
            if not saved_w[most] > 0.0:
                break
            prbs[most] += 1
            spent_w -= saved_w[most]
        yield tuple(prbs)


def prbs_needed(sinr: Array, wanted: Array) -> NDArray[np.intp]:
    """PRBs that each UE needs for its minimum rate on its own best ones, at most all K; shapes (u, K), (u,) -> (u,)."""
    return _needed_on_best(np.sort(sinr, axis=-1)[:, ::-1], wanted)


def _needed_on_best(best_sinr: Array, wanted: Array) -> NDArray[np.intp]:
    """``prbs_needed`` for ratios that are sorted already, best first, shapes (..., u, K), (u,) -> (..., u)."""
    short = (np.log2(1.0 + best_sinr).cumsum(axis=-1) < wanted[:, None]).sum(axis=-1)
    return np.minimum(short + 1, best_sinr.shape[-1]) * (wanted > 0)


def prbs_expected(scores: Array, least: NDArray[np.intp]) -> NDArray[np.intp]:
    """PRBs that the scores, read as log-odds, give each UE on average, not below ``least``; (C, u, K), (u,) -> (C, u).

    Claims beyond the number of PRBs are cut, the largest first.
    """
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected = (odds / odds.sum(axis=1, keepdims=True)).sum(axis=-1)
    prbs = np.maximum(np.rint(expected).astype(np.intp) * (least > 0), least)
    for index in np.flatnonzero(prbs.sum(axis=-1) > scores.shape[-1]):
        _cut(prbs[index], expected[index], least, scores.shape[-1])
    return prbs


def _cut(prbs: NDArray[np.intp], expected: Array, least: NDArray[np.intp], num_prbs: int) -> None:
    """Lower claims (u,) in place until they fit the PRBs, but not below ``least``."""
    while prbs.sum() > num_prbs and (prbs > least).any():
        prbs[np.where(prbs > least, prbs - expected, -np.inf).argmax()] -= 1


def _all_matched(scores: Array, answers: Sequence[Iterable[tuple[int, ...]]]) -> list[NDArray[np.intp]]:
    """Owners, each (K,), by every candidate's scores (C, u, K) for its answers to how many PRBs each UE needs."""
    favourite = scores.argmax(axis=1)
    regret = (scores.max(axis=1, keepdims=True) - scores).astype(np.float64)
    ues = np.arange(scores.shape[1])
    return [
        _matched(regret[index], np.repeat(ues, prbs), favourite[index])
        for index, needed in enumerate(answers)
        for prbs in sorted(needed)
    ]


def _matched(regret: Array, slots: NDArray[np.intp], favourite: NDArray[np.intp]) -> NDArray[np.intp]:
    """Each UE gets its slots' number of PRBs at the least total regret, other PRBs go to their favourites, (K,)."""
    owner = favourite.copy()
    row, column = linear_sum_assignment(regret[slots])
    owner[column] = slots[row]
    return owner


def _distinct(rows: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """The rows that differ, in their order: different answers often lead to one assignment."""
    return np.stack(list({row.tobytes(): row for row in rows}.values()))


def polish(
    owner: Indices, gain_per_w: Array, weight: Array, wanted: Array, budget_w: float, cap_w: float
) -> tuple[Array, Array]:
    """Exact power of each assignment, shape (A, K), and its worth, shape (A, 2): less shortfall, then throughput."""
    num_ues, num_prbs = gain_per_w.shape
    own_gain = gain_per_w[owner, np.arange(num_prbs)]
    power_w, feasible = waterfilling.fill(own_gain, owner, weight, wanted, budget_w, cap_w)
    rate = np.log2(1.0 + own_gain * power_w)
    flat = owner + num_ues * np.arange(len(owner))[:, None]
    per_ue = np.bincount(flat.ravel(), rate.ravel(), minlength=num_ues * len(owner)).reshape(-1, num_ues)
    shortfall = np.where(feasible, 0.0, np.maximum(wanted - per_ue, 0.0).sum(axis=-1))
    return power_w, np.stack([-shortfall, per_ue @ weight], axis=-1)
