"""Octets other implementations agreed on (docs/e2.md): O-RAN-SC's and FlexRIC's codecs re-encode them identically."""

import pytest

from oran.e2ap import (
    CauseMisc,
    CauseTransport,
    E2ConnectionUpdateFailure,
    IndicationType,
    ResetRequest,
    RicControlAcknowledge,
    RicIndication,
    RicRequestId,
    RicSubscriptionDeleteRequest,
    decode,
    encode,
)
from oran.e2ap.codec import decode_by_table, encode_by_table

REQUEST = RicRequestId(123, 1)
GOLDEN = {
    "00090012000002001d000500007b0001000500020002": RicSubscriptionDeleteRequest(REQUEST, 2),
    "0003000e0000020031000200060001400154": ResetRequest(6, CauseMisc.OM_INTERVENTION),
    "400b000e0000020031000200040001000130": E2ConnectionUpdateFailure(4, CauseTransport.UNSPECIFIED),
    "2004001f000004001d000500007b000100050002000300140002010700200003026f6b": RicControlAcknowledge(
        REQUEST, 3, call_process_id=b"\x07", outcome=b"ok"
    ),
    "0005402f000007001d000500007b0001000500020002000f000101001c000100001900020148001a0002014d00140003020102": (
        RicIndication(REQUEST, 2, 1, IndicationType.REPORT, b"H", b"M", call_process_id=b"\x01\x02")
    ),
}


@pytest.mark.parametrize(("octets", "pdu"), GOLDEN.items(), ids=lambda value: type(value).__name__)
def test_golden_octets_are_read_and_written(octets, pdu):
    assert encode(pdu).hex() == encode_by_table(pdu).hex() == octets
    assert decode(bytes.fromhex(octets)) == decode_by_table(bytes.fromhex(octets)) == pdu


def test_a_request_of_a_peer_with_another_procedure_criticality_is_read():
    octets = bytearray(encode(RicSubscriptionDeleteRequest(REQUEST, 2)))
    octets[2] = 0x40  # O-RAN-SC's subscription manager sends its requests with criticality ignore
    assert decode(bytes(octets)) == RicSubscriptionDeleteRequest(REQUEST, 2)
