"""``python -m xapps NAME [--option VALUE ...]``: the xApp onboarded from ``xapps/NAME/xapp/config-file.json``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from xapps.runtime.program import leave

ROOM = Path(__file__).parent


def main(arguments: Sequence[str]) -> int:
    """Run a named xApp; 2 if there is none of that name."""
    known = sorted(path.parent.parent.name for path in ROOM.glob("*/xapp/config-file.json"))
    if not arguments or arguments[0] not in known:
        print(f"usage: python -m xapps {{{','.join(known)}}} [--option VALUE ...]", file=sys.stderr)  # noqa: T201
        return 2
    descriptor = ROOM / arguments[0] / "xapp" / "config-file.json"
    status: int = import_module(_program(arguments[0])).main(["--config", str(descriptor), *arguments[1:]])
    return status


def _program(name: str) -> str:
    """The xApp's own program, or the one that runs allocators."""
    own = f"xapps.{name}.__main__"
    return own if find_spec(own) is not None else "xapps.runtime.__main__"


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
