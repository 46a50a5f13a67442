"""Mutated octets through every decoder: no crash, no hang over 50 ms, no growth. The million is `-m slow`."""

from __future__ import annotations

import time

import pytest

from oran.errors import DecodeError
from tests.fuzz import campaign
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import CORPUS, TARGETS, Target

SEEDS = seeds()
NEVER_REFUSE = {"e2ap-association", "rmr-routes"}
"""They answer, or log and leave out, what they cannot read."""
KEPT: list[bytearray] = []


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_bears_damaged_inputs(name: str):
    report = campaign.run_share([TARGETS[name]], 500, seed=20_260)
    assert report.findings == []
    assert report.inputs == 500
    assert (report.refused > 50) is (name not in NEVER_REFUSE)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_damaged_inputs_cause_no_crash_no_hang_and_no_growth():
    report = campaign.run(TARGETS, 1_000_000, seed=1, processes=2)
    assert report.inputs == 1_000_000
    assert report.clean, report.to_json()


@pytest.mark.parametrize("name", TARGETS)
def test_the_committed_corpus_is_read_or_refused(name: str):
    report = campaign.Report()
    for data in TARGETS[name].seeds():
        campaign.try_input(TARGETS[name], data, report)
    assert report.findings == []


@pytest.mark.parametrize("name", TARGETS)
def test_the_valid_seeds_are_what_the_encoders_write_and_are_read(name: str):
    for label, octets in SEEDS[name].items():
        assert (CORPUS / name / label).read_bytes() == octets, "python -m tests.fuzz.seeds writes them anew"
        TARGETS[name].read(octets)


def test_equal_seeds_give_equal_inputs_and_other_seeds_others():
    def inputs(seed: int) -> list[bytes]:
        seen: list[bytes] = []
        campaign.run_share([Target("e2ap", seen.append)], 50, seed)
        return seen

    assert inputs(1) == inputs(1) != inputs(2)


def test_a_crash_is_found_with_its_input():
    def read(data: bytes) -> None:
        if data[:1] == b"\x20":
            raise IndexError("out of range")
        raise DecodeError("no")

    report = campaign.run_share([Target("e2ap", read)], 300, seed=1)
    assert {finding.kind for finding in report.findings} == {"crash"}
    assert all(finding.input_hex.startswith("20") and "IndexError" in finding.detail for finding in report.findings)
    assert report.refused + len(report.findings) == 300
    assert not report.clean


def test_a_hang_is_found_and_a_single_stall_of_the_machine_is_not():
    stalls = iter([True])

    def read(data: bytes) -> None:
        if data == b"slow" or (data == b"stall" and next(stalls, False)):
            give_up_s = time.thread_time() + 0.06
            while time.thread_time() < give_up_s:
                pass

    report = campaign.Report()
    for data in (b"slow", b"stall", b"fast"):
        campaign.try_input(Target("e2ap", read), data, report)
    assert [(finding.kind, finding.input_hex) for finding in report.findings] == [("hang", b"slow".hex())]


def test_memory_that_is_kept_is_found():
    report = campaign.run_share([Target("e2ap", lambda data: KEPT.append(bytearray(200_000) + data))], 400, seed=1)
    KEPT.clear()
    assert report.growth_bytes > 30_000_000
    assert report.findings == []
    assert not report.clean
