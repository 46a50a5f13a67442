"""Tables: what they measure, where they go, and that nothing flatters unnoticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from e2sim import scenario as scenarios
from oran.errors import ConfigError
from rapp import datasets, evaluation
from rapp.figures import ssvae as figures_ssvae
from rapp.figures import tables as figures
from rapp.figures import trials
from rapp.figures.accuracy import compare, trivial
from rapp.figures.ssvae_rows import ablations, label_counts
from rapp.figures.tables import Plan, Variant, insert
from rapp.runs import list_runs
from xapps import allocators
from xapps.runtime.contracts import Allocator


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "ssvae.md"
    path.write_text(
        "before\n<!-- table: one -->\nold\n<!-- end -->\nbetween\n<!-- table: two -->\n<!-- end -->\nafter\n"
    )
    return path


def test_a_table_replaces_what_stood_in_its_place_and_nothing_else(page):
    insert(page, "one", ["new", r"back\slash"])
    insert(page, "two", ["second"])
    insert(page, "two", ["second again"])
    expected = "before\n<!-- table: one -->\nnew\nback\\slash\n<!-- end -->\nbetween\n"
    assert page.read_text() == expected + "<!-- table: two -->\nsecond again\n<!-- end -->\nafter\n"


def test_a_table_without_a_place_is_a_config_error(page):
    with pytest.raises(ConfigError, match="three"):
        insert(page, "three", [])


def test_an_unknown_table_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="known are"):
        figures_ssvae.ssvae(Plan(root=tmp_path, docs=tmp_path), lambda text: None, ["fig-7"])


def test_the_labels_agree_with_themselves(tiny_dataset):
    data = datasets.load(tiny_dataset)
    perfect = compare(data.label.power_w / data.report.prb_power_cap_w, data.label.prb_owner, data)
    assert (perfect.mae, perfect.r2, perfect.binary_error, perfect.owner) == (0.0, 1.0, 0.0, 1.0)
    assert perfect.cosine == pytest.approx(1.0)


def test_the_binary_error_of_nobody_is_one_indicator_a_prb(tiny_dataset):
    data = datasets.load(tiny_dataset)
    nobody = trivial(data)["*constant power, nobody served*"]
    assert nobody.binary_error == pytest.approx(np.mean(data.label.prb_owner >= 0) / data.report.num_ues)
    assert nobody.owner == 0.0
    assert nobody.r2 == pytest.approx(0.0, abs=1e-9)  # a constant explains nothing, however close its cosine is to one
    assert nobody.cosine > 0.8


def test_label_counts_stop_at_the_labels_there_are():
    variants = label_counts(Plan(labels=2000))
    assert sorted({variant.labels for variant in variants}) == [250, 500, 2000]


SMALL = {"epochs": 1, "width": 8, "layers": 1, "unlabelled_batch_size": 0}


@pytest.fixture
def plan(tmp_path):
    return Plan(labels=20, pool=25, held_out=4, unlabelled=0, workers=1, seeds=(0, 1), root=tmp_path, docs=tmp_path)


def test_a_comparison_prints_every_variant_and_reference_over_its_seeds(plan):
    variants = [
        Variant(title="one", changes=SMALL),
        Variant(title="two", changes=SMALL, decoding={"candidates": 2}),
        Variant(title="three", changes=SMALL, seeds=1),
    ]
    said: list[str] = []
    lines = figures.comparison(plan, "tiny", variants, said.append, references=("equal", "exact"))
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert [row[0] for row in cells] == ["one", "two", "three", "*equal*", "*exact*"]
    assert [row[-1] for row in cells] == ["2", "2", "1", "–", "–"]
    assert cells[-1][1] == "100.00 %"
    assert ["±" in row[1] for row in cells] == [True, True, False, False, False]
    assert len(list_runs(plan.root / "runs")) == 2  # decoding differs, weights do not


def test_a_table_of_both_decodings_says_what_the_latent_is_worth(plan):
    variants = [Variant(title="one", changes=SMALL), Variant(title="two", labels=10, changes=SMALL, seeds=1)]
    matched = replace(plan, yardstick="matching")
    lines = figures_ssvae.both_decodings(matched, "tiny", variants, lambda text: None)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert [row[0] for row in cells] == ["one", "two"]
    assert [row[-1] for row in cells] == ["2", "1"]
    assert all(float(row[2].split()[0]) >= float(row[1].split()[0]) - 1e-9 for row in cells)


def test_another_yardstick_leaves_the_exact_solver_out(plan):
    lines = figures.comparison(replace(plan, yardstick="matching"), "tiny", [], lambda text: None)
    assert "of matching" in lines[0]
    assert not any("exact" in line for line in lines)
    assert "100.00 %" in next(line for line in lines if line.startswith("| *matching*"))
    assert replace(plan, yardstick="matching").command.endswith("--yardstick matching")


def test_the_exact_solvers_trial_is_kept_and_continues_where_it_was_cut(plan, monkeypatch):
    monkeypatch.setattr(trials, "PIECE_DROPS", 3)
    scenario = scenarios.load("tiny")

    def exact(make) -> evaluation.Trial:
        return trials.kept_trial(plan.root, "exact", make, scenario, seed=0, num_drops=8)

    built: list[str] = []

    def breaks_at_the_third() -> Allocator:
        built.append("one")
        if len(built) == 7:  # one is built a drop
            raise ConnectionError("cut")
        return allocators.build("matching")

    with pytest.raises(ConnectionError):
        exact(breaks_at_the_third)
    assert len(list(plan.root.glob("exact-*/piece-*"))) == 2
    found = exact(lambda: allocators.build("matching"))
    expected = evaluation.trial("exact", allocators.build("matching"), scenario, seed=0, num_drops=8)
    np.testing.assert_array_equal(found.score, expected.score)
    again = exact(lambda: pytest.fail("everything is there"))
    np.testing.assert_array_equal(found.latency_ms, again.latency_ms)


def test_rows_share_the_runs_that_they_have_in_common():
    rows = label_counts(Plan(labels=4000)) + ablations()
    configured = {(row.labels, str(sorted(row.changes.items()))) for row in rows}
    assert len(configured) == len(rows) - 2  # 500 labels with all terms and with labels alone stand in both tables
    assert all("epochs" not in row.changes for row in rows if row.labels == 2000)
