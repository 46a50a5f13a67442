"""What only SCTP has: payload protocol, streams, aborts, partial delivery."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine, Iterator

import pytest

from oran.errors import DecodeError, LocalProtocolError, PeerClosed
from oran.transport import Channel, connect, listen
from oran.transport.sctp import MAX_MESSAGE_BYTES, SctpChannel, kernel_has_sctp

pytestmark = [pytest.mark.sctp, pytest.mark.skipif(not kernel_has_sctp(), reason="this kernel has no SCTP")]

IPPROTO_SCTP = 132
SNDRCV = struct.Struct("=HHH2xIIIIIi")  # sctp_sndrcvinfo: stream ssn flags ppid context ttl tsn cumtsn assoc


def run(coroutine: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 20))


@contextlib.contextmanager
def plain_listener() -> Iterator[tuple[socket.socket, str]]:
    """A listening SCTP socket of another implementation: older ancillary data, blocking calls."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(1)
        sock.setsockopt(IPPROTO_SCTP, 11, b"\1" + bytes(9))  # SCTP_EVENTS: data io, i.e. sndrcvinfo
        yield sock, f"sctp://127.0.0.1:{sock.getsockname()[1]}"


async def plain_peer(sock: socket.socket, url: str) -> tuple[Channel, socket.socket]:
    near, (far, _) = await asyncio.gather(connect(url), asyncio.to_thread(sock.accept))
    return near, far


def send_plain(sock: socket.socket, data: bytes, *, ppid: int, stream: int = 0) -> None:
    info = SNDRCV.pack(stream, 0, 0, socket.htonl(ppid), 0, 0, 0, 0, 0)
    sock.sendmsg([data], [(IPPROTO_SCTP, 1, info)])


@pytest.mark.parametrize("stream", [0, 1])
def test_messages_leave_with_ppid_70_on_their_stream(stream: int):
    async def scenario() -> None:
        with plain_listener() as (sock, url):
            near, far = await plain_peer(sock, url)
            await near.send(b"pdu", stream=stream)
            data, ancillary, flags, _ = await asyncio.to_thread(far.recvmsg, 100, 200)
            fields = SNDRCV.unpack_from(ancillary[0][2])
            assert (data, fields[0], socket.ntohl(fields[3])) == (b"pdu", stream, 70)
            assert flags & socket.MSG_EOR
            await near.close()
            far.close()

    run(scenario())


@pytest.mark.parametrize("ppid", [0, 70, 71, 72])
@pytest.mark.parametrize("stream", [0, 1])
def test_messages_of_every_e2_implementation_are_taken(ppid: int, stream: int):
    async def scenario() -> None:
        with plain_listener() as (sock, url):
            near, far = await plain_peer(sock, url)
            assert isinstance(near, SctpChannel)
            send_plain(far, b"pdu", ppid=ppid, stream=stream)
            assert await near.receive() == b"pdu"
            assert (near.last_ppid, near.last_stream) == (ppid, stream)
            await near.close()
            far.close()

    run(scenario())


@pytest.mark.parametrize("ppid", [18, 60, 64, 2**32 - 1])
def test_another_protocol_is_refused_and_the_association_closed(ppid: int):
    async def scenario() -> None:
        with plain_listener() as (sock, url):
            near, far = await plain_peer(sock, url)
            send_plain(far, b"NGAP", ppid=ppid)
            with pytest.raises(DecodeError, match=str(ppid)):
                await near.receive()
            with pytest.raises(PeerClosed):
                await near.receive()
            far.close()

    run(scenario())


def test_a_message_beyond_the_limit_is_refused():
    async def scenario() -> None:
        with plain_listener() as (sock, url):
            near, far = await plain_peer(sock, url)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MAX_MESSAGE_BYTES)
            sending = asyncio.create_task(asyncio.to_thread(send_plain, far, bytes(MAX_MESSAGE_BYTES + 1), ppid=70))
            with pytest.raises(DecodeError, match="octets"):
                await near.receive()
            await asyncio.gather(sending, return_exceptions=True)
            far.close()

    run(scenario())


def test_an_abort_by_the_peer_is_peer_closed():
    async def scenario() -> None:
        with plain_listener() as (sock, url):
            near, far = await plain_peer(sock, url)
            waiting = asyncio.create_task(near.receive())
            await asyncio.sleep(0)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()  # with a linger time of zero: ABORT
            with pytest.raises(PeerClosed):
                await waiting
            with pytest.raises(PeerClosed):
                await near.send(b"x")
            await near.close()

    run(scenario())


def test_a_stream_beyond_the_negotiated_two_is_our_own_fault():
    async def scenario() -> None:
        with plain_listener() as (sock, url):
            near, far = await plain_peer(sock, url)
            for stream in (2, 65535, 65536, -1):
                with pytest.raises(LocalProtocolError):
                    await near.send(b"pdu", stream=stream)
            await near.send(b"pdu", stream=1)
            assert await asyncio.to_thread(far.recv, 100) == b"pdu"
            await near.close()
            far.close()

    run(scenario())


def test_a_client_comes_back_after_each_end():
    async def scenario() -> None:
        async def answer_once(channel: Channel) -> None:
            await channel.send(await channel.receive())

        listener = await listen("sctp://127.0.0.1:0", answer_once)
        for turn in range(5):
            channel = await connect(listener.url)
            await channel.send(bytes([turn]) * 60_000)
            assert await channel.receive() == bytes([turn]) * 60_000
            with pytest.raises(PeerClosed):
                await channel.receive()
            await channel.close()
        await listener.close()

    run(scenario())


def test_ipv6_works_as_ipv4():
    async def scenario() -> None:
        async def echo(channel: Channel) -> None:
            await channel.send(await channel.receive())

        listener = await listen("sctp://[::1]:0", echo)
        channel = await connect(listener.url)
        await channel.send(b"six")
        assert await channel.receive() == b"six"
        await channel.close()
        await listener.close()

    run(scenario())
