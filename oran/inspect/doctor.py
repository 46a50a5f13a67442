"""A set-up in the place of an E2 node, step by step, to see where and why it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from oran.e2ap import (
    ComponentConfig,
    ComponentId,
    E2Association,
    E2SetupFailure,
    E2SetupRequest,
    E2SetupResponse,
    ErrorIndication,
    GlobalGnbId,
    InterfaceType,
    Pdu,
    PduReceived,
    ProtocolViolation,
    RanFunction,
    Role,
)
from oran.e2sm import kpm, rc
from oran.errors import ConnectFailed, PeerClosed, RemoteProtocolError
from oran.inspect import advice
from oran.inspect.values import cause_text, short_text
from oran.transport import Channel, connect
from oran.transport.address import Address

POSED_NODE: Final = GlobalGnbId(b"\x00\xf1\x10", 0x3FFFFF, 22)
"""gNB 0x3fffff of 001/01: unlikely to be anybody's."""
_COMPONENT: Final = ComponentConfig(ComponentId(InterfaceType.NG, "doctor-amf"), b"", b"")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a set-up.

    Attributes:
        name: what was tried.
        passed: whether it worked.
        told: what came of it.
        advice: what may help, where it did not.
    """

    name: str
    passed: bool
    told: str
    advice: tuple[str, ...] = ()


def kpm_function() -> RanFunction:
    """KPM with one measurement, as srsRAN and FlexRIC number and announce it."""
    style = kpm.ReportStyle(1, "E2 Node Measurement", 1, (kpm.OfferedMeasurement("RRU.PrbTotDl"),))
    trigger = kpm.EventTriggerStyle(1, "Periodic Report", 1)
    name = kpm.RanFunctionName(kpm.SHORT_NAME, kpm.SRSRAN.oid, "KPM Monitor")
    definition = kpm.encode_ran_function(kpm.RanFunctionDefinition(name, (trigger,), (style,)))
    return RanFunction(kpm.RAN_FUNCTION_ID, definition, 1, kpm.SRSRAN.oid)


def rc_function() -> RanFunction:
    """RC with slice-level PRB quota."""
    style = rc.ControlStyle(2, "Radio Resource Allocation Control", (rc.ControlAction(6, "Slice-level PRB quota"),))
    name = rc.RanFunctionName(rc.SHORT_NAME, rc.OID, "RAN Control")
    definition = rc.encode_ran_function(rc.RanFunctionDefinition(name, controls=(style,)))
    return RanFunction(rc.RAN_FUNCTION_ID, definition, 1, rc.OID)


def standard_functions() -> tuple[RanFunction, ...]:
    """KPM and RC: what every RIC in the field knows."""
    return kpm_function(), rc_function()


@dataclass(frozen=True, slots=True)
class Examination:
    """What to try, and with which identity.

    Attributes:
        url: the E2 termination.
        node_id: the node to pose as; one that exists already is disturbed.
        functions: RAN functions to offer, at least one.
        timeout_s: how long each step may take.
    """

    url: str
    node_id: GlobalGnbId = POSED_NODE
    functions: tuple[RanFunction, ...] = field(default_factory=standard_functions)
    timeout_s: float = 5.0

    async def steps(self) -> AsyncIterator[Step]:
        """The steps in order; the last one is the one that failed, or the set-up's success.

        Raises:
            ConfigError: the URL is none.
        """
        address = Address.parse(self.url)
        if address.scheme != "memory":
            step = await self._resolve(address)
            yield step
            if not step.passed:
                return
        try:
            channel = await connect(self.url, timeout_s=self.timeout_s)
        except ConnectFailed as error:
            yield Step("connect", False, str(error), tuple(advice.for_no_connection(address, str(error))))
            return
        yield Step("connect", True, f"connected to {channel.peer}")
        try:
            async for step in self._set_up(channel):
                yield step
        finally:
            await channel.close()

    async def _resolve(self, address: Address) -> Step:
        try:
            async with asyncio.timeout(self.timeout_s):
                found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port)
        except (OSError, TimeoutError) as error:
            why = str(error) or "no answer from the name service"
            return Step("resolve", False, f"{address.host}: {why}", ("is the name right, and known on this host?",))
        places = ", ".join(sorted({str(place[4][0]) for place in found}))
        return Step("resolve", True, f"{address.host} is {places}")

    async def _set_up(self, channel: Channel) -> AsyncIterator[Step]:
        association = E2Association(Role.E2_NODE)
        request = E2SetupRequest(association.next_transaction_id(), self.node_id, self.functions, (_COMPONENT,))
        association.send(request, time.monotonic())
        try:
            for stream, data in association.outbox():
                await channel.send(data, stream=stream)
        except PeerClosed as error:
            yield Step("send E2setupRequest", False, str(error), advice.HANG_UP)
            return
        offered = ", ".join(f"{function.id} ({function.oid})" for function in self.functions)
        yield Step("send E2setupRequest", True, f"as {short_text(self.node_id)}; RAN functions {offered}")
        yield await self._answer(channel, association)

    async def _answer(self, channel: Channel, association: E2Association) -> Step:
        name = "wait for the answer"
        try:
            async with asyncio.timeout(self.timeout_s):
                while True:
                    for event in association.receive(await channel.receive(), time.monotonic()):
                        if isinstance(event, ProtocolViolation):
                            return Step(name, False, f"not understood: {event.error}", advice.FOREIGN)
                        if isinstance(event, PduReceived) and (step := _judged(event.pdu)):
                            return step
        except TimeoutError:
            return Step(name, False, f"none within {self.timeout_s:g} s", advice.SILENCE)
        except PeerClosed as error:
            return Step(name, False, f"the peer closed instead: {error}", advice.HANG_UP)
        except RemoteProtocolError as error:
            return Step(name, False, str(error), advice.FOREIGN)


def _judged(pdu: Pdu) -> Step | None:
    match pdu:
        case E2SetupResponse():
            return _judged_response(pdu)
        case E2SetupFailure():
            return Step("E2setupFailure", False, cause_text(pdu.cause), tuple(advice.for_failure(pdu)))
        case ErrorIndication():
            failure = E2SetupFailure(0, pdu.cause, None, pdu.diagnostics) if pdu.cause is not None else None
            told = cause_text(pdu.cause) if pdu.cause is not None else "without a cause"
            return Step("ErrorIndication", False, told, tuple(advice.for_failure(failure)) if failure else ())
    return None


def _judged_response(response: E2SetupResponse) -> Step:
    accepted = ", ".join(str(function.id) for function in response.accepted) or "none"
    told = f"RIC {response.ric_id.ric_id} accepts RAN functions: {accepted}"
    refused = [f"RAN function {item.id} was rejected: {cause_text(item.cause)}" for item in response.rejected]
    refused += [
        f"component {item.component.interface.value} was refused: {cause_text(item.failure_cause)}"
        for item in response.component_acks
        if item.failure_cause is not None
    ]
    return Step("E2setupResponse", True, told, tuple(refused))
