"""Where learning can win: the experiments show what their page says they show, in small."""

from pathlib import Path

import numpy as np
import pytest

from oran.errors import ConfigError
from rapp.draws import Stream, generator
from rapp.evaluation import Trial
from rapp.figures import hard as figures_hard
from rapp.figures import hard_cells, hard_channel, hard_queues
from rapp.figures.hard_cells import Contender
from rapp.figures.tables import Plan
from rapp.seen import Seen

DROPS = 16


def trial(score, latency_ms):
    score = np.asarray(score, float)
    same = np.ones_like(score)
    return Trial("t", score, score, same, 0 * same, latency_ms * same)


def score(cause, decide):
    return hard_channel.tried("t", decide, hard_channel.held_out(cause, DROPS)).score.mean()


def test_an_old_report_is_the_truth_of_a_slot_before():
    scenario = hard_channel.scenario_of("stale")
    seen, before = (
        Seen.drawn(scenario, generator(Stream.HELD_OUT, 0), 2, slots=slots, reports=hard_channel.REPORTS)
        for slots in (hard_channel.SLOTS_BEFORE, hard_channel.SLOTS_BEFORE - 1)
    )
    assert (seen.report.gain_db == before.simulator.true_gain_db).all()
    assert (seen.report.gain_db != seen.simulator.true_gain_db).any()
    assert (seen.history_db[1] == before.report.gain_db).all()


@pytest.mark.parametrize("cause", hard_channel.CAUSES)
def test_each_cause_is_alone_and_all_four_are_together(cause):
    seen = hard_channel.scenario_of(cause).observation
    wrong = [seen.error_to_gain_db is not None, seen.delay_slots > 0, seen.step_db is not None, seen.missing_share > 0]
    assert sum(wrong) == (4 if cause == "all four" else 1)


def test_margins_that_differ_by_ue_beat_one_margin_which_beats_none():
    known = hard_channel.knowledge("stale")
    none = score("stale", hard_channel.naive)
    one = score("stale", hard_channel.cautious(known, 2.0))
    robust = score("stale", hard_channel.by_bayes(known))
    truth = hard_channel.held_out("stale", DROPS).simulator.true_gain_db
    perfect = score("stale", hard_channel.told_truth(truth))
    assert none < 0.5 * one
    assert one < robust < perfect


def test_a_mistaken_idea_of_the_reports_is_not_the_truth():
    assert hard_channel.mistaken("all four").correlation > hard_channel.knowledge("all four").correlation
    assert hard_channel.mistaken("noisy").error_to_gain < hard_channel.knowledge("noisy").error_to_gain


def test_the_best_rival_is_the_best_of_those_that_take_no_longer():
    found = [
        (Contender(title="quick"), [trial([10.0, 10.0], 1.0)]),
        (Contender(title="slow"), [trial([20.0, 20.0], 2.0)]),
        (Contender(title="too slow"), [trial([90.0, 90.0], 9.0)]),
        (Contender(title="learned", passes=1), [trial([21.0, 21.0], 2.0), trial([23.0, 23.0], 2.0)]),
        (Contender(title="in no time", passes=1), [trial([21.0, 21.0], 0.1)]),
    ]
    assert figures_hard._at_equal_time(found)[2:] == ["| learned | slow | +2.00 | +2.00 … +2.00 |"]


def test_a_share_counts_lost_drops_as_nothing():
    best = trial([10.0, 10.0], 1.0)
    assert figures_hard._share([trial([0.0, 10.0], 1.0)], best) == "50.0 % (50%)"
    assert figures_hard._share([trial([10.0, 10.0], 1.0), trial([0.0, 10.0], 1.0)], best) == "75.0 ± 35.4 % (75%)"


def test_the_three_slices_have_as_many_ues_as_the_two():
    three = hard_cells.scenario_of("three slices")
    assert three.num_ues == hard_cells.scenario_of("interfering").num_ues
    assert three.slice_names == ("eMBB", "URLLC", "mMTC")


def test_looking_at_the_queues_loses_nothing_where_others_do(monkeypatch):
    monkeypatch.setattr(hard_queues, "SLOTS", 40)
    scenario = hard_queues.scenario_of(8)
    makers = hard_queues.contenders(scenario)
    lost = {
        name: hard_queues.lost_share(makers[name], scenario, 1) for name in ("proportional-fair", *list(makers)[-1:])
    }
    asked, blind = lost.popitem()[1], lost["proportional-fair"]
    assert blind[1] > 0.02  # URLLC
    assert (asked < 1e-3).all()


def test_an_unknown_table_is_refused():
    with pytest.raises(ConfigError, match="known are"):
        figures_hard.hard(Plan(page="hard"), lambda _: None, ["eight"])


def test_the_page_has_a_place_for_every_table():
    page = (Path(__file__).parents[3] / "docs" / "hard.md").read_text()
    for name in ("imperfect", "interfering", "three-slices", "each-learned", "seven", "nineteen", "queues", "scaling"):
        assert f"<!-- table: {name} -->" in page


@pytest.mark.slow
def test_foreseen_associations_earn_more_than_the_same_search_without_them(tmp_path, monkeypatch):
    monkeypatch.setattr(hard_cells, "LESSONS", {"interfering": 80, "interfering-7": 6})
    weights, _ = hard_cells.trained(tmp_path, seed=0)
    learned = Contender(title="learned", sweeps=3, rounds=2, passes=5, last_only=True).allocator(weights)
    alone = Contender(title="alone", sweeps=3, rounds=2).allocator(None)
    with_it, without = hard_cells.contest("interfering-7", [learned, alone], 8)
    assert (with_it.score > 0).all()
    assert with_it.score.mean() > 1.004 * without.score.mean()
    again, _ = hard_cells.trained(tmp_path, seed=0)
    assert all((again[name] == weights[name]).all() for name in weights)


@pytest.mark.slow
def test_a_learned_belief_needs_no_telling_and_does_nearly_as_well_as_one_that_was_told(tmp_path):
    policy, cpu_s = hard_channel.trained(tmp_path, "all four", seed=0)
    learned = score("all four", hard_channel.by_learning(policy))
    assert cpu_s > 0.0
    assert learned > 3.0 * score("all four", hard_channel.naive)
    assert learned > score("all four", hard_channel.by_bayes(hard_channel.mistaken("all four")))
    assert learned > 0.85 * score("all four", hard_channel.by_bayes(hard_channel.knowledge("all four")))
