"""``python -m xapps.runtime --config FILE [--option VALUE ...]``: one xApp until SIGTERM or SIGINT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xapps import allocators
from xapps.runtime import program, settings

if TYPE_CHECKING:
    from xapps.runtime.process import XappProcess


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one xApp; 0 after a signal, 2 if a setting is wrong."""
    return program.run(build, arguments)


def build(arguments: Sequence[str]) -> XappProcess:
    """The xApp that the command line, the environment and the descriptor ask for.

    Raises:
        ConfigError: names the setting that is wrong.
    """
    chosen = settings.load(arguments)
    program.prepare(chosen)
    for name in chosen.preload:
        allocators.load_class(name)
    from xapps.runtime.process import XappProcess  # imports the framework

    return XappProcess(chosen)


if __name__ == "__main__":
    program.leave(main())
