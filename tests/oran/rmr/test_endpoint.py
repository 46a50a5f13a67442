"""Two endpoints in one process, and plain sockets that play the peers librmr can be."""

from __future__ import annotations

import logging
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from oran.errors import ConnectFailed, LocalProtocolError, NoRoute, PeerClosed
from oran.rmr.endpoint import ReplyPath, RmrEndpoint
from oran.rmr.routes import RouteTable
from oran.rmr.wire import CALL_FLAG, FrameReader, RmrMessage, decode, encode

PATIENCE_S = 10.0


class Endpoints:
    """Endpoints on loopback that are closed when the test ends."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, **options: object) -> RmrEndpoint:
        return self._stack.enter_context(RmrEndpoint("127.0.0.1", 0, **options))  # type: ignore[arg-type]


@pytest.fixture
def endpoint() -> Iterator[Endpoints]:
    with ExitStack() as stack:
        yield Endpoints(stack)


def received(at: RmrEndpoint) -> RmrMessage:
    delivery = at.receive(PATIENCE_S)
    assert delivery is not None, "nothing arrived"
    return delivery[0]


def route(mtype: int, groups: str, **key: object) -> RouteTable:
    return RouteTable().with_route(mtype, groups, **key)  # type: ignore[arg-type]


def read_frame(sock: socket.socket) -> RmrMessage:
    reader = FrameReader()
    while True:
        data = sock.recv(4096)
        assert data, "the connection ended inside a frame"
        if messages := reader.feed(data):
            return messages[0]


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_routed_message_arrives_with_everything_and_names_its_sender(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    a.routes = route(12050, b.source)
    sent = RmrMessage(12050, b"pdu", 7, "gnb_001", b"0" * 32, trace=b"trace")
    a.send(sent)
    assert received(b) == replace(sent, source=a.source, source_ip=a.source_ip)


def test_the_source_is_the_service_name_and_the_listening_port(endpoint: Endpoints):
    a, b = endpoint(source_name="service-ricxapp-x-rmr.ricxapp"), endpoint()
    a.send_to(b.source, RmrMessage(1, b""))
    assert received(b).source == f"service-ricxapp-x-rmr.ricxapp:{a.port}"


def test_an_endpoint_with_a_trace_length_fills_empty_traces_as_e2_termination_does(endpoint: Endpoints):
    a, b = endpoint(trace_length=200), endpoint()
    a.send_to(b.source, RmrMessage(12050, b"pdu"))
    assert received(b).trace == bytes(200)


def test_a_send_without_route_is_refused(endpoint: Endpoints):
    a = endpoint()
    with pytest.raises(NoRoute, match="12050"):
        a.send(RmrMessage(12050, b""))


def test_a_route_to_nobody_is_refused(endpoint: Endpoints):
    a = endpoint(routes=route(1, f"127.0.0.1:{closed_port()}"))
    with pytest.raises(NoRoute):
        a.send(RmrMessage(1, b""))


@pytest.mark.parametrize("target", ["", "nohost", ":1", "h:0", "h:x", "h:70000", "..:1", "no-such-host.invalid:1"])
def test_a_target_that_is_no_place_is_connect_failed(endpoint: Endpoints, target: str):
    with pytest.raises(ConnectFailed):
        endpoint().send_to(target, RmrMessage(1, b""))


def test_every_group_gets_a_copy_and_members_of_a_group_take_turns(endpoint: Endpoints):
    a, b, c, d = endpoint(), endpoint(), endpoint(), endpoint()
    a.routes = route(1, f"{b.source},{c.source};{d.source}")
    for n in range(6):
        a.send(RmrMessage(1, bytes([n])))
    assert [received(d).payload[0] for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    assert [received(b).payload[0] for _ in range(3)] == [0, 2, 4]
    assert [received(c).payload[0] for _ in range(3)] == [1, 3, 5]


def test_one_reachable_group_is_enough_and_the_other_is_logged(endpoint: Endpoints, caplog: pytest.LogCaptureFixture):
    a, b = endpoint(), endpoint()
    nobody = f"127.0.0.1:{closed_port()}"
    a.routes = route(1, f"{nobody};{b.source}")
    a.send(RmrMessage(1, b"x"))
    assert received(b).payload == b"x"
    assert nobody in caplog.text


def test_meid_routes_follow_the_owner(endpoint: Endpoints):
    a, b, c = endpoint(), endpoint(), endpoint()
    a.routes = route(12040, "%meid").with_meids(b.source, ["gnb_1"]).with_meids(c.source, ["gnb_2"])
    a.send(RmrMessage(12040, b"two", meid="gnb_2"))
    a.send(RmrMessage(12040, b"one", meid="gnb_1"))
    assert (received(b).payload, received(c).payload) == (b"one", b"two")
    with pytest.raises(NoRoute, match="gnb_3"):
        a.send(RmrMessage(12040, b"", meid="gnb_3"))


def test_an_endpoint_does_not_route_to_itself(endpoint: Endpoints):
    a = endpoint()
    a.routes = route(1, f"{a.source},{a.source_ip}")
    with pytest.raises(NoRoute):
        a.send(RmrMessage(1, b""))


def test_a_reply_goes_to_the_senders_own_port_with_the_senders_context(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    b.on_message = lambda message, path: b.reply(path, replace(message, mtype=101, payload=b"OK\n"))
    a.send_to(b.source, RmrMessage(100, b"?", 3, "gnb", b"t" * 32, trace=b"tr"))
    assert received(a) == RmrMessage(101, b"OK\n", 3, "gnb", b"t" * 32, b.source, b.source_ip, trace=b"tr")


def test_a_peer_that_cannot_be_reached_gets_its_reply_on_the_same_connection(endpoint: Endpoints):
    b = endpoint()
    b.on_message = lambda message, path: b.reply(path, message)
    with socket.create_connection(("127.0.0.1", b.port)) as sock:
        for source in ("no-such-host.invalid:4560", f"127.0.0.1:{closed_port()}", ""):
            sock.sendall(encode(RmrMessage(100, b"ping", source=source)))
            assert read_frame(sock).payload == b"ping"


def test_the_address_is_the_last_resort_of_a_reply(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    b.reply(ReplyPath("no-such-host.invalid:1", a.source_ip, None), RmrMessage(1, b"late"))
    assert received(a).payload == b"late"
    with pytest.raises(NoRoute):
        b.reply(ReplyPath("no-such-host.invalid:1", "", None), RmrMessage(1, b""))


def test_an_unreachable_source_is_not_tried_again_at_once(endpoint: Endpoints, monkeypatch: pytest.MonkeyPatch):
    b = endpoint()
    attempts: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args: attempts.append(args) or _refuse())
    for _ in range(3):
        with pytest.raises(NoRoute):
            b.reply(ReplyPath("slow-name.invalid:1", "", None), RmrMessage(1, b""))
    assert len(attempts) == 1


def _refuse() -> None:
    raise ConnectionRefusedError


def test_a_call_waits_for_its_own_answer(endpoint: Endpoints):
    a, b = endpoint(), endpoint()

    def answer(message: RmrMessage, path: ReplyPath) -> None:
        b.reply(path, replace(message, payload=b"not yours", transaction_id=b"other"))
        b.reply(path, replace(message, mtype=31, payload=message.payload.upper()))

    b.on_message = answer
    a.routes = route(30, b.source)
    reply = a.call(RmrMessage(30, b"question", transaction_id=b"mine"), PATIENCE_S)
    assert reply is not None
    assert (reply.mtype, reply.payload, reply.call_id, reply.flags) == (31, b"QUESTION", 1, 0)
    assert a.receive(0) is None  # neither answer is an ordinary message


def test_a_call_marks_itself_and_an_ordinary_send_does_not(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    assert a.call(RmrMessage(30, b"", transaction_id=b"c"), 0.01, target=b.source, call_id=7) is None
    a.routes = route(30, b.source)
    a.send(RmrMessage(30, b"", flags=CALL_FLAG, call_id=9))
    called, sent = received(b), received(b)
    assert (called.flags, called.call_id) == (CALL_FLAG, 7)
    assert (sent.flags, sent.call_id) == (0, 0)


def test_an_answer_after_the_time_is_dropped(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    assert a.call(RmrMessage(30, b"", transaction_id=b"c"), 0.01, target=b.source) is None
    delivery = b.receive(PATIENCE_S)
    assert delivery is not None
    b.reply(delivery[1], replace(delivery[0], payload=b"too late"))
    b.send_to(a.source, RmrMessage(1, b"after it"))
    assert received(a).payload == b"after it"


def test_concurrent_calls_are_told_apart(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    b.on_message = lambda message, path: b.reply(path, message)
    results: queue.SimpleQueue[tuple[int, RmrMessage | None]] = queue.SimpleQueue()

    def ask(n: int) -> None:
        message = RmrMessage(30, bytes([n]), transaction_id=bytes([n]))
        results.put((n, a.call(message, PATIENCE_S, target=b.source, call_id=2 + n % 2)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in threads:
        n, reply = results.get(timeout=PATIENCE_S)
        assert reply is not None
        assert reply.payload == bytes([n])


def test_the_same_call_twice_at_once_is_our_own_fault(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    message = RmrMessage(30, b"", transaction_id=b"same")
    waiting = threading.Thread(target=a.call, args=(message, PATIENCE_S), kwargs={"target": b.source})
    waiting.start()
    delivery = b.receive(PATIENCE_S)
    assert delivery is not None
    with pytest.raises(LocalProtocolError, match="already"):
        a.call(message, 1.0, target=b.source)
    b.reply(delivery[1], delivery[0])
    waiting.join()


def test_a_call_from_a_handler_is_refused_since_it_would_wait_for_itself(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    outcome: queue.SimpleQueue[Exception] = queue.SimpleQueue()

    def call_back(message: RmrMessage, _: ReplyPath) -> None:
        try:
            b.call(message, 1.0, target=a.source)
        except LocalProtocolError as error:
            outcome.put(error)

    b.on_message = call_back
    a.send_to(b.source, RmrMessage(1, b""))
    assert "itself" in str(outcome.get(timeout=PATIENCE_S))


def test_closing_ends_a_waiting_call_and_a_waiting_receive(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    ended: queue.SimpleQueue[object] = queue.SimpleQueue()
    threads = [
        threading.Thread(target=lambda: ended.put(a.receive())),
        threading.Thread(target=lambda: ended.put(a.receive())),
        threading.Thread(target=lambda: ended.put(a.call(RmrMessage(1, b""), PATIENCE_S, target=b.source))),
    ]
    for thread in threads:
        thread.start()
    received(b)  # the call is out
    a.close()
    assert [ended.get(timeout=PATIENCE_S) for _ in threads] == [None, None, None]
    for thread in threads:
        thread.join()


def test_a_full_ring_drops_the_newest_and_counts(endpoint: Endpoints, caplog: pytest.LogCaptureFixture):
    a, b = endpoint(), endpoint(receive_queue=3)
    caplog.set_level(logging.WARNING)
    for n in range(10):
        a.send_to(b.source, RmrMessage(1, bytes([n])))
    assert a.call(RmrMessage(2, b""), 0.2, target=b.source) is None  # by then all ten have been read
    assert [received(b).payload[0] for _ in range(3)] == [0, 1, 2]
    assert b.receive(0) is None
    assert b.dropped == 8  # seven, and the call
    assert "full" in caplog.text


def test_a_handler_that_fails_is_logged_and_the_next_message_is_served(endpoint, caplog):
    a, b = endpoint(), endpoint()
    seen: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def handler(message: RmrMessage, _: ReplyPath) -> None:
        if not message.payload:
            raise RuntimeError("a bug in the handler")
        seen.put(message.payload)

    b.on_message = handler
    a.send_to(b.source, RmrMessage(1, b""))
    a.send_to(b.source, RmrMessage(1, b"next"))
    assert seen.get(timeout=PATIENCE_S) == b"next"
    assert "a bug in the handler" in caplog.text


def test_garbage_ends_its_own_connection_only(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    with socket.create_connection(("127.0.0.1", b.port)) as sock:
        sock.sendall(encode(RmrMessage(1, b"good")) + b"GET / HTTP/1.1\r\n\r\n")
        assert sock.recv(1) == b""
    a.send_to(b.source, RmrMessage(1, b"also good"))
    assert [received(b).payload, received(b).payload] == [b"good", b"also good"]


def test_a_restarted_peer_is_found_again(endpoint: Endpoints):
    a = endpoint()
    first = endpoint()
    where = first.source
    a.send_to(where, RmrMessage(1, b"one"))
    received(first)
    first.close()
    with pytest.raises(ConnectFailed):
        _send_until_refused(a, where)
    with RmrEndpoint("127.0.0.1", first.port) as second:
        a.send_to(where, RmrMessage(1, b"two"))
        assert received(second).payload == b"two"


def _send_until_refused(endpoint: RmrEndpoint, where: str, payload: bytes = b"lost") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        endpoint.send_to(where, RmrMessage(1, payload))


def test_one_connection_serves_all_messages_to_a_target(endpoint: Endpoints):
    a = endpoint()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        where = f"127.0.0.1:{server.getsockname()[1]}"
        senders = [threading.Thread(target=a.send_to, args=(where, RmrMessage(1, b"x" * 9000))) for _ in range(8)]
        for sender in senders:
            sender.start()
        sock, _ = server.accept()
        with sock:
            frames, reader = [], FrameReader()
            while len(frames) < 8:
                frames += reader.feed(sock.recv(100_000))
            for sender in senders:
                sender.join()
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()
        assert {frame.payload for frame in frames} == {b"x" * 9000}


def test_small_messages_do_not_wait_for_nagle(endpoint: Endpoints):
    a = endpoint()
    with socket.create_server(("127.0.0.1", 0)) as server:
        a.send_to(f"127.0.0.1:{server.getsockname()[1]}", RmrMessage(1, b"x"))
        connection = a._connections.reach(f"127.0.0.1:{server.getsockname()[1]}")
        assert connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_peer_that_reads_nothing_is_given_up_and_does_not_hold_the_sender_for_ever(endpoint, monkeypatch):
    monkeypatch.setattr("oran.rmr.connections.SEND_TIMEOUT_S", 0.05)
    a = endpoint()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr("oran.rmr.connections.CONNECT_TIMEOUT_S", 0.2)
        with pytest.raises((PeerClosed, ConnectFailed)):
            _send_until_refused(a, where, bytes(1_000_000))


def test_two_endpoints_cannot_share_a_port(endpoint: Endpoints):
    a = endpoint()
    with pytest.raises(ConnectFailed, match=str(a.port)):
        RmrEndpoint("127.0.0.1", a.port).start()


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no-such-host.invalid", 0), ("127.0.0.1", 70000)])
def test_a_place_that_is_not_ours_is_refused(host: str, port: int):
    endpoint = RmrEndpoint(host, port)
    with pytest.raises(ConnectFailed):
        endpoint.start()
    endpoint.close()


def test_running_out_of_descriptors_keeps_the_reader_alive(endpoint: Endpoints, monkeypatch, caplog):
    b = endpoint()
    failures = iter([OSError(24, "Too many open files")])
    accept = socket.socket.accept

    def exhausted(self: socket.socket) -> tuple[socket.socket, object]:
        for failure in failures:
            raise failure
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", exhausted)
    a = endpoint()
    a.send_to(b.source, RmrMessage(1, b"patient"))
    assert received(b).payload == b"patient"
    assert "Too many open files" in caplog.text


def test_closing_leaves_no_thread_and_frees_the_port(endpoint: Endpoints):
    before = set(threading.enumerate())
    a, b = endpoint(), endpoint()
    a.send_to(b.source, RmrMessage(1, b""))
    received(b)
    a.close()
    b.close()
    b.close()
    assert set(threading.enumerate()) == before
    with RmrEndpoint("127.0.0.1", b.port):
        pass


def test_an_endpoint_that_was_never_started_closes():
    RmrEndpoint("127.0.0.1", 0).close()


def test_a_closed_endpoint_sends_nothing(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    a.close()
    with pytest.raises(ConnectFailed):
        a.send_to(b.source, RmrMessage(1, b""))
    assert a.receive(0) is None


def test_a_handler_may_close_its_own_endpoint(endpoint: Endpoints):
    a, b = endpoint(), endpoint()
    b.on_message = lambda *_: b.close()
    with socket.create_connection(("127.0.0.1", b.port)) as sock:
        sock.sendall(encode(RmrMessage(1, b"stop")))
        sock.settimeout(PATIENCE_S)
        assert sock.recv(1) == b""
    with pytest.raises(ConnectFailed):
        _send_until_refused(a, b.source)


def test_a_wildcard_endpoint_knows_itself_by_loopback_and_has_an_address(endpoint: Endpoints):
    with RmrEndpoint("0.0.0.0", 0, source_name="me") as a, RmrEndpoint("127.0.0.1", 0) as b:
        assert {f"me:{a.port}", f"127.0.0.1:{a.port}", a.source_ip} <= a.own_names
        a.send_to(b.source, RmrMessage(1, b""))
        assert received(b).source == f"me:{a.port}"


def test_the_frame_on_the_socket_is_the_frame_of_the_codec(endpoint: Endpoints):
    a = endpoint()
    with socket.create_server(("127.0.0.1", 0)) as server:
        a.send_to(f"127.0.0.1:{server.getsockname()[1]}", RmrMessage(12050, b"pdu", 4, "gnb"))
        sock, _ = server.accept()
        with sock:
            frame = sock.recv(4096)
    expected = RmrMessage(12050, b"pdu", 4, "gnb", source=a.source, source_ip=a.source_ip)
    assert frame == encode(expected)
    assert decode(frame) == expected
