"""The reference codec of the service model tests: asn1tools on our own ASN.1 subsets."""

from pathlib import Path

import asn1tools
from hypothesis import strategies as st

from oran.e2sm import identifiers as i
from oran.e2sm.values import BitsValue

_HERE = Path(__file__).parent / "asn1"
KPM = asn1tools.compile_files([str(_HERE / "identifiers.asn1"), str(_HERE / "kpm.asn1")], "per")
RC = asn1tools.compile_files([str(_HERE / "identifiers.asn1"), str(_HERE / "rc.asn1")], "per")

PRINTABLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"


# --- our values as asn1tools values -----------------------------------------------------------


def some(**values):
    """Without what is absent; underscores of the keys stand for hyphens."""
    return {key.replace("_", "-"): value for key, value in values.items() if value is not None}


def left_aligned(number, count):
    return (number << -count % 8).to_bytes((count + 7) // 8, "big"), count


def snssai(value):
    sd = None if value.sd is None else value.sd.to_bytes(3, "big")
    return some(sST=bytes((value.sst,)), sD=sd)


def cell(value):
    if isinstance(value, i.NrCgi):
        return "nR-CGI", {"pLMNIdentity": value.plmn, "nRCellIdentity": left_aligned(value.nci, 36)}
    return "eUTRA-CGI", {"pLMNIdentity": value.plmn, "eUTRACellIdentity": left_aligned(value.eci, 28)}


def ue(value):
    if isinstance(value, i.GnbDuUeId):
        return "gNB-DU-UEID", some(gNB_CU_UE_F1AP_ID=value.f1ap_id, ran_UEID=value.ran_ue_id)
    if isinstance(value, i.GnbCuUpUeId):
        return "gNB-CU-UP-UEID", some(gNB_CU_CP_UE_E1AP_ID=value.e1ap_id, ran_UEID=value.ran_ue_id)
    guami = {
        "pLMNIdentity": value.guami.plmn,
        "aMFRegionID": left_aligned(value.guami.region, 8),
        "aMFSetID": left_aligned(value.guami.set_id, 10),
        "aMFPointer": left_aligned(value.guami.pointer, 6),
    }
    return "gNB-UEID", some(
        amf_UE_NGAP_ID=value.amf_ue_ngap_id,
        guami=guami,
        gNB_CU_UE_F1AP_ID_List=[{"gNB-CU-UE-F1AP-ID": n} for n in value.f1ap_ids] or None,
        gNB_CU_CP_UE_E1AP_ID_List=[{"gNB-CU-CP-UE-E1AP-ID": n} for n in value.e1ap_ids] or None,
        ran_UEID=value.ran_ue_id,
        m_NG_RAN_UE_XnAP_ID=value.xnap_id,
    )


def function_name(value):
    return {
        "ranFunction-ShortName": value.short_name,
        "ranFunction-E2SM-OID": value.oid,
        "ranFunction-Description": value.description,
    } | some(ranFunction_Instance=value.instance)


# --- strategies for shared values -------------------------------------------------------------


def edges(low, high):
    return st.sampled_from([low, high, min(low + 255, high), min(low + 256, high)]) | st.integers(low, high)


plmns = st.binary(min_size=3, max_size=3)
uint32 = edges(0, 2**32 - 1) | st.integers(0, 300)
names = st.text(PRINTABLE, min_size=1, max_size=30)
styles = st.integers(-5, 300)
ran_ue_ids = st.none() | st.binary(min_size=8, max_size=8)
slices = st.builds(i.Snssai, st.integers(0, 255), st.none() | st.integers(0, 2**24 - 1))
cells = st.builds(i.NrCgi, plmns, st.integers(0, 2**36 - 1)) | st.builds(i.EutraCgi, plmns, st.integers(0, 2**28 - 1))
guamis = st.builds(i.Guami, plmns, st.integers(0, 255), st.integers(0, 1023), st.integers(0, 63))


def several(items, low=0, high=3):
    return st.lists(items, min_size=low, max_size=high).map(tuple)


ues = st.one_of(
    st.builds(i.GnbDuUeId, uint32, ran_ue_ids),
    st.builds(i.GnbDuUeId, uint32),
    st.builds(i.GnbCuUpUeId, uint32, ran_ue_ids),
    st.builds(
        i.GnbUeId,
        edges(0, 2**40 - 1),
        guamis,
        several(uint32, 0, 4),
        several(uint32),
        ran_ue_ids,
        st.none() | uint32,
    ),
)
function_names = st.builds(
    i.RanFunctionName, names, st.text("0123456789.", min_size=1, max_size=40), names, st.none() | st.integers(0, 9)
)
bit_values = st.integers(0, 40).flatmap(lambda n: st.builds(BitsValue, st.integers(0, 2**n - 1), st.just(n)))


def _same_form(value):
    """asn1tools puts a zero octet in front of a mantissa whose first bit is set; the value is the same."""
    mantissa = abs(value.as_integer_ratio()[0])
    while mantissa and mantissa % 2 == 0:
        mantissa //= 2
    return mantissa == 0 or mantissa.bit_length() % 8 != 0


reals = st.builds(lambda m, e: m * 2.0**e, st.integers(-(2**40), 2**40), st.integers(-60, 60)).filter(_same_form)
