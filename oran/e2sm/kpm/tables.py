"""E2SM-KPM types on the PER runtime (O-RAN.WG3.E2SM-KPM-v03.00, clause 8.3.1).

Additions of v4 (further label fields, report conditions, notSatisfied) are read past; a value that
was not measured because a condition was not satisfied is read as no value.
"""

from __future__ import annotations

from oran.aper import (
    BitString,
    Boolean,
    Choice,
    Enumerated,
    Field,
    Integer,
    Mapped,
    Null,
    OctetString,
    PrintableString,
    Real,
    Sequence,
    SequenceOf,
    Wrapped,
    by_class,
)
from oran.aper.types import Type
from oran.e2sm.identifiers import CGI, NAME, PLMN, RAN_FUNCTION_NAME, SNSSAI, STYLE, UE_ID
from oran.e2sm.kpm import model as m
from oran.e2sm.values import BitsValue
from oran.errors import LocalProtocolError

PERIOD_MS = Integer(1, 2**32 - 1)
COUNT_MAX = 2**31 - 1
"""Bound of the label and record lists; too large to show on the wire."""


def _flag(name: str) -> Field:
    """ENUMERATED {true, ...} OPTIONAL: present means True."""
    return Field(name, Enumerated((True,)), optional=True, absent=False)


# --- RAN function definition ------------------------------------------------------------------

_EVENT_TRIGGER_STYLE = Sequence(
    Field("style", STYLE), Field("name", NAME), Field("format", STYLE), of=m.EventTriggerStyle
)
_OFFERED = Sequence(
    Field("name", NAME), Field("id", Integer(1, 65536, extensible=True), optional=True), of=m.OfferedMeasurement
)
_REPORT_STYLE = Sequence(
    Field("style", STYLE),
    Field("name", NAME),
    Field("action_format", STYLE),
    Field("measurements", SequenceOf(_OFFERED, 1, 65535)),
    Field("header_format", STYLE),
    Field("message_format", STYLE),
    of=m.ReportStyle,
)
RAN_FUNCTION_DEFINITION = Sequence(
    Field("name", RAN_FUNCTION_NAME),
    Field("event_triggers", SequenceOf(_EVENT_TRIGGER_STYLE, 1, 63), optional=True, absent=()),
    Field("reports", SequenceOf(_REPORT_STYLE, 1, 63), optional=True, absent=()),
    of=m.RanFunctionDefinition,
)

# --- measurements -----------------------------------------------------------------------------

_UINT8 = Integer(0, 255)
_ARP = Integer(1, 15, extensible=True)
_UINT16 = Integer(1, 65535, extensible=True)


def _optional(name: str, kind: Type) -> Field:
    return Field(name, kind, optional=True)


LABEL = Sequence(
    _flag("no_label"),
    _optional("plmn", PLMN),
    _optional("slice", SNSSAI),
    _optional("five_qi", Integer(0, 255, extensible=True)),
    _optional("qfi", Integer(0, 63, extensible=True)),
    _optional("qci", _UINT8),
    _optional("qci_max", _UINT8),
    _optional("qci_min", _UINT8),
    _optional("arp_max", _ARP),
    _optional("arp_min", _ARP),
    _optional("bitrate_range", _UINT16),
    _optional("layer_mu_mimo", _UINT16),
    _flag("sum"),
    _optional("bin_x", _UINT16),
    _optional("bin_y", _UINT16),
    _optional("bin_z", _UINT16),
    _flag("pre_label_override"),
    _optional("start_end", Enumerated(tuple(m.StartEnd))),
    _flag("min"),
    _flag("max"),
    _flag("avg"),
    of=m.Label,
)
MEASUREMENT_TYPE = Choice([NAME, Integer(1, 65536, extensible=True)], by_class(str, int))
MEASUREMENT = Sequence(
    Field("type", MEASUREMENT_TYPE), Field("labels", SequenceOf(Wrapped(LABEL), 1, COUNT_MAX)), of=m.Measurement
)
MEASUREMENTS = SequenceOf(MEASUREMENT, 1, 65535)

# --- conditions -------------------------------------------------------------------------------

_ROOT_TESTS = 6


def _test_type(test: m.TestType) -> Type:
    return Enumerated((test,))


_TESTS = tuple(m.TestType)
_TEST_TYPE = Choice(
    [_test_type(test) for test in _TESTS[:_ROOT_TESTS]],
    _TESTS.index,
    additions=[_test_type(test) for test in _TESTS[_ROOT_TESTS:]],
)
_TEST_VALUE = Choice(
    [
        Integer(),
        Mapped(Integer(), lambda value: value.index, m.EnumeratedValue),
        Boolean(),
        Mapped(BitString(), lambda value: (value.number, value.count), lambda parts: BitsValue(*parts)),
        OctetString(),
        PrintableString(),
    ],
    by_class(int, m.EnumeratedValue, bool, BitsValue, bytes, str, float),
    additions=[Real()],
)
TEST_CONDITION = Sequence(
    Field("type", _TEST_TYPE),
    _optional("expression", Enumerated(tuple(m.TestExpression))),
    _optional("value", _TEST_VALUE),
    of=m.TestCondition,
)
_MATCHING_CONDITION = Sequence(
    Field("condition", Choice([LABEL, TEST_CONDITION], by_class(m.Label, m.TestCondition))),
    Field("logical_or", Enumerated((True,)), optional=True, absent=False),
    of=m.MatchingCondition,
)
MATCHING_CONDITIONS = SequenceOf(_MATCHING_CONDITION, 1, 32768)
_UE_CONDITION = Sequence(
    Field("test", TEST_CONDITION),
    additions=(_flag("logical_or"),),
    of=m.UeCondition,
)

# --- event trigger and action definitions -----------------------------------------------------

EVENT_TRIGGER = Wrapped(Choice([Sequence(Field("reporting_period_ms", PERIOD_MS), of=m.EventTrigger)], lambda _: 0))

ACTION_FORMAT_1 = Sequence(
    Field("measurements", MEASUREMENTS),
    Field("granularity_period_ms", PERIOD_MS),
    _optional("cell", CGI),
    of=m.ActionFormat1,
)
_ACTION_FORMAT_2 = Sequence(Field("ue", UE_ID), Field("subscription", ACTION_FORMAT_1), of=m.ActionFormat2)
_CONDITIONAL = Sequence(
    Field("type", MEASUREMENT_TYPE), Field("conditions", MATCHING_CONDITIONS), of=m.ConditionalMeasurement
)
_ACTION_FORMAT_3 = Sequence(
    Field("measurements", SequenceOf(_CONDITIONAL, 1, 65535)),
    Field("granularity_period_ms", PERIOD_MS),
    _optional("cell", CGI),
    of=m.ActionFormat3,
)
_ACTION_FORMAT_4 = Sequence(
    Field("conditions", SequenceOf(_UE_CONDITION, 1, 32768)),
    Field("subscription", ACTION_FORMAT_1),
    of=m.ActionFormat4,
)
_ACTION_FORMAT_5 = Sequence(
    Field("ues", SequenceOf(Wrapped(UE_ID), 2, 65535)),
    Field("subscription", ACTION_FORMAT_1),
    of=m.ActionFormat5,
)
ACTION_DEFINITION = Sequence(
    Field("style", STYLE),
    Field(
        "format",
        Choice(
            [ACTION_FORMAT_1, _ACTION_FORMAT_2, _ACTION_FORMAT_3],
            by_class(m.ActionFormat1, m.ActionFormat2, m.ActionFormat3, m.ActionFormat4, m.ActionFormat5),
            additions=[_ACTION_FORMAT_4, _ACTION_FORMAT_5],
        ),
    ),
    of=m.ActionDefinition,
)

# --- indication -------------------------------------------------------------------------------


def header_type(time_octets: int) -> Type:
    """Indication header with time stamps of 4 (v2) or 8 (v3) octets."""
    shift = 8 * (8 - time_octets)
    time = Mapped(
        OctetString(time_octets, time_octets),
        lambda ntp: _time_octets(ntp, time_octets),
        lambda octets: int.from_bytes(octets, "big") << shift,
    )
    return Wrapped(
        Choice(
            [
                Sequence(
                    Field("collection_start_ntp", time),
                    _optional("file_format_version", PrintableString(0, 15, extensible=True)),
                    _optional("sender_name", PrintableString(0, 400, extensible=True)),
                    _optional("sender_type", PrintableString(0, 8, extensible=True)),
                    _optional("vendor_name", PrintableString(0, 32, extensible=True)),
                    of=m.IndicationHeader,
                )
            ],
            lambda _: 0,
        )
    )


def _time_octets(ntp: int, time_octets: int) -> bytes:
    if not 0 <= ntp < 1 << 64:
        raise LocalProtocolError(f"NTP time {ntp} is outside 64 bits")
    return ntp.to_bytes(8, "big")[:time_octets]


_INTEGER, _REAL, _NO_VALUE = range(3)


def _value_index(value: m.Value) -> int:
    if value is None:
        return _NO_VALUE
    if not isinstance(value, int | float):
        raise LocalProtocolError(f"{value!r} is neither a Python number nor None")
    return _INTEGER if isinstance(value, int) else _REAL


VALUE = Choice([Integer(0, 2**32 - 1), Real(), Null()], _value_index, additions=[Null()])
RECORD = Sequence(Field("values", SequenceOf(VALUE, 1, COUNT_MAX)), _flag("incomplete"), of=m.Record)
RECORDS = SequenceOf(RECORD, 1, 65535)

MESSAGE_FORMAT_1 = Sequence(
    Field("records", RECORDS),
    Field("measurements", MEASUREMENTS, optional=True, absent=()),
    _optional("granularity_period_ms", PERIOD_MS),
    of=m.MessageFormat1,
)
_CONDITIONAL_REPORT = Sequence(
    Field("type", MEASUREMENT_TYPE),
    Field("conditions", MATCHING_CONDITIONS),
    Field("ues", SequenceOf(Wrapped(UE_ID), 1, 65535), optional=True, absent=()),
    of=m.ConditionalReport,
)
_MESSAGE_FORMAT_2 = Sequence(
    Field("records", RECORDS),
    Field("measurements", SequenceOf(_CONDITIONAL_REPORT, 1, 65535)),
    _optional("granularity_period_ms", PERIOD_MS),
    of=m.MessageFormat2,
)
_UE_REPORT = Sequence(Field("ue", UE_ID), Field("report", MESSAGE_FORMAT_1), of=m.UeReport)
_MESSAGE_FORMAT_3 = Sequence(Field("reports", SequenceOf(_UE_REPORT, 1, 65535)), of=m.MessageFormat3)
INDICATION_MESSAGE = Wrapped(
    Choice(
        [MESSAGE_FORMAT_1, _MESSAGE_FORMAT_2],
        by_class(m.MessageFormat1, m.MessageFormat2, m.MessageFormat3),
        additions=[_MESSAGE_FORMAT_3],
    )
)
