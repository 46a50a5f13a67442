"""``python -m oran``: read E2 traffic, find out why an E2 set-up fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from oran.e2ap import GlobalGnbId
from oran.errors import ConfigError, DecodeError
from oran.inspect.doctor import Examination, Step, kpm_function, rc_function
from oran.inspect.models import MODELS, FunctionBook, ServiceModel
from oran.inspect.reading import MessageReader
from oran.inspect.source import messages_of_file, messages_of_text
from oran.inspect.streams import Message
from oran.inspect.tree import title, tree

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The standards: E2 traffic made readable.")
WIDTH_WITHOUT_TERMINAL = 200
_OFFERS = {"kpm": kpm_function, "rc": rc_function}


@app.command()
def decode(
    source: Annotated[str, typer.Argument(help="Hexadecimal octets, a file (pcap, pcapng, hex, raw), or - .")] = "-",
    function: Annotated[list[str] | None, typer.Option(help="RAN function and its model, e.g. 2=KPM.")] = None,
    brief: Annotated[bool, typer.Option("--brief", help="One line a message.")] = False,
) -> None:
    """Prints E2AP messages with what the service models carry; exit status 1 if something could not be read."""
    console = _console()
    reader = MessageReader(FunctionBook(dict(map(_given, function or ()))))
    count = unread = 0
    try:
        for message in _messages(source):
            reading = reader.read(message)
            count, unread = count + 1, unread + (not reading.whole)
            console.print(title(reading) if brief else tree(reading))
    except (DecodeError, OSError) as error:
        typer.echo(f"oran decode: {error}", err=True)
        raise typer.Exit(2) from error
    if not count:
        typer.echo("oran decode: no E2 message in it", err=True)
        raise typer.Exit(2)
    raise typer.Exit(1 if unread else 0)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)


def _messages(source: str) -> Iterable[Message]:
    if source == "-":
        return messages_of_file(sys.stdin.buffer.read())
    path = Path(source)
    if len(source) < 256 and path.is_file():
        return messages_of_file(path.read_bytes())
    return messages_of_text(source)


def _given(text: str) -> tuple[int, ServiceModel]:
    number, _, name = text.partition("=")
    if not number.isdecimal() or name.upper() not in MODELS:
        raise typer.BadParameter(f"{text!r} is not ID=MODEL with one of {', '.join(MODELS)}")
    return int(number), MODELS[name.upper()]


@app.command()
def doctor(
    url: Annotated[str, typer.Argument(help="E2 termination: sctp://host:36422 or tcp://host:port.")],
    offer: Annotated[list[str] | None, typer.Option(help="RAN functions to offer: kpm, rc; both if not given.")] = None,
    plmn: Annotated[str, typer.Option(help="PLMN to pose in, MCC then MNC.")] = "00101",
    gnb_id: Annotated[int, typer.Option(help="22-bit gNB identifier to pose as.", min=0, max=(1 << 22) - 1)] = 0x3FFFFF,
    timeout_s: Annotated[float, typer.Option(help="How long each step may take.", min=0.1)] = 5.0,
) -> None:
    """Sets up with a RIC as an E2 node would and says step by step what fails; exit status 1 if something does."""
    unknown = sorted(set(offer or ()) - set(_OFFERS))
    if unknown:
        raise typer.BadParameter(f"cannot offer {', '.join(unknown)}; there are {', '.join(_OFFERS)}")
    functions = tuple(_OFFERS[name]() for name in offer or _OFFERS)
    examination = Examination(url, GlobalGnbId(_plmn(plmn), gnb_id, 22), functions, timeout_s)
    try:
        passed = asyncio.run(_examine(examination, _console()))
    except ConfigError as error:
        typer.echo(f"oran doctor: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(0 if passed else 1)


async def _examine(examination: Examination, console: Console) -> bool:
    passed = False
    async for step in examination.steps():
        passed = step.passed
        _print_step(step, console)
    return passed


def _print_step(step: Step, console: Console) -> None:
    mark = "[green]ok[/]  " if step.passed else "[red]FAIL[/]"
    console.print(f"{mark} {step.name}: ", end="")
    console.print(step.told, markup=False)
    for line in step.advice:
        console.print(f"       - {line}", markup=False)


def _plmn(digits: str) -> bytes:
    """Three octets of swapped nibbles (TS 38.413, 9.3.3.5)."""
    if not digits.isdecimal() or len(digits) not in (5, 6):
        raise typer.BadParameter(f"{digits!r} is not 5 or 6 digits")
    mcc, mnc = digits[:3], digits[3:].ljust(3, "f")
    return bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])


if __name__ == "__main__":
    app()
