"""Identifiers all E2 service models share (O-RAN.WG3.E2SM, 6.2.3): cells, slices, UEs, RAN function names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oran.aper import (
    BitReader,
    BitString,
    BitWriter,
    Choice,
    Field,
    Integer,
    Mapped,
    OctetString,
    PrintableString,
    Sequence,
    SequenceOf,
    Wrapped,
    not_comprehended,
)
from oran.aper.composed import by_class
from oran.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class Snssai:
    """S-NSSAI (TS 23.003, 28.4): slice/service type 0..255, slice differentiator 0..2^24-1."""

    sst: int
    sd: int | None = None


@dataclass(frozen=True, slots=True)
class NrCgi:
    """NR cell global identity: PLMN of 3 octets, NR cell identity of 36 bits."""

    plmn: bytes
    nci: int


@dataclass(frozen=True, slots=True)
class EutraCgi:
    """E-UTRA cell global identity: PLMN of 3 octets, cell identity of 28 bits."""

    plmn: bytes
    eci: int


@dataclass(frozen=True, slots=True)
class Guami:
    """Globally unique AMF identifier (TS 23.003, 2.10.1): region 8, set 10, pointer 6 bits."""

    plmn: bytes
    region: int
    set_id: int
    pointer: int


@dataclass(frozen=True, slots=True)
class GnbUeId:
    """gNB-UEID: a UE as a gNB or gNB-CU-CP names it."""

    amf_ue_ngap_id: int
    """0..2^40-1."""
    guami: Guami
    f1ap_ids: tuple[int, ...] = ()
    """gNB-CU-UE-F1AP-ID, 0..2^32-1, up to 4."""
    e1ap_ids: tuple[int, ...] = ()
    """gNB-CU-CP-UE-E1AP-ID, 0..2^32-1."""
    ran_ue_id: bytes | None = None
    """8 octets."""
    xnap_id: int | None = None
    """m-NG-RAN-UE-XnAP-ID, 0..2^32-1."""


@dataclass(frozen=True, slots=True)
class GnbDuUeId:
    """gNB-DU-UEID: a UE as a gNB-DU names it."""

    f1ap_id: int
    """gNB-CU-UE-F1AP-ID, 0..2^32-1."""
    ran_ue_id: bytes | None = None
    """8 octets."""


@dataclass(frozen=True, slots=True)
class GnbCuUpUeId:
    """gNB-CU-UP-UEID: a UE as a gNB-CU-UP names it."""

    e1ap_id: int
    """gNB-CU-CP-UE-E1AP-ID, 0..2^32-1."""
    ran_ue_id: bytes | None = None
    """8 octets."""


UeId = GnbUeId | GnbDuUeId | GnbCuUpUeId
"""UEID: the alternatives of an NR RAN. Those of (ng-)eNBs are recognised and refused."""


@dataclass(frozen=True, slots=True)
class RanFunctionName:
    """RANfunction-Name."""

    short_name: str
    oid: str
    description: str
    instance: int | None = None


# --- their types ------------------------------------------------------------------------------

PLMN = OctetString(3, 3)
NAME = PrintableString(1, 150, extensible=True)
STYLE = Integer()
RAN_UE_ID = OctetString(8, 8)
_UINT32 = Integer(0, 2**32 - 1)


def _sd_to_wire(slice_id: Snssai) -> tuple[bytes, bytes | None]:
    sst, sd = slice_id.sst, slice_id.sd
    if not 0 <= sst < 256 or (sd is not None and not 0 <= sd < 1 << 24):
        raise LocalProtocolError(f"{slice_id!r} is out of range")
    return sst.to_bytes(1, "big"), None if sd is None else sd.to_bytes(3, "big")


SNSSAI = Mapped(
    Sequence(Field("sst", OctetString(1, 1)), Field("sd", OctetString(3, 3), optional=True)),
    _sd_to_wire,
    lambda parts: Snssai(parts[0][0], None if parts[1] is None else int.from_bytes(parts[1], "big")),
)

NR_CGI = Mapped(
    Sequence(Field("plmn", PLMN), Field("nci", BitString(36, 36))),
    lambda cell: (cell.plmn, (cell.nci, 36)),
    lambda parts: NrCgi(parts[0], parts[1][0]),
)
EUTRA_CGI = Mapped(
    Sequence(Field("plmn", PLMN), Field("eci", BitString(28, 28))),
    lambda cell: (cell.plmn, (cell.eci, 28)),
    lambda parts: EutraCgi(parts[0], parts[1][0]),
)
CGI = Choice([NR_CGI, EUTRA_CGI], by_class(NrCgi, EutraCgi))

_GUAMI = Mapped(
    Sequence(
        Field("plmn", PLMN),
        Field("region", BitString(8, 8)),
        Field("set_id", BitString(10, 10)),
        Field("pointer", BitString(6, 6)),
    ),
    lambda guami: (guami.plmn, (guami.region, 8), (guami.set_id, 10), (guami.pointer, 6)),
    lambda parts: Guami(parts[0], parts[1][0], parts[2][0], parts[3][0]),
)

_GLOBAL_GNB_ID = Sequence(Field("plmn", PLMN), Field("gnb_id", Choice([BitString(22, 32)], lambda _: 0)))

_GNB_UE_ID = Mapped(
    Sequence(
        Field("amf_ue_ngap_id", Integer(0, 2**40 - 1)),
        Field("guami", _GUAMI),
        Field("f1ap_ids", SequenceOf(Wrapped(_UINT32), 1, 4), optional=True, absent=()),
        Field("e1ap_ids", SequenceOf(Wrapped(_UINT32), 1, 65535), optional=True, absent=()),
        Field("ran_ue_id", RAN_UE_ID, optional=True),
        Field("xnap_id", _UINT32, optional=True),
        Field("global_gnb_id", _GLOBAL_GNB_ID, optional=True),
    ),
    lambda ue: (ue.amf_ue_ngap_id, ue.guami, ue.f1ap_ids, ue.e1ap_ids, ue.ran_ue_id, ue.xnap_id, None),
    lambda parts: GnbUeId(*parts[:6]),  # globalGNB-ID is deprecated in the standard: read, not kept
)
_GNB_DU_UE_ID = Sequence(Field("f1ap_id", _UINT32), Field("ran_ue_id", RAN_UE_ID, optional=True), of=GnbDuUeId)
_GNB_CU_UP_UE_ID = Sequence(Field("e1ap_id", _UINT32), Field("ran_ue_id", RAN_UE_ID, optional=True), of=GnbCuUpUeId)


class _EnbUeId:
    """ng-eNB, ng-eNB-DU, en-gNB and eNB names of a UE."""

    min_bits = 0

    def write(self, writer: BitWriter, value: Any) -> None:
        raise LocalProtocolError(f"{value!r} is no UE identifier of an NR RAN")

    def read(self, reader: BitReader) -> Any:
        raise not_comprehended("a UE identifier of an (ng-)eNB")


UE_ID = Choice(
    [_GNB_UE_ID, _GNB_DU_UE_ID, _GNB_CU_UP_UE_ID, _EnbUeId(), _EnbUeId(), _EnbUeId(), _EnbUeId()],
    by_class(GnbUeId, GnbDuUeId, GnbCuUpUeId),
)

RAN_FUNCTION_NAME = Sequence(
    Field("short_name", NAME),
    Field("oid", PrintableString(1, 1000, extensible=True)),
    Field("description", NAME),
    Field("instance", Integer(), optional=True),
    of=RanFunctionName,
)
