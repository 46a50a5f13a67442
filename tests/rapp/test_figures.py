"""Tables: what they measure, where they go, and that nothing flatters unnoticed."""

from __future__ import annotations

import numpy as np
import pytest

from oran.errors import ConfigError
from rapp import datasets, figures
from rapp.accuracy import compare, trivial
from rapp.figures import Plan, Variant, insert


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
        figures.ssvae(Plan(root=tmp_path, docs=tmp_path), lambda text: None, ["fig-7"])


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
    variants = figures.label_counts(Plan(labels=1000))
    assert sorted({variant.labels for variant in variants}) == [250, 500, 1000]


def test_a_comparison_prints_every_variant_and_reference_over_its_seeds(tmp_path):
    small = {"epochs": 1, "width": 8, "layers": 1, "unlabelled_batch_size": 0}
    plan = Plan(labels=25, held_out=4, unlabelled=0, seeds=(0, 1), root=tmp_path)
    variants = [Variant(title="one", changes=small), Variant(title="two", changes=small, decoding={"candidates": 2})]
    said: list[str] = []
    lines = figures._comparison(plan, "tiny", variants, said.append, references=("equal", "exact"))
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["one", "two", "*equal*", "*exact*"]
    assert "100.00 %" in lines[-1]
    assert "±" in lines[2]
    assert len(list((tmp_path / "runs").iterdir())) == 2  # decoding differs, weights do not
