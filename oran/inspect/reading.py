"""One message read to the bottom: E2AP, and the service model's octet strings inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oran.e2ap import (
    E2SetupRequest,
    Pdu,
    PduRefused,
    RicControlAcknowledge,
    RicControlFailure,
    RicControlRequest,
    RicIndication,
    RicRequestId,
    RicServiceUpdate,
    RicSubscriptionRequest,
    decode,
)
from oran.e2sm.rrm import ReportAssembler
from oran.errors import DecodeError
from oran.inspect.models import FunctionBook, Reader, ServiceModel, announced_model, control_meaning
from oran.inspect.streams import Message

OctetStrings = tuple[tuple[str, bytes, Reader | None], ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An octet string that its model's reader refused."""

    octets: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """Part of a report that is not whole yet."""

    octets: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message says.

    Attributes:
        pdu: None if it is no E2AP-PDU that can be read; ``refusal`` then says why and what could be read.
        model: of the RAN function concerned; None if there is none or nobody knows it.
        guessed: no set-up has told the model; it is the first that could read everything.
        contents: field of the PDU, e.g. ``"message"`` or ``"actions[0].definition"`` -> what it holds.
    """

    message: Message
    pdu: Pdu | None = None
    refusal: PduRefused | None = None
    model: ServiceModel | None = None
    guessed: bool = False
    contents: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether everything in it could be read."""
        return self.pdu is not None and not any(isinstance(value, Unreadable) for value in self.contents.values())


class MessageReader:
    """Reads messages in the order of their capture, remembering what earlier ones announced.

    Args:
        book: which RAN function speaks which model.
    """

    def __init__(self, book: FunctionBook | None = None) -> None:
        self._book = book if book is not None else FunctionBook()
        self._assemblers: dict[tuple[frozenset[str], RicRequestId], ReportAssembler] = {}

    def read(self, message: Message) -> Reading:
        """Whatever can be read of ``message``; never raises."""
        try:
            pdu = decode(message.data)
        except PduRefused as refused:
            return Reading(message, refusal=refused)
        self._book.learn(message.conversation, pdu)
        if isinstance(pdu, (E2SetupRequest, RicServiceUpdate)):
            return Reading(message, pdu, contents=_definitions(pdu))
        return self._read_function(message, pdu)

    def _read_function(self, message: Message, pdu: Pdu) -> Reading:
        function_id = getattr(pdu, "ran_function_id", None)
        if function_id is None:
            return Reading(message, pdu)
        models = self._book.candidates(message.conversation, function_id)
        guessed = len(models) > 1
        for model in models:
            reading = Reading(message, pdu, None, model, guessed, self._contents(message, pdu, model))
            if reading.whole or not guessed:
                return reading
        return Reading(message, pdu)

    def _contents(self, message: Message, pdu: Pdu, model: ServiceModel) -> dict[str, Any]:
        contents = {name: _read(octets, reader) for name, octets, reader in _octet_strings(pdu, model) if reader}
        if isinstance(pdu, RicIndication) and model.indication_message is None:
            contents["message"] = self._assemble(message, pdu)
        if isinstance(pdu, RicControlRequest):
            contents["message"] = control_meaning(contents.get("header"), contents.get("message"))
        return contents

    def _assemble(self, message: Message, pdu: RicIndication) -> Any:
        assembler = self._assemblers.setdefault((message.conversation, pdu.request_id), ReportAssembler())
        try:
            report = assembler.add(pdu.header, pdu.message)
        except DecodeError as error:
            return Unreadable(pdu.message, str(error))
        return Fragment(len(pdu.message)) if report is None else report


def _octet_strings(pdu: Pdu, model: ServiceModel) -> OctetStrings:
    """(field, octets, reader) of every octet string of ``pdu`` that belongs to the service model."""
    match pdu:
        case RicSubscriptionRequest():
            actions = (
                (f"actions[{number}].definition", action.definition, model.action)
                for number, action in enumerate(pdu.actions)
                if action.definition is not None
            )
            return ("event_trigger", pdu.event_trigger, model.event_trigger), *actions
        case RicIndication():
            return (
                ("header", pdu.header, model.indication_header),
                ("message", pdu.message, model.indication_message),
            )
        case RicControlRequest():
            return ("header", pdu.header, model.control_header), ("message", pdu.message, model.control_message)
        case RicControlAcknowledge() | RicControlFailure() if pdu.outcome is not None:
            return (("outcome", pdu.outcome, model.control_outcome),)
    return ()


def _definitions(pdu: E2SetupRequest | RicServiceUpdate) -> dict[str, Any]:
    fields = ("ran_functions",) if isinstance(pdu, E2SetupRequest) else ("added", "modified")
    contents: dict[str, Any] = {}
    for name in fields:
        for number, function in enumerate(getattr(pdu, name)):
            model = announced_model(function)
            if model is not None:
                contents[f"{name}[{number}].definition"] = _read(function.definition, model.ran_function)
    return contents


def _read(octets: bytes, reader: Callable[[bytes], Any]) -> Any:
    try:
        return reader(octets)
    except DecodeError as error:
        return Unreadable(octets, str(error))
