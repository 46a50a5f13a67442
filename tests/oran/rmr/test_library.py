"""librmr's calls as ricxappframe makes them.

The tests know nothing of the stand-in: where ``librmr_si.so`` is installed they run against it, and
say whether the stand-in's semantics are right. Peers are endpoints of our own.
"""

from __future__ import annotations

import ctypes
import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.library import install_if_absent
from oran.rmr.wire import RmrMessage, encode

STAND_IN = install_if_absent(logging.getLogger(__name__))

from ricxappframe.rmr import exceptions, helpers, rmr  # noqa: E402 - only importable now

PATIENCE_S = 10.0
NO_ENDPOINT, BAD_ARGUMENT, TIMEOUT = 2, 1, 12
OpenContext = Callable[..., tuple[Any, int]]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def peer() -> Iterator[RmrEndpoint]:
    with RmrEndpoint("127.0.0.1", 0) as endpoint:
        yield endpoint


@pytest.fixture
def open_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenContext]:
    """``open_context(route, route, ...)``: a ready context with a seed table, and its data port."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def open_one(*routes: str, flags: int = rmr.RMRFL_MTCALL) -> tuple[Any, int]:
            seed = tmp_path / f"seed-{next(numbers)}.rt"
            seed.write_text("\n".join(["newrt|start", *routes, f"newrt|end|{len(routes)}", ""]))
            monkeypatch.setenv("RMR_SEED_RT", str(seed))
            monkeypatch.setenv("RMR_RTG_SVC", str(free_port()))
            monkeypatch.setenv("RMR_SRC_ID", "127.0.0.1")
            monkeypatch.setenv("RMR_BIND_IF", "127.0.0.1")
            port = free_port()
            context = rmr.rmr_init(str(port).encode(), rmr.RMR_MAX_RCV_BYTES, flags)
            stack.callback(rmr.rmr_close, context)
            deadline = time.monotonic() + PATIENCE_S
            while not rmr.rmr_ready(context):
                assert time.monotonic() < deadline, "the seed table was not loaded"
                time.sleep(0.01)  # the face has nothing to wait on
            return context, port

        yield open_one


def buffer_with(context: Any, payload: bytes = b"payload", **fields: Any) -> Any:
    return rmr.rmr_alloc_msg(context, max(len(payload), 64), payload=payload, **fields)


def received(peer: RmrEndpoint) -> RmrMessage:
    delivery = peer.receive(PATIENCE_S)
    assert delivery is not None, "nothing arrived"
    return delivery[0]


def address(buffer: Any) -> int:
    return ctypes.addressof(buffer.contents)


def receive_one(context: Any, timeout_ms: int = 10_000) -> Any:
    buffer = rmr.rmr_torcv_msg(context, rmr.rmr_alloc_msg(context, 4096), timeout_ms)
    assert buffer.contents.state == rmr.RMR_OK
    return buffer


def control_target() -> str:
    """Where the context opened last takes route tables."""
    return f"127.0.0.1:{os.environ['RMR_RTG_SVC']}"


def push_table(manager: RmrEndpoint, *records: str) -> str:
    """Push records as the platform's route manager does; return the state it gets back."""
    table = RmrMessage(20, "\n".join([*records, ""]).encode(), transaction_id=b"push".ljust(32, b"."))
    state = manager.call(table, PATIENCE_S, target=control_target(), call_id=2)
    assert state is not None, "the table was not acknowledged"
    assert (state.mtype, state.sub_id) == (22, -1)
    return state.payload.decode()


def test_constants_are_those_of_librmr():
    assert rmr.get_constants()["RMR_MAX_XID"] == 32
    assert (rmr.RMR_MAX_RCV_BYTES, rmr.RMRFL_MTCALL, rmr.RMRFL_NONE) == (2048, 2, 0)
    assert (rmr.RMR_OK, rmr.RMR_ERR_NOENDPT, rmr.RMR_ERR_RETRY, rmr.RMR_ERR_TIMEOUT) == (0, 2, 10, 12)
    assert rmr.state_to_status(14) == "RMR_ERR_TRUNC"
    assert rmr.state_to_status(99) == "UNKNOWN STATE"


def test_a_fresh_buffer_is_empty_and_as_large_as_asked(open_context: OpenContext):
    context, port = open_context()
    buffer = rmr.rmr_alloc_msg(context, 1000)
    summary = rmr.message_summary(buffer)
    assert summary[rmr.RMR_MS_MSG_STATUS] == "RMR_OK"
    assert (summary[rmr.RMR_MS_MSG_TYPE], summary[rmr.RMR_MS_SUB_ID]) == (-1, -1)
    assert (summary[rmr.RMR_MS_PAYLOAD_LEN], summary[rmr.RMR_MS_PAYLOAD_MAX]) == (0, 1000)
    assert (summary[rmr.RMR_MS_MEID], summary[rmr.RMR_MS_TRN_ID]) == (b"", b"")
    assert summary[rmr.RMR_MS_MSG_SOURCE] == f"127.0.0.1:{port}"
    rmr.rmr_free_msg(buffer)


def test_size_zero_is_the_size_given_to_init(open_context: OpenContext):
    context, _ = open_context()
    buffer = rmr.rmr_alloc_msg(context, 0)
    assert rmr.rmr_payload_size(buffer) == rmr.RMR_MAX_RCV_BYTES
    rmr.rmr_free_msg(buffer)


def test_without_a_context_there_is_no_buffer():
    with pytest.raises(exceptions.BadBufferAllocation):
        rmr.rmr_alloc_msg(None, 10)


def test_every_field_set_on_a_buffer_reaches_the_peer(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context(f"mse|12040|7|{peer.source}")
    buffer = buffer_with(
        context, b"pdu", mtype=12040, sub_id=7, meid=b"gnb_001", fixed_transaction_id=b"0123456789abcdef" * 2
    )
    buffer = rmr.rmr_send_msg(context, buffer)
    assert buffer.contents.state == rmr.RMR_OK
    rmr.rmr_free_msg(buffer)
    expected = RmrMessage(
        12040, b"pdu", 7, "gnb_001", b"0123456789abcdef" * 2, f"127.0.0.1:{port}", f"127.0.0.1:{port}"
    )
    assert received(peer) == expected


def test_a_send_gives_a_fresh_empty_buffer_in_state_ok(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context(f"mse|1000|-1|{peer.source}")
    buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=1000, meid=b"gnb", gen_transaction_id=True))
    summary = rmr.message_summary(buffer)
    assert summary[rmr.RMR_MS_MSG_STATE] == rmr.RMR_OK
    assert (summary[rmr.RMR_MS_PAYLOAD_LEN], summary[rmr.RMR_MS_MSG_TYPE], summary[rmr.RMR_MS_SUB_ID]) == (0, -1, -1)
    assert (summary[rmr.RMR_MS_TRN_ID], summary[rmr.RMR_MS_MEID]) == (b"", b"")
    rmr.rmr_free_msg(buffer)


@pytest.mark.parametrize("route", ["mse|1001|-1|127.0.0.1:4", "mse|1000|5|127.0.0.1:4", "mse|1000|-1|%meid"])
def test_a_send_without_endpoint_keeps_the_message_and_says_so(open_context: OpenContext, route: str):
    context, _ = open_context(route)
    buffer = rmr.rmr_send_msg(context, buffer_with(context, b"kept", mtype=1000))
    assert (buffer.contents.state, rmr.state_to_status(buffer.contents.state)) == (NO_ENDPOINT, "RMR_ERR_NOENDPT")
    assert (buffer.contents.mtype, rmr.get_payload(buffer)) == (1000, b"kept")
    rmr.rmr_free_msg(buffer)


def test_a_refused_connection_is_no_endpoint(open_context: OpenContext):
    context, _ = open_context(f"mse|1000|-1|127.0.0.1:{free_port()}")
    buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=1000))
    assert buffer.contents.state == NO_ENDPOINT
    rmr.rmr_free_msg(buffer)


def test_every_group_of_a_route_gets_a_copy(open_context: OpenContext, peer: RmrEndpoint):
    with RmrEndpoint("127.0.0.1", 0) as other:
        context, _ = open_context(f"mse|1000|-1|{peer.source};{other.source}")
        rmr.rmr_free_msg(rmr.rmr_send_msg(context, buffer_with(context, b"copy", mtype=1000)))
        assert received(peer).payload == received(other).payload == b"copy"


def test_a_message_received_shows_all_its_fields(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(12050, b"\0pdu\0", 9, "gnb_2", b"tx", trace=bytes(200)))
    buffer = receive_one(context)
    summary = rmr.message_summary(buffer)
    rmr.rmr_free_msg(buffer)
    assert summary[rmr.RMR_MS_PAYLOAD] == b"\0pdu\0"
    assert (summary[rmr.RMR_MS_MSG_TYPE], summary[rmr.RMR_MS_SUB_ID]) == (12050, 9)
    assert (summary[rmr.RMR_MS_MEID], summary[rmr.RMR_MS_TRN_ID]) == (b"gnb_2", b"tx")
    assert summary[rmr.RMR_MS_MSG_SOURCE] == peer.source
    assert summary[rmr.RMR_MS_MSG_STATUS] == "RMR_OK"


@pytest.mark.parametrize("size", [0, 1, 4096, 60_000, 1_000_000])
def test_payloads_larger_than_the_buffer_arrive_whole(open_context: OpenContext, peer: RmrEndpoint, size: int):
    context, port = open_context()
    payload = bytes(range(251)) * (size // 251) + bytes(size % 251)
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(1, payload))
    buffer = receive_one(context)
    assert rmr.get_payload(buffer) == payload
    rmr.rmr_free_msg(buffer)


@pytest.mark.parametrize("timeout_ms", [0, 20])
def test_a_timeout_returns_the_callers_buffer(open_context: OpenContext, timeout_ms: int):
    context, _ = open_context()
    buffer = buffer_with(context)
    returned = rmr.rmr_torcv_msg(context, buffer, timeout_ms)
    assert address(returned) == address(buffer)
    assert (returned.contents.state, returned.contents.len) == (TIMEOUT, 0)
    rmr.rmr_free_msg(returned)


def test_a_timeout_without_buffer_returns_none(open_context: OpenContext):
    context, _ = open_context()
    assert not rmr.rmr_torcv_msg(context, None, 10)


def test_a_receive_without_buffer_makes_one(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(1, b"made"))
    buffer = rmr.rmr_torcv_msg(context, None, 10_000)
    assert rmr.get_payload(buffer) == b"made"
    rmr.rmr_free_msg(buffer)


def test_a_receive_waits_no_longer_than_it_must(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    sender = threading.Timer(0.1, peer.send_to, (f"127.0.0.1:{port}", RmrMessage(1, b"")))
    sender.start()
    before_s = time.monotonic()
    rmr.rmr_free_msg(receive_one(context))
    assert time.monotonic() - before_s < 5.0
    sender.join()


def test_an_unlimited_receive_waits_for_a_message(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(5, b""))
    buffer = rmr.rmr_rcv_msg(context, rmr.rmr_alloc_msg(context, 10))
    assert buffer.contents.mtype == 5
    rmr.rmr_free_msg(buffer)


def test_a_reply_goes_back_with_the_senders_context(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    sent = RmrMessage(100, b"", 3, "gnb_9", b"t" * 32, trace=b"tr")
    peer.send_to(f"127.0.0.1:{port}", sent)
    buffer = receive_one(context)
    returned = rmr.rmr_rts_msg(context, buffer, payload=b"OK\n", mtype=101)
    assert returned.contents.state == rmr.RMR_OK
    reply = received(peer)
    assert (reply.mtype, reply.payload, reply.sub_id, reply.meid) == (101, b"OK\n", 3, "gnb_9")
    assert (reply.transaction_id, reply.trace, reply.source) == (b"t" * 32, b"tr", f"127.0.0.1:{port}")
    rmr.rmr_free_msg(returned)


def test_a_reply_leaves_the_buffer_ready_for_another_reply(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(100, b"ask"))
    buffer = receive_one(context)
    for n in range(3):
        buffer = rmr.rmr_rts_msg(context, buffer, payload=b"part %d" % n, mtype=200 + n)
        assert buffer.contents.state == rmr.RMR_OK
    rmr.rmr_free_msg(buffer)
    assert [(m.mtype, m.payload) for m in (received(peer) for _ in range(3))] == [
        (200, b"part 0"),
        (201, b"part 1"),
        (202, b"part 2"),
    ]


def test_a_reply_larger_than_the_buffer_keeps_the_struct(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(100, b"small", 5))
    buffer = receive_one(context)
    returned = rmr.rmr_rts_msg(context, buffer, payload=b"L" * 50_000, mtype=101)
    assert address(returned) == address(buffer)
    reply = received(peer)
    assert (reply.payload, reply.mtype, reply.sub_id) == (b"L" * 50_000, 101, 5)
    rmr.rmr_free_msg(returned)


def test_a_received_message_can_be_routed_on(open_context: OpenContext, peer: RmrEndpoint):
    with RmrEndpoint("127.0.0.1", 0) as next_hop:
        context, port = open_context(f"mse|7|-1|{next_hop.source}")
        peer.send_to(f"127.0.0.1:{port}", RmrMessage(7, b"relay", meid="gnb"))
        buffer = rmr.rmr_send_msg(context, receive_one(context))
        assert buffer.contents.state == rmr.RMR_OK
        rmr.rmr_free_msg(buffer)
        relayed = received(next_hop)
        assert (relayed.payload, relayed.meid, relayed.source) == (b"relay", "gnb", f"127.0.0.1:{port}")


@pytest.mark.parametrize("copy", [True, False])
def test_more_room_keeps_the_struct_and_what_was_asked_for(open_context: OpenContext, copy: bool):
    context, _ = open_context()
    buffer = buffer_with(context, b"kept?", mtype=9, sub_id=4, meid=b"gnb", fixed_transaction_id=b"x" * 32)
    larger = rmr.rmr_realloc_payload(buffer, 10_000, copy=copy)
    assert address(larger) == address(buffer)
    assert rmr.rmr_payload_size(larger) >= 10_000
    assert (rmr.rmr_get_meid(larger), rmr.get_xaction(larger)) == (b"gnb", b"x" * 32)
    kept = (larger.contents.mtype, larger.contents.sub_id, larger.contents.len)
    assert kept == ((9, 4, 5) if copy else (-1, -1, 0))
    assert not copy or rmr.get_payload(larger) == b"kept?"
    rmr.rmr_free_msg(larger)


def test_room_that_is_enough_changes_nothing(open_context: OpenContext):
    context, _ = open_context()
    buffer = buffer_with(context, b"same", mtype=9)
    again = rmr.rmr_realloc_payload(buffer, 10)
    assert address(again) == address(buffer)
    assert (rmr.get_payload(again), again.contents.mtype) == (b"same", 9)
    rmr.rmr_free_msg(again)


def test_a_clone_is_another_buffer_with_the_same_content(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(100, b"twice", 6, "gnb", b"t"))
    original = receive_one(context)
    clone = rmr.rmr_realloc_payload(original, 9000, copy=True, clone=True)
    assert address(clone) != address(original)
    for buffer in (original, clone):
        buffer = rmr.rmr_rts_msg(context, buffer)
        assert buffer.contents.state == rmr.RMR_OK
        rmr.rmr_free_msg(buffer)
    first, second = (replace(received(peer), source_ip="") for _ in range(2))
    assert first == second
    assert (first.payload, first.sub_id, first.meid) == (b"twice", 6, "gnb")


def test_a_meid_of_32_octets_is_refused_and_one_of_31_taken(open_context: OpenContext):
    context, _ = open_context()
    buffer = buffer_with(context)
    assert rmr.rmr_set_meid(buffer, b"m" * 31) == 31
    assert rmr.rmr_get_meid(buffer) == b"m" * 31
    with pytest.raises(exceptions.MeidSizeOutOfRange):
        rmr.rmr_set_meid(buffer, b"m" * 32)
    rmr.rmr_free_msg(buffer)


def test_a_call_returns_the_answer(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context(f"mse|30|-1|{peer.source}")
    peer.on_message = lambda message, path: peer.reply(path, replace(message, mtype=31, payload=b"answer"))
    answer = rmr.rmr_call(context, buffer_with(context, b"?", mtype=30, gen_transaction_id=True))
    assert (answer.contents.state, answer.contents.mtype, rmr.get_payload(answer)) == (0, 31, b"answer")
    rmr.rmr_free_msg(answer)


def test_a_call_without_answer_returns_none_after_a_second(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context(f"mse|30|-1|{peer.source}")
    before_s = time.monotonic()
    assert not rmr.rmr_call(context, buffer_with(context, mtype=30, gen_transaction_id=True))
    assert 0.8 < time.monotonic() - before_s < 5.0


def test_a_call_without_route_returns_the_buffer_with_the_state(open_context: OpenContext):
    context, _ = open_context()
    buffer = rmr.rmr_call(context, buffer_with(context, mtype=30))
    assert buffer.contents.state == NO_ENDPOINT
    rmr.rmr_free_msg(buffer)


def test_a_call_is_answered_by_rts(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    answers: list[RmrMessage | None] = []
    message = RmrMessage(30, b"ping", transaction_id=b"c" * 32)
    asking = threading.Thread(
        target=lambda: answers.append(peer.call(message, PATIENCE_S, target=f"127.0.0.1:{port}", call_id=2))
    )
    asking.start()
    rmr.rmr_free_msg(rmr.rmr_rts_msg(context, receive_one(context), payload=b"pong"))
    asking.join()
    assert answers[0] is not None
    assert answers[0].payload == b"pong"


def test_a_wormhole_leads_past_the_route_table(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context()
    wormhole = rmr.rmr_wh_open(context, peer.source.encode())
    assert rmr.rmr_wh_state(context, wormhole) == rmr.RMR_OK
    assert rmr.rmr_wh_open(context, peer.source.encode()) == wormhole
    buffer = rmr.rmr_wh_send_msg(context, wormhole, buffer_with(context, b"alarm", mtype=110))
    assert buffer.contents.state == rmr.RMR_OK
    rmr.rmr_free_msg(buffer)
    assert received(peer).payload == b"alarm"
    rmr.rmr_wh_close(context, wormhole)
    assert rmr.rmr_wh_state(context, wormhole) != rmr.RMR_OK


def test_a_wormhole_call_returns_the_answer_or_none(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context()
    wormhole = rmr.rmr_wh_open(context, peer.source.encode())
    message = buffer_with(context, b"?", mtype=30, gen_transaction_id=True)
    assert not rmr.rmr_wh_call(context, wormhole, message, 2, 50)
    peer.on_message = lambda message, path: peer.reply(path, replace(message, payload=b"!"))
    message = buffer_with(context, b"?", mtype=30, gen_transaction_id=True)
    answer = rmr.rmr_wh_call(context, wormhole, message, 2, 10_000)
    assert rmr.get_payload(answer) == b"!"
    rmr.rmr_free_msg(answer)


def test_wormholes_to_nowhere_do_not_open(open_context: OpenContext):
    context, _ = open_context()
    assert rmr.rmr_wh_open(context, f"127.0.0.1:{free_port()}".encode()) == -1
    assert rmr.rmr_wh_open(context, b"") == -1


def test_sending_through_a_wormhole_that_is_not_open_is_a_state(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context()
    buffer = rmr.rmr_wh_send_msg(context, 0, buffer_with(context, mtype=1))
    assert rmr.state_to_status(buffer.contents.state) == "RMR_ERR_NOWHOPEN"
    rmr.rmr_wh_open(context, peer.source.encode())
    buffer = rmr.rmr_wh_send_msg(context, 55, buffer)
    assert rmr.state_to_status(buffer.contents.state) == "RMR_ERR_WHID"
    rmr.rmr_free_msg(buffer)


def test_all_waiting_messages_are_drained_in_order_and_filtered(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    for n in range(20):
        peer.send_to(f"127.0.0.1:{port}", RmrMessage(100 + n % 2, bytes([n])))
    drained: list[dict[str, Any]] = []
    while len(drained) < 20:
        got = helpers.rmr_rcvall_msgs(context, timeout=1000)
        assert got, "messages were lost"
        drained += got
    assert [summary[rmr.RMR_MS_PAYLOAD][0] for summary in drained] == list(range(20))
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(1, b"no"))
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(2, b"yes"))
    kept: list[tuple[dict[str, Any], Any]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not kept and time.monotonic() < deadline:
        kept += helpers.rmr_rcvall_msgs_raw(context, [2], timeout=1000)
    assert [summary[rmr.RMR_MS_PAYLOAD] for summary, _ in kept] == [b"yes"]
    rmr.rmr_free_msg(kept[0][1])


def test_calls_without_a_context_are_bad_arguments(open_context: OpenContext):
    context, _ = open_context()
    buffer = buffer_with(context, mtype=1)
    assert rmr.rmr_send_msg(None, buffer).contents.state == BAD_ARGUMENT
    assert rmr.rmr_torcv_msg(None, buffer, 0).contents.state == BAD_ARGUMENT
    assert not rmr.rmr_torcv_msg(None, None, 0)
    assert rmr.rmr_set_stimeout(context, 5) == 0
    rmr.rmr_free_msg(buffer)
    rmr.rmr_free_msg(None)


@pytest.mark.skipif(not STAND_IN, reason="librmr logs on its own")
def test_verbosity_is_the_level_of_the_logger():
    logger = logging.getLogger("oran.rmr")
    before = logger.level
    try:
        for verbosity, enabled in ((5, logging.DEBUG), (4, logging.INFO), (1, logging.CRITICAL)):
            rmr.rmr_set_vlevel(verbosity)
            assert logger.level == enabled
        rmr.rmr_set_vlevel(0)
        assert not logger.isEnabledFor(logging.CRITICAL)
    finally:
        logger.setLevel(before)


def test_the_frame_on_the_wire_is_the_frame_of_the_codec(open_context: OpenContext):
    with socket.create_server(("127.0.0.1", 0)) as server:
        context, port = open_context(f"mse|12040|-1|127.0.0.1:{server.getsockname()[1]}")
        buffer = buffer_with(context, b"pdu", mtype=12040, meid=b"gnb_1", fixed_transaction_id=b"x" * 32)
        rmr.rmr_free_msg(rmr.rmr_send_msg(context, buffer))
        sock, _ = server.accept()
        with sock:
            frame = bytearray(sock.recv(4096))
    frame[0x09:0x32] = bytes(0x32 - 0x09)  # the library leaves these undefined
    frame[0x14B:0x14E] = bytes(3)
    own_name = f"127.0.0.1:{port}"
    assert frame == encode(RmrMessage(12040, b"pdu", -1, "gnb_1", b"x" * 32, own_name, own_name))


def test_a_pushed_table_replaces_the_seed_and_is_acknowledged(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context("mse|1000|-1|127.0.0.1:4")
    with RmrEndpoint("127.0.0.1", 0) as manager:
        state = push_table(manager, "newrt|start|table-7", f"mse|2000|-1|{peer.source}", "newrt|end|1")
        assert state.startswith("OK table-7 ")
    buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=2000))
    assert buffer.contents.state == rmr.RMR_OK
    assert received(peer).mtype == 2000
    buffer.contents.mtype = 1000
    assert rmr.rmr_send_msg(context, buffer).contents.state == NO_ENDPOINT
    rmr.rmr_free_msg(buffer)


def test_a_table_without_id_is_acknowledged_as_such(open_context: OpenContext):
    open_context()
    with RmrEndpoint("127.0.0.1", 0) as manager:
        assert push_table(manager, "newrt|start", "newrt|end|0").startswith("OK <id-missing> ")


def test_a_table_with_a_wrong_count_changes_nothing_and_is_refused(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context(f"mse|1000|-1|{peer.source}")
    with RmrEndpoint("127.0.0.1", 0) as manager:
        state = push_table(manager, "newrt|start|bad", "mse|2000|-1|127.0.0.1:4", "newrt|end|2")
        assert state.startswith("ERR bad ")
    rmr.rmr_free_msg(rmr.rmr_send_msg(context, buffer_with(context, mtype=1000)))
    assert received(peer).mtype == 1000


def test_an_update_adds_to_a_full_table_and_a_deletion_takes_away(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context()
    with RmrEndpoint("127.0.0.1", 0) as manager:
        push_table(manager, "newrt|start|a", f"mse|1000|-1|{peer.source}", f"rte|1001|{peer.source}", "newrt|end|2")
        update = ["updatert|start|b", f"mse|12050|7|{peer.source}", "del|1000|-1", "updatert|end|2"]
        assert push_table(manager, *update).startswith("OK b ")
    for mtype, sub_id, state in ((12050, 7, 0), (1001, None, 0), (1000, None, NO_ENDPOINT), (12050, 8, NO_ENDPOINT)):
        buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=mtype, sub_id=sub_id))
        assert buffer.contents.state == state, (mtype, sub_id)
        rmr.rmr_free_msg(buffer)


def test_managed_entities_survive_a_new_table(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context()
    with RmrEndpoint("127.0.0.1", 0) as manager:
        push_table(manager, "newrt|start|a", "newrt|end|0")
        push_table(manager, "meid_map|start|b", f"mme_ar|{peer.source}|gnb_1 gnb_2", "meid_map|end|1")
        push_table(manager, "newrt|start|c", "mse|12040|-1|%meid", "newrt|end|1")
        push_table(manager, "meid_map|start|d", "mme_del|gnb_2", "meid_map|end|1")
    for meid, state in ((b"gnb_1", 0), (b"gnb_2", NO_ENDPOINT)):
        buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=12040, meid=meid))
        assert buffer.contents.state == state
        rmr.rmr_free_msg(buffer)
    assert received(peer).meid == "gnb_1"


def test_entries_for_another_sender_are_not_used(open_context: OpenContext, peer: RmrEndpoint):
    context, port = open_context()
    mine, other = f"mse|1000,127.0.0.1:{port}|-1|{peer.source}", f"mse|1001,elsewhere:1|-1|{peer.source}"
    with RmrEndpoint("127.0.0.1", 0) as manager:
        push_table(manager, "newrt|start|a", mine, other, "newrt|end|2")
    for mtype, state in ((1000, 0), (1001, NO_ENDPOINT)):
        buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=mtype))
        assert buffer.contents.state == state
        rmr.rmr_free_msg(buffer)


def test_an_update_before_a_full_table_is_ignored_even_with_a_seed(open_context: OpenContext, peer: RmrEndpoint):
    context, _ = open_context(f"mse|1000|-1|{peer.source}")
    with RmrEndpoint("127.0.0.1", 0) as manager:
        update = f"updatert|start|early\nmse|2000|-1|{peer.source}\nupdatert|end|1\n"
        manager.send_to(control_target(), RmrMessage(20, update.encode()))
        push_table(manager, "meid_map|start|x", "meid_map|end|0")  # it is behind the update
    buffer = rmr.rmr_send_msg(context, buffer_with(context, mtype=2000))
    assert buffer.contents.state == NO_ENDPOINT
    rmr.rmr_free_msg(buffer)
