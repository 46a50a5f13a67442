"""Encoding plus decoding of the control loop's messages: this codec against pycrate, in one run, as JSON.

    python -m benchmarks.e2ap_codec

Same octets on both sides (checked first). Times are the best of several rounds, taken in turns.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from timeit import timeit
from typing import Any

from pycrate_asn1dir import E2AP

from oran import e2ap

REQUEST = e2ap.RicRequestId(123, 1)
HEADER, MESSAGE = bytes(range(64)), bytes(i & 0xFF for i in range(2_048))

ORACLE = E2AP.E2AP_PDU_Descriptions.E2AP_PDU
ROUNDS = 5


def _ie(number: int, kind: str, value: Any) -> dict[str, Any]:
    return {"id": number, "criticality": "reject", "value": (kind, value)}


_IDS = [
    _ie(29, "RICrequestID", {"ricRequestorID": 123, "ricInstanceID": 1}),
    _ie(5, "RANfunctionID", 2),
]


def _oracle_message(kind: str, procedure: int, criticality: str, name: str, ies: list[dict[str, Any]]) -> Any:
    body = (name, {"protocolIEs": [*_IDS, *ies]})
    return kind, {"procedureCode": procedure, "criticality": criticality, "value": body}


CASES: dict[str, tuple[e2ap.Pdu, Any]] = {
    "indication_64B_2kB": (
        e2ap.RicIndication(REQUEST, 2, 1, e2ap.IndicationType.REPORT, HEADER, MESSAGE, 7),
        _oracle_message(
            "initiatingMessage",
            5,
            "ignore",
            "RICindication",
            [
                _ie(15, "RICactionID", 1),
                _ie(27, "RICindicationSN", 7),
                _ie(28, "RICindicationType", "report"),
                _ie(25, "RICindicationHeader", HEADER),
                _ie(26, "RICindicationMessage", MESSAGE),
            ],
        ),
    ),
    "control_request_64B_2kB": (
        e2ap.RicControlRequest(REQUEST, 2, HEADER, MESSAGE, None, e2ap.ControlAckRequest.ACK),
        _oracle_message(
            "initiatingMessage",
            4,
            "reject",
            "RICcontrolRequest",
            [
                _ie(22, "RICcontrolHeader", HEADER),
                _ie(23, "RICcontrolMessage", MESSAGE),
                _ie(21, "RICcontrolAckRequest", "ack"),
            ],
        ),
    ),
    "control_acknowledge": (
        e2ap.RicControlAcknowledge(REQUEST, 2, None, HEADER),
        _oracle_message(
            "successfulOutcome", 4, "reject", "RICcontrolAcknowledge", [_ie(32, "RICcontrolOutcome", HEADER)]
        ),
    ),
}


def _oracle_encode(value: Any) -> bytes:
    ORACLE.set_val(value)
    return bytes(ORACLE.to_aper())


def _oracle_decode(octets: bytes) -> Any:
    ORACLE.from_aper(octets)
    return ORACLE.get_val()


def best_us(functions: dict[str, Callable[[], object]], repeats: dict[str, int]) -> dict[str, float]:
    """Best time per call [us] of each function, the functions taking turns."""
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(ROUNDS):
        for name, function in functions.items():
            best[name] = min(best[name], timeit(function, number=repeats[name]) / repeats[name] * 1e6)
    return best


def measure(pdu: e2ap.Pdu, value: Any) -> dict[str, float]:
    """Times [us] and the ratio of encode plus decode."""
    octets = e2ap.encode(pdu)
    if octets != _oracle_encode(value) or e2ap.decode(octets) != pdu or _oracle_decode(octets) != value:
        raise SystemExit("the two codecs disagree")
    times = best_us(
        {
            "encode": lambda: e2ap.encode(pdu),
            "decode": lambda: e2ap.decode(octets),
            "pycrate_encode": lambda: _oracle_encode(value),
            "pycrate_decode": lambda: _oracle_decode(octets),
        },
        {"encode": 5_000, "decode": 5_000, "pycrate_encode": 200, "pycrate_decode": 200},
    )
    ratio = (times["pycrate_encode"] + times["pycrate_decode"]) / (times["encode"] + times["decode"])
    rounded = {f"{name}_us": round(time_us, 2) for name, time_us in times.items()}
    return {"octets": len(octets), **rounded, "ratio": round(ratio, 1)}


def main() -> None:
    results = {name: measure(pdu, value) for name, (pdu, value) in CASES.items()}
    print(json.dumps({"python": platform.python_version(), "e2ap": results}, indent=2))


if __name__ == "__main__":
    main()
