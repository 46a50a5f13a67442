"""How an xApp's process begins and ends, whatever it does in between."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from oran.errors import ConfigError
from oran.rmr import library
from xapps.runtime import logs
from xapps.runtime.platform_settings import PlatformSettings, prepare_environment

log = logging.getLogger(__name__)


class Process(Protocol):
    """Something that runs until it is told to end."""

    def run(self) -> None: ...

    def end(self) -> None: ...


def prepare(chosen: PlatformSettings) -> None:
    """What must have happened before the framework is imported, which loads librmr or the stand-in."""
    logs.configure(chosen.log_level)
    prepare_environment(chosen)
    library.install_if_absent(log)


def run(build: Callable[[Sequence[str]], Process], arguments: Sequence[str] | None) -> int:
    """Build a process of the command line's arguments and run it; 0 after a signal, 2 if a setting is wrong."""
    try:
        process = build(sys.argv[1:] if arguments is None else arguments)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.end())
        process.run()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - for whoever typed it
        return 2
    return 0


def leave(status: int) -> NoReturn:
    """End now: the framework's threads are no daemons and would hold the process for seconds."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)
