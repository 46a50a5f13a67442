"""E2SM-RC, both directions, against asn1tools on our own ASN.1: the same octets and the same values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.aper import decode as decode_by_table
from oran.aper import encode as encode_by_table
from oran.e2sm import rc
from oran.e2sm.rc import parameters, tables
from tests.oran.e2sm import rc_corpus as corpus
from tests.oran.e2sm.reference import RC

CASES = [
    ("FunctionDefinition", corpus.definitions, corpus.definition, rc.encode_ran_function, rc.decode_ran_function),
    ("EventTrigger", corpus.triggers, corpus.trigger, rc.encode_event_trigger, rc.decode_event_trigger),
    ("ActionDefinition", corpus.actions, corpus.action, rc.encode_action, rc.decode_action),
    (
        "IndicationHeader",
        corpus.indication_headers,
        corpus.indication_header,
        rc.encode_indication_header,
        rc.decode_indication_header,
    ),
    (
        "IndicationMessage",
        corpus.indication_messages,
        corpus.indication_message,
        rc.encode_indication_message,
        rc.decode_indication_message,
    ),
    (
        "ControlHeader",
        corpus.control_headers,
        corpus.control_header,
        rc.encode_control_header,
        rc.decode_control_header,
    ),
    (
        "ControlMessage",
        corpus.control_messages | corpus.usual_control_messages,
        corpus.control_message,
        rc.encode_control_message,
        rc.decode_control_message,
    ),
    (
        "ControlOutcome",
        corpus.control_outcomes,
        corpus.control_outcome,
        rc.encode_control_outcome,
        rc.decode_control_outcome,
    ),
    (
        "CallProcessId",
        corpus.ids,
        lambda number: {"ric-callProcessID-formats": ("callProcessID-Format1", {"ric-callProcess-ID": number})},
        rc.encode_call_process_id,
        rc.decode_call_process_id,
    ),
]


@pytest.mark.parametrize(("name", "values", "foreign", "write", "read"), CASES, ids=[case[0] for case in CASES])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_octets_are_those_of_asn1tools_and_decode_back(name, values, foreign, write, read, data):
    value = data.draw(values)
    octets = RC.encode(name, foreign(value))
    assert write(value) == octets
    assert read(octets) == value
    assert RC.decode(name, octets) == foreign(value)


@settings(max_examples=100, deadline=None)
@given(corpus.usual_control_messages)
def test_usual_control_messages_need_no_table(message):
    octets = parameters.encode_message(message)
    assert octets == encode_by_table(tables.CONTROL_MESSAGE, message)
    assert parameters.decode_message(octets) == decode_by_table(tables.CONTROL_MESSAGE, octets) == message


@settings(max_examples=60, deadline=None)
@given(corpus.quotas)
def test_slice_quotas_survive_as_octets_and_as_parameters(quotas):
    octets = rc.encode_quotas(quotas)
    message = rc.quota_message(quotas)
    assert octets == RC.encode("ControlMessage", corpus.control_message(message))
    assert rc.decode_quotas(octets) == rc.read_quotas(message) == quotas
