"""Sweeps of load and power, and the figures drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import image

from e2sim import scenario as scenarios
from e2sim.scenario import varied
from rapp.draws import Stream, draw, generator
from rapp.evaluation import trial
from rapp.figures import ssvae_plots, ssvae_sweeps
from rapp.figures.ssvae_sweeps import BOUND, Point, measure, upper_bound
from rapp.figures.tables import Plan, Variant
from xapps import allocators
from xapps.ssvae.batches import drops

KINDS = ("all terms", "labels alone")
SMALL = {"epochs": 1, "width": 8, "layers": 1, "unlabelled_batch_size": 0}


@pytest.mark.parametrize("ues", [5, 16])
def test_nobody_is_above_the_bound_and_slices_add_up(ues):
    loaded = varied(scenarios.load("cell"), slices__0__num_ues=ues, slices__1__num_ues=ues)
    found = measure(loaded, {name: allocators.build(name) for name in ("matching", "greedy", "equal")}, num_drops=5)
    for name in ("matching", "greedy", "equal"):
        assert found[name].throughput < found[BOUND].throughput
        assert found[name].slices.shape == (2,)
        assert (found[name].slices > 0).all()
    assert (found["matching"].satisfied == 1.0) == (ues == 5)  # 16 + 16 UEs are too many for 25 PRBs


def test_the_bound_holds_drop_by_drop():
    cell = scenarios.load("edge")
    bound = upper_bound(cell, 6)
    for report, each in zip(drops(draw(cell, generator(Stream.HELD_OUT, 0), 6)), bound, strict=True):
        decision = allocators.build("matching").decide(report)
        gain = 10 ** (report.gain_db[decision.prb_owner[0], 0, np.arange(25)] / 10)
        assert np.log2(1 + gain * decision.power_w[0] / report.noise_w).sum() <= each


def test_the_table_has_a_row_a_load_and_a_column_an_allocator(tmp_path, monkeypatch):
    loaded = Variant(title="SS-VAE", changes=SMALL, loads={2: 5})
    monkeypatch.setattr(ssvae_sweeps, "LEARNED", {"SS-VAE": loaded, "other": Variant(title="other", changes=SMALL)})
    monkeypatch.setattr(ssvae_sweeps, "UES", (2, 3))
    monkeypatch.setattr(ssvae_sweeps, "DROPS", 2)
    plan = Plan(labels=4, pool=5, unlabelled=0, workers=1, root=tmp_path)
    lines = ssvae_sweeps.table(plan, lambda text: None)
    assert (
        lines[0]
        == "| UEs a service | SS-VAE | other | physics alone, same decoder | matching | greedy | equal | upper bound |"
    )
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["2", "3"]


def curve(length: int) -> ssvae_sweeps.Curve:
    names = (*ssvae_sweeps.LEARNED, "physics alone, same decoder", *ssvae_sweeps.REFERENCES, BOUND)
    return [{name: Point(np.array([2.0 + n, 1.0]), 0.9) for name in names} for n in range(length)]


@pytest.mark.parametrize("name", ["fig-6c", "fig-6d", "fig-6e-6f"])
def test_a_figure_of_a_sweep_is_a_small_picture(tmp_path, monkeypatch, name):
    monkeypatch.setattr(ssvae_sweeps, "by_ues", lambda plan, say: curve(9))
    monkeypatch.setattr(ssvae_sweeps, "by_power", lambda plan, say: curve(6))
    monkeypatch.setattr(ssvae_sweeps, "by_cap", lambda plan, say: curve(6))
    monkeypatch.setattr(ssvae_sweeps, "by_power_and_ues", lambda plan, say: {5: curve(6), 10: curve(6)})
    path = ssvae_plots.draw(name, Plan(docs=tmp_path), lambda text: None)
    assert image.imread(path).shape[:2] == (350, 960)
    assert path.stat().st_size < 150_000


def test_figures_of_runs_draw_losses_and_labels(tmp_path, monkeypatch):
    rows = tuple(Variant(title=f"{n} labels, {kind}", labels=n, changes=SMALL) for kind in KINDS for n in (4, 5))
    monkeypatch.setattr(ssvae_plots, "label_counts", lambda plan: rows)
    monkeypatch.setattr(ssvae_plots, "LOSSES", {"equivariant": Variant(title="one", changes=SMALL)})
    plan = Plan(labels=4, pool=5, held_out=2, unlabelled=0, workers=1, root=tmp_path, docs=tmp_path)
    nothing = trial("equal", allocators.build("equal"), scenarios.load("edge"), seed=0, num_drops=2)
    monkeypatch.setattr(ssvae_plots, "reference", lambda plan, scenario, name, say: nothing)
    for name in ("fig-5", "fig-6a-6b"):
        assert ssvae_plots.draw(name, plan, lambda text: None).stat().st_size > 10_000
