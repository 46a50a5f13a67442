"""Captures made by scapy: an outside writer of pcap, pcapng, link layers, SCTP and TCP."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import CookedLinux, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData, SCTPChunkHeartbeatReq
from scapy.packet import Packet
from scapy.utils import PcapNgWriter, PcapWriter

NODE, RIC = "10.0.0.1", "10.0.0.2"
NODE_PORT, RIC_PORT = 41000, 36422
TIME_S = 1_700_000_000.25


def capture(packets: Sequence[Packet], *, next_generation: bool = False) -> bytes:
    """A capture file of ``packets``, a tenth of a second apart."""
    for number, packet in enumerate(packets):
        packet.time = TIME_S + number / 10
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        writer = PcapNgWriter(file.name) if next_generation else PcapWriter(file.name)
        writer.write(list(packets))
        writer.close()
        return Path(file.name).read_bytes()


def chunk(
    data: bytes, tsn: int, *, stream: int = 1, ppid: int = 70, first: bool = True, last: bool = True
) -> SCTPChunkData:
    return SCTPChunkData(tsn=tsn, stream_id=stream, proto_id=ppid, beginning=first, ending=last, data=data)


def sctp(*chunks: Packet, to_ric: bool = True, ip: Packet | None = None) -> Packet:
    """An IP packet of one direction with these chunks."""
    ends = (NODE, RIC, NODE_PORT, RIC_PORT) if to_ric else (RIC, NODE, RIC_PORT, NODE_PORT)
    packet = (ip or IP(src=ends[0], dst=ends[1])) / SCTP(sport=ends[2], dport=ends[3], tag=7 + to_ric)
    for one in chunks:
        packet /= one
    return packet


def tcp(data: bytes, sequence: int, flags: str = "PA") -> Packet:
    return IP(src=NODE, dst=RIC) / TCP(sport=NODE_PORT, dport=RIC_PORT, seq=sequence, flags=flags) / data


def framed(*messages: bytes) -> bytes:
    """Messages as our TCP transport sends them."""
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


__all__ = [
    "NODE",
    "NODE_PORT",
    "RIC",
    "RIC_PORT",
    "TIME_S",
    "CookedLinux",
    "Dot1Q",
    "Ether",
    "IP",
    "IPv6",
    "SCTPChunkHeartbeatReq",
    "capture",
    "chunk",
    "framed",
    "sctp",
    "tcp",
]
