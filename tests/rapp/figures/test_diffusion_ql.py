"""The page of Diffusion-QL: every table has its place, and what is measured is measured on equal terms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from e2sim.physics.constraints import violations
from e2sim.physics.units import db_to_linear
from e2sim.scenario import load
from oran.errors import ConfigError
from rapp.draws import Stream, draw, generator
from rapp.figures import diffusion_ql as figures_diffusion_ql
from rapp.figures import diffusion_ql_hard, diffusion_ql_plots, hard_channel
from rapp.figures.diffusion_ql_rows import Judge, Row, classic, run_of, served, trained, unlearned
from rapp.figures.tables import Plan
from xapps.belief.rice import Belief
from xapps.classic import waterfilling
from xapps.classic.cell import single_cell
from xapps.diffusion_ql.policy import DiffusionQlPolicy
from xapps.diffusion_ql.presets import PRESETS
from xapps.ssvae.batches import drops, take

DOCS = Path(__file__).parents[3] / "docs"
SMALL = {"width": 8, "denoiser_width": 8, "critic_width": 8, "drops": 40, "epochs": 2}
ROW = Row(title="small", changes=SMALL)


def quiet(text: str) -> None:
    del text


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    return Plan(held_out=12, root=tmp_path_factory.mktemp("figures"), seeds=(0,))


def test_every_table_and_figure_has_its_place_in_the_page(plan):
    page = (DOCS / "diffusion_ql.md").read_text()
    for name in figures_diffusion_ql.tables(plan, quiet):
        assert f"<!-- table: {name} -->" in page
    for name in diffusion_ql_plots.FIGURES:
        assert f"(img/diffusion-ql-{name}.png)" in page


def test_an_unknown_table_is_a_config_error(plan):
    with pytest.raises(ConfigError):
        figures_diffusion_ql.diffusion_ql(plan, quiet, ["table-9"])


def test_a_comparison_shows_every_row_beside_what_was_not_learned(plan):
    lines = figures_diffusion_ql.comparison(plan, "tiny", [ROW], quiet, ("greedy", "matching", "exact"))
    titles = [line.split("|")[1].strip() for line in lines[2:]]
    assert titles == ["small", *(f"*{name}*" for name in unlearned()), "*greedy*", "*matching*", "*exact*"]
    assert "100.00 %" in lines[-1]
    shares = [float(line.split("|")[2].split("%")[0]) for line in lines[2:]]
    assert max(shares) <= 100.0


def test_matching_is_the_unit_of_the_reward(tiny):
    judge = Judge.of(tiny, 12)
    trial, worth = judge.tried("matching", classic(["matching"])["matching"])
    missed = 1.0 - trial.satisfied.mean()  # a drop that nobody can satisfy
    assert 1.0 - 2.0 * missed - 1e-6 <= worth <= 1.0 + 1e-6
    assert judge.tried("random", classic(["random"])["random"])[1] < worth
    assert len(trial.score) == 12


def test_a_row_is_trained_once_and_drawn_from_in_its_way(plan):
    model = trained(plan, "tiny", ROW, 0)
    way = trained(plan, "tiny", Row(title="many", changes=SMALL, sampling={"candidates": 4}), 0)
    assert run_of(plan, "tiny", ROW, 0).state == "done"
    assert way.manifest.sha256 == model.manifest.sha256
    allocator = served(way)
    assert isinstance(allocator, DiffusionQlPolicy)
    assert allocator.sampling.candidates == 4


def test_a_sweeps_points_are_kept(plan, monkeypatch):
    changes = SMALL | {"drops": 20, "epochs": 1, "perturbed": 0}
    monkeypatch.setattr(diffusion_ql_plots, "NETWORK", Row(title="small", changes=changes))
    monkeypatch.setattr(diffusion_ql_plots, "DROPS", 3)
    loads = [diffusion_ql_plots._loaded(2)]
    first = diffusion_ql_plots._swept(plan, quiet, loads, ("matching",))
    monkeypatch.setattr(diffusion_ql_plots, "measure", None)
    again = diffusion_ql_plots._swept(plan, quiet, loads, ("matching",))
    assert again[0]["matching"].throughput == first[0]["matching"].throughput
    assert first[0]["Diffusion-QL"].slices.shape == (3,)


def test_table_2_shows_the_paper_and_trivial_rows_and_names_what_is_not_trained(plan):
    runs = {"small": run_of(plan, "tiny", ROW, 0), "absent": run_of(plan, "tiny", ROW, 7)}
    runs["small"].execute()
    lines = figures_diffusion_ql._accuracies(plan, "tiny", runs, quiet)
    titles = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert titles[2:5] == list(figures_diffusion_ql.PAPER_TABLE_2)
    assert "small" in titles and "absent" not in titles
    assert any("nobody served" in title for title in titles)
    assert lines[-1] == "Not trained yet: absent."


# --- doubt and interference -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy(plan) -> DiffusionQlPolicy:
    return DiffusionQlPolicy.from_model(trained(plan, "tiny", ROW, 0))


def test_worth_under_a_belief_without_doubt_is_the_throughput(policy, tiny):
    [report] = drops(draw(tiny, generator(Stream.TRAINING, 3), 1))
    cell = single_cell(report)
    gain = db_to_linear(np.asarray(report.gain_db))[:, 0] / report.noise_w
    sure = Belief(gain, np.full(gain.shape, 1e-12) * gain)
    owner = diffusion_ql_hard.answers(policy, report, cell)
    power_w, met = waterfilling.fill(
        cell.gain_of(owner), owner, cell.weight, cell.min_rate_bps_hz, cell.budget_w, cell.cap_w
    )
    noise = np.random.default_rng(0).standard_normal(16) + 0j
    found = diffusion_ql_hard.expected_worth(cell, sure, owner, power_w, noise)
    for index in range(len(owner)):
        rate = cell.rates_bps_hz(owner[index], power_w[index])
        satisfied = rate >= cell.min_rate_bps_hz * (1 - 1e-6)
        assert satisfied.all() == met[index]
        expected = (rate @ cell.weight if met[index] else 0.0) + 1e-3 * satisfied.mean()
        assert found[index] == pytest.approx(expected, rel=1e-3)


def test_under_doubt_the_candidate_that_holds_more_often_is_worth_more(policy, tiny):
    """One and the same assignment; the powers of the second leave a margin, those of the first none."""
    [report] = drops(draw(tiny, generator(Stream.TRAINING, 3), 1))
    cell = single_cell(report)
    cell = replace(cell, min_rate_bps_hz=np.full(cell.num_ues, 1.0))
    gain = db_to_linear(np.asarray(report.gain_db))[:, 0] / report.noise_w
    owner = np.arange(cell.num_prbs)[None] % cell.num_ues
    tight = 1.0 / gain[owner, np.arange(cell.num_prbs)]  # 1 bps/Hz a PRB
    belief = Belief(0.9 * gain, 0.1 * gain)
    noise = np.random.default_rng(0).standard_normal((2, 64)) * np.sqrt(0.5)
    both = np.concatenate([tight, 4.0 * tight])
    found = diffusion_ql_hard.expected_worth(cell, belief, np.repeat(owner, 2, 0), both, noise[0] + 1j * noise[1])
    assert found[1] > 1.5 * found[0]


@pytest.mark.parametrize("make", [diffusion_ql_hard.judged_by_belief, diffusion_ql_hard.with_margins])
def test_decisions_under_a_belief_are_obeyed(policy, make):
    cause = "all four"
    seen = hard_channel.held_out(cause, 2)
    decide = make(policy, hard_channel.knowledge(cause))
    for drop in range(2):
        report = take(seen.report, drop)
        allocation = decide(report, [gain_db[drop] for gain_db in seen.history_db])
        assert violations(allocation, report) == []


def test_scores_that_nobody_learned_decide_for_several_rus():
    [report] = drops(draw(load("interfering"), generator(Stream.TRAINING, 0), 1))
    for allocator in unlearned().values():
        assert violations(allocator.decide(report), report) == []


def test_a_student_is_taught_by_the_run_of_its_row(plan, monkeypatch):
    monkeypatch.setitem(PRESETS, "plain", PRESETS["plain"].with_changes(SMALL))
    row = Row(title="student", preset="student", changes={"drops": 20, "epochs": 1}, teacher="plain")
    teacher = trained(plan, "tiny", Row(title="", preset="plain"), 0)
    assert trained(plan, "tiny", row, 0).manifest.training["teacher"]["sha256"] == teacher.manifest.sha256
