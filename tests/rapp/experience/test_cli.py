"""``python -m rapp experience`` on a folder, and ``serve`` with one, as people and charts call them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rapp.__main__ import app
from rapp.experience import ExperienceFolder, StreamSpan
from rapp.experience.steps import decode
from tests.rapp.experience.doubles import make_report, message_of


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    folder = ExperienceFolder(tmp_path / "experience", max_bytes=10**9)
    span = StreamSpan(stream_id="s", xapp="ssvae-1", first=1, through=7, stored=5, dropped=1, lost=1)
    numbers = (1, 2, 3)
    folder.write([decode("s", message_of(n)) for n in numbers], span)
    folder.write([decode("s", message_of(n, make_report(n, ues=2))) for n in (4, 5)], span)
    return folder.root


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["experience", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_tells_segments_and_the_account_of_their_stream(filled: Path) -> None:
    output = run("list", str(filled))
    assert "ssvae-1" in output
    assert "5 transitions in" in output


def test_show_sums_up_what_can_be_trained_on_by_shape(filled: Path) -> None:
    large, small = json.loads(run("show", str(filled)))
    assert (large["transitions"], large["ues"], small["transitions"], small["ues"]) == (3, 3, 2, 2)
    assert large["obeyed_ratio"] == large["corrected_ratio"] == 1.0
    assert json.loads(run("show", str(filled), "--allocator", "greedy")) == []


def test_export_writes_plain_arrays_that_need_no_pickle(filled: Path, tmp_path: Path) -> None:
    run("export", str(tmp_path / "plain"), str(filled))
    paths = sorted((tmp_path / "plain").glob("*.npz"))
    assert len(paths) == 2
    with np.load(paths[1], allow_pickle=False) as arrays:
        assert arrays["gain_db"].shape == (3, 3, 1, 4)
        assert arrays["power_w"].shape == (3, 1, 4)
        assert arrays["rate_bps_hz"].shape == (3, 3)
        assert arrays["next_index"].tolist() == [1, 2, -1]
