"""What a person hands over to be decoded: hexadecimal text, a file of it, raw octets or a capture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oran.e2ap import decode
from oran.errors import DecodeError
from oran.inspect.pcap import is_capture, read_packets
from oran.inspect.streams import E2Streams, Message, TcpDirection

_SEPARATORS: Final = re.compile(r"0x|\\x|[\s:,.-]", re.IGNORECASE)
_HEXDUMP_LINE: Final = re.compile(
    r"^\s*(?P<offset>[0-9a-f]{4,8}):?\s{1,3}(?P<octets>(?:[0-9a-f]{2,4} {1,2}){0,15}[0-9a-f]{2,4})(?:\s{2,}.*)?$",
    re.IGNORECASE,
)


def messages_of_text(text: str) -> list[Message]:
    """One message a line of hexadecimal digits, or one out of a hex dump with offsets.

    Raises:
        DecodeError: a line that is no hexadecimal.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    dump = [match for line in lines if (match := _HEXDUMP_LINE.match(line))]
    if dump and len(dump) == len(lines) and int(dump[0]["offset"], 16) == 0:  # no PDU begins with 00 00
        return _of_dump(dump)
    return [Message(_octets(line)) for line in lines]


def _of_dump(lines: list[re.Match[str]]) -> list[Message]:
    messages: list[bytes] = []
    for line in lines:
        if int(line["offset"], 16) == 0:
            messages.append(b"")
        messages[-1] += _octets(line["octets"])
    return [Message(data) for data in messages]


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(_SEPARATORS.sub("", text))
    except ValueError as error:
        raise DecodeError(f"{text.strip()[:60]!r} is not hexadecimal") from error


def messages_of_file(data: bytes) -> Iterator[Message]:
    """Messages of a file: a capture, hexadecimal text, one raw PDU, or a stream of length-prefixed ones.

    Raises:
        DecodeError: none of these.
    """
    if is_capture(data):
        streams = E2Streams()
        for packet in read_packets(data):
            yield from streams.add(packet)
        return
    text = _text(data)
    if text is not None:
        yield from messages_of_text(text)
        return
    yield from _raw(data)


def _text(data: bytes) -> str | None:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if all(line.expandtabs().isprintable() for line in text.splitlines()) else None


def _raw(data: bytes) -> list[Message]:
    prefixed = TcpDirection(0).add(0, data)
    if sum(len(message) + 4 for message in prefixed) == len(data):
        return [Message(message) for message in prefixed]
    try:
        decode(data)
    except DecodeError as error:
        raise DecodeError(f"neither a capture, nor hexadecimal, nor an E2AP-PDU: {error}", error.cause) from error
    return [Message(data)]
