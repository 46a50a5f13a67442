"""``python -m xapps.kpimon --config FILE [--option VALUE ...]``: the KPI monitor until SIGTERM or SIGINT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xapps.kpimon import settings
from xapps.runtime import program

if TYPE_CHECKING:
    from xapps.kpimon.process import KpimonProcess


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the KPI monitor; 0 after a signal, 2 if a setting is wrong."""
    return program.run(build, arguments)


def build(arguments: Sequence[str]) -> KpimonProcess:
    """The monitor that the command line, the environment and the descriptor ask for.

    Raises:
        ConfigError: names the setting that is wrong.
    """
    chosen = settings.load(arguments)
    program.prepare(chosen)
    from xapps.kpimon.process import KpimonProcess  # imports the framework

    return KpimonProcess(chosen)


if __name__ == "__main__":
    program.leave(main())
