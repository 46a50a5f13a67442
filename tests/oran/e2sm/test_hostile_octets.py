"""Damaged service model octets: a DecodeError with a cause, soon, or a value; never anything else."""

import gc
import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.aper import counted
from oran.aper.reader import MAX_DEPTH
from oran.e2sm import kpm, rc
from oran.errors import DecodeError

PLMN = b"\x00\xf1\x10"
METRICS = tuple(kpm.Measurement(name) for name in ("DRB.UEThpDl", "RRU.PrbUsedDl", "RRU.PrbTotDl"))
REPORT = kpm.MessageFormat1((kpm.Record((5, 3.25, None)), kpm.Record((300, None, 70_000), True)), METRICS, 1000)
CU_UE = kpm.GnbUeId(7, kpm.Guami(PLMN, 1, 2, 3), (1, 2), (3,), bytes(8))
ACTION = kpm.ActionFormat1(METRICS, 1000, kpm.NrCgi(PLMN, 5))
ALWAYS = kpm.TestCondition(kpm.TestType.UL_RSRP, kpm.TestExpression.LESS_THAN, 1000)
QUOTA = rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(1, 1)),), 10, 60, 5)
NAME = kpm.RanFunctionName(kpm.SHORT_NAME, kpm.STRICT_V3.oid, "KPM Monitor")

CHANGE = rc.UeInformationChange(1, rc.RrcStateChange(((rc.RrcState.ANY, None),)), (rc.AssociatedUe(1, CU_UE),))

SAMPLES = [
    (kpm.decode_message, kpm.encode_message(REPORT)),
    (
        kpm.decode_message,
        kpm.encode_message(kpm.MessageFormat3((kpm.UeReport(kpm.GnbDuUeId(7), REPORT), kpm.UeReport(CU_UE, REPORT)))),
    ),
    (
        kpm.decode_message,
        kpm.encode_message(
            kpm.MessageFormat2(
                REPORT.records, (kpm.ConditionalReport("x", (kpm.MatchingCondition(ALWAYS),), (CU_UE,)),)
            )
        ),
    ),
    (kpm.decode_header, kpm.encode_header(kpm.IndicationHeader(1 << 63, "1", "gnb", "DU", "us"), kpm.SRSRAN)),
    (kpm.decode_event_trigger, kpm.encode_event_trigger(kpm.EventTrigger(1000))),
    (kpm.decode_action, kpm.encode_action(kpm.ActionDefinition(1, ACTION))),
    (
        kpm.decode_action,
        kpm.encode_action(kpm.ActionDefinition(4, kpm.ActionFormat4((kpm.UeCondition(ALWAYS, True),), ACTION))),
    ),
    (kpm.decode_action, kpm.encode_action(kpm.ActionDefinition(5, kpm.ActionFormat5((CU_UE, CU_UE), ACTION)))),
    (
        kpm.decode_ran_function,
        kpm.encode_ran_function(
            kpm.RanFunctionDefinition(
                NAME,
                (kpm.EventTriggerStyle(1, "Periodic", 1),),
                (kpm.ReportStyle(1, "Node", 1, (kpm.OfferedMeasurement("x", 1),)),),
            )
        ),
    ),
    (rc.decode_control_message, rc.encode_quotas((QUOTA, QUOTA))),
    (rc.decode_quotas, rc.encode_quotas((QUOTA, QUOTA))),
    (rc.decode_control_header, rc.encode_control_header(rc.ControlHeader(CU_UE, 2, 6, rc.ControlDecision.ACCEPT))),
    (rc.decode_control_outcome, rc.encode_control_outcome(rc.ControlOutcome((rc.OutcomeParameter(1, "done"),)))),
    (
        rc.decode_ran_function,
        rc.encode_ran_function(
            rc.RanFunctionDefinition(
                NAME, None, (), (), (rc.ControlStyle(2, "x", (rc.ControlAction(6, "y", (rc.ParameterName(1, "z"),)),)),)
            )
        ),
    ),
    (
        rc.decode_event_trigger,
        rc.encode_event_trigger(rc.EventTriggerFormat4((CHANGE,))),
    ),
    (
        rc.decode_indication_message,
        rc.encode_indication_message(
            rc.MessageFormat2((rc.UeParameters(CU_UE, rc.quota_message((QUOTA,)).parameters),))
        ),
    ),
]


def mutate(rng, octets):
    data = bytearray(octets)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) or 1)
        match rng.randrange(5):
            case 0:
                data[at : at + 1] = rng.randbytes(1)
            case 1:
                del data[at : at + rng.randint(1, 4)]
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 4))
            case 3:
                data[at : at + 2] = rng.choice((b"\xff\xff", b"\xc4\x00", b"\x00\x00", b"\x7f\xff"))
            case _:
                del data[at:]
    return bytes(data)


@pytest.fixture
def no_collector_pauses():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector_pauses")
def test_damaged_octets_give_values_or_decode_errors_in_bounded_time():
    rng = random.Random(42)
    refused, slowest_s = 0, 0.0
    for number in range(20_000):
        read, octets = SAMPLES[number % len(SAMPLES)]
        damaged = mutate(rng, octets)
        start_s = time.thread_time()
        try:
            read(damaged)
        except DecodeError as error:
            refused += 1
            assert error.cause is not None
        slowest_s = max(slowest_s, time.thread_time() - start_s)
    assert refused > 5_000
    assert slowest_s < 0.05


READERS = sorted({read for read, _ in SAMPLES}, key=lambda read: (read.__module__, read.__name__))


@pytest.mark.parametrize("read", READERS, ids=lambda read: f"{read.__module__.split('.')[2]}-{read.__name__}")
@settings(max_examples=100, deadline=None)
@given(octets=st.binary(max_size=60))
def test_random_octets_give_values_or_decode_errors(read, octets):
    try:
        read(octets)
    except DecodeError as error:
        assert error.cause is not None


@pytest.mark.parametrize(("read", "octets"), SAMPLES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_prefix_is_refused_or_shorter(read, octets):
    whole = read(octets)
    for cut in range(len(octets) - 1):
        try:
            assert read(octets[:cut]) != whole
        except DecodeError:
            continue


def structures(depth):
    value = 1
    for _ in range(depth):
        value = (rc.Parameter(1, value),)
    return rc.ControlMessage((rc.Parameter(1, value),))


def test_parameters_are_followed_as_deep_as_messages_go_and_no_deeper():
    deep = structures(MAX_DEPTH - 1)
    assert rc.decode_control_message(rc.encode_control_message(deep)) == deep
    with pytest.raises(DecodeError):
        rc.decode_control_message(b"\x00\x00\x01" + b"\x00\x00\x44\x00\x00" * 5_000)


@pytest.mark.parametrize(
    ("read", "octets"),
    [
        (kpm.decode_message, b"\x00\xff\xfe" + bytes(20)),
        (kpm.decode_message, b"\x40\x00" + counted(b"\x00\xff\xfe" + bytes(20))),
        (kpm.decode_message, b"\x00\x00\x00\x00\xbf\xff" + bytes(20)),
        (rc.decode_control_message, b"\x00\xff\xff" + bytes(20)),
        (rc.decode_control_message, b"\x00\x00\x01\x00\x00\x60\xff\xfe\x40\xff\xfe" + bytes(20)),
    ],
)
def test_a_count_beyond_the_octets_allocates_nothing(read, octets):
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            read(octets)
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()
