"""Labelled data sets: reproducible, resumable, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim.scenario import load
from oran.errors import ConfigError
from rapp import datasets
from rapp.draws import Stream, draw, generator
from xapps.classic.exact import ExactAllocator
from xapps.ssvae.batches import drops


def described(tiny, **changes):
    return datasets.describe(tiny, **({"seed": 0, "num_drops": 8, "labels_by": "matching"} | changes))


def test_labels_are_the_exact_solvers_decisions(tmp_path, tiny):
    data = datasets.build(tmp_path, described(tiny, labels_by="exact", num_drops=4), workers=1)
    for index, drop in enumerate(drops(data.report)):
        expected = ExactAllocator().decide(drop)
        np.testing.assert_array_equal(data.label.prb_owner[index], expected.prb_owner)
        np.testing.assert_allclose(data.label.power_w[index], expected.power_w, rtol=1e-6)


def test_the_same_manifest_gives_the_same_data_and_another_seed_other_data(tmp_path, tiny):
    one, again, other = (
        datasets.build(tmp_path / name, described(tiny, seed=seed), workers=1)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    np.testing.assert_array_equal(one.report.gain_db, again.report.gain_db)
    np.testing.assert_array_equal(one.label.prb_owner, again.label.prb_owner)
    assert not np.array_equal(one.report.gain_db, other.report.gain_db)


def test_gains_survive_the_file_as_they_were_reported(tmp_path, tiny):
    data = datasets.build(tmp_path, described(tiny), workers=1)
    reported = draw(tiny, generator(Stream.LABELLED, 0, 0), 8)
    np.testing.assert_array_equal(data.report.gain_db, reported.gain_db)


def test_a_build_that_was_cut_makes_only_what_is_missing(tmp_path, tiny):
    manifest = described(tiny, num_drops=60)
    whole = datasets.build(tmp_path, manifest, workers=1)
    kept = (tmp_path / "chunk-0000.npz").stat().st_mtime_ns
    (tmp_path / "chunk-0001.npz").unlink()
    with pytest.raises(ConfigError, match="no complete data set"):
        datasets.load(tmp_path)
    seen = []
    resumed = datasets.build(tmp_path, manifest, workers=1, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(60, 60)]
    assert (tmp_path / "chunk-0000.npz").stat().st_mtime_ns == kept
    np.testing.assert_array_equal(resumed.report.gain_db, whole.report.gain_db)


def test_processes_make_the_same_data_as_one(tmp_path, tiny):
    manifest = described(tiny, num_drops=50)
    alone = datasets.build(tmp_path / "alone", manifest, workers=1)
    together = datasets.build(tmp_path / "together", manifest, workers=2)
    np.testing.assert_array_equal(alone.label.prb_owner, together.label.prb_owner)
    np.testing.assert_array_equal(alone.report.gain_db, together.report.gain_db)


def test_a_folder_holds_one_data_set_for_good(tmp_path, tiny):
    datasets.build(tmp_path, described(tiny), workers=1)
    with pytest.raises(ConfigError, match="another manifest"):
        datasets.build(tmp_path, described(tiny, seed=5), workers=1)


@pytest.mark.parametrize("changes", [{"num_drops": 0}, {"seed": -1}, {"labels_by": "oracle"}])
def test_a_bad_description_is_a_config_error(tiny, changes):
    with pytest.raises(ConfigError):
        described(tiny, **changes)


def test_streams_and_seeds_never_meet():
    firsts = {
        generator(stream, *seed).random()
        for stream in Stream
        for seed in [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0)]
    }
    assert len(firsts) == len(Stream) * 7


def test_the_cell_scenario_is_described_with_its_digest():
    cell = load("cell")
    assert datasets.describe(cell, seed=0, num_drops=2).scenario_digest == cell.digest
