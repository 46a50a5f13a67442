"""E2SM-RRM: round trips, size limits, hostile input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran._generated import e2sm_rrm_pb2 as pb
from oran.e2ap import CauseRicRequest
from oran.e2sm import rrm
from oran.e2sm.rrm import tensors
from oran.errors import DecodeError, LocalProtocolError


def make_report(ues: int, rus: int, prbs: int, seed: int = 0, report_id: int = 1) -> rrm.RadioReport:
    rng = np.random.default_rng(seed)
    ue_ids = np.arange(ues, dtype=np.int64) * 7 + 3
    owner = rng.integers(-1, ues, (rus, prbs)).astype(np.int16) if ues else np.full((rus, prbs), -1, np.int16)
    allocation = rrm.Allocation(
        ue_ids, rng.integers(-1, rus, ues).astype(np.int16), owner, rng.random((rus, prbs)), report_id - 1
    )
    kpi = rrm.Kpi(12.5, rng.random(ues), np.full(ues, np.inf), rng.random(ues) < 0.5, 3.0, 1, 2, 3)
    return rrm.RadioReport(
        report_id=report_id,
        slot=41,
        time_s=0.82,
        prb_bandwidth_hz=180e3,
        noise_w=7.2e-16,
        ru_power_budget_w=np.full(rus, 10.0),
        prb_power_cap_w=1.0,
        ue_ids=ue_ids,
        slice_ids=rng.integers(0, 2, ues).astype(np.int32),
        weight=np.ones(ues),
        min_rate_bps_hz=rng.random(ues) * 6,
        max_delay_s=np.full(ues, np.inf),
        slice_names=("embb", "urllc"),
        gain_db=rng.uniform(-140, -50, (ues, rus, prbs)),
        queue_bytes=rng.random(ues) * 1e4,
        in_force=allocation,
        kpi=kpi,
    )


def assert_same(actual: object, expected: object) -> None:
    """Field by field, arrays by value, gains to half a quantisation step."""
    for name in expected.__slots__:
        a, b = getattr(actual, name), getattr(expected, name)
        if hasattr(b, "__slots__"):
            assert_same(a, b)
        elif name == "gain_db":
            np.testing.assert_allclose(a, b, atol=rrm.GAIN_STEP_DB / 2 + 1e-9)
        else:
            np.testing.assert_array_equal(a, b)


@given(st.integers(0, 9), st.integers(1, 3), st.integers(1, 7), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_a_report_survives_the_wire(ues: int, rus: int, prbs: int, seed: int) -> None:
    report = make_report(ues, rus, prbs, seed)
    assert_same(rrm.decode_report(rrm.encode_report(report)), report)


def test_gains_come_out_exactly_as_the_simulator_quantises_them() -> None:
    report = make_report(5, 2, 6)
    quantised = rrm.quantise_gain_db(report.gain_db)
    np.testing.assert_array_equal(rrm.decode_report(rrm.encode_report(report)).gain_db, quantised)
    np.testing.assert_array_equal(rrm.quantise_gain_db(quantised), quantised)


def test_groups_that_were_not_asked_for_stay_away() -> None:
    decoded = rrm.decode_report(rrm.encode_report(make_report(3, 1, 4), [rrm.ReportGroup.KPI]))
    assert decoded.kpi is not None
    assert (decoded.gain_db, decoded.queue_bytes, decoded.in_force) == (None, None, None)


@pytest.mark.parametrize("limit", [8_000, 16_383])
def test_64_ues_100_prbs_4_rus_pass_through_octet_strings_that_every_peer_can_take(limit: int) -> None:
    report = make_report(64, 4, 100)
    pairs = rrm.split_report(report, clock=rrm.Clock.FREE_RUNNING, max_fragment_bytes=limit)
    assert len(pairs) > 3
    assert max(len(message) for _, message in pairs) <= limit
    assembler = rrm.ReportAssembler()
    results = [assembler.add(header, message) for header, message in reversed(pairs)]
    assert results[:-1] == [None] * (len(pairs) - 1)
    assert_same(results[-1], report)
    assert assembler.dropped == 0


def test_a_lost_fragment_costs_its_own_report_only() -> None:
    assembler = rrm.ReportAssembler()
    first = rrm.split_report(make_report(8, 1, 25), clock=rrm.Clock.FREE_RUNNING, max_fragment_bytes=500)
    second = rrm.split_report(make_report(8, 1, 25, report_id=2), clock=rrm.Clock.FREE_RUNNING, max_fragment_bytes=500)
    assert [assembler.add(*pair) for pair in first[:-1]] == [None] * (len(first) - 1)
    reports = [assembler.add(*pair) for pair in second]
    assert reports[-1].report_id == 2
    assert assembler.dropped == 1


def test_fragments_that_contradict_each_other_are_refused() -> None:
    pairs = rrm.split_report(make_report(8, 1, 25), clock=rrm.Clock.FREE_RUNNING, max_fragment_bytes=500)
    header = rrm.decode_indication_header(pairs[1][0])
    assembler = rrm.ReportAssembler()
    assembler.add(*pairs[0])
    with pytest.raises(DecodeError, match="disagree"):
        assembler.add(rrm.encode_indication_header(replace(header, total_bytes=header.total_bytes + 1)), pairs[1][1])


def test_an_announced_giant_is_refused_before_it_is_kept() -> None:
    header = rrm.IndicationHeader(1, 0, 2, 1 << 30, 0, rrm.Clock.FREE_RUNNING)
    with pytest.raises(DecodeError):
        rrm.ReportAssembler().add(rrm.encode_indication_header(header), b"x")


def test_control_and_outcome_survive_the_wire() -> None:
    allocation = make_report(6, 2, 5).in_force
    assert_same(rrm.decode_control_message(rrm.encode_allocation(allocation)), allocation)
    header = rrm.ControlHeader(9, "ssvae", "ssvae:3")
    assert rrm.decode_control_header(rrm.encode_control_header(header)) == header
    outcome = rrm.ControlOutcome(9, 41, "unknown_ue", "UE 3 has left")
    assert rrm.decode_outcome(rrm.encode_outcome(outcome)) == outcome


def test_definitions_and_triggers_survive_the_wire() -> None:
    definition = rrm.RanFunctionDefinition(
        "E2SM-RRM",
        "cell",
        tuple(rrm.Clock),
        tuple(rrm.ReportGroup),
        (rrm.ControlKind.ALLOCATION,),
        20,
        1000,
        1,
        25,
        64,
        8000,
    )
    assert rrm.decode_ran_function(rrm.encode_ran_function(definition)) == definition
    trigger = rrm.EventTrigger(rrm.Clock.LOCK_STEP, 20)
    assert rrm.decode_event_trigger(rrm.encode_event_trigger(trigger)) == trigger
    action = rrm.ActionDefinition((rrm.ReportGroup.CHANNEL, rrm.ReportGroup.KPI), 8000)
    assert rrm.decode_action_definition(rrm.encode_action_definition(action)) == action
    assert max(len(rrm.encode_event_trigger(trigger)), len(rrm.encode_action_definition(action))) <= 1024


def test_a_trigger_with_an_unknown_clock_carries_the_cause_of_an_unsupported_action() -> None:
    with pytest.raises(DecodeError) as caught:
        rrm.decode_event_trigger(b"\x08\x07\x10\x14")
    assert caught.value.cause is CauseRicRequest.ACTION_NOT_SUPPORTED


def test_batched_reports_never_reach_the_wire() -> None:
    report = make_report(3, 1, 4)
    with pytest.raises(LocalProtocolError):
        rrm.encode_report(replace(report, ue_ids=np.tile(report.ue_ids, (2, 1))))


def test_values_beyond_the_wire_type_are_refused_locally() -> None:
    report = make_report(3, 1, 4)
    with pytest.raises(LocalProtocolError):
        rrm.encode_report(replace(report, gain_db=np.full((3, 1, 4), np.nan)))


DECODERS = [
    rrm.decode_report,
    rrm.decode_control_message,
    rrm.decode_control_header,
    rrm.decode_indication_header,
    rrm.decode_event_trigger,
    rrm.decode_action_definition,
    rrm.decode_ran_function,
    rrm.decode_outcome,
]


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_garbage_gives_a_value_or_a_decode_error_and_nothing_else(decode, data: bytes) -> None:
    try:
        decode(data)
    except DecodeError as error:
        assert error.cause is not None


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_reports_and_controls_give_a_value_or_a_decode_error(data: st.DataObject) -> None:
    report = make_report(4, 2, 3)
    whole = data.draw(st.sampled_from([rrm.encode_report(report), rrm.encode_allocation(report.in_force)]))
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    mutated = mutated[: data.draw(st.integers(0, len(mutated)))]
    for decode in (rrm.decode_report, rrm.decode_control_message):
        try:
            decode(bytes(mutated))
        except DecodeError as error:
            assert error.cause is not None


def test_indices_that_would_wrap_or_come_as_floats_are_refused() -> None:
    message = pb.ControlMessage()
    message.ParseFromString(rrm.encode_allocation(make_report(3, 1, 4).in_force))
    for values, dtype in ((np.full((1, 4), 65536 + 1), "<i4"), (np.full((1, 4), np.nan), "<f8")):
        changed = pb.ControlMessage()
        changed.CopyFrom(message)
        changed.allocation.prb_owner.ParseFromString(tensors.encoded(values, dtype))
        with pytest.raises(DecodeError):
            rrm.decode_control_message(changed.SerializeToString())


@pytest.mark.parametrize("scale", [1e308, -1e308, np.inf])
def test_a_scale_that_leaves_the_numbers_is_refused(scale: float) -> None:
    message = pb.Tensor(dtype=pb.Tensor.FLOAT64, shape=[2], data=np.array([1e3, 0.0]).tobytes(), scale=scale)
    with pytest.raises(DecodeError):
        tensors.get(message, 1)
