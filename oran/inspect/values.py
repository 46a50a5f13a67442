"""Single values as text: octets, causes, identities, times, arrays."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from ipaddress import ip_address
from typing import Any, Final

import numpy as np

from oran.e2ap import CAUSE_GROUPS, ComponentId, GlobalEnbId, GlobalGnbId, RicRequestId, TnlInformation
from oran.e2sm.identifiers import EutraCgi, NrCgi, Snssai

SHOWN_OCTETS: Final = 48
SHOWN_ELEMENTS: Final = 12
_GROUP_NAMES: Final[dict[type, str]] = dict(
    zip(CAUSE_GROUPS, ("ricRequest", "ricService", "e2Node", "transport", "protocol", "misc"), strict=True)
)


def octets_text(data: bytes, limit: int = SHOWN_OCTETS) -> str:
    """Octets in hexadecimal, with what they spell where they spell something."""
    if not data:
        return "empty"
    shown = data[:limit].hex(" ")
    more = f" … ({len(data)} octets)" if len(data) > limit else ""
    text = data.decode("latin-1")
    spelt = f' "{text[:limit]}"' if len(data) > 1 and text.isascii() and text.isprintable() else ""
    return f"{shown}{more}{spelt}"


def plmn_text(plmn: bytes) -> str:
    """``001/01`` of ``00 f1 10``: three octets of swapped nibbles (TS 38.413, 9.3.3.5)."""
    if len(plmn) != 3:
        return octets_text(plmn)
    digits = plmn.hex()
    mcc, mnc = digits[1] + digits[0] + digits[3], digits[5] + digits[4] + digits[2].rstrip("f")
    return f"{mcc}/{mnc}"


def cause_text(cause: Enum) -> str:
    """Group and name of an E2AP cause."""
    return f"{_GROUP_NAMES[type(cause)]}: {cause.value}"


def slice_text(slice_id: Snssai) -> str:
    """``SST 1 SD 000001``."""
    return f"SST {slice_id.sst}" + ("" if slice_id.sd is None else f" SD {slice_id.sd:06x}")


def time_text(unix_s: float) -> str:
    """UTC to the millisecond; a number where the calendar has no such day."""
    try:
        moment = datetime.fromtimestamp(unix_s, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{unix_s} s"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def array_text(array: np.ndarray) -> str:
    """A small array whole, a large one by shape and range."""
    if array.size <= SHOWN_ELEMENTS:
        return np.array2string(array, precision=4, separator=", ", max_line_width=10_000)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    span = f"{finite.min():.4g} … {finite.max():.4g}" if finite.size else "nothing finite"
    return f"{' x '.join(map(str, array.shape))} values, {span}"


def _gnb_text(node: GlobalGnbId) -> str:
    unit = f", DU {node.du_id}" if node.du_id is not None else ""
    unit += f", CU-UP {node.cu_up_id}" if node.cu_up_id is not None else ""
    return f"gNB {node.gnb_id:#x} ({node.gnb_id_bits} bits) of {plmn_text(node.plmn)}{unit}"


def tnl_text(tnl: TnlInformation) -> str:
    """``10.0.0.1:36421``, ``[::1]``, or the octets if they are no address."""
    if len(tnl.address) not in (4, 16):
        return octets_text(tnl.address)
    address = str(ip_address(tnl.address))
    host = f"[{address}]" if ":" in address else address
    return host if tnl.port is None else f"{host}:{tnl.port}"


def short_text(value: Any) -> str | None:
    """``value`` in one line, or None if it needs a branch of its own."""
    match value:
        case bytes():
            return octets_text(value)
        case Enum():
            return cause_text(value) if type(value) in _GROUP_NAMES else value.name.replace("_", " ").lower()
        case np.ndarray():
            return array_text(value)
        case RicRequestId():
            return f"{value.requestor}/{value.instance}"
        case GlobalGnbId():
            return _gnb_text(value)
        case GlobalEnbId():
            return f"eNB {value.enb_id:#x} ({value.enb_id_bits} bits) of {plmn_text(value.plmn)}"
        case ComponentId():
            return f"{value.interface.value} {short_text(value.value)}"
        case TnlInformation():
            return tnl_text(value)
        case Snssai():
            return slice_text(value)
        case NrCgi():
            return f"NR cell {value.nci:#x} of {plmn_text(value.plmn)}"
        case EutraCgi():
            return f"E-UTRA cell {value.eci:#x} of {plmn_text(value.plmn)}"
        case float():
            return f"{value:.6g}"
        case bool() | int() | str():
            return str(value)
    return None
