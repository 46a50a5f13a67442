"""What E2SM-KPM values mean: profiles, time, labels, missing values, later versions."""

import numpy as np
import pytest

from oran.aper import BitWriter, counted, decode, encode
from oran.e2ap.messages import CauseProtocol
from oran.e2sm import kpm
from oran.e2sm.identifiers import UE_ID
from oran.e2sm.kpm import reports
from oran.e2sm.kpm.tables import INDICATION_MESSAGE, LABEL
from oran.errors import DecodeError, LocalProtocolError

METRICS = (kpm.Measurement("DRB.UEThpDl"), kpm.Measurement("RRU.PrbUsedDl", (kpm.Label(slice=kpm.Snssai(1, 1)),)))


def report(*values):
    return kpm.MessageFormat1((kpm.Record(values),), METRICS, 1000)


def test_a_period_of_a_second_is_three_octets():
    assert kpm.encode_event_trigger(kpm.EventTrigger(1000)).hex() == "0803e7"


def test_the_layout_of_a_report_of_one_integer():
    # 00 0ig, count - 1, record flags, number of values, 0LL + value, measurements, period
    octets = kpm.encode_message(kpm.MessageFormat1((kpm.Record((5, 300)),), (), None))
    assert octets.hex() == "00" + "0000" + "00" + "02" + "0005" + "08012c"


@pytest.mark.parametrize("profile", kpm.PROFILES.values(), ids=lambda profile: profile.name)
def test_time_stamps_are_as_wide_as_the_profile_says(profile):
    header = kpm.IndicationHeader(kpm.ntp_time(1_700_000_000.25))
    octets = kpm.encode_header(header, profile)
    assert len(octets) == 1 + profile.time_octets
    expected_s = 1_700_000_000.25 if profile.time_octets == 8 else 1_700_000_000.0
    assert kpm.decode_header(octets, profile).collection_start_s == expected_s


@pytest.mark.parametrize("extras", [(), ("1.0",), ("1.0", "gnb 7"), (None, "gnb 7", "DU", "us")])
@pytest.mark.parametrize("profile", [kpm.OSC, kpm.STRICT_V3], ids=lambda profile: profile.name)
def test_the_width_of_a_time_stamp_is_found_out_without_a_profile(profile, extras):
    header = kpm.IndicationHeader(kpm.ntp_time(1_700_000_000.0), *extras)
    assert kpm.decode_header(kpm.encode_header(header, profile)) == header


def test_profiles_announce_what_their_peers_expect():
    assert {name: (profile.oid, profile.time_octets) for name, profile in kpm.PROFILES.items()} == {
        "osc": ("1.3.6.1.4.1.53148.1.2.2.2", 4),
        "srsran": ("1.3.6.1.4.1.53148.1.2.2.2", 8),
        "strict-v3": ("1.3.6.1.4.1.53148.1.3.2.2", 8),
    }


def test_no_value_is_not_zero_and_not_left_out():
    message = report(None, 0)
    assert kpm.decode_message(kpm.encode_message(message)) == message


def test_a_value_not_satisfied_of_v4_is_read_as_no_value():
    writer = BitWriter()
    writer.bits(0, 6)  # message, choice, report without measurements and period
    writer.octets(b"\x00\x00")
    writer.bits(0, 2)
    writer.octets(b"\x01")
    writer.bits(0b1_0_000000, 8)  # extension alternative 0
    writer.octets(b"\x01\x00")
    assert kpm.decode_message(writer.to_bytes()) == kpm.MessageFormat1((kpm.Record((None,)),))


def test_label_fields_of_v4_are_read_past():
    writer = BitWriter()
    writer.bits(1 << 21 | 1 << 20, 22)  # extended, noLabel and none of the other twenty
    writer.bits(0, 1)  # noLabel: root value
    writer.bits(1, 7)  # two additions
    writer.bits(0b11, 2)
    for addition in (b"\x00\x00\x04", b"\x00\x00\x06"):
        writer.octets(counted(addition))
    assert decode(LABEL, writer.to_bytes()) == kpm.NO_LABEL


@pytest.mark.parametrize(
    "message",
    [
        kpm.MessageFormat1(()),
        kpm.MessageFormat1((kpm.Record(()),)),
        report(-1),
        report(1 << 32),
        report(np.int64(5)),
        report("5"),
        kpm.MessageFormat3(()),
        kpm.MessageFormat1((kpm.Record((1,)),), METRICS, 0),
        kpm.MessageFormat1((kpm.Record((1,)),), (), 0),
        kpm.MessageFormat1((kpm.Record((1,)),), (kpm.Measurement("under_score"),), 1),
        kpm.MessageFormat3((kpm.UeReport(kpm.GnbDuUeId(1 << 32), report(1)),)),
    ],
)
def test_a_value_out_of_range_is_our_own_error(message):
    with pytest.raises(LocalProtocolError):
        kpm.encode_message(message)
    with pytest.raises(LocalProtocolError):
        encode(INDICATION_MESSAGE, message)


@pytest.mark.parametrize("alternative", [3, 4, 5, 6])
def test_a_ue_named_by_an_enb_is_refused_as_not_comprehended(alternative):
    with pytest.raises(DecodeError) as caught:
        decode(UE_ID, bytes((alternative << 4,)) + bytes(8))
    assert caught.value.cause is CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT


def test_measurements_are_encoded_once_a_subscription_and_never_mixed_up():
    other = (kpm.Measurement("RRU.PrbTotDl"), kpm.Measurement("RRU.PrbAvailDl"))
    for number in range(200):
        for measurements in (METRICS, other, (kpm.Measurement(f"metric {number}"), kpm.Measurement(number + 1))):
            for period_ms in (1000, 1000 + number):
                message = kpm.MessageFormat1((kpm.Record((number, number)),), measurements, period_ms)
                assert kpm.decode_message(kpm.encode_message(message)) == message
    assert len(reports._written) <= reports._KEPT
    assert len(reports._read) <= reports._KEPT


def test_a_report_of_a_thousand_ues_is_fragmented_and_read_back():
    message = kpm.MessageFormat3(tuple(kpm.UeReport(kpm.GnbDuUeId(n), report(n, n * 0.5)) for n in range(1000)))
    octets = kpm.encode_message(message)
    assert len(octets) > 3 * 16_384
    assert kpm.decode_message(octets) == message
