"""SS-VAE, DQN and Diffusion-QL where learning could win: imperfect reports and interfering RUs, on everybody's drops.

SS-VAE is trained for it (:mod:`rapp.figures.hard_ssvae`). DQN and Diffusion-QL are the models of their own pages,
served as they are, the first seed's; a dash says that a row belongs to the other columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rapp.evaluation import Trial
from rapp.figures import hard_cells, hard_channel
from rapp.figures.hard_channel import Decide
from rapp.figures.hard_ssvae import (
    LABELS_BY,
    Polished,
    trained_on_interference,
    trained_on_reports,
    with_margins,
)
from rapp.figures.ssvae_rows import BEST_OF_8, PHYSICS
from rapp.figures.tables import Plan, Say
from rapp.figures.trials import kept_decisions
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.classic.cell import gains, strongest_ru
from xapps.coordination.exhaustive import ExhaustiveSweepAllocator
from xapps.coordination.policy import SweepAllocator
from xapps.coordination.search import Effort
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_slot import build
from xapps.ssvae.batches import drops
from xapps.ssvae.decoder import Decoding

CAUSES = ("noisy", "stale", "all four")
CELLS = ("interfering", "three slices")

OTHERS = {"DQN": ("dqn", "fair"), "Diffusion-QL": ("diffusion-ql", "sane")}
OTHERS_LEARN_IN = "edge"

EIGHT = Decoding(**(BEST_OF_8 | PHYSICS))
SWEEP = Decoding(assignment="sweep", starts=1)
LONG = Effort(sweeps=3, rounds=2)

Trials = dict[str, list[Trial]]
"""Title -> one trial a training seed."""


def table(plan: Plan, say: Say) -> list[str]:
    """Markdown: score relative to what is best there, drops in which everybody is satisfied, time of a decision."""
    columns = {cause: _on_reports(plan, cause, say) for cause in CAUSES}
    columns |= {name: _on_cells(plan, name, say) for name in CELLS}
    titles = dict.fromkeys(title for column in columns.values() for title in column)
    lines = [f"| decided by | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for title in titles:
        cells = [_cell(column.get(title, []), next(iter(column.values()))[0]) for column in columns.values()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return [*lines, "", *_associations(plan, say)]


def _cell(trials: Sequence[Trial], best: Trial) -> str:
    if not trials:
        return "–"
    shares = [100.0 * trial.score.mean() / best.score.mean() for trial in trials]
    spread = f" ± {np.std(shares, ddof=1):.1f}" if len(shares) > 1 else ""
    feasible = np.mean([(trial.score > 0).mean() for trial in trials])
    latency_ms = np.median([np.median(trial.latency_ms) for trial in trials])
    return f"{np.mean(shares):.1f}{spread} % ({feasible:.0%}), {latency_ms:.1f} ms"


# --- imperfect reports ------------------------------------------------------------------------------------------------


def _on_reports(plan: Plan, cause: str, say: Say) -> Trials:
    num_drops = max(3 * plan.held_out // 5, 2)
    truth_db = hard_channel.held_out(cause, num_drops).simulator.true_gain_db
    networks = [trained_on_reports(plan.root / "hard", seed) for seed in plan.seeds]
    belief = hard_channel.trained(plan.root / "hard", cause, plan.seeds[0])[0]
    rows: dict[str, list[Decide]] = {
        "*best there: matching, told the true channel; joint*": [hard_channel.told_truth(truth_db)],
        "*matching*": [hard_channel.naive],
        "**SS-VAE**": [_of(each.decoding_by(Decoding())) for each in networks],
        "**SS-VAE, best of 8 and the physics**": [_of(each.decoding_by(EIGHT)) for each in networks],
        "**SS-VAE's assignments, margins of the learned belief**": [with_margins(each, belief) for each in networks],
        "**margins of the learned belief alone**": [hard_channel.by_learning(belief)],
    }
    rows |= {f"**{name}**": [_of(each) for each in _others(plan, name)] for name in OTHERS}

    def tried(title: str, decide: Decide) -> Trial:
        say(f"{cause}: {title}")
        return hard_channel.tried(title, decide, hard_channel.held_out(cause, num_drops))

    return {title: [tried(title, each) for each in deciders] for title, deciders in rows.items()}


def _of(allocator: Allocator) -> Decide:
    return lambda report, _: allocator.decide(report)


# --- interfering RUs --------------------------------------------------------------------------------------------------


def _on_cells(plan: Plan, name: str, say: Say) -> Trials:
    num_drops = max(plan.held_out // hard_cells.SHARE_OF_DROPS[name], 2)
    networks = [trained_on_interference(plan, seed) for seed in plan.seeds]
    rows: Mapping[str, list[Allocator]] = {
        "*matching*": [allocators.build("matching")],
        "*sweep, 1 + 1*": [SweepAllocator(Effort(sweeps=1, rounds=1))],
        "*sweep, 3 + 2*": [SweepAllocator(LONG)],
        "*sweep, 3 + 2, best of 8 starts*": [SweepAllocator(LONG, starts=8)],
        "*sweep, 3 + 2, every change of RU tried*": [ExhaustiveSweepAllocator()],
        "**SS-VAE**": [each.decoding_by(Decoding()) for each in networks],
        "**SS-VAE, best of 8 and the physics**": [each.decoding_by(EIGHT) for each in networks],
        "**SS-VAE, then sweep, 1 + 1**": [Polished(each, Effort(sweeps=1, rounds=1)) for each in networks],
        "**SS-VAE's association, then sweep, 3 + 2**": [each.decoding_by(SWEEP) for each in networks],
        "**SS-VAE's associations of 8 latents, then sweep, 3 + 2**": [
            each.decoding_by(replace(SWEEP, candidates=8, spread=6.0)) for each in networks
        ],
        "**SS-VAE's association, then sweep, 3 + 2, best of 8 starts**": [
            each.decoding_by(replace(SWEEP, starts=8)) for each in networks
        ],
    }
    rows = {**rows, **{f"**{other}**": _others(plan, other) for other in OTHERS}}
    everybody = [(title, each) for title, group in rows.items() for each in group]
    say(f"{name}: {num_drops} drops")
    trials = hard_cells.contest(name, [each for _, each in everybody], num_drops)
    found: Trials = {
        "*best there: matching, told the true channel; joint*": [
            hard_cells.reference(plan.root / "trials", name, "joint", num_drops)
        ]
    }
    for (title, _), trial in zip(everybody, trials, strict=True):
        found.setdefault(title, []).append(trial)
    return found


def _associations(plan: Plan, say: Say) -> list[str]:
    """Markdown: how often the learned association is the label's, and how often the strongest RU is."""
    num_drops = max(plan.held_out // hard_cells.SHARE_OF_DROPS["interfering"], 2)
    say("interfering: associations")
    make: Callable[[], Allocator] = ExhaustiveSweepAllocator
    scenario = hard_cells.scenario_of("interfering")
    report, label = kept_decisions(plan.root / "trials", LABELS_BY, make, scenario, seed=0, num_drops=num_drops)
    strongest = strongest_ru(gains(report))
    leaving = strongest != label.serving_ru
    policies = [trained_on_interference(plan, seed) for seed in plan.seeds]
    learned = np.stack([[each.candidates(drop)[0][0].argmax(axis=-1) for drop in drops(report)] for each in policies])
    right = learned == label.serving_ru
    changed = learned != strongest
    return [
        f"Association in 'interfering': the label's RU for {right.mean():.1%} of the UEs; the strongest RU, which "
        f"nobody learned, for {1.0 - leaving.mean():.1%}. Of the UEs that should leave their strongest RU "
        f"{right[:, leaving].mean():.0%} do; of those that do, {right[changed].mean() if changed.any() else 0.0:.0%} "
        f"should. {num_drops} drops."
    ]


# --- the others -------------------------------------------------------------------------------------------------------


def _others(plan: Plan, title: str) -> list[Allocator]:
    allocator, chosen = OTHERS[title]
    configs = [
        RunConfig(allocator=allocator, model=allocator, preset=chosen, seed=seed, scenario=OTHERS_LEARN_IN)
        for seed in plan.seeds[:1]
    ]
    return [build(Run.create(plan.root / "runs", config).execute()).allocator for config in configs]
