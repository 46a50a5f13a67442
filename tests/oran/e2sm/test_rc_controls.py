"""Slice quota and handover as a node reads them: what is asked for, or why it makes no sense."""

import pytest

from oran.e2ap.messages import CauseRicRequest
from oran.e2sm import rc
from oran.errors import DecodeError, LocalProtocolError

PLMN = b"\x00\xf1\x10"
EMBB = rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(1, 1)),), 10, 60, 5)
URLLC = rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(2)),), 20, 100, 0)


def replaced(parameter, path, value):
    """The tree with the parameter at ``path`` (identifiers from the root) given another value, or removed."""
    if len(path) == 1:
        return rc.Parameter(parameter.id, value)
    if isinstance(parameter.value, rc.ParameterList):
        entries = tuple(rebuilt(entry, path[1:], value) for entry in parameter.value.structures)
        return rc.Parameter(parameter.id, rc.ParameterList(entries))
    return rc.Parameter(parameter.id, rebuilt(parameter.value, path[1:], value))


REMOVED = object()


def rebuilt(parameters, path, value):
    kept = [p for p in parameters if not (value is REMOVED and len(path) == 1 and p.id == path[0])]
    return tuple(replaced(p, path, value) if p.id == path[0] else p for p in kept)


def quota_with(path, value):
    return rc.ControlMessage(rebuilt(rc.quota_message((EMBB,)).parameters, path, value))


def test_the_quota_message_has_the_tree_of_the_standard():
    (ratio_list,) = rc.quota_message((EMBB, URLLC)).parameters
    assert ratio_list.id == 1
    (group,) = ratio_list.value.structures[0]
    assert group.id == 2
    assert [p.id for p in group.value] == [3, 11, 12, 13]
    assert [p.value for p in group.value[1:]] == [10, 60, 5]
    (members,) = group.value[0].value
    (member,) = members.value.structures[0]
    assert (members.id, member.id, [p.id for p in member.value]) == (5, 6, [7, 8])
    assert [(p.id, p.value) for p in member.value[1].value] == [(9, b"\x01"), (10, b"\x00\x00\x01")]


def test_a_slice_without_differentiator_is_kept_apart_from_differentiator_zero():
    quotas = (URLLC, rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(2, 0)),), 20, 100, 0))
    assert rc.decode_quotas(rc.encode_quotas(quotas)) == quotas


GROUP, MEMBER = (1, 2), (1, 2, 3, 5, 6)
NONSENSE = {
    "no list": ((1,), REMOVED),
    "list is a number": ((1,), 5),
    "no group": (GROUP, REMOVED),
    "no policy": ((*GROUP, 3), REMOVED),
    "no minimum": ((*GROUP, 11), REMOVED),
    "no maximum": ((*GROUP, 12), REMOVED),
    "no dedicated": ((*GROUP, 13), REMOVED),
    "minimum above 100": ((*GROUP, 11), 101),
    "maximum negative": ((*GROUP, 12), -1),
    "dedicated is text": ((*GROUP, 13), "5"),
    "dedicated is a truth value": ((*GROUP, 13), True),
    "PLMN of two octets": ((*MEMBER, 7), b"\x00\xf1"),
    "no PLMN": ((*MEMBER, 7), REMOVED),
    "no slice": ((*MEMBER, 8), REMOVED),
    "SST of two octets": ((*MEMBER, 8, 9), b"\x01\x02"),
    "SD of two octets": ((*MEMBER, 8, 10), b"\x01\x02"),
}


@pytest.mark.parametrize(("path", "value"), NONSENSE.values(), ids=NONSENSE)
def test_a_quota_that_makes_no_sense_is_an_invalid_control_message(path, value):
    octets = rc.encode_control_message(quota_with(path, value))
    with pytest.raises(DecodeError) as caught:
        rc.decode_quotas(octets)
    assert caught.value.cause is CauseRicRequest.CONTROL_MESSAGE_INVALID


@pytest.mark.parametrize("ratio", [100, 101])
def test_ratios_end_at_100_percent_also_on_the_short_path(ratio):
    octets = rc.encode_quotas((EMBB, rc.SliceQuota(EMBB.members, 11, 22, 33)))
    changed = octets.replace(b"\x01\x16", bytes((1, ratio)))
    if ratio > 100:
        with pytest.raises(DecodeError):
            rc.decode_quotas(changed)
    else:
        assert rc.decode_quotas(changed)[1].max_percent == ratio


def test_a_parameter_given_twice_is_refused():
    (ratios,) = rc.quota_message((EMBB,)).parameters
    with pytest.raises(DecodeError):
        rc.read_quotas(rc.ControlMessage((ratios, ratios)))


@pytest.mark.parametrize(
    "quotas",
    [
        (),
        (rc.SliceQuota((), 1, 2, 3),),
        (rc.SliceQuota(EMBB.members, -1, 2, 3),),
        (rc.SliceQuota(EMBB.members, 1, 101, 3),),
        (rc.SliceQuota((rc.PolicyMember(PLMN[:2], rc.Snssai(1, 1)),), 1, 2, 3),),
        (rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(256, 1)),), 1, 2, 3),),
        (rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(1, 1 << 24)),), 1, 2, 3),),
    ],
)
def test_a_quota_out_of_range_is_our_own_error(quotas):
    with pytest.raises(LocalProtocolError):
        rc.quota_message(quotas)
    with pytest.raises(LocalProtocolError):
        rc.encode_quotas(quotas)


NR = rc.NrCgi(PLMN, 0x19B000001)
EUTRA = rc.EutraCgi(PLMN, 0x19B01)


def test_an_nr_target_is_nine_octets_inside_three_structures():
    octets = rc.encode_control_message(rc.handover_message(NR))
    assert octets.hex() == "000001000044000000014400000002440000000" + "32a00090000f11019b0000010"


@pytest.mark.parametrize("cell", [NR, EUTRA], ids=["NR", "E-UTRA"])
def test_a_handover_target_survives(cell):
    octets = rc.encode_control_message(rc.handover_message(cell))
    assert rc.read_target(rc.decode_control_message(octets)) == cell


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((1,), REMOVED),
        ((1, 2), REMOVED),
        ((1, 2, 3), REMOVED),
        ((1, 2, 3), 7),
        ((1, 2, 3, 4), REMOVED),
        ((1, 2, 3, 4), 4),
        ((1, 2, 3, 4), b"\x00\xf1"),
    ],
)
def test_a_handover_without_a_readable_target_is_an_invalid_control_message(path, value):
    message = rc.ControlMessage(rebuilt(rc.handover_message(NR).parameters, path, value))
    with pytest.raises(DecodeError) as caught:
        rc.read_target(message)
    assert caught.value.cause is CauseRicRequest.CONTROL_MESSAGE_INVALID


def test_an_empty_outcome_is_two_octets():
    assert rc.encode_control_outcome(rc.ControlOutcome()) == b"\x00\x00"
    assert rc.decode_control_outcome(b"\x00\x00") == rc.ControlOutcome()
