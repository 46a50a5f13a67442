"""E2AP messages out of captures that scapy wrote: both formats, every link layer, SCTP chunks and TCP segments."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import DecodeError
from oran.inspect.pcap import is_capture, read_packets
from oran.inspect.source import messages_of_file
from tests.oran.inspect.captures import (
    IP,
    NODE,
    NODE_PORT,
    RIC,
    RIC_PORT,
    TIME_S,
    CookedLinux,
    Dot1Q,
    Ether,
    IPv6,
    SCTPChunkHeartbeatReq,
    capture,
    chunk,
    framed,
    sctp,
    tcp,
)

PDU = bytes.fromhex("0003000e0000020031000200060001400154")
OTHER = bytes.fromhex("400b000e0000020031000200040001000130")


def found(data: bytes) -> list[bytes]:
    return [message.data for message in messages_of_file(data)]


@pytest.mark.parametrize("next_generation", [False, True])
@pytest.mark.parametrize(
    "link",
    [Ether(), Ether() / Dot1Q(vlan=5), Ether(type=0x88A8) / Dot1Q(vlan=5), CookedLinux(proto=0x800), None],
    ids=["ethernet", "vlan", "provider-bridge", "linux-cooked", "raw"],
)
def test_a_message_is_found_behind_every_link_layer_in_both_formats(link, next_generation: bool):
    inner = sctp(chunk(PDU, 5))
    data = capture([link / inner if link else inner], next_generation=next_generation)
    (message,) = messages_of_file(data)
    assert message.data == PDU
    assert message.time_s == pytest.approx(TIME_S)
    assert (message.source, message.destination) == (f"{NODE}:{NODE_PORT}", f"{RIC}:{RIC_PORT}")
    assert message.carrier == "SCTP stream 1 PPID 70"


def test_ipv6_addresses_are_told_in_brackets():
    (message,) = messages_of_file(capture([Ether() / sctp(chunk(PDU, 5), ip=IPv6(src="::1", dst="::2"))]))
    assert (message.source, message.destination) == ("[::1]:41000", "[::2]:36422")


@pytest.mark.parametrize(("ppid", "is_e2"), [(0, True), (70, True), (71, True), (72, True), (60, False)])
def test_payload_protocols_of_e2_are_taken_and_others_left(ppid: int, is_e2: bool):
    assert found(capture([sctp(chunk(PDU, 5, ppid=ppid))])) == ([PDU] if is_e2 else [])


def test_bundled_chunks_are_messages_each_and_other_chunks_are_passed_over():
    packet = sctp(SCTPChunkHeartbeatReq(), chunk(PDU, 5), chunk(OTHER, 6))
    assert found(capture([packet])) == [PDU, OTHER]


@pytest.mark.parametrize("seed", range(5))
def test_a_60_kb_message_is_put_together_whatever_the_order_and_repetition_of_its_chunks(seed: int):
    whole = PDU + bytes(60_000)
    size, start = 1_400, 2**32 - 7  # the TSN wraps inside
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    last = len(pieces) - 1
    chunks = [chunk(piece, (start + n) % 2**32, first=n == 0, last=n == last) for n, piece in enumerate(pieces)]
    packets = [sctp(one) for one in chunks] + [sctp(chunks[3])]
    random.Random(seed).shuffle(packets)
    assert found(capture(packets)) == [whole]


def test_directions_are_kept_apart_although_their_numbers_are_the_same():
    packets = [
        sctp(chunk(PDU[:5], 5, last=False)),
        sctp(chunk(OTHER, 5), to_ric=False),
        sctp(chunk(PDU[5:], 6, first=False)),
    ]
    assert found(capture(packets)) == [OTHER, PDU]


def test_a_chunk_the_capture_lost_costs_its_own_message_only():
    packets = [sctp(chunk(PDU[:5], 5, last=False)), sctp(chunk(OTHER, 7))]
    assert found(capture(packets)) == [OTHER]


@pytest.mark.parametrize("seed", range(5))
def test_length_prefixed_messages_are_read_from_segments_in_any_order(seed: int):
    stream, start = framed(PDU, OTHER, PDU + bytes(5_000)), 2**32 - 20
    cuts = sorted(random.Random(seed).sample(range(1, len(stream)), 9))
    edges = [0, *cuts, len(stream)]
    segments = [tcp(stream[a:b], (start + 1 + a) % 2**32) for a, b in itertools.pairwise(edges)]
    segments += [tcp(stream[edges[2] : edges[5]], (start + 1 + edges[2]) % 2**32)]  # sent again in one piece
    random.Random(seed).shuffle(segments)
    assert found(capture([tcp(b"", start, "S"), *segments])) == [PDU, OTHER, PDU + bytes(5_000)]


def test_another_protocol_over_tcp_is_left_alone():
    assert found(capture([tcp(b"GET / HTTP/1.1\r\n\r\n", 100), tcp(framed(PDU), 118)])) == []


def test_fragments_of_ip_and_foreign_packets_are_passed_over():
    fragment = IP(src=NODE, dst=RIC, frag=3, proto=132) / bytes(30)
    assert found(capture([fragment, Ether(type=0x806) / bytes(28), sctp(chunk(PDU, 5))])) == [PDU]


@pytest.mark.parametrize("next_generation", [False, True])
def test_a_capture_cut_off_in_a_packet_ends_with_the_packet_before(next_generation: bool):
    data = capture([sctp(chunk(PDU, 5)), sctp(chunk(OTHER, 6))], next_generation=next_generation)
    assert found(data[:-20]) == [PDU]


def test_big_endian_and_nanosecond_files_are_read():
    packet = bytes(sctp(chunk(PDU, 5)))
    header = bytes.fromhex("a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000065")
    record = b"".join(n.to_bytes(4, "big") for n in (7, 500_000_000, len(packet), len(packet)))
    (message,) = messages_of_file(header + record + packet)
    assert (message.data, message.time_s) == (PDU, 7.5)


def test_time_resolution_of_a_pcapng_interface_is_heeded():
    def block(kind: int, body: bytes) -> bytes:
        length = (12 + len(body)).to_bytes(4, "big")
        return kind.to_bytes(4, "big") + length + body + length

    packet = bytes(sctp(chunk(PDU, 5)))
    packet += bytes(-len(packet) % 4)
    section = block(0x0A0D0D0A, bytes.fromhex("1a2b3c4d 0001 0000 ffffffffffffffff"))
    interface = block(1, bytes.fromhex("0065 0000 00000000 0009 0001 03000000 00000000"))
    stamped = b"".join(n.to_bytes(4, "big") for n in (0, 0, 7_500, len(packet), len(packet)))
    (message,) = messages_of_file(section + interface + block(6, stamped + packet))
    assert message.time_s == 7.5


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("a1b2c3d4") + bytes(5),
        bytes.fromhex("0a0d0d0a 0000001c 00000000") + bytes(16),
        bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000 06000000 20000000") + bytes(24),
        bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000 06000000 07000000") + bytes(24),
    ],
    ids=["short header", "byte order", "packet without interface", "block length"],
)
def test_a_capture_that_makes_no_sense_is_refused(data: bytes):
    assert is_capture(data)
    with pytest.raises(DecodeError):
        list(read_packets(data))


WHOLE = {
    next_generation: capture([Ether() / sctp(chunk(PDU, 5)), Ether() / tcp(framed(OTHER), 9)],
                             next_generation=next_generation)
    for next_generation in (False, True)
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.integers(0, 400), st.binary(min_size=1, max_size=6))
def test_a_damaged_capture_gives_messages_or_a_decode_error(next_generation: bool, at: int, damage: bytes):
    data = bytearray(WHOLE[next_generation])
    data[at : at + len(damage)] = damage
    try:
        assert all(message.data for message in messages_of_file(bytes(data)))
    except DecodeError:
        return
