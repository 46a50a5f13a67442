"""xApps of ricxappframe end to end: its own classes, threads and handlers over RMR.

As in test_library these run against librmr where it is installed, except where the stand-in's own
bookkeeping is looked at.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oran.errors import ConnectFailed
from oran.rmr.endpoint import RmrEndpoint
from oran.rmr.library import SEAM, Library, install_if_absent
from oran.rmr.wire import RmrMessage

STAND_IN = install_if_absent(logging.getLogger(__name__))

from ricxappframe.rmr import exceptions, rmr  # noqa: E402 - only importable now
from ricxappframe.xapp_frame import RMRXapp, Xapp  # noqa: E402

PATIENCE_S = 10.0
ASK, ANSWER, SEND_NOW, BREAK = 30000, 30001, 30002, 30003


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def peer() -> Iterator[RmrEndpoint]:
    with RmrEndpoint("127.0.0.1", 0) as endpoint:
        yield endpoint


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: RmrEndpoint) -> int:
    """Port for an xApp, in an environment that routes everything to the peer."""
    seed = tmp_path / "seed.rt"
    seed.write_text(f"newrt|start\nmse|{ANSWER}|-1|{peer.source}\nmse|12040|-1|%meid\nnewrt|end|2\n")
    for name, value in {
        "RMR_SEED_RT": str(seed),
        "RMR_RTG_SVC": str(free_port()),
        "RMR_SRC_ID": "127.0.0.1",
        "RMR_BIND_IF": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CONFIG_FILE", raising=False)
    return free_port()


@contextlib.contextmanager
def running(xapp: Any, peer: RmrEndpoint, port: int) -> Iterator[None]:
    """Run an xApp's loops, and end them without the framework's twelve seconds of good-bye."""
    before = set(threading.enumerate())
    xapp.run(thread=True, rmr_timeout=0.05)
    loops = set(threading.enumerate()) - before
    try:
        yield
    finally:
        xapp._keep_going = False
        for loop in loops:
            loop.join(PATIENCE_S)
        stop_loop(xapp, peer, port)


def stop_loop(xapp: Any, peer: RmrEndpoint, port: int) -> None:
    xapp._rmr_loop._keep_going = False
    peer.send_to(f"127.0.0.1:{port}", RmrMessage(99, b""))  # ends the five seconds of waiting
    xapp._rmr_loop._thread.join(PATIENCE_S)
    assert not xapp._rmr_loop._thread.is_alive()
    rmr.rmr_close(xapp._mrc)


def received(at: RmrEndpoint) -> RmrMessage:
    delivery = at.receive(PATIENCE_S)
    assert delivery is not None, "nothing arrived"
    return delivery[0]


def free_it(self: RMRXapp, _summary: dict[str, Any], sbuf: Any) -> None:
    self.rmr_free(sbuf)


def answer_by_rts(self: RMRXapp, summary: dict[str, Any], sbuf: Any) -> None:
    assert self.rmr_rts(sbuf, new_payload=summary[rmr.RMR_MS_PAYLOAD].upper(), new_mtype=ANSWER)
    self.rmr_free(sbuf)


def send_afresh(self: RMRXapp, summary: dict[str, Any], sbuf: Any) -> None:
    assert self.rmr_send(b"fresh " + summary[rmr.RMR_MS_PAYLOAD], ANSWER)
    self.rmr_free(sbuf)


def buffers_in_use() -> int:
    """Buffers handed out by the stand-in and not freed."""
    library = sys.modules[SEAM].rmr_c_lib  # type: ignore[attr-defined]
    assert isinstance(library, Library)
    return len(library.functions.buffers)


def test_a_reactive_xapp_answers_sends_and_reports_health(peer: RmrEndpoint, place: int):
    xapp = RMRXapp(free_it, rmr_port=place, use_fake_sdl=True)
    xapp.register_callback(answer_by_rts, ASK)
    xapp.register_callback(send_afresh, SEND_NOW)
    where = f"127.0.0.1:{place}"
    with running(xapp, peer, place):
        peer.send_to(where, RmrMessage(ASK, b"question", 5, "gnb_1", b"t" * 32))
        reply = received(peer)
        assert (reply.mtype, reply.payload, reply.sub_id, reply.meid) == (ANSWER, b"QUESTION", 5, "gnb_1")
        assert (reply.transaction_id, reply.source) == (b"t" * 32, where)
        peer.send_to(where, RmrMessage(SEND_NOW, b"news"))
        fresh = received(peer)
        assert (fresh.mtype, fresh.payload, len(fresh.transaction_id)) == (ANSWER, b"fresh news", 32)
        peer.send_to(where, RmrMessage(100, b""))
        health = received(peer)
        assert (health.mtype, health.payload) == (101, b"OK\n")


def test_an_xapp_reports_that_a_send_found_no_route(peer: RmrEndpoint, place: int):
    xapp = RMRXapp(free_it, rmr_port=place, use_fake_sdl=True)
    with running(xapp, peer, place):
        assert not xapp.rmr_send(b"lost", 31999, retries=3)


def test_a_control_request_is_sent_through_the_rmr_module_by_meid(peer: RmrEndpoint, place: int):
    xapp = RMRXapp(free_it, rmr_port=place, use_fake_sdl=True)
    with running(xapp, peer, place):
        table = f"meid_map|start|m\nmme_ar|{peer.source}|gnb_001_001_0000019b\nmeid_map|end|1\n"
        target = f"127.0.0.1:{os.environ['RMR_RTG_SVC']}"
        state = peer.call(RmrMessage(20, table.encode(), transaction_id=b"m" * 32), PATIENCE_S, target=target)
        assert state is not None
        sbuf = rmr.rmr_alloc_msg(xapp._mrc, 64, payload=b"e2ap", mtype=12040, meid=b"gnb_001_001_0000019b", sub_id=3)
        sbuf = rmr.rmr_send_msg(xapp._mrc, sbuf)
        assert sbuf.contents.state == rmr.RMR_OK
        xapp.rmr_free(sbuf)
        control = received(peer)
        assert (control.mtype, control.payload, control.sub_id) == (12040, b"e2ap", 3)
        assert control.meid == "gnb_001_001_0000019b"


def test_a_general_xapp_takes_its_messages_itself(peer: RmrEndpoint, place: int):
    taken: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def entry(self: Xapp) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while taken.qsize() < 3 and time.monotonic() < deadline:
            for summary, sbuf in self.rmr_get_messages():
                taken.put(summary[rmr.RMR_MS_PAYLOAD])
                self.rmr_free(sbuf)

    xapp = Xapp(entry, rmr_port=place, use_fake_sdl=True)
    for n in range(3):
        peer.send_to(f"127.0.0.1:{place}", RmrMessage(ASK, bytes([n])))
    xapp.run()
    assert [taken.get_nowait() for _ in range(3)] == [b"\0", b"\1", b"\2"]
    stop_loop(xapp, peer, place)


def test_the_constructor_waits_for_a_table_and_goes_on_when_it_comes(peer: RmrEndpoint, place: int, monkeypatch):
    monkeypatch.delenv("RMR_SEED_RT")
    made: queue.SimpleQueue[RMRXapp] = queue.SimpleQueue()
    making = threading.Thread(target=lambda: made.put(RMRXapp(free_it, rmr_port=place, use_fake_sdl=True)))
    making.start()
    with pytest.raises(queue.Empty):
        made.get(timeout=0.5)
    control = f"127.0.0.1:{os.environ['RMR_RTG_SVC']}"
    peer.send_to(control, RmrMessage(20, b"newrt|start|a\nnewrt|end|0\n"))
    xapp = made.get(timeout=PATIENCE_S)
    making.join()
    stop_loop(xapp, peer, place)


@pytest.mark.skipif(not STAND_IN, reason="looks into the stand-in")
def test_ten_thousand_messages_leave_no_buffer_behind(peer: RmrEndpoint, place: int):
    before = buffers_in_use()
    xapp = RMRXapp(free_it, rmr_port=place, use_fake_sdl=True)
    xapp.register_callback(answer_by_rts, ASK)
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    peer.on_message = lambda message, _: answers.put(message.payload)
    with running(xapp, peer, place):
        for block in range(10):
            for n in range(1000):  # a block fits into every ring on the way
                peer.send_to(f"127.0.0.1:{place}", RmrMessage(ASK if n % 2 else ANSWER, b"%d" % (block * 1000 + n)))
            got = [int(answers.get(timeout=30)) for _ in range(500)]
            assert got == list(range(block * 1000 + 1, block * 1000 + 1000, 2))
    while not xapp._rmr_loop.rcv_queue.empty():  # what ended the loop
        xapp.rmr_free(xapp._rmr_loop.rcv_queue.get()[1])
    assert buffers_in_use() - before == 0


@pytest.mark.skipif(not STAND_IN, reason="looks into the stand-in")
def test_memory_does_not_grow_with_the_number_of_messages(peer: RmrEndpoint, place: int):
    before = buffers_in_use()
    context = rmr.rmr_init(str(place).encode(), 2048, rmr.RMRFL_MTCALL)
    sbuf = rmr.rmr_alloc_msg(context, 100, payload=b"x", mtype=ANSWER)
    for size in (1, 5000, 10, 60_000, 1) * 20:
        rmr.set_payload_and_length(bytes(size), sbuf)
        sbuf.contents.mtype = ANSWER
        sbuf = rmr.rmr_send_msg(context, sbuf)
        assert sbuf.contents.state == rmr.RMR_OK
        assert buffers_in_use() - before == 1
        received(peer)
    clone = rmr.rmr_realloc_payload(sbuf, 10, clone=True)
    assert buffers_in_use() - before == 2
    rmr.rmr_free_msg(clone)
    rmr.rmr_free_msg(sbuf)
    rmr.rmr_close(context)
    assert buffers_in_use() == before


@pytest.mark.skipif(not STAND_IN, reason="librmr crashes instead")
def test_a_buffer_used_after_it_was_freed_is_logged_and_not_sent(peer: RmrEndpoint, place: int, caplog):
    context = rmr.rmr_init(str(place).encode(), 2048, rmr.RMRFL_MTCALL)
    sbuf = rmr.rmr_alloc_msg(context, 100, payload=b"x", mtype=ANSWER)
    rmr.rmr_free_msg(sbuf)
    rmr.rmr_free_msg(sbuf)
    assert not rmr.rmr_send_msg(context, sbuf)
    assert peer.receive(0.05) is None
    assert caplog.text.count("after it was freed") == 2
    rmr.rmr_close(context)


@pytest.mark.skipif(not STAND_IN, reason="librmr lets two processes share a port")
def test_a_port_that_is_taken_fails_the_start_and_says_so(peer: RmrEndpoint, place: int, caplog):
    with pytest.raises(exceptions.InitFailed):
        rmr.rmr_init(str(peer.port).encode(), 2048, rmr.RMRFL_MTCALL)
    assert str(peer.port) in caplog.text


PROGRAM = """
import logging, sys
from oran.rmr.library import install_if_absent
stand_in = install_if_absent(logging.getLogger("xapp"))
from ricxappframe.xapp_frame import RMRXapp
from ricxappframe.rmr import rmr
def handler(self, summary, sbuf):
    self.rmr_rts(sbuf, new_payload=b"from another process", new_mtype=30001)
    self.rmr_free(sbuf)
RMRXapp(handler, rmr_port=int(sys.argv[1]), use_fake_sdl=True).run()
"""


def test_an_xapp_in_a_process_of_its_own_chooses_its_library_and_logs_it(peer: RmrEndpoint, place: int):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", PROGRAM, str(place)]
    with subprocess.Popen(
        command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            reply = ask_until_answered(peer, f"127.0.0.1:{place}")
            assert reply.payload == b"from another process"
        finally:
            process.kill()
        _, log = process.communicate(timeout=PATIENCE_S)
    assert not STAND_IN or "the Python stand-in is used" in log


def ask_until_answered(peer: RmrEndpoint, where: str) -> RmrMessage:
    deadline = time.monotonic() + 3 * PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectFailed):
            peer.send_to(where, RmrMessage(ASK, b""))
            return received(peer)
        time.sleep(0.1)
    raise AssertionError("the xApp did not come up")
