"""Experience on disk and back: what was put in comes out, damage is told, the oldest makes room."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.e2sm.rrm import decode_report, encode_report
from oran.errors import DecodeError, DigestMismatch, ModelError
from rapp.experience import ExperienceFolder, StreamSpan, load, manifests
from rapp.experience.columns import joined, split
from rapp.experience.segments import read
from rapp.experience.steps import Step, decode
from tests.rapp.experience.doubles import MEID, make_decision, make_outcome, make_report, message_of
from xapps.ssvae.batches import take, take_labels


def steps(*numbers: int, stream: str = "s", **shape) -> list[Step]:
    return [decode(stream, message_of(number, make_report(number, **shape))) for number in numbers]


def span(stream: str = "s", through: int = 1) -> StreamSpan:
    return StreamSpan(stream_id=stream, xapp="ssvae", first=1, through=through, stored=through, dropped=0, lost=0)


def folder(path: Path, max_bytes: int = 10**9) -> ExperienceFolder:
    ticks = iter(range(10_000))
    return ExperienceFolder(path, max_bytes=max_bytes, clock=lambda: float(next(ticks)))


shapes = st.tuples(st.integers(0, 4), st.integers(1, 2), st.integers(1, 3), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(shapes, min_size=1, max_size=8))
def test_steps_of_any_shapes_come_back_as_they_were_packed(found: list[tuple[int, int, int, bool]]) -> None:
    packed = [
        decode("s", message_of(number, make_report(number, ues=ues, rus=rus, prbs=prbs, queues=queues)))
        for number, (ues, rus, prbs, queues) in enumerate(found, 1)
    ]
    columns = split(*joined(packed))
    assert len(columns) == len(packed)
    for row, step in enumerate(packed):
        ues, rus, prbs, queues = found[row]
        rows = np.array([row])
        assert columns.arrays["has_queues"][row] == queues
        np.testing.assert_array_equal(columns.gathered("power_w", rows, (rus, prbs))[0], step.decision.power_w)
        np.testing.assert_array_equal(columns.gathered("rate_bps_hz", rows, (ues,))[0], step.outcome.rate_bps_hz)
        gain_db = columns.gathered("gain_steps", rows, (ues, rus, prbs))[0] * 0.01
        np.testing.assert_allclose(gain_db, step.report.gain_db, atol=1e-9)


def test_a_folder_loads_as_batches_that_learners_take(tmp_path: Path) -> None:
    store = folder(tmp_path)
    store.write(steps(1, 2, 3), span(through=3))
    store.write(steps(4, 5, ues=2), span(through=5))
    store.write(steps(6, 7), span(through=7))
    large, small = load(tmp_path)
    assert (len(large), len(small)) == (5, 2)
    numbers = [1, 2, 3, 6, 7]
    for row, number in enumerate(numbers):
        report = make_report(number)
        one, label = take(large.report, row), take_labels(large.decision, row)
        np.testing.assert_allclose(one.gain_db, report.gain_db, atol=1e-9)
        np.testing.assert_array_equal(one.ue_ids, report.ue_ids)
        np.testing.assert_array_equal(label.prb_owner, make_decision(report).prb_owner)
        np.testing.assert_array_equal(label.power_w, make_decision(report).power_w)
        np.testing.assert_array_equal(large.outcome.rate_bps_hz[row], make_outcome(report).rate_bps_hz)
        assert np.asarray(large.outcome.weighted_throughput_bps_hz)[row] == make_outcome(report).rate_bps_hz.sum()
    assert large.slot.tolist() == [number + 5 for number in numbers]
    assert large.next_index.tolist() == [1, 2, -1, 4, -1]
    assert large.report.slice_names == ("embb", "urllc")
    assert large.report.queue_bytes is None
    assert set(large.meid) == {MEID} and set(large.allocator) == {"ssvae"} and set(large.version) == {3}
    assert large.obeyed.all() and (large.corrections == 2).all()


def test_transitions_of_other_radio_constants_make_a_batch_of_their_own(tmp_path: Path) -> None:
    weaker = replace(make_report(2), ru_power_budget_w=np.array([5.0]))
    store = folder(tmp_path)
    store.write([*steps(1), decode("s", message_of(2, weaker))], span(through=2))
    assert sorted(float(batch.report.ru_power_budget_w[0]) for batch in load(tmp_path)) == [5.0, 10.0]


def test_one_node_or_one_allocator_can_be_asked_for(tmp_path: Path) -> None:
    other = decode("s", message_of(2, meid="gnb_2", allocator="greedy"))
    folder(tmp_path).write([*steps(1), other, *steps(3)], span(through=3))
    assert [len(batch) for batch in load(tmp_path)] == [3]
    assert [batch.slot.tolist() for batch in load(tmp_path, meid=MEID)] == [[6, 8]]
    assert [batch.slot.tolist() for batch in load(tmp_path, allocator="greedy")] == [[7]]
    assert load(tmp_path, meid=MEID, allocator="greedy") == []
    assert load(tmp_path, meid="nobody") == []


@pytest.mark.parametrize("byte", [0, 200, -1])
def test_a_changed_byte_is_noticed_on_loading(tmp_path: Path, byte: int) -> None:
    folder(tmp_path).write(steps(1), span())
    [path] = tmp_path.glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)
    with pytest.raises(DigestMismatch):
        load(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json"])
def test_a_damaged_manifest_or_missing_data_is_a_model_error(tmp_path: Path, damage: bytes) -> None:
    folder(tmp_path).write(steps(1), span())
    [manifest], [data] = tmp_path.glob("*.json"), tmp_path.glob("*.safetensors")
    kept = manifest.read_bytes()
    manifest.write_bytes(damage)
    with pytest.raises(ModelError):
        manifests(tmp_path)
    manifest.write_bytes(kept)
    data.unlink()
    with pytest.raises(ModelError):
        load(tmp_path)


def test_a_manifest_that_names_a_file_of_other_arrays_is_a_model_error(tmp_path: Path) -> None:
    from safetensors import numpy as safetensors

    from xapps.runtime.model_file import digest

    folder(tmp_path).write(steps(1), span())
    [manifest], [data] = tmp_path.glob("*.json"), tmp_path.glob("*.safetensors")
    for arrays in ({"x": np.zeros(3)}, {**safetensors.load(data.read_bytes()), "weight": np.zeros(99)}):
        content = safetensors.save(arrays)
        data.write_bytes(content)
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"sha256": digest(content)}))
        with pytest.raises(ModelError, match="is none"):
            read(tmp_path, manifests(tmp_path)[0])


def test_the_oldest_segments_make_room_and_the_newest_stays_whatever_its_size(tmp_path: Path) -> None:
    store = folder(tmp_path, max_bytes=1)
    for number in (1, 2, 3):
        store.write(steps(number), span(through=number))
        assert [each.span.through for each in store.manifests] == [number]
    assert store.removed_steps == 2
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".json", ".safetensors"]
    one = store.size_bytes
    roomy = folder(tmp_path, max_bytes=2 * one + 200)
    for number in (4, 5):
        roomy.write(steps(number), span(through=number))
    assert [each.span.through for each in roomy.manifests] == [4, 5]
    assert [each.number for each in roomy.manifests] == [4, 5]


def test_what_a_crash_left_half_written_goes_when_the_folder_is_opened(tmp_path: Path) -> None:
    folder(tmp_path).write(steps(1), span())
    (tmp_path / "00000002.safetensors").write_bytes(b"no manifest came")
    (tmp_path / ".00000002.safetensors-abc").write_bytes(b"half")
    again = folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000001.json", "00000001.safetensors"]
    assert again.write(steps(2), span(through=2)).number == 2


def test_a_disk_that_refuses_leaves_no_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = folder(tmp_path)

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ModelError, match="No space"):
        store.write(steps(1), span())
    assert list(tmp_path.iterdir()) == []
    assert not store.manifests


def test_where_a_stream_stands_is_read_from_its_newest_segment(tmp_path: Path) -> None:
    store = folder(tmp_path)
    store.write(steps(1), span("a", 4))
    store.write(steps(1), span("b", 9))
    store.write(steps(2), span("a", 6))
    found = folder(tmp_path).last_span("a")
    assert found is not None and found.through == 6
    assert folder(tmp_path).last_span("c") is None


# --- what comes over the wire -----------------------------------------------------------------------------------------


def test_a_decision_over_another_table_is_brought_over_the_reports_ues() -> None:
    report = make_report(4, ues=3)
    decision = make_decision(report)
    order = np.array([2, 0, 1])
    back = np.argsort(order)
    shuffled = replace(
        decision,
        ue_ids=decision.ue_ids[order],
        serving_ru=decision.serving_ru[order],
        prb_owner=np.where(decision.prb_owner >= 0, back[decision.prb_owner], -1).astype(np.int16),
    )
    whole = encode_report(replace(report, in_force=shuffled, kpi=make_outcome(report)))
    step = decode("s", message_of(4, report, report=whole))
    np.testing.assert_array_equal(step.decision.ue_ids, report.ue_ids)
    np.testing.assert_array_equal(step.decision.prb_owner, decision.prb_owner)
    np.testing.assert_array_equal(step.decision.serving_ru, decision.serving_ru)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: replace(r, kpi=None),
        lambda r: replace(r, in_force=None),
        lambda r: replace(r, gain_db=None),
        lambda r: replace(r, kpi=make_outcome(make_report(1, ues=2))),
        lambda r: replace(r, in_force=make_decision(make_report(1, prbs=9))),
        lambda r: replace(r, in_force=replace(r.in_force, prb_owner=np.full((1, 4), 7, np.int16))),
        lambda r: replace(r, in_force=replace(r.in_force, serving_ru=np.zeros(9, np.int16))),
        lambda r: replace(r, report_id=2**64 - 1),
        lambda r: replace(r, weight=np.full(3, np.nan)),
        lambda r: replace(r, kpi=replace(r.kpi, rate_bps_hz=np.full(3, np.nan))),
        lambda r: replace(r, noise_w=0.0),
        lambda r: replace(r, in_force=replace(r.in_force, serving_ru=np.full(3, 9, np.int16))),
        lambda r: replace(r, in_force=replace(r.in_force, power_w=np.full((1, 4), 5.0))),
    ],
)
def test_what_does_not_fit_together_is_a_decode_error(spoil) -> None:
    report = make_report(1)
    whole = spoil(replace(report, in_force=make_decision(report), kpi=make_outcome(report)))
    with pytest.raises(DecodeError):
        decode("s", message_of(1, report=encode_report(whole)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_transitions_are_decode_errors_or_steps_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(message_of(1).report)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        step = decode("s", message_of(1, report=bytes(content)))
    except DecodeError:
        return
    columns = split(*joined([step]))
    assert len(columns) == 1
    assert decode_report(bytes(content)).num_ues == columns.arrays["num_ues"][0]
