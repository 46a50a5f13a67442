"""Service model messages: this codec against asn1tools, in one run, as JSON.

    python -m benchmarks.e2sm_codec

KPM format 3 with 8 metrics at 1, 10 and 50 UEs; RC slice quota at 1, 3 and 8 slices, both as a
parameter tree and as typed quotas. Same values and octets on both sides (checked first). Times are
the best of several rounds, taken in turns.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from timeit import timeit
from typing import Any

import asn1tools

from oran.e2sm import kpm, rc

_ASN1 = Path(__file__).parents[1] / "tests" / "oran" / "e2sm" / "asn1"
ROUNDS = 5
PLMN = b"\x00\xf1\x10"
REALS = (1.5, 3.25, 12.5, 100.25, 1234.5)
"""Reals of which both codecs write the same form; asn1tools pads a mantissa whose first bit is set."""
METRICS = (
    "DRB.UEThpDl",
    "DRB.UEThpUl",
    "RRU.PrbUsedDl",
    "RRU.PrbTotDl",
    "RRU.PrbAvailDl",
    "DRB.RlcSduDelayDl",
    "DRB.PacketSuccessRateUlgNBUu",
    "PEE.AvgPower",
)


def _reference(model: str) -> Any:
    return asn1tools.compile_files([str(_ASN1 / "identifiers.asn1"), str(_ASN1 / f"{model}.asn1")], "per")


def best_us(function: Callable[[], object], repeats: int) -> float:
    """Time per call [us]."""
    return timeit(function, number=repeats) / repeats * 1e6


def compare(ours: Mapping[str, Callable[[], object]], theirs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Best times [us] of encode and decode on both sides, and their ratios."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name in ("encode", "decode"):
            repeats = max(3, int(20_000 / best.get(name, 20.0)))
            best[name] = min(best.get(name, float("inf")), best_us(ours[name], repeats))
            other = f"asn1tools_{name}"
            repeats = max(2, int(20_000 / best.get(other, 2_000.0)))
            best[other] = min(best.get(other, float("inf")), best_us(theirs[name], repeats))
    ratios = {f"{name}_ratio": round(best[f"asn1tools_{name}"] / best[name], 1) for name in ("encode", "decode")}
    return {f"{name}_us": round(time_us, 2) for name, time_us in best.items()} | ratios


def _kpm_case(num_ues: int, reference: Any) -> dict[str, float]:
    values = [
        tuple(ue * 31 + n * 7 if n % 2 else REALS[(ue + n) % len(REALS)] for n in range(8)) for ue in range(num_ues)
    ]
    measurements = tuple(kpm.Measurement(name) for name in METRICS)
    message = kpm.MessageFormat3(
        tuple(
            kpm.UeReport(kpm.GnbDuUeId(ue), kpm.MessageFormat1((kpm.Record(row),), measurements, 1000))
            for ue, row in enumerate(values)
        )
    )
    info = [{"measType": ("measName", name), "labelInfoList": [{"measLabel": {"noLabel": "true"}}]} for name in METRICS]

    def foreign_report(row: tuple[float, ...]) -> dict[str, Any]:
        items = [("integer" if isinstance(value, int) else "real", value) for value in row]
        return {"measData": [{"measRecord": items}], "measInfoList": info, "granulPeriod": 1000}

    foreign = {
        "indicationMessage-formats": (
            "indicationMessage-Format3",
            {
                "ueMeasReportList": [
                    {"ueID": ("gNB-DU-UEID", {"gNB-CU-UE-F1AP-ID": ue}), "measReport": foreign_report(row)}
                    for ue, row in enumerate(values)
                ]
            },
        )
    }
    octets = kpm.encode_message(message)
    _agree(reference.decode("IndicationMessage", octets) == foreign, kpm.decode_message(octets) == message)
    theirs = reference.encode("IndicationMessage", foreign)
    _agree(theirs == octets)
    return {"octets": len(octets)} | compare(
        {"encode": lambda: kpm.encode_message(message), "decode": lambda: kpm.decode_message(octets)},
        {
            "encode": lambda: reference.encode("IndicationMessage", foreign),
            "decode": lambda: reference.decode("IndicationMessage", octets),
        },
    )


def _agree(*checks: bool) -> None:
    if not all(checks):
        raise SystemExit("the two codecs disagree")


def _rc_case(num_slices: int, reference: Any) -> dict[str, dict[str, float]]:
    quotas = tuple(
        rc.SliceQuota((rc.PolicyMember(PLMN, rc.Snssai(number + 1, number)),), 10, 60, 5)
        for number in range(num_slices)
    )
    message, octets = rc.quota_message(quotas), rc.encode_quotas(quotas)
    foreign = reference.decode("ControlMessage", octets)
    _agree(
        reference.encode("ControlMessage", foreign) == octets == rc.encode_control_message(message),
        rc.decode_control_message(octets) == message,
        rc.decode_quotas(octets) == quotas,
    )
    theirs = {
        "encode": lambda: reference.encode("ControlMessage", foreign),
        "decode": lambda: reference.decode("ControlMessage", octets),
    }
    tree = {
        "encode": lambda: rc.encode_control_message(message),
        "decode": lambda: rc.decode_control_message(octets),
    }
    typed = {"encode": lambda: rc.encode_quotas(quotas), "decode": lambda: rc.decode_quotas(octets)}
    return {"tree": compare(tree, theirs), "typed": compare(typed, theirs)}


def main() -> None:
    kpm_reference, rc_reference = _reference("kpm"), _reference("rc")
    results = {
        "python": platform.python_version(),
        "kpm_format_3_8_metrics": {f"{n}_ues": _kpm_case(n, kpm_reference) for n in (1, 10, 50)},
        "rc_slice_quota": {f"{n}_slices": _rc_case(n, rc_reference) for n in (1, 3, 8)},
    }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
