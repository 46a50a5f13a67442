"""The doctor against RICs that misbehave in each of the ways it knows, and against one that does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from oran.e2ap import (
    CauseMisc,
    CauseProtocol,
    CauseRicService,
    ComponentConfigAck,
    Criticality,
    CriticalityDiagnostics,
    E2SetupFailure,
    E2SetupRequest,
    E2SetupResponse,
    ErrorIndication,
    GlobalRicId,
    IeDiagnostic,
    Pdu,
    RanFunctionRef,
    RanFunctionRejected,
    TimeToWait,
    decode,
    encode,
)
from oran.inspect.doctor import Examination, Step
from oran.transport import Channel, listen
from tests.ric.actors import RedisServer, redis_server, settings

Answer = Callable[[E2SetupRequest], Pdu]


def examined(answer: Callable[[Channel], Awaitable[None]], timeout_s: float = 5.0) -> list[Step]:
    """The steps against a RIC that behaves as ``answer`` does."""

    async def scenario() -> list[Step]:
        listener = await listen("tcp://127.0.0.1:0", answer)
        examination = Examination(listener.url, timeout_s=timeout_s)
        steps = [step async for step in examination.steps()]
        await listener.close()
        return steps

    return asyncio.run(scenario())


def answering(answer: Answer) -> Callable[[Channel], Awaitable[None]]:
    async def serve(channel: Channel) -> None:
        request = decode(await channel.receive())
        assert isinstance(request, E2SetupRequest)
        await channel.send(encode(answer(request)))
        await channel.receive()

    return serve


def accept(request: E2SetupRequest) -> E2SetupResponse:
    kpm_item, rc_item = request.ran_functions
    return E2SetupResponse(
        request.transaction_id,
        GlobalRicId(b"\x00\xf1\x10", 25),
        (RanFunctionRef(kpm_item.id, kpm_item.revision),),
        (RanFunctionRejected(rc_item.id, CauseRicService.RAN_FUNCTION_NOT_SUPPORTED),),
        tuple(ComponentConfigAck(item.component, CauseMisc.UNSPECIFIED) for item in request.components),
    )


def test_a_set_up_that_works_passes_every_step_and_tells_what_was_rejected():
    steps = examined(answering(accept))
    assert [step.name for step in steps] == ["resolve", "connect", "send E2setupRequest", "E2setupResponse"]
    assert all(step.passed for step in steps)
    assert steps[-1].told == "RIC 25 accepts RAN functions: 2"
    assert steps[-1].advice == (
        "RAN function 3 was rejected: ricService: ran-function-not-supported",
        "component ng was refused: misc: unspecified",
    )


def test_a_failure_is_told_with_cause_wait_and_the_elements_at_fault():
    ies = (IeDiagnostic(Criticality.REJECT, 50, missing=True),)

    def refuse(request: E2SetupRequest) -> E2SetupFailure:
        diagnostics = CriticalityDiagnostics(ies=ies)
        cause = CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT
        return E2SetupFailure(request.transaction_id, cause, TimeToWait.V60S, diagnostics)

    last = examined(answering(refuse))[-1]
    assert (last.name, last.passed) == ("E2setupFailure", False)
    assert last.told == "protocol: abstract-syntax-error-reject"
    assert any("another version of E2AP" in line for line in last.advice)
    assert any(line.startswith("wait 60 s") for line in last.advice)
    assert "information elements at fault: 50 missing" in last.advice


def test_an_error_indication_in_place_of_an_answer_is_told():
    last = examined(answering(lambda _: ErrorIndication(cause=CauseProtocol.TRANSFER_SYNTAX_ERROR)))[-1]
    assert (last.name, last.told) == ("ErrorIndication", "protocol: transfer-syntax-error")
    assert any("E2AP v1" in line for line in last.advice)


def test_silence_is_told_with_what_is_known_of_silent_rics():
    async def say_nothing(channel: Channel) -> None:
        await channel.receive()
        await channel.receive()

    last = examined(say_nothing, timeout_s=0.2)[-1]
    assert (last.passed, last.told) == (False, "none within 0.2 s")
    assert any("E2 manager" in line for line in last.advice)


def test_a_peer_that_hangs_up_is_told_with_what_is_known_of_those():
    async def hang_up(channel: Channel) -> None:
        await channel.receive()

    last = examined(hang_up)[-1]
    assert not last.passed
    assert "the peer closed instead" in last.told
    assert any("FlexRIC" in line for line in last.advice)


@pytest.mark.parametrize("octets", [b"\xff\xff", encode(ErrorIndication(cause=CauseMisc.UNSPECIFIED))[:-1]])
def test_an_answer_that_is_no_e2ap_is_told(octets: bytes):
    async def babble(channel: Channel) -> None:
        await channel.receive()
        await channel.send(octets)
        await channel.receive()

    last = examined(babble)[-1]
    assert not last.passed
    assert last.told.startswith("not understood")


def test_a_server_of_another_protocol_is_told():
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(10_000)

    async def scenario() -> Step:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(asyncio.to_thread(serve, listener))
            url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            *_, last = [step async for step in Examination(url).steps()]
            await serving
            return last

    last = asyncio.run(scenario())
    assert not last.passed
    assert any("not E2AP" in line for line in last.advice)


def test_a_closed_port_fails_the_connection_and_an_unknown_name_its_resolution():
    async def steps(url: str) -> list[Step]:
        return [step async for step in Examination(url, timeout_s=2.0).steps()]

    *_, refused = asyncio.run(steps("tcp://127.0.0.1:1"))
    assert (refused.name, refused.passed) == ("connect", False)
    assert any("is the E2 termination running" in line for line in refused.advice)
    *_, unknown = asyncio.run(steps("tcp://no-such-host.invalid:36422"))
    assert (unknown.name, unknown.passed) == ("resolve", False)


def test_our_own_ric_is_found_healthy():
    from ric.platform import NearRtRic  # here: the only test that needs a RIC

    async def scenario(redis: RedisServer) -> list[Step]:
        async with NearRtRic(settings(redis)) as ric:
            return [step async for step in Examination(ric.addresses["e2"]).steps()]

    with redis_server() as redis:
        last = asyncio.run(scenario(redis))[-1]
    assert last.passed and last.told.endswith("accepts RAN functions: 2, 3")
