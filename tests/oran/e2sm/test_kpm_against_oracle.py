"""E2SM-KPM, both directions, against asn1tools on our own ASN.1: the same octets and the same values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.aper import decode as decode_by_table
from oran.aper import encode as encode_by_table
from oran.e2sm import kpm
from oran.e2sm.kpm import tables
from tests.oran.e2sm import kpm_corpus as corpus
from tests.oran.e2sm.reference import KPM

PLENTY = settings(max_examples=40, deadline=None)


@PLENTY
@given(corpus.definitions)
def test_ran_function_definitions(value):
    octets = KPM.encode("FunctionDefinition", corpus.definition(value))
    assert kpm.encode_ran_function(value) == octets
    assert kpm.decode_ran_function(octets) == value


@PLENTY
@given(corpus.triggers)
def test_event_triggers(value):
    octets = KPM.encode("EventTrigger", corpus.trigger(value))
    assert kpm.encode_event_trigger(value) == octets
    assert kpm.decode_event_trigger(octets) == value


@settings(max_examples=100, deadline=None)
@given(corpus.actions)
def test_action_definitions_of_every_format(value):
    octets = KPM.encode("ActionDefinition", corpus.action(value))
    assert kpm.encode_action(value) == octets
    assert kpm.decode_action(octets) == value
    assert KPM.decode("ActionDefinition", octets) == corpus.action(value)


@pytest.mark.parametrize("profile", kpm.PROFILES.values(), ids=lambda profile: profile.name)
@PLENTY
@given(value=corpus.headers)
def test_indication_headers_of_every_profile(profile, value):
    octets = KPM.encode(f"IndicationHeader{profile.time_octets}", corpus.header(value, profile))
    assert kpm.encode_header(value, profile) == octets
    again = kpm.decode_header(octets, profile)
    if profile.time_octets == 4:
        assert again.collection_start_ntp == value.collection_start_ntp >> 32 << 32
        assert kpm.encode_header(again, profile) == octets
    else:
        assert again == value


@settings(max_examples=60, deadline=None)
@given(corpus.messages_1)
def test_indication_messages_of_format_1(value):
    octets = KPM.encode("IndicationMessage", corpus.message(value))
    assert kpm.encode_message(value) == octets
    assert kpm.decode_message(octets) == value


@PLENTY
@given(corpus.messages_2)
def test_indication_messages_of_format_2(value):
    octets = KPM.encode("IndicationMessage", corpus.message(value))
    assert kpm.encode_message(value) == octets
    assert kpm.decode_message(octets) == value


@settings(max_examples=60, deadline=None)
@given(corpus.messages_3)
def test_indication_messages_of_format_3(value):
    octets = KPM.encode("IndicationMessage", corpus.message(value))
    assert kpm.encode_message(value) == octets
    assert kpm.decode_message(octets) == value
    assert KPM.decode("IndicationMessage", octets) == corpus.message(value)


@pytest.mark.parametrize("count", [127, 128, 300])
def test_long_records(count):
    value = kpm.MessageFormat1((kpm.Record(tuple(n * 97 if n % 3 else None for n in range(count))),), (), 1000)
    octets = KPM.encode("IndicationMessage", corpus.message(value))
    assert kpm.encode_message(value) == octets
    assert kpm.decode_message(octets) == value


@settings(max_examples=60, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_reals_have_equal_values_where_their_form_differs(real):
    value = kpm.MessageFormat1((kpm.Record((real,)),))
    assert kpm.decode_message(KPM.encode("IndicationMessage", corpus.message(value))) == value
    assert KPM.decode("IndicationMessage", kpm.encode_message(value)) == corpus.message(value)


@settings(max_examples=200, deadline=None)
@given(corpus.messages_1 | corpus.messages_3)
def test_reports_by_hand_and_by_table_agree(value):
    octets = encode_by_table(tables.INDICATION_MESSAGE, value)
    assert kpm.encode_message(value) == octets
    assert decode_by_table(tables.INDICATION_MESSAGE, octets) == kpm.decode_message(octets) == value
