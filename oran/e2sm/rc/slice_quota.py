"""Control style 2, action 6: slice-level PRB quota (O-RAN.WG3.E2SM-RC-v01.03, 7.6.3.1 and 8.4.3.6).

1 RRM Policy Ratio List -> 2 Group -> 3 RRM Policy -> 5 Member List -> 6 Member -> 7 PLMN
                                                                               -> 8 S-NSSAI -> 9 SST, 10 SD
                                   -> 11 minimum, 12 maximum, 13 dedicated ratio [percent]
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from oran.e2sm.identifiers import Snssai
from oran.e2sm.rc.codec import decode_control_message, encode_control_message
from oran.e2sm.rc.model import ControlMessage, Parameter, ParameterList
from oran.e2sm.rc.parameter_tree import find, invalid, octets, structure, structures
from oran.errors import LocalProtocolError

STYLE = 2
ACTION = 6

RATIO_LIST, GROUP, POLICY, MEMBER_LIST, MEMBER = 1, 2, 3, 5, 6
PLMN, SNSSAI, SST, SD = 7, 8, 9, 10
MIN_RATIO, MAX_RATIO, DEDICATED_RATIO = 11, 12, 13


@dataclass(frozen=True, slots=True)
class PolicyMember:
    """RRM Policy Member: a slice of a PLMN (3 octets)."""

    plmn: bytes
    slice: Snssai


@dataclass(frozen=True, slots=True)
class SliceQuota:
    """RRM Policy Ratio Group: shares of the cell's PRBs for the members together (TS 28.541, 4.3.36)."""

    members: tuple[PolicyMember, ...]
    min_percent: int
    """PRBs kept for the members when they need them, 0..100."""
    max_percent: int
    """PRBs the members may use at most, 0..100."""
    dedicated_percent: int
    """PRBs nobody else may use, 0..100."""


def quota_message(quotas: tuple[SliceQuota, ...]) -> ControlMessage:
    """The control message that sets the quotas.

    Raises:
        LocalProtocolError: no quota, a quota without member, or a ratio outside 0..100.
    """
    if not quotas:
        raise LocalProtocolError("a slice quota control without quotas")
    return ControlMessage((Parameter(RATIO_LIST, ParameterList(tuple(_group(quota) for quota in quotas))),))


def _group(quota: SliceQuota) -> tuple[Parameter, ...]:
    ratios = quota.min_percent, quota.max_percent, quota.dedicated_percent
    if not quota.members or not all(0 <= ratio <= 100 for ratio in ratios):
        raise LocalProtocolError(f"{quota} is out of range")
    members = ParameterList(tuple(_member(member) for member in quota.members))
    return (
        Parameter(
            GROUP,
            (
                Parameter(POLICY, (Parameter(MEMBER_LIST, members),)),
                Parameter(MIN_RATIO, ratios[0]),
                Parameter(MAX_RATIO, ratios[1]),
                Parameter(DEDICATED_RATIO, ratios[2]),
            ),
        ),
    )


def _member(member: PolicyMember) -> tuple[Parameter, ...]:
    sst, sd = member.slice.sst, member.slice.sd
    if len(member.plmn) != 3 or not 0 <= sst < 256 or (sd is not None and not 0 <= sd < 1 << 24):
        raise LocalProtocolError(f"{member} is out of range")
    snssai = [Parameter(SST, sst.to_bytes(1, "big"))]
    if sd is not None:
        snssai.append(Parameter(SD, sd.to_bytes(3, "big")))
    return (Parameter(MEMBER, (Parameter(PLMN, member.plmn), Parameter(SNSSAI, tuple(snssai)))),)


def read_quotas(message: ControlMessage) -> tuple[SliceQuota, ...]:
    """The quotas a control message asks for.

    Raises:
        DecodeError: a part is missing, of the wrong kind or out of range; cause control-message-invalid.
    """
    return tuple(_quota(structure(entry, GROUP)) for entry in structures(message.parameters, RATIO_LIST))


def _quota(group: tuple[Parameter, ...]) -> SliceQuota:
    members = structures(structure(group, POLICY), MEMBER_LIST)
    return SliceQuota(
        tuple(_policy_member(structure(entry, MEMBER)) for entry in members),
        _ratio(group, MIN_RATIO),
        _ratio(group, MAX_RATIO),
        _ratio(group, DEDICATED_RATIO),
    )


def _policy_member(member: tuple[Parameter, ...]) -> PolicyMember:
    snssai = structure(member, SNSSAI)
    sd = None if find(snssai, SD) is None else int.from_bytes(octets(snssai, SD, 3), "big")
    return PolicyMember(octets(member, PLMN, 3), Snssai(octets(snssai, SST, 1)[0], sd))


def _ratio(group: tuple[Parameter, ...], number: int) -> int:
    value = find(group, number)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        raise invalid(f"RAN parameter {number} is not a ratio of 0..100 percent")
    return value


# --- octets -----------------------------------------------------------------------------------

# The usual group (one member, with a slice differentiator) is the same octets but for six values. The
# octets between them are cut out of an encoding of values that occur nowhere else in it.
_MARKS = (b"\xf1\xf2\xf3", b"\xf4", b"\xf5\xf6\xf7", b"\x61", b"\x62", b"\x63")


def _cut(octets: bytes) -> tuple[bytes, list[bytes]]:
    head, rest = octets[:8], octets[8:]
    between = []
    for mark in _MARKS:
        before, _, rest = rest.partition(mark)
        between.append(before)
    return head, between


_MARKED = SliceQuota((PolicyMember(_MARKS[0], Snssai(0xF4, 0xF5F6F7)),), 0x61, 0x62, 0x63)
_HEAD, _BETWEEN = _cut(encode_control_message(quota_message((_MARKED,))))
_GROUP = Struct(">" + "".join(f"{len(octets)}s{len(mark)}s" for octets, mark in zip(_BETWEEN, _MARKS, strict=True)))
_CONSTANT = tuple(_BETWEEN)


def encode_quotas(quotas: tuple[SliceQuota, ...]) -> bytes:
    """Control message that sets the quotas, as octets.

    Raises:
        LocalProtocolError: as :func:`quota_message`, or an identifier out of range.
    """
    groups = [_usual_group(quota) for quota in quotas]
    if not 1 <= len(groups) <= 65_535 or None in groups:
        return encode_control_message(quota_message(quotas))
    return _HEAD[:6] + (len(groups) - 1).to_bytes(2, "big") + b"".join(group for group in groups if group)


def _usual_group(quota: SliceQuota) -> bytes | None:
    """The octets of a group of one member with a slice differentiator, all in range; else None."""
    ratios = quota.min_percent, quota.max_percent, quota.dedicated_percent
    if len(quota.members) != 1 or not all(type(ratio) is int and 0 <= ratio <= 100 for ratio in ratios):
        return None
    plmn, slice_id = quota.members[0].plmn, quota.members[0].slice
    if len(plmn) != 3 or slice_id.sd is None or not 0 <= slice_id.sd < 1 << 24 or not 0 <= slice_id.sst < 256:
        return None
    values = plmn, bytes((slice_id.sst,)), slice_id.sd.to_bytes(3, "big"), *(bytes((ratio,)) for ratio in ratios)
    return _GROUP.pack(*(part for pair in zip(_CONSTANT, values, strict=True) for part in pair))


def decode_quotas(data: bytes) -> tuple[SliceQuota, ...]:
    """The quotas in the octets of a control message.

    Raises:
        DecodeError: as ``decode_control_message`` and :func:`read_quotas`.
    """
    quotas = _decode_usual(data)
    return read_quotas(decode_control_message(data)) if quotas is None else quotas


def _decode_usual(data: bytes) -> tuple[SliceQuota, ...] | None:
    count = int.from_bytes(data[6:8], "big") + 1
    if data[:6] != _HEAD[:6] or len(data) != 8 + count * _GROUP.size:
        return None
    quotas = []
    for group in _GROUP.iter_unpack(memoryview(data)[8:]):
        low, high, dedicated = group[7][0], group[9][0], group[11][0]
        if group[::2] != _CONSTANT or low > 100 or high > 100 or dedicated > 100:
            return None
        member = PolicyMember(group[1], Snssai(group[3][0], int.from_bytes(group[5], "big")))
        quotas.append(SliceQuota((member,), low, high, dedicated))
    return tuple(quotas)
