"""``python -m xapps.runtime --config FILE [--option VALUE ...]``: one xApp until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oran.errors import ConfigError
from oran.rmr import library
from xapps import allocators
from xapps.runtime import logs, settings

if TYPE_CHECKING:
    from xapps.runtime.process import XappProcess

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one xApp; 0 after a signal, 2 if a setting is wrong."""
    try:
        process = build(sys.argv[1:] if arguments is None else arguments)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.end())
        process.run()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - for whoever typed it
        return 2
    return 0


def build(arguments: Sequence[str]) -> XappProcess:
    """The xApp that the command line, the environment and the descriptor ask for.

    Raises:
        ConfigError: names the setting that is wrong.
    """
    chosen = settings.load(arguments)
    logs.configure(chosen.log_level)
    settings.prepare_environment(chosen)
    for name in chosen.preload:
        allocators.load_class(name)
    library.install_if_absent(log)
    from xapps.runtime.process import XappProcess  # imports the framework, which loads librmr or the stand-in

    return XappProcess(chosen)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)  # the framework's threads are no daemons and would hold the process for seconds
