"""One contract, every transport: what holds for a channel holds for TCP, SCTP and memory alike."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

import pytest

from oran.errors import ConnectFailed, DecodeError, LocalProtocolError, PeerClosed
from oran.transport import Channel, Listener, connect, listen
from oran.transport.sctp import kernel_has_sctp

NOWHERE = {"tcp": "tcp://127.0.0.1:0", "sctp": "sctp://127.0.0.1:0", "memory": "memory://"}
needs_sctp = [pytest.mark.sctp, pytest.mark.skipif(not kernel_has_sctp(), reason="this kernel has no SCTP")]


@pytest.fixture(params=["tcp", "memory", pytest.param("sctp", marks=needs_sctp)])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(coroutine: Coroutine[object, object, None]) -> None:
    """Run within 20 s, so that a lost message fails the test and does not hang it."""
    asyncio.run(asyncio.wait_for(coroutine, 20))


@contextlib.asynccontextmanager
async def listening(scheme: str, on_channel: Callable[[Channel], Awaitable[None]]) -> AsyncIterator[Listener]:
    listener = await listen(NOWHERE[scheme], on_channel)
    try:
        yield listener
    finally:
        await listener.close()


@contextlib.asynccontextmanager
async def pair(scheme: str) -> AsyncIterator[tuple[Channel, Channel]]:
    """Two joined channels: the one that connected, the one that was accepted."""
    accepted: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def hold(channel: Channel) -> None:
        accepted.set_result(channel)
        await done.wait()

    async with listening(scheme, hold) as listener:
        near = await connect(listener.url)
        try:
            yield near, await accepted
        finally:
            await near.close()
            done.set()


async def send_for_ever(channel: Channel) -> None:
    while True:
        await channel.send(bytes(10_000))
        await asyncio.sleep(0)


async def echo(channel: Channel) -> None:
    while True:
        await channel.send(await channel.receive())


def test_a_message_comes_back_from_an_echo(scheme: str):
    async def scenario() -> None:
        async with listening(scheme, echo) as listener:
            channel = await connect(listener.url)
            await channel.send(b"\x00\x01e2")
            assert await channel.receive() == b"\x00\x01e2"
            await channel.close()

    run(scenario())


def test_boundaries_and_order_of_many_messages_are_kept(scheme: str):
    messages = [bytes([n % 256]) * (1 + 37 * n) for n in range(300)]

    async def scenario() -> None:
        async with pair(scheme) as (near, far):

            async def send_all() -> None:
                for message in messages:
                    await near.send(message, stream=1)

            sending = asyncio.create_task(send_all())
            assert [await far.receive() for _ in messages] == messages
            await sending

    run(scenario())


@pytest.mark.parametrize("size", [1, 8192, 60_000, 128 * 1024])
def test_a_large_pdu_arrives_whole(scheme: str, size: int):
    pdu = bytes(range(256)) * (size // 256) + bytes(size % 256)

    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            for there, back in ((near, far), (far, near)):
                await there.send(pdu)
                assert await back.receive() == pdu

    run(scenario())


def test_messages_flow_both_ways_at_once(scheme: str):
    async def stream_of(channel: Channel, octet: int) -> None:
        for _ in range(200):
            await channel.send(bytes([octet]) * 2000)

    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            sending = [asyncio.create_task(stream_of(near, 1)), asyncio.create_task(stream_of(far, 2))]
            for _ in range(200):
                assert (await far.receive())[:1] == b"\1"
                assert (await near.receive())[:1] == b"\2"
            await asyncio.gather(*sending)

    run(scenario())


def test_concurrent_senders_do_not_mix_their_messages(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            sending = [asyncio.create_task(near.send(bytes([n]) * 30_000)) for n in range(1, 9)]
            received = [await far.receive() for _ in sending]
            await asyncio.gather(*sending)
            assert sorted(received) == [bytes([n]) * 30_000 for n in range(1, 9)]

    run(scenario())


def test_what_was_sent_before_the_close_arrives_and_then_the_end(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            await near.send(b"first")
            await near.send(b"last")
            await near.close()
            assert [await far.receive(), await far.receive()] == [b"first", b"last"]
            for _ in range(2):
                with pytest.raises(PeerClosed):
                    await far.receive()

    run(scenario())


def test_a_waiting_receive_ends_when_the_peer_closes(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            waiting = asyncio.create_task(near.receive())
            await asyncio.sleep(0)
            await far.close()
            with pytest.raises(PeerClosed):
                await waiting

    run(scenario())


def test_a_waiting_receive_ends_when_its_own_end_is_closed(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, _):
            waiting = asyncio.create_task(near.receive())
            await asyncio.sleep(0)
            await near.close()
            with pytest.raises(PeerClosed):
                await waiting

    run(scenario())


def test_sending_to_a_peer_that_closed_ends_in_peer_closed(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            await far.close()
            with pytest.raises(PeerClosed):
                await send_for_ever(near)

    run(scenario())


def test_a_closed_channel_neither_sends_nor_receives_and_closes_again(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, _):
            await near.close()
            await near.close()
            with pytest.raises(PeerClosed):
                await near.send(b"x")
            with pytest.raises(PeerClosed):
                await near.receive()

    run(scenario())


@pytest.mark.parametrize("data", [b"", bytes(2 * 1024 * 1024)], ids=["empty", "too large"])
def test_empty_and_oversized_messages_are_our_own_fault_and_harm_nothing(scheme: str, data: bytes):
    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            with pytest.raises(LocalProtocolError):
                await near.send(data)
            await near.send(b"still here")
            assert await far.receive() == b"still here"

    run(scenario())


def test_a_cancelled_receive_loses_no_message(scheme: str):
    async def scenario() -> None:
        async with pair(scheme) as (near, far):
            waiting = asyncio.create_task(far.receive())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await near.send(b"kept")
            assert await far.receive() == b"kept"

    run(scenario())


def test_a_handler_that_fails_closes_only_its_own_channel(scheme: str, caplog: pytest.LogCaptureFixture):
    async def fragile(channel: Channel) -> None:
        while True:
            message = await channel.receive()
            if message == b"break":
                raise RuntimeError("a bug in the handler")
            await channel.send(message)

    async def scenario() -> None:
        async with listening(scheme, fragile) as listener:
            healthy, broken = await connect(listener.url), await connect(listener.url)
            await broken.send(b"break")
            with pytest.raises(PeerClosed):
                await broken.receive()
            await healthy.send(b"alive")
            assert await healthy.receive() == b"alive"
            await asyncio.gather(healthy.close(), broken.close())

    with caplog.at_level(logging.ERROR, "oran.transport"):
        run(scenario())
    assert "a bug in the handler" in caplog.text


def test_a_handler_that_returns_closes_its_channel(scheme: str):
    async def greet(channel: Channel) -> None:
        await channel.send(b"bye")

    async def scenario() -> None:
        async with listening(scheme, greet) as listener:
            channel = await connect(listener.url)
            assert await channel.receive() == b"bye"
            with pytest.raises(PeerClosed):
                await channel.receive()
            await channel.close()

    run(scenario())


def test_closing_the_listener_closes_its_channels_and_refuses_new_ones(scheme: str):
    async def scenario() -> None:
        listener = await listen(NOWHERE[scheme], echo)
        channel = await connect(listener.url)
        await channel.send(b"in")
        await channel.receive()
        await listener.close()
        with pytest.raises(PeerClosed):
            await channel.receive()
        await channel.close()
        with pytest.raises(ConnectFailed):
            await connect(listener.url, timeout_s=1.0)

    run(scenario())


def test_a_handler_may_close_the_listener(scheme: str):
    async def scenario() -> None:
        ended = asyncio.Event()

        async def stop(channel: Channel) -> None:
            await channel.receive()
            await listener.close()
            ended.set()

        listener = await listen(NOWHERE[scheme], stop)
        channel = await connect(listener.url)
        await channel.send(b"stop")
        await ended.wait()
        await channel.close()

    run(scenario())


def test_the_place_can_be_taken_again_after_a_restart(scheme: str):
    async def scenario() -> None:
        first = await listen(NOWHERE[scheme], echo)
        channel = await connect(first.url)
        await first.close()
        with pytest.raises(PeerClosed):
            await channel.receive()
        await channel.close()
        second = await listen(first.url, echo)
        again = await connect(first.url)
        await again.send(b"back")
        assert await again.receive() == b"back"
        await again.close()
        await second.close()

    run(scenario())


def test_a_place_that_is_taken_is_refused(scheme: str):
    async def scenario() -> None:
        async with listening(scheme, echo) as listener:
            with pytest.raises(ConnectFailed):
                await listen(listener.url, echo)

    run(scenario())


def test_a_sender_faster_than_the_receiver_is_held_back(scheme: str):
    sent = 0

    async def scenario() -> None:
        nonlocal sent
        async with pair(scheme) as (near, far):

            async def flood() -> None:
                nonlocal sent
                while True:
                    await near.send(bytes(100_000))
                    sent += 1

            flooding = asyncio.create_task(flood())
            before = -1
            while sent != before:  # until it stands still
                before = sent
                await asyncio.sleep(0.05)
            assert sent < 2000
            for _ in range(sent):
                await far.receive()
            assert await far.receive() == bytes(100_000)  # and it goes on
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)

    run(scenario())


@pytest.mark.parametrize("header", [b"\x00\x00\x00\x00", b"\x00\x10\x00\x01", b"\xff\xff\xff\xff", b"GET "])
def test_tcp_refuses_an_impossible_length_and_closes(header: bytes):
    async def scenario() -> None:
        outcome: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def receive_one(channel: Channel) -> None:
            try:
                await channel.receive()
            except DecodeError as error:
                outcome.set_result(error)

        async with listening("tcp", receive_one) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
            writer.write(header + b"more")
            assert "octets" in str(await outcome)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()

    run(scenario())


def test_tcp_writes_the_length_in_four_big_endian_octets():
    async def scenario() -> None:
        async def send_one(channel: Channel) -> None:
            await channel.send(b"abc")

        async with listening("tcp", send_one) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
            assert await reader.read() == b"\x00\x00\x00\x03abc"
            writer.close()

    run(scenario())


def test_a_stream_cut_inside_a_message_is_a_closed_peer():
    async def scenario() -> None:
        outcome: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def receive_one(channel: Channel) -> None:
            try:
                await channel.receive()
            except PeerClosed as error:
                outcome.set_result(error)

        async with listening("tcp", receive_one) as listener:
            _, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
            writer.write(b"\x00\x00\x00\x09half")
            writer.close()
            await outcome

    run(scenario())
