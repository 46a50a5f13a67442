"""``python -m xapps.kpimon --config FILE [--option VALUE ...]``: the KPI monitor until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oran.errors import ConfigError
from oran.rmr import library
from xapps.kpimon import settings
from xapps.runtime import logs
from xapps.runtime.platform_settings import prepare_environment

if TYPE_CHECKING:
    from xapps.kpimon.process import KpimonProcess

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the KPI monitor; 0 after a signal, 2 if a setting is wrong."""
    try:
        process = build(sys.argv[1:] if arguments is None else arguments)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.end())
        process.run()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - for whoever typed it
        return 2
    return 0


def build(arguments: Sequence[str]) -> KpimonProcess:
    """The monitor that the command line, the environment and the descriptor ask for.

    Raises:
        ConfigError: names the setting that is wrong.
    """
    chosen = settings.load(arguments)
    logs.configure(chosen.log_level)
    prepare_environment(chosen)
    library.install_if_absent(log)
    from xapps.kpimon.process import KpimonProcess  # imports the framework, which loads librmr or the stand-in

    return KpimonProcess(chosen)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)  # the framework's threads are no daemons and would hold the process for seconds
