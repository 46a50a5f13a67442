"""Names of E2 nodes, as E2T builds them: inventory name, subscription Meid and RMR meid in one.

``gnb_`` (DU: ``gnbd_``, CU-UP: ``gnbc_``) + MCC + ``_`` + MNC + ``_`` + gNB id [+ ``_`` + DU or CU-UP id].
"""

from __future__ import annotations

from typing import Final

from oran.e2ap import GlobalGnbId
from oran.errors import LocalProtocolError

MAX_NAME_OCTETS: Final = 31
"""What an RMR meid holds."""
_FILLER: Final = 0xF


def ran_name(node: GlobalGnbId) -> str:
    """The name of a gNB or of a part of one; with both a CU-UP and a DU id it counts as a whole gNB.

    Raises:
        LocalProtocolError: the name would not fit an RMR meid.
    """
    digits = -(-node.gnb_id_bits // 8) * 2  # hexadecimal digits of the whole octets
    stem = f"{plmn_text(node.plmn)}_{node.gnb_id:0{digits}x}"
    if node.du_id is not None and node.cu_up_id is None:
        name = f"gnbd_{stem}_{node.du_id:x}"
    elif node.cu_up_id is not None and node.du_id is None:
        name = f"gnbc_{stem}_{node.cu_up_id:x}"
    else:
        name = f"gnb_{stem}"
    if len(name) > MAX_NAME_OCTETS:
        raise LocalProtocolError(f"RAN name {name} is longer than an RMR meid")
    return name


def plmn_text(plmn: bytes) -> str:
    """``mcc_mnc`` of a PLMN identity (TS 38.413, 9.3.3.5).

    A two-digit MNC gets a leading 0; of a three-digit MNC the third digit comes first, as E2T has it.
    """
    mcc2, mcc1, mnc3, mcc3, mnc2, mnc1 = (nibble for octet in plmn for nibble in (octet >> 4, octet & 0xF))
    mnc = (0 if mnc3 == _FILLER else mnc3, mnc1, mnc2)
    return f"{mcc1:x}{mcc2:x}{mcc3:x}_" + "".join(f"{digit:x}" for digit in mnc)
