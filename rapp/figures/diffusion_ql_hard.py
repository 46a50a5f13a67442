"""Diffusion-QL where the channel is not known, and where RUs interfere: tables of ``docs/diffusion_ql.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.units import linear_to_db
from oran.e2sm.rrm import Allocation, RadioReport
from rapp.evaluation import Trial
from rapp.figures import hard_cells, hard_channel
from rapp.figures.diffusion_ql_rows import BY_PHYSICS, Row, classic, models, served, unlearned
from rapp.figures.hard_channel import Decide
from rapp.figures.tables import Plan, Say
from xapps.belief import bayes
from xapps.belief.rice import Belief
from xapps.belief.robust import Robust
from xapps.classic import waterfilling
from xapps.classic.cell import Cell, compose, single_cell
from xapps.coordination.policy import SweepAllocator
from xapps.coordination.search import Effort
from xapps.diffusion_ql.policy import DiffusionQlPolicy
from xapps.runtime.contracts import Allocator
from xapps.ssvae.decoder import assignments

Array = NDArray[np.float64]
Owners = NDArray[np.intp]

CAUSES = ("noisy", "stale", "all four")

DRAWS = 128
"""Gains drawn from the belief to judge a candidate."""
NOISE_SEED = 6


# --- imperfect reports ------------------------------------------------------------------------------------------------


def imperfect(plan: Plan, say: Say) -> list[str]:
    """Markdown: what candidates are worth under doubt, by what judges them. The belief: Bayes' rule, told the truth."""
    columns = {cause: _on_reports(plan, cause, say) for cause in CAUSES}
    lines = [f"| decided by | {' | '.join(columns)} | p50 [ms] |", f"| --- |{' ---: |' * (len(columns) + 1)}"]
    best = {cause: rows["*matching, told the true channel*"][0] for cause, rows in columns.items()}
    for title, trials in columns["all four"].items():
        cells = [_share(rows[title], best[cause]) for cause, rows in columns.items()]
        latency_ms = np.median([trial.latency_ms for trial in trials])
        lines.append(f"| {title} | {' | '.join(cells)} | {latency_ms:.1f} |")
    return [*lines, "", f"{_num_drops(plan)} drops; in brackets those in which everybody is satisfied."]


def _num_drops(plan: Plan) -> int:
    return max(3 * plan.held_out // 5, 2)


def _on_reports(plan: Plan, cause: str, say: Say) -> dict[str, list[Trial]]:
    truth_db = hard_channel.held_out(cause, _num_drops(plan)).simulator.true_gain_db
    known = hard_channel.knowledge(cause)
    one, eight = (_policies(plan, sampling, say) for sampling in ({"steps": 1}, BY_PHYSICS))
    rows: dict[str, list[Decide]] = {
        "*matching, told the true channel*": [hard_channel.told_truth(truth_db)],
        "*matching on what is seen*": [hard_channel.naive],
        "one answer, on what is seen": [_as_seen(policy) for policy in one],
        "best of 8, judged on what is seen": [_as_seen(policy) for policy in eight],
        "one answer's assignments, judged on gains drawn from the belief": [judged_by_belief(p, known) for p in one],
        "best of 8, judged on gains drawn from the belief": [judged_by_belief(policy, known) for policy in eight],
        "*matching's answers with margins, judged so*": [hard_channel.by_bayes(known)],
        "one answer a margin, judged so": [with_margins(policy, known) for policy in one],
        "8 answers a margin, judged so": [with_margins(policy, known) for policy in eight],
    }

    def tried(title: str, decide: Decide) -> Trial:
        say(f"{cause}: {title}")
        return hard_channel.tried(title, decide, hard_channel.held_out(cause, _num_drops(plan)))

    return {title: [tried(title, decide) for decide in deciders] for title, deciders in rows.items()}


def _policies(plan: Plan, sampling: Mapping[str, Any], say: Say) -> list[DiffusionQlPolicy]:
    found = models(plan, "edge", Row(title="Diffusion-QL", sampling=sampling, seeds=3), say)
    return [DiffusionQlPolicy.from_model(model) for model in found]


def _as_seen(policy: DiffusionQlPolicy) -> Decide:
    return lambda report, _: policy.decide(report)


def judged_by_belief(policy: DiffusionQlPolicy, known: bayes.Imperfection) -> Decide:
    """The candidates on what is seen, powers included; which of them is sent is judged on gains from the belief."""
    noise = np.random.default_rng(NOISE_SEED).standard_normal((2, DRAWS)) * np.sqrt(0.5)

    def decide(report: RadioReport, history_db: list[Array]) -> Allocation:
        belief = bayes.posterior(history_db[:1], known)
        cell = single_cell(report)
        owner = answers(policy, report, cell)
        power_w, _ = waterfilling.fill(
            cell.gain_of(owner), owner, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w
        )
        over_noise = Belief(belief.known[:, 0] / report.noise_w, belief.diffuse[:, 0] / report.noise_w)
        best = int(expected_worth(cell, over_noise, owner, power_w, noise[0] + 1j * noise[1]).argmax())
        return compose(report, [(cell, owner[best], power_w[best])])

    return decide


def with_margins(policy: DiffusionQlPolicy, known: bayes.Imperfection) -> Decide:
    """The robust decision of ``xapps.belief``, to whose cautious gains the network answers instead of matching."""
    robust = Robust()

    def decide(report: RadioReport, history_db: list[Array]) -> Allocation:
        def propose(cell: Cell) -> Owners:
            cautious_db = linear_to_db(np.maximum(cell.gain_per_w, 1e-12) * report.noise_w)
            return answers(policy, replace(report, gain_db=cautious_db[:, None]), cell)

        return robust.decide(report, bayes.posterior(history_db[:1], known), propose)

    return decide


def answers(policy: DiffusionQlPolicy, report: RadioReport, cell: Cell) -> Owners:
    """Assignments that the candidates' log-odds are matched to, shape (A, K)."""
    logits = policy.answers(policy.observe(report), report.report_id).astype(np.float64)
    limits = (cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)
    return assignments(logits, cell.gain_per_w, *limits, "matching")


def expected_worth(
    cell: Cell, belief: Belief, owner: Owners, power_w: Array, noise: NDArray[np.complexfloating]
) -> Array:
    """Mean throughput where everybody is satisfied, then the mean share of satisfied UEs, as one number, shape (A,)."""
    prb = np.arange(cell.num_prbs)
    own = Belief(belief.known[owner, prb][..., None], belief.diffuse[owner, prb][..., None])
    draws = np.stack([np.roll(noise, 17 * k) for k in prb])  # other gains on every PRB
    rate = np.log2(1.0 + own.draw(draws) * power_w[..., None])  # (A, K, S)
    of_ue = (owner[:, None, :] == np.arange(cell.num_ues)[:, None]).astype(float) @ rate  # (A, U, S)
    met = of_ue >= cell.min_rate_bps_hz[:, None] * (1.0 - 1e-9)
    worth = np.where(met.all(axis=1), np.einsum("aus,u->as", of_ue, cell.weight), 0.0).mean(axis=-1)
    return np.asarray(worth + 1e-3 * met.mean(axis=(1, 2)))


def _share(trials: Sequence[Trial], best: Trial) -> str:
    shares = [100.0 * trial.score.mean() / best.score.mean() for trial in trials]
    spread = f" ± {np.std(shares, ddof=1):.1f}" if len(shares) > 1 else ""
    satisfied = np.mean([(trial.score > 0).mean() for trial in trials])
    return f"{np.mean(shares):.1f}{spread} % ({satisfied:.0%})"


# --- interfering RUs --------------------------------------------------------------------------------------------------


def interfering(plan: Plan, say: Say) -> list[str]:
    """Markdown: RU by RU in "interfering", beside what decides jointly."""
    name = "interfering"
    num_drops = max(plan.held_out // hard_cells.SHARE_OF_DROPS[name], 2)
    joint = hard_cells.reference(plan.root / "trials", name, "joint", num_drops)
    contenders = _contenders(plan, name, say)
    flat = [(title, each) for title, group in contenders.items() for each in group]
    trials = hard_cells.contest(name, [each for _, each in flat], num_drops)
    found: dict[str, list[Trial]] = {"*joint*": [joint]}
    for (title, _), trial in zip(flat, trials, strict=True):
        found.setdefault(title, []).append(trial)
    lines = ["| allocator | of joint | UEs satisfied | p50 [ms] |", "| --- | ---: | ---: | ---: |"]
    for title, group in found.items():
        satisfied = np.mean([trial.satisfied.mean() for trial in group])
        latency_ms = np.median([np.median(trial.latency_ms) for trial in group])
        lines.append(f"| {title} | {_share(group, joint)} | {satisfied:.1%} | {latency_ms:.1f} |")
    return [*lines, "", f"{num_drops} drops; in brackets those in which everybody is satisfied."]


def _contenders(plan: Plan, name: str, say: Say) -> dict[str, list[Allocator]]:
    rows: dict[str, list[Allocator]] = {}
    for title, sampling in (("Diffusion-QL, 1 step", {"steps": 1}), ("Diffusion-QL, best of 8 by physics", BY_PHYSICS)):
        found = models(plan, name, Row(title=title, sampling=sampling, seeds=3), say)
        rows[title] = [served(model) for model in found]
    rows |= {f"*{title}*": [each] for title, each in unlearned().items()}
    rows |= {f"*{title}*": [each] for title, each in classic(("greedy", "matching")).items()}
    efforts = {"*sweep, 1 + 1*": Effort(sweeps=1, rounds=1), "*sweep, 3 + 2*": Effort(sweeps=3, rounds=2)}
    return rows | {title: [SweepAllocator(effort)] for title, effort in efforts.items()}
