from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from oran.errors import DigestMismatch, ModelRejected
from tests.xapps.runtime.doubles import FixedAllocator, Ticking, make_allocation, make_report, with_power
from xapps import allocators
from xapps.runtime import model_slot
from xapps.runtime.model_file import Manifest, ModelFile
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving, self_test

REPORTS = [make_report(1), make_report(2, ues=7)]
WEIGHTS = save({"w": torch.arange(6.0)})
CLOCK = Ticking()


def make_slot() -> ModelSlot:
    return ModelSlot(Serving(FixedAllocator("equal")), Ticking())


class Rebuilt:
    """A learned allocator that the registry finds here."""

    name = "rebuilt"

    def __init__(self, model: ModelFile) -> None:
        self.weights = model.tensors()["w"]

    @classmethod
    def from_model(cls, model: ModelFile) -> Rebuilt:
        return cls(model)

    def decide(self, report):
        return make_allocation(report)


@pytest.fixture
def rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(allocators.LEARNED, "rebuilt", f"{__name__}:Rebuilt")
    monkeypatch.setattr(allocators, "load_class", lambda name: Rebuilt)


def test_a_good_candidate_serves_after_its_self_test() -> None:
    slot, candidate = make_slot(), Serving(FixedAllocator("greedy"))
    slot.install(candidate, REPORTS, latency_bound_s=0.02)
    assert slot.serving is candidate
    slot.reset()
    assert slot.serving is slot.initial


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda r: replace(make_allocation(r), power_w=np.zeros((1, 1))), "shape"),
        (lambda r: with_power(make_allocation(r), np.full((2, 6), np.nan)), "not_finite"),
        (lambda r: make_allocation(r).missing, "AttributeError"),
        (lambda r: None, "AttributeError"),
    ],
)
def test_a_bad_candidate_is_refused_with_its_reason_and_the_old_one_goes_on(answer, says: str) -> None:
    slot = make_slot()
    with pytest.raises(ModelRejected, match=says):
        slot.install(Serving(FixedAllocator("bad", answer)), REPORTS, latency_bound_s=0.02)
    assert slot.serving is slot.initial


def test_a_candidate_that_fails_on_one_recorded_report_only_is_refused() -> None:
    def answer(report):
        if report.num_ues == 7:
            raise ValueError("trained for 4 UEs")
        return make_allocation(report)

    with pytest.raises(ModelRejected, match="report 2: ValueError: trained for 4 UEs"):
        self_test(FixedAllocator("narrow", answer), REPORTS, 0.02, CLOCK)


def test_infeasible_proposals_are_fine_as_long_as_the_shield_can_repair_them() -> None:
    loud = FixedAllocator("loud", lambda r: with_power(make_allocation(r), np.full((2, 6), 99.0)))
    self_test(loud, REPORTS, 0.02, CLOCK)


def test_a_slow_candidate_is_refused_by_its_median_time() -> None:
    with pytest.raises(ModelRejected, match=r"decides in 30\.0 ms, allowed are 20\.0 ms"):
        self_test(FixedAllocator("slow"), REPORTS, 0.02, Ticking(step_s=0.03))


def test_a_hopelessly_slow_candidate_is_not_tried_on_every_report() -> None:
    slow = FixedAllocator("slow")
    with pytest.raises(ModelRejected, match=r"decides in 200\.0 ms"):
        self_test(slow, REPORTS, 0.02, Ticking(step_s=0.2))
    assert slow.asked == [1]


def test_without_a_report_there_is_no_test_and_no_swap() -> None:
    with pytest.raises(ModelRejected, match="no report"):
        make_slot().install(Serving(FixedAllocator("x")), [], 0.02)


def test_three_failures_in_a_row_put_the_previous_allocator_back() -> None:
    slot = make_slot()
    good, bad = Serving(FixedAllocator("good")), Serving(FixedAllocator("bad"))
    slot.swap(good)
    slot.swap(bad)
    told: list[str] = []
    slot.on_roll_back = told.append
    slot.failed(bad, ValueError("x"))
    slot.failed(bad, ValueError("x"))
    slot.succeeded()
    for _ in range(2):
        slot.failed(bad, ValueError("x"))
    assert slot.serving is bad
    slot.failed(bad, ValueError("x"))
    assert slot.serving is good
    assert len(told) == 1


def test_a_failure_of_what_no_longer_serves_counts_for_nothing() -> None:
    slot, old, new = make_slot(), Serving(FixedAllocator("old")), Serving(FixedAllocator("new"))
    slot.swap(old)
    slot.swap(new)
    for _ in range(5):
        slot.failed(old, ValueError("x"))
    assert slot.serving is new


def test_recent_reports_are_bounded_by_node_and_tell_of_the_first_one() -> None:
    recent, told = RecentReports(2), []
    recent.on_first = lambda: told.append(True)
    for number in range(5):
        recent.add("a", make_report(number))
    recent.add("b", make_report(9))
    assert [report.report_id for report in recent.snapshot()] == [3, 4, 9]
    assert {meid: report.report_id for meid, report in recent.newest().items()} == {"a": 4, "b": 9}
    assert told == [True]
    recent.forget("a")
    assert [report.report_id for report in recent.snapshot()] == [9]


def test_a_model_is_built_from_verified_bytes_and_says_which(rebuilt: None) -> None:
    model = ModelFile.pack(WEIGHTS, name="m", version=3, allocator="rebuilt")
    serving = model_slot.build(model)
    assert serving.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert serving.version == "3"
    assert serving.allocator.weights.tolist() == list(range(6))


@pytest.mark.parametrize("weights", [b"", b"garbage", save({"other": torch.zeros(2)})])
def test_weights_that_do_not_fit_are_refused(rebuilt: None, weights: bytes) -> None:
    with pytest.raises(ModelRejected):
        model_slot.build(ModelFile.pack(weights, name="m", allocator="rebuilt"))


def test_an_unknown_allocator_is_refused() -> None:
    with pytest.raises(ModelRejected, match="no learned allocator 'oracle'"):
        model_slot.build(ModelFile.pack(WEIGHTS, name="m", allocator="oracle"))


def test_changed_bytes_do_not_verify() -> None:
    model = ModelFile.pack(WEIGHTS, name="m", allocator="ssvae")
    assert model.verify() is model
    with pytest.raises(DigestMismatch):
        ModelFile(model.manifest, WEIGHTS + b"x").verify()


@pytest.mark.parametrize(
    "document",
    ["", "[]", "{}", '{"name": "m", "allocator": "a", "sha256": "short"}', '{"name": "m", "allocator": "a"}'],
)
def test_a_bad_manifest_is_refused(document: str) -> None:
    with pytest.raises(ModelRejected, match="manifest"):
        ModelFile.parse(document, WEIGHTS)


def test_a_manifest_survives_its_json_form() -> None:
    manifest = ModelFile.pack(
        WEIGHTS,
        name="m",
        allocator="ssvae",
        scenario={"name": "cell", "digest": "ab"},
        training={"seed": 1},
        metrics={"weighted_throughput": 3.5},
    ).manifest
    assert ModelFile.parse(manifest.model_dump_json(), WEIGHTS).manifest == manifest
    assert isinstance(manifest, Manifest)


def test_pickle_is_no_model_file() -> None:
    model = ModelFile.pack(b"\x80\x04K\x01.", name="m", allocator="ssvae")
    with pytest.raises(ModelRejected, match="not a safetensors file"):
        model.tensors()
