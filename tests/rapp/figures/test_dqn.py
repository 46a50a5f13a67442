"""DQN through the rApp: trained without labels, resumed, gated, tabled."""

from __future__ import annotations

import pytest

from oran.errors import ConfigError
from rapp.evaluation import trial
from rapp.figures import dqn as figures_dqn
from rapp.figures.dqn import Row
from rapp.figures.tables import Plan
from rapp.runs import Run, RunConfig
from xapps.dqn.decoder import UnlearnedAllocator
from xapps.runtime.model_slot import build

SHORT = {"epochs": 8, "episodes": 32, "updates": 20, "lookahead": 3}


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return RunConfig(allocator="dqn", model="dqn", preset="demo", changes=SHORT, scenario="tiny")


@pytest.fixture(scope="module")
def model(tmp_path_factory, config):
    return Run.create(tmp_path_factory.mktemp("runs"), config).execute()


class Cut(Exception):
    """Somebody pulls the plug."""


def test_a_run_that_was_cut_continues_to_the_same_weights(tmp_path, config, model):
    def pull_the_plug(progress):
        if progress.epoch == 3:
            raise Cut

    with pytest.raises(Cut):
        Run.create(tmp_path, config).execute(pull_the_plug)
    assert Run.create(tmp_path, config).execute().manifest.sha256 == model.manifest.sha256


def test_the_manifest_says_where_the_model_comes_from(model, tiny):
    manifest = model.manifest
    assert manifest.scenario.digest == tiny.digest
    assert manifest.training["seed"] == 0
    assert manifest.training["episodes"] == 8 * 32


def test_what_was_learned_beats_the_same_process_without_learning(model, tiny):
    learned = trial("dqn", build(model).allocator, tiny, seed=3, num_drops=80)
    unlearned = trial("unlearned", UnlearnedAllocator(), tiny, seed=3, num_drops=80)
    assert (learned.repaired == 0).all()
    assert learned.score.mean() > unlearned.score.mean()
    assert learned.satisfied.mean() >= unlearned.satisfied.mean()


def test_a_page_is_filled_from_runs_that_are_made_once(tmp_path, monkeypatch):
    monkeypatch.setattr(figures_dqn, "SCENARIOS", ("tiny",))
    monkeypatch.setattr(figures_dqn, "ROWS", (Row(title="DQN in short", preset="demo"),))
    monkeypatch.setattr(figures_dqn, "REFERENCES", ("greedy",))
    page = tmp_path / "dqn.md"
    page.write_text("<!-- table: tiny -->\n<!-- end -->\n")
    plan = Plan(seeds=(0,), held_out=10, root=tmp_path / "out", docs=tmp_path)
    figures_dqn.dqn(plan, lambda text: None, ["tiny"])
    text = page.read_text()
    for title in ("DQN in short", "*nothing learned, one rollout by the next reward*", "*greedy*"):
        assert f"| {title} |" in text
    made = {path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").glob("*/model.json")}
    figures_dqn.dqn(plan, lambda text: None, ["tiny"])
    assert {path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").glob("*/model.json")} == made


def test_one_network_is_measured_at_loads_that_it_never_saw(tmp_path, monkeypatch):
    monkeypatch.setattr(figures_dqn, "BEST_OF_4", Row(title="DQN in short", preset="demo"))
    monkeypatch.setattr(figures_dqn, "LOADS", {"tiny": (1, 5)})
    monkeypatch.setattr(figures_dqn, "LOAD_DROPS", 4)
    lines = figures_dqn.loads(Plan(seeds=(0, 1), root=tmp_path), lambda text: None)
    assert lines[0].count("|") == lines[2].count("|") == 7
    assert [line.split("|")[2].strip() for line in lines[2:4]] == ["1", "5"]
    assert len(list((tmp_path / "runs").glob("*/model.json"))) == 1  # the first seed's, for both loads


def test_an_unknown_table_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="known are"):
        figures_dqn.dqn(Plan(root=tmp_path, docs=tmp_path), lambda text: None, ["fig-7"])
