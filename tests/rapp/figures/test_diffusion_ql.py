"""The page of Diffusion-QL: every table has its place, and what is measured is measured on equal terms."""

from __future__ import annotations

from pathlib import Path

import pytest

from oran.errors import ConfigError
from rapp.figures import diffusion_ql as figures_diffusion_ql
from rapp.figures import diffusion_ql_plots
from rapp.figures.diffusion_ql_rows import Judge, Row, classic, run_of, served, trained, unlearned
from rapp.figures.tables import Plan
from xapps.diffusion_ql.policy import DiffusionQlPolicy

DOCS = Path(__file__).parents[3] / "docs"
SMALL = {"width": 8, "denoiser_width": 8, "critic_width": 8, "drops": 40, "epochs": 2, "perturbed": 1}
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
    changes = {"drops": 20, "epochs": 1, "width": 8, "denoiser_width": 8, "critic_width": 8, "perturbed": 0}
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
