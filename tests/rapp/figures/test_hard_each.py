"""SS-VAE trained for what is hard, and the table that puts every learned allocator beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim.physics import constraints
from e2sim.physics.objective import rate_satisfied, rates_bps_hz
from e2sim.physics.units import db_to_linear
from rapp.draws import Stream, draw, generator
from rapp.evaluation import Trial
from rapp.figures import hard_cells, hard_channel, hard_each, hard_ssvae
from rapp.figures.tables import Plan, Variant
from xapps.belief import network as belief_network
from xapps.belief.policy import BeliefPolicy
from xapps.coordination.field import Field
from xapps.coordination.response import state_value
from xapps.coordination.search import Effort, start_from
from xapps.ssvae import network
from xapps.ssvae.batches import drops
from xapps.ssvae.features import Normalisation
from xapps.ssvae.network import Architecture
from xapps.ssvae.policy import SsvaePolicy


def untrained(rus: int) -> SsvaePolicy:
    architecture = Architecture(width=8, layers=1, rus=rus)
    weights = network.initialise(architecture, np.random.default_rng(0))
    return SsvaePolicy(architecture, weights, Normalisation(10.0, 15.0))


@pytest.fixture(scope="module")
def interfering():
    return list(drops(draw(hard_cells.scenario_of("interfering"), generator(Stream.LABELLED, 3), 6)))


def value(report, decided) -> float:
    field = Field.of(report, decided.serving_ru[None].astype(np.intp))
    return float(state_value(field, start_from(field, decided))[0, 0])


def test_moves_after_a_decision_never_make_it_worse(interfering):
    policy = untrained(3)
    polished = hard_ssvae.Polished(policy, Effort(sweeps=0, rounds=2))
    for report in interfering:
        before, after = policy.decide(report), polished.decide(report)
        assert constraints.violations(after, report) == []
        assert value(report, after) >= value(report, before) - 1e-2


def test_assignments_with_margins_break_no_hard_limit():
    architecture = belief_network.Architecture(width=8, reports=1)
    belief = BeliefPolicy(architecture, belief_network.initialise(architecture, np.random.default_rng(0)))
    decide = hard_ssvae.with_margins(untrained(1), belief)
    for report in drops(hard_channel.held_out("all four", 3).report):
        assert constraints.violations(decide(report, []), report) == []


def test_the_labels_of_a_report_keep_the_minimum_rates_on_the_true_channel():
    labelled = hard_ssvae._labelled_reports("all four", 8)
    truth = hard_channel.drawn(hard_channel.scenario_of("all four"), generator(Stream.LABELLED, 1), 8)
    kept = {}
    for name, gain_db in (("true", truth.simulator.true_gain_db), ("seen", labelled.report.gain_db)):
        rate = rates_bps_hz(db_to_linear(np.asarray(gain_db)), labelled.label, labelled.report.noise_w)
        kept[name] = rate_satisfied(rate, labelled.report.min_rate_bps_hz).all(axis=-1).mean()
    assert kept["true"] > 0.8 > kept["seen"]


def test_a_network_for_reports_is_kept_with_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(hard_ssvae, "LABELS_OF_A_CAUSE", 6)
    monkeypatch.setattr(hard_ssvae, "IMPERFECT_EPOCHS", 1)
    policy, again = (hard_ssvae.trained_on_reports(tmp_path, 0) for _ in range(2))
    report = next(drops(hard_channel.held_out("noisy", 1).report))
    assert (policy.candidates(report)[1] == again.candidates(report)[1]).all()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cell_of_the_table_is_a_dash_where_nobody_was_tried():
    def trial(score):
        score = np.array(score)
        return Trial("t", score, score, 0 * score + 1, 0 * score, 0 * score + 2.0)

    best = trial([10.0, 10.0])
    assert hard_each._cell([], best) == "–"
    assert hard_each._cell([trial([0.0, 10.0])], best) == "50.0 % (50%), 2.0 ms"
    assert hard_each._cell([trial([0.0, 10.0]), best], best) == "75.0 ± 35.4 % (75%), 2.0 ms"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_that_starts_from_learned_decisions_is_better_than_they_are(tmp_path, monkeypatch):
    small = Variant(title="small", labels=60, changes={"epochs": 8, "width": 16, "layers": 2})
    monkeypatch.setattr(hard_ssvae, "INTERFERING", small)
    plan = Plan(page="hard", held_out=24, unlabelled=20, root=tmp_path)
    policy = hard_ssvae.trained_on_interference(plan, 0)
    polished = hard_ssvae.Polished(policy, Effort(sweeps=1, rounds=1))
    alone, searched = hard_cells.contest("interfering", [policy, polished], 12)
    assert searched.score.mean() > alone.score.mean()
