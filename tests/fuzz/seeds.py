"""The valid inputs of every target: where mutation starts.

    python -m tests.fuzz.seeds      writes them to tests/fuzz/corpus, beside what coverage-guided runs found

A test fails when the committed files are not these, so a change of an encoding shows.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from oran import e2ap
from oran.e2sm import kpm, rc, rrm
from oran.platform.a1_messages import (
    HandlerStatus,
    NotEnforcedReason,
    Operation,
    PolicyRequest,
    PolicyResponse,
    encode_policy_query,
    encode_policy_request,
    encode_policy_response,
)
from oran.rmr import wire
from oran.rmr.message_types import MessageType
from tests.fuzz.targets import CORPUS, TARGETS
from tests.oran.e2ap.samples import SAMPLES as PDUS
from tests.oran.e2sm.test_hostile_octets import ACTION, CU_UE, QUOTA
from tests.oran.e2sm.test_hostile_octets import SAMPLES as SERVICE_MODELS

_CELL: Final = rc.NrCgi(b"\x00\xf1\x10", 5)


def seeds() -> dict[str, dict[str, bytes]]:
    """Target -> name -> octets."""
    found: dict[str, dict[str, bytes]] = {name: {} for name in TARGETS}
    _add_e2ap(found)
    _add_standard_models(found)
    _add_rrm(found)
    _add_rmr(found)
    _add_a1(found)
    _add_captures(found)
    return found


def _add_e2ap(found: dict[str, dict[str, bytes]]) -> None:
    for pdu in PDUS:
        octets, name = e2ap.encode(pdu), type(pdu).__name__
        found["e2ap"][name] = octets
        for role in (0, 1):
            found["e2ap-association"][f"{name}-{role}"] = bytes((role,)) + octets


def _add_standard_models(found: dict[str, dict[str, bytes]]) -> None:
    readers = {target.read: name for name, target in TARGETS.items()}
    for number, (read, octets) in enumerate(SERVICE_MODELS):
        found[readers[read]][f"sample-{number}"] = octets
    found["kpm-header"]["four-octets"] = kpm.encode_header(kpm.IndicationHeader(5 << 32), kpm.OSC)
    found["kpm-action"]["format-2"] = kpm.encode_action(kpm.ActionDefinition(2, kpm.ActionFormat2(CU_UE, ACTION)))
    labels = kpm.Label(plmn=b"\x00\xf1\x10", slice=kpm.Snssai(1, 2), five_qi=9, sum=True, start_end=kpm.StartEnd.END)
    split = kpm.Measurement("RRU.PrbUsedDl", (labels, kpm.NO_LABEL))
    report = kpm.MessageFormat1((kpm.Record((1, -0.5)),), (split, kpm.Measurement(7)))
    found["kpm-message"]["labels"] = kpm.encode_message(report)
    found["rc-action"]["format-1"] = rc.encode_action(rc.ActionDefinition(4, (1, 2, 70_000)))
    for number, header in enumerate(
        (rc.HeaderFormat1(3), rc.HeaderFormat2(CU_UE, 3, 1), rc.HeaderFormat3(3, kpm.GnbDuUeId(7)))
    ):
        found["rc-indication-header"][f"format-{number + 1}"] = rc.encode_indication_header(header)
    found["rc-indication-message"]["format-1"] = rc.encode_indication_message(
        rc.MessageFormat1((rc.Parameter(1, rc.Key(True)), rc.Parameter(2, 0.75), rc.Parameter(3, None)))
    )
    for name, target in ("nr", _CELL), ("eutra", rc.EutraCgi(b"\x00\xf1\x10", 5)):
        octets = rc.encode_control_message(rc.handover_message(target))
        found["rc-handover"][name] = found["rc-control-message"][f"handover-{name}"] = octets
    found["rc-quotas"]["one"] = rc.encode_quotas((QUOTA,))
    found["rc-call-process-id"]["number"] = rc.encode_call_process_id(70_000)
    found["rc-control-outcome"]["empty"] = rc.encode_control_outcome(rc.ControlOutcome())


def rrm_report() -> rrm.RadioReport:
    """A report of three UEs, two RUs and four PRBs with every group in it."""
    ues, rus, prbs = 3, 2, 4
    allocation = rrm_allocation(ues, rus, prbs)
    kpi = rrm.Kpi(12.5, np.arange(ues) * 1.5, np.full(ues, np.inf), np.arange(ues) < 1, 3.0, 1, 2, 3)
    return rrm.RadioReport(
        report_id=9,
        slot=41,
        time_s=0.82,
        prb_bandwidth_hz=180e3,
        noise_w=7.2e-16,
        ru_power_budget_w=np.full(rus, 10.0),
        prb_power_cap_w=1.0,
        ue_ids=allocation.ue_ids,
        slice_ids=np.zeros(ues, np.int32),
        weight=np.ones(ues),
        min_rate_bps_hz=np.ones(ues),
        max_delay_s=np.full(ues, np.inf),
        slice_names=("embb", "urllc"),
        gain_db=np.linspace(-140, -50, ues * rus * prbs).reshape(ues, rus, prbs),
        queue_bytes=np.full(ues, 1e4),
        in_force=allocation,
        kpi=kpi,
    )


def rrm_allocation(ues: int, rus: int, prbs: int) -> rrm.Allocation:
    """PRBs handed out in turns, the last turn to nobody."""
    owner = np.arange(rus * prbs).reshape(rus, prbs) % (ues + 1) - 1
    ue_ids = np.arange(ues, dtype=np.int64) * 7 + 3
    return rrm.Allocation(ue_ids, np.zeros(ues, np.int16), owner.astype(np.int16), np.full((rus, prbs), 0.5), 9)


def _fragments(parts: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(
        bytes((len(header),)) + header + len(message).to_bytes(2, "big") + message for header, message in parts
    )


def rrm_definition() -> rrm.RanFunctionDefinition:
    """What a node of two RUs and four PRBs announces."""
    return rrm.RanFunctionDefinition(
        name="ORAN-E2SM-RRM",
        description="radio resources",
        clocks=tuple(rrm.Clock),
        report_groups=tuple(rrm.ReportGroup),
        control_kinds=(rrm.ControlKind.ALLOCATION,),
        min_period_ms=1,
        max_period_ms=1000,
        num_rus=2,
        num_prbs=4,
        max_ues=64,
        max_fragment_bytes=8000,
    )


def _add_rrm(found: dict[str, dict[str, bytes]]) -> None:
    trigger = rrm.EventTrigger(rrm.Clock.LOCK_STEP, 20)
    report, groups = rrm_report(), tuple(rrm.ReportGroup)
    found["rrm-ran-function"]["definition"] = rrm.encode_ran_function(rrm_definition())
    found["rrm-event-trigger"]["lock-step"] = rrm.encode_event_trigger(trigger)
    found["rrm-action"]["all-groups"] = rrm.encode_action_definition(rrm.ActionDefinition(groups, 8000))
    found["rrm-report"]["whole"] = rrm.encode_report(report)
    found["rrm-report"]["channel"] = rrm.encode_report(report, (rrm.ReportGroup.CHANNEL,))
    for limit in (200, 8000):
        parts = rrm.split_report(report, groups, clock=rrm.Clock.LOCK_STEP, max_fragment_bytes=limit)
        found["rrm-fragments"][f"of-{limit}"] = _fragments(parts)
    found["rrm-control-header"]["ssvae"] = rrm.encode_control_header(rrm.ControlHeader(9, "ssvae", "3"))
    found["rrm-control-message"]["allocation"] = rrm.encode_allocation(rrm_allocation(3, 2, 4))
    outcome = rrm.ControlOutcome(9, 41, "unknown_ue", "UE 3 has left")
    found["rrm-outcome"]["refused"] = rrm.encode_outcome(outcome)


def _add_rmr(found: dict[str, dict[str, bytes]]) -> None:
    indication = wire.RmrMessage(MessageType.RIC_INDICATION, b"pdu", 7, "gnb_001", b"12", "a:1", "127.0.0.1:1")
    traced = wire.RmrMessage(MessageType.RIC_CONTROL_ACK, b"", 7, "gnb_001", trace=bytes(200), call_id=2)
    found["rmr-frames"]["indication"] = wire.encode(indication)
    found["rmr-frames"]["traced"] = wire.encode(traced)
    found["rmr-frames"]["two"] = wire.encode(indication) + wire.encode(traced)
    found["rmr-routes"]["table"] = (
        b"newrt|start|7\nmse|12050|1|a:1,b:2;c:3\nrte|12040,a:1|%meid\n# said\nnewrt|end|2\n"
        b"meid_map|start|7\nmme_ar|e2t:38000|gnb_1 gnb_2\nmme_del|gnb_3\nmeid_map|end|2\n"
    )
    found["rmr-routes"]["update"] = b"updatert|start|8\nmse|12050|2|a:1\ndel|12050|1\nupdatert|end|2\n"


def _add_a1(found: dict[str, dict[str, bytes]]) -> None:
    model = '{"allocator":"ssvae","model":"m","version":2,"sha256":"' + "0" * 64 + '","store":"rapp:50051"}'
    for name, text in ("model", model), ("reporting", '{"clock":"lock-step","period_ms":20}'):
        request = PolicyRequest(Operation.CREATE, 20100, "p1", text)
        found["a1-policy"][name] = encode_policy_request(request)
    old = b'{"operation":"UPDATE","policy_type_id":20100,"policy_instance_id":"p","payload":{"allocator":"equal"}}\0'
    found["a1-policy"]["old-mediator"] = old
    response = PolicyResponse(20100, "p1", "ssvae", HandlerStatus.ERROR, NotEnforcedReason.STATEMENT_NOT_APPLICABLE)
    found["a1-response"]["error"] = encode_policy_response(response)
    found["a1-query"]["model"] = encode_policy_query(20100)


def _add_captures(found: dict[str, dict[str, bytes]]) -> None:
    """One SCTP packet as pcap and as pcapng, hexadecimal text, and a length-prefixed stream."""
    pdu = found["e2ap"]["ResetRequest"]
    chunk = struct.pack(">BBHIHHI", 0, 3, 16 + len(pdu), 9, 1, 0, 70) + pdu + bytes(-len(pdu) % 4)
    sctp = struct.pack(">HHII", 41000, 36422, 7, 0) + chunk
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(sctp), 0, 0, 64, 132, 0, b"\x0a\0\0\1", b"\x0a\0\0\2") + sctp
    classic = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    found["capture"]["pcap"] = classic + struct.pack("<IIII", 1_700_000_000, 0, len(ip), len(ip)) + ip
    packet = struct.pack("<IIIII", 0, 0, 0, len(ip), len(ip)) + ip + bytes(-len(ip) % 4)
    section = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    found["capture"]["pcapng"] = section + _block(1, struct.pack("<HHI", 101, 0, 0)) + _block(6, packet)
    found["capture"]["text"] = f"{pdu.hex()}\n{pdu.hex(' ')}\n".encode()
    found["capture"]["stream"] = b"".join(len(item).to_bytes(4, "big") + item for item in found["e2ap"].values())


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def main() -> None:
    """Writes the seeds to the corpus."""
    for target, named in seeds().items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, octets in named.items():
            (folder / name).write_bytes(octets)


if __name__ == "__main__":
    main()
