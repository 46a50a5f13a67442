"""``python -m oran``: exit statuses and what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from oran.__main__ import app
from oran.e2ap import encode
from tests.oran.inspect.captures import Ether, capture, chunk, sctp
from tests.oran.inspect.dialogue import SETUP, kpm_indication

RESET = "0003000e0000020031000200060001400154"
runner = CliRunner()


def run(*arguments: str, given: bytes = b""):
    return runner.invoke(app, list(arguments), input=given)


def test_hexadecimal_on_the_command_line_is_printed():
    outcome = run("decode", RESET)
    assert outcome.exit_code == 0
    assert "ResetRequest" in outcome.output and "cause: misc: om-intervention" in outcome.output


@pytest.mark.parametrize("given", [RESET.encode(), bytes.fromhex(RESET)])
def test_standard_input_is_read_where_nothing_is_named(given: bytes):
    outcome = run("decode", given=given)
    assert (outcome.exit_code, "ResetRequest" in outcome.output) == (0, True)


def test_a_capture_is_printed_a_line_a_message_if_so_wanted(tmp_path: Path):
    pdus = encode(SETUP), encode(kpm_indication())
    packets = [Ether() / sctp(chunk(octets, tsn)) for tsn, octets in enumerate(pdus)]
    (tmp_path / "e2.pcap").write_bytes(capture(packets))
    outcome = run("decode", "--brief", str(tmp_path / "e2.pcap"))
    assert outcome.exit_code == 0
    first, second = outcome.output.splitlines()
    assert first.startswith("2023-11-14 22:13:20.250  10.0.0.1:41000 → 10.0.0.2:36422 (SCTP stream 1 PPID 70)")
    assert "E2setupRequest" in first and "RAN function 2 (KPM)" in second


def test_what_cannot_be_read_is_told_and_makes_status_1():
    outcome = run("decode", f"{RESET}\n{RESET[:-2]}")
    assert outcome.exit_code == 1
    assert "ResetRequest" in outcome.output and "not readable" in outcome.output


@pytest.mark.parametrize("source", ["no hexadecimal", "", "/no/such/file.pcap"])
def test_what_is_no_input_makes_status_2(source: str):
    assert run("decode", source).exit_code == 2


def test_a_model_can_be_given_for_captures_without_a_set_up():
    octets = encode(kpm_indication()).hex()
    assert "(KPM)" in run("decode", "--brief", "--function", "2=kpm", octets).output
    assert run("decode", "--function", "2=what", octets).exit_code == 2


def test_the_doctor_fails_with_status_1_and_advice():
    outcome = run("doctor", "tcp://127.0.0.1:1")
    assert outcome.exit_code == 1
    assert "ok   resolve" in outcome.output and "FAIL connect" in outcome.output and "  - " in outcome.output


@pytest.mark.parametrize(
    "arguments",
    [["http://127.0.0.1:1"], ["tcp://127.0.0.1:1", "--offer", "mac"], ["tcp://127.0.0.1:1", "--plmn", "1"]],
)
def test_wrong_arguments_of_the_doctor_make_status_2(arguments: list[str]):
    assert run("doctor", *arguments).exit_code == 2
