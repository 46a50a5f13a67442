"""``python -m rapp`` from the outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx
import pytest

from rapp.__main__ import main
from rapp.evaluation import CLASSIC
from rapp.journal import Journal
from xapps.runtime.model_store import ModelStoreClient


@pytest.fixture
def rapp(monkeypatch):
    """Runs one command in this process; returns its exit code."""

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["rapp", *map(str, arguments)])
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as caught:
                main()
        finally:
            signal.signal(signal.SIGTERM, before)
        return int(caught.value.code or 0)

    return run


def test_a_data_set_is_made_and_a_model_trained_and_gated(rapp, tmp_path, capsys):
    data, runs, verdict = tmp_path / "data", tmp_path / "runs", tmp_path / "verdict.json"
    assert rapp("dataset", data, "--scenario", "tiny", "--num-drops", 24, "--workers", 1) == 0
    changes = json.dumps({"epochs": 6, "width": 12})
    options = ("--preset", "demo", "--changes", changes, "--stop-early", json.dumps({"every_epochs": 2, "drops": 4}))
    assert rapp("train", data, *options, "--runs", runs) == 0
    (run,) = [path.name for path in runs.iterdir() if path.is_dir()]
    code = rapp("evaluate", run, "--scenario", "tiny", "--num-drops", 20, "--runs", runs, "--output", verdict)
    written = json.loads(verdict.read_text())
    assert code == (0 if written["accepted"] else 1)
    assert set(written["rows"]) == {"candidate", "incumbent", *CLASSIC} - {"joint"}
    assert [entry["event"] for entry in Journal(runs).entries()] == ["trained", "judged"]
    shown = capsys.readouterr().out
    assert "matching" in shown and "exact" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "nowhere"),
        ("train",),
        ("train", "nowhere", "--scenario", "tiny"),
        ("train", "--scenario", "tiny"),
        ("train", "nowhere", "--stop-early", '{"patience": 0}'),
        ("train", "--scenario", "no-such-scenario"),
        ("figures", "nothing"),
        ("train", "nowhere", "--changes", "{"),
        ("train", "nowhere", "--changes", "[]"),
        ("evaluate", "no-such-run"),
        ("dataset", "data", "--scenario", "no-such-scenario"),
        ("serve", "--rest", "nonsense"),
    ],
)
def test_our_errors_end_a_command_with_one_line_and_code_two(rapp, tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert rapp(*arguments, *(("--grpc", "127.0.0.1:0") if arguments[0] == "serve" else ())) == 2
    shown = capsys.readouterr().out
    assert "ConfigError" in shown or "ModelNotFound" in shown


def test_serve_says_when_it_is_ready_serves_both_faces_and_ends_cleanly(tmp_path, make_model):
    arguments = ["--root", tmp_path / "models", "--runs", tmp_path / "runs", "--grpc", "127.0.0.1:0"]
    command = [sys.executable, "-m", "rapp", "serve", *arguments, "--rest", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = json.loads(process.stdout.readline())
            with ModelStoreClient(ready["grpc"]) as client:
                stored = client.put(make_model())
            with httpx.Client(trust_env=False) as http:
                assert http.get(f"{ready['rest']}/models").json()[0]["sha256"] == stored.sha256
                assert 'status="OK"' in http.get(f"{ready['rest']}/metrics").text
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
