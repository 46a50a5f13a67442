"""Strings from 16384 octets on: sent in fragments (X.691, 11.9.3.8), read back from fragments."""

from dataclasses import replace

import pytest

from oran.e2ap import IndicationType, RicControlRequest, RicIndication, RicRequestId, decode, encode
from oran.e2ap.codec import decode_by_table, encode_by_table
from tests.oran.e2ap.oracle import oracle_encode

REQUEST = RicRequestId(123, 1)
INDICATION = RicIndication(REQUEST, 2, 1, IndicationType.REPORT, b"header", b"", 7, b"\x01\x02")
SIZES = [
    0,
    127,
    128,
    255,
    16_000,
    16_100,
    16_128,
    16_129,
    16_200,
    16_322,
    16_383,
    16_384,
    16_385,
    32_768,
    65_535,
    65_536,
    81_920,
    200_000,
]


def message_of(size):
    return bytes(i * 7 & 0xFF for i in range(size))


@pytest.mark.parametrize("size", SIZES)
def test_an_indication_of_any_size_is_pycrates_octets_and_reads_back(size):
    pdu = replace(INDICATION, message=message_of(size))
    octets = encode(pdu)
    assert octets == encode_by_table(pdu) == oracle_encode(pdu)
    assert decode(octets) == decode_by_table(octets) == pdu


@pytest.mark.parametrize("size", [16_128, 16_384, 50_000])
def test_long_headers_and_call_process_identifiers_are_fragmented_too(size):
    pdu = RicControlRequest(REQUEST, 3, message_of(size), b"m", message_of(size))
    assert encode(pdu) == oracle_encode(pdu)
    assert decode(encode(pdu)) == pdu


def test_the_layout_of_fragments_is_units_of_16k_then_the_rest():
    octets = encode(replace(INDICATION, message=b"\xaa" * 16_384, call_process_id=None, header=b""))
    inner = 1 + 16_384 + 1  # C1, one unit, empty last piece
    assert octets.startswith(b"\x00\x05\x40\xc1\x00\x00\x07")
    assert octets.endswith(b"\xaa" + b"\x00")
    assert len(octets) > inner
    assert octets.count(b"\xc1") == 3  # PDU, IE and string


def test_a_multiple_of_64k_ends_with_an_empty_piece():
    octets = encode(replace(INDICATION, message=b"\xaa" * 65_536, call_process_id=None))
    assert octets.count(b"\xc4") == 3
    assert decode(octets).message == b"\xaa" * 65_536
