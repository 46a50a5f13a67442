"""Imperfect channel reports, judged on the true channel: naive and cautious matching, Bayes' rule, a learned belief."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from e2sim import scenario as scenarios
from e2sim.physics.fading import jakes_correlation
from e2sim.physics.units import db_to_linear, linear_to_db
from e2sim.scenario import Scenario
from oran.e2sm.rrm import Allocation, RadioReport
from rapp.draws import Stream, generator
from rapp.evaluation import Decided, Trial, judged
from rapp.files import write_atomically
from rapp.seen import Seen, pairs
from xapps.belief import bayes, learner, network, presets
from xapps.belief.policy import BeliefPolicy
from xapps.belief.robust import Robust
from xapps.classic.matching import MatchingAllocator
from xapps.runtime import shield
from xapps.ssvae.batches import take

Array = NDArray[np.float64]

PERFECT: dict[str, float | None] = {
    "observation__error_to_gain_db": None,
    "observation__delay_slots": 0,
    "observation__step_db": None,
    "observation__missing_share": 0.0,
}
CAUSES: dict[str, dict[str, float | None]] = {
    "noisy": {"observation__error_to_gain_db": -15.0},
    "stale": {"observation__delay_slots": 1},
    "quantised": {"observation__step_db": 1.0},
    "missing": {"observation__missing_share": 0.3},
    "all four": {
        "observation__error_to_gain_db": -15.0,
        "observation__delay_slots": 1,
        "observation__step_db": 1.0,
        "observation__missing_share": 0.3,
    },
}
"""What is wrong with the reports of the "edge" cell; all else is perfect."""

SLOTS_BEFORE = 6
"""Slots of the same drop that pass before a decision is judged, so that old reports are old."""

REPORTS = 3
MARGINS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Margins among which the rival's is tuned, in standard deviations of the log-gain."""

TUNING_DROPS = 60


def scenario_of(cause: str) -> Scenario:
    """The "edge" cell with fading that has a memory, and reports with one fault or all."""
    return scenarios.varied(scenarios.load("uncertain"), **{**PERFECT, **CAUSES[cause]})


def drawn(scenario: Scenario, rng: np.random.Generator, num_drops: int) -> Seen:
    """Drops as they are decided here, with their last reports."""
    return Seen.drawn(scenario, rng, num_drops, slots=SLOTS_BEFORE, reports=REPORTS)


Decide = Callable[[RadioReport, list[Array]], Allocation]
"""A decision from a report and the gains of it and older ones, newest first."""


def tried(name: str, decide: Decide, seen: Seen) -> Trial:
    """What an allocator does on the drops, judged on their true channels. Uses the simulator up."""
    found = []
    for drop in range(len(seen.history_db[0])):
        report, history_db = take(seen.report, drop), [gain_db[drop] for gain_db in seen.history_db]
        start_s = time.thread_time()
        proposed = decide(report, history_db)
        latency_ms = 1e3 * (time.thread_time() - start_s)
        found.append(Decided(*shield.project(proposed, report), latency_ms))
    return judged(name, seen.simulator, found)


def held_out(cause: str, num_drops: int) -> Seen:
    """The drops that everybody is judged on."""
    return drawn(scenario_of(cause), generator(Stream.HELD_OUT, 0), num_drops)


def knowledge(cause: str) -> bayes.Imperfection:
    """The truth about how the reports come about."""
    scenario = scenario_of(cause)
    seen, radio = scenario.observation, scenario.radio
    return bayes.Imperfection(
        error_to_gain=0.0 if seen.error_to_gain_db is None else float(db_to_linear(seen.error_to_gain_db)),
        delay_slots=seen.delay_slots,
        step_db=seen.step_db or 0.0,
        losses=seen.missing_share > 0,
        correlation=jakes_correlation(scenario.channel.speed_m_s, radio.carrier_ghz, scenario.slot_s),
    )


def mistaken(cause: str) -> bayes.Imperfection:
    """As one would have it who takes the UEs to walk at a third of their speed and the error for 5 dB less."""
    scenario, truth = scenario_of(cause), knowledge(cause)
    slower = jakes_correlation(scenario.channel.speed_m_s / 3.0, scenario.radio.carrier_ghz, scenario.slot_s)
    return replace(truth, correlation=slower, error_to_gain=truth.error_to_gain * 10**-0.5)


def naive(report: RadioReport, history_db: list[Array]) -> Allocation:
    """Matching on what is seen."""
    del history_db
    return MatchingAllocator().decide(report)


def told_truth(true_db: Array) -> Decide:
    """Matching on the true channels (N, U, 1, K), taken one after the other: what perfect knowledge would give."""
    following = iter(true_db)
    return lambda report, _: MatchingAllocator().decide(replace(report, gain_db=next(following)))


def cautious(model: bayes.Imperfection, margin: float) -> Decide:
    """Matching on shrunk gains with one margin for all: the classical way."""

    def decide(report: RadioReport, history_db: list[Array]) -> Allocation:
        gain = bayes.posterior(history_db[:1], model).cautious_gain(margin)
        return MatchingAllocator().decide(replace(report, gain_db=linear_to_db(gain)))

    return decide


@cache
def tuned_margin(cause: str) -> float:
    """The margin that scores best on drops of the training stream."""
    scores = []
    for margin in MARGINS:
        seen = drawn(scenario_of(cause), generator(Stream.LABELLED, 0), TUNING_DROPS)
        scores.append(tried("tuning", cautious(knowledge(cause), margin), seen).score.mean())
    return MARGINS[int(np.argmax(scores))]


def by_bayes(model: bayes.Imperfection, reports: int = 1) -> Decide:
    """The robust decision under the belief of Bayes' rule."""
    robust = Robust()
    return lambda report, history_db: robust.decide(report, bayes.posterior(history_db[:reports], model))


def by_learning(policy: BeliefPolicy, reports: int = 1) -> Decide:
    """The robust decision under the learned belief."""
    return lambda report, history_db: policy.decide_after(report, history_db[1:reports])


def trained(root: Path, cause: str, seed: int) -> tuple[BeliefPolicy, float]:
    """A belief learned from unlabelled pairs of report and truth, and what that cost [CPU s]; kept."""
    path = root / f"belief-{cause.replace(' ', '-')}-{scenario_of(cause).digest[:12]}-{seed}.npz"
    preset = presets.preset("sane")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        start_s = time.process_time()
        weights = learner.train(lambda key: _pairs(cause, key, preset), preset, seed=seed)
        with write_atomically(path) as file:
            np.savez(file, cpu_seconds=time.process_time() - start_s, **weights)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as kept:
        weights = {name: kept[name] for name in network.weight_shapes(preset.architecture)}
        return BeliefPolicy(preset.architecture, weights), float(kept["cpu_seconds"])


def _pairs(cause: str, key: int, preset: presets.Preset) -> learner.Pairs:
    return pairs(scenario_of(cause), generator(Stream.UNLABELLED, key), preset.drops, preset.reports)
