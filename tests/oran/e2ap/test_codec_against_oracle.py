"""Every message, both directions, against pycrate: the same octets and the same values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.e2ap import decode, encode
from oran.e2ap.codec import decode_by_table, encode_by_table
from oran.e2ap.tables import BY_CLASS
from tests.oran.e2ap.oracle import oracle_decode, oracle_encode, oracle_value
from tests.oran.e2ap.strategies import MESSAGES, any_message


def test_the_corpus_covers_every_message_of_the_codec():
    assert set(MESSAGES) == set(BY_CLASS)


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_octets_are_those_of_pycrate_and_decode_back(cls, data):
    pdu = data.draw(MESSAGES[cls])
    octets = oracle_encode(pdu)
    assert encode(pdu) == octets
    assert decode(octets) == pdu
    assert oracle_decode(encode(pdu)) == oracle_value(pdu)


@settings(max_examples=300, deadline=None)
@given(any_message)
def test_short_path_and_tables_agree(pdu):
    octets = encode_by_table(pdu)
    assert encode(pdu) == octets
    assert decode(octets) == decode_by_table(octets) == pdu
