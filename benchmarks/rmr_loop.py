"""Round trip and throughput of RMR between two processes, through ricxappframe's own calls.

Prints one JSON object. The other process echoes by ``rmr_rts_msg``; both use whichever library is
installed, the real one or the stand-in.

    python -m benchmarks.rmr_loop [--messages 5000] [--payload 2000]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from oran.rmr.library import install_if_absent
from oran.rmr.wire import HEADER_BYTES, PREFIX_BYTES, RmrMessage, decode, encode

STAND_IN = install_if_absent(logging.getLogger("benchmark"))

from ricxappframe.rmr import rmr  # noqa: E402 - only importable now

ECHO, ONE_WAY, REPORT, STOP = 100, 101, 102, 103
WARM_UP = 200
IN_FLIGHT = 1000  # below the receive ring of 4096, so that nothing is dropped


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def open_context(port: int, peer_port: int) -> Any:
    """A ready RMR context with every type routed to the peer."""
    seed = Path(tempfile.mkdtemp()) / "seed.rt"
    records = [f"rte|{mtype}|127.0.0.1:{peer_port}" for mtype in (ECHO, ONE_WAY, REPORT, STOP)]
    seed.write_text("\n".join(["newrt|start", *records, "newrt|end", ""]))
    os.environ |= {
        "RMR_SEED_RT": str(seed),
        "RMR_RTG_SVC": str(free_port()),
        "RMR_SRC_ID": "127.0.0.1",
        "RMR_BIND_IF": "127.0.0.1",
        "RMR_LOG_VLEVEL": "1",
    }
    context = rmr.rmr_init(str(port).encode(), rmr.RMR_MAX_RCV_BYTES, rmr.RMRFL_MTCALL)
    while not rmr.rmr_ready(context):
        time.sleep(0.01)
    return context


def send(context: Any, payload: bytes, mtype: int) -> None:
    """Send one message, again while the peer is not there or is busy."""
    buffer = rmr.rmr_alloc_msg(context, len(payload), payload=payload, mtype=mtype)
    while (buffer := rmr.rmr_send_msg(context, buffer)).contents.state != rmr.RMR_OK:
        time.sleep(0.001)
    rmr.rmr_free_msg(buffer)


def receive(context: Any) -> Any:
    """The next message; raises TimeoutError after 10 s."""
    buffer = rmr.rmr_torcv_msg(context, rmr.rmr_alloc_msg(context, 4096), 10_000)
    if buffer.contents.state != rmr.RMR_OK:
        raise TimeoutError("the peer is silent")
    return buffer


def serve(port: int, peer_port: int) -> None:
    """The other process: echo, or count and report."""
    context, counted = open_context(port, peer_port), 0
    while True:
        buffer = receive(context)
        mtype = buffer.contents.mtype
        if mtype == ECHO:
            buffer = rmr.rmr_rts_msg(context, buffer)
        elif mtype == ONE_WAY:
            counted += 1
        elif mtype == REPORT:
            buffer = rmr.rmr_rts_msg(context, buffer, payload=str(counted).encode())
        rmr.rmr_free_msg(buffer)
        if mtype == STOP:
            rmr.rmr_close(context)
            return


def round_trips_s(context: Any, payload: bytes, messages: int) -> np.ndarray:
    """Time of each echo [s], shape (messages,)."""
    times_s = np.empty(WARM_UP + messages)
    for n in range(len(times_s)):
        start_s = time.perf_counter()
        send(context, payload, ECHO)
        rmr.rmr_free_msg(receive(context))
        times_s[n] = time.perf_counter() - start_s
    return times_s[WARM_UP:]


def one_way_per_s(context: Any, payload: bytes, messages: int) -> float:
    """Messages a second one way, each block of IN_FLIGHT acknowledged, none lost [1/s]."""
    start_s, sent = time.perf_counter(), 0
    while sent < messages:
        for _ in range(min(IN_FLIGHT, messages - sent)):
            send(context, payload, ONE_WAY)
            sent += 1
        send(context, b"?", REPORT)
        report = receive(context)
        counted = int(rmr.get_payload(report))
        rmr.rmr_free_msg(report)
        if counted != sent:
            raise RuntimeError(f"{sent - counted} of {sent} messages were lost")
    return messages / (time.perf_counter() - start_s)


def codec_us(payload: bytes, repeats: int = 20_000) -> tuple[float, float]:
    """Time to encode and to decode one frame [us]; of the Python codec."""
    message = RmrMessage(12050, payload, 7, "gnb_001_001_0000019b", source="service-ricplt-e2term-rmr-alpha:38000")
    frame = encode(message)
    assert len(frame) == PREFIX_BYTES + HEADER_BYTES + 4 + len(payload)
    times_us = []
    for work in (lambda: encode(message), lambda: decode(frame)):
        start_s = time.perf_counter()
        for _ in range(repeats):
            work()
        times_us.append((time.perf_counter() - start_s) / repeats * 1e6)
    return times_us[0], times_us[1]


def main() -> None:
    """Start the other process, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--payload", type=int, default=2000, help="octets")
    parser.add_argument("--serve", nargs=2, type=int, metavar=("PORT", "PEER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    port, peer_port, payload = free_port(), free_port(), bytes(options.payload)
    command = [sys.executable, "-m", "benchmarks.rmr_loop", "--serve", str(peer_port), str(port)]
    with subprocess.Popen(command) as peer:
        context = open_context(port, peer_port)
        trips_s = round_trips_s(context, payload, options.messages)
        rate_per_s = one_way_per_s(context, payload, options.messages)
        send(context, b"", STOP)
        peer.wait(20)
        rmr.rmr_close(context)
    encode_us, decode_us = codec_us(payload)
    result = {
        "library": "stand-in" if STAND_IN else "librmr",
        "messages": options.messages,
        "payload_bytes": options.payload,
        "round_trip_p50_us": round(float(np.percentile(trips_s, 50)) * 1e6, 1),
        "round_trip_p99_us": round(float(np.percentile(trips_s, 99)) * 1e6, 1),
        "one_way_messages_per_s": round(rate_per_s),
        "encode_us": round(encode_us, 2),
        "decode_us": round(decode_us, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
