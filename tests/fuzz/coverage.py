"""Coverage-guided fuzzing of one target with atheris (libFuzzer), which mutates towards branches not seen yet.

    python -m tests.fuzz.coverage e2ap -max_total_time=60

Starts from the committed corpus; keeps what it finds in ``out/fuzz/<target>``. A crash, an input slower than 1 s or
one that takes over 512 MiB ends the run and leaves the input beside them. Further options are libFuzzer's own.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["oran"], exclude=["oran._generated"]):
    from tests.fuzz.targets import CORPUS, TARGETS

from oran.errors import DecodeError

FOUND = Path("out") / "fuzz"
LIMITS = ("-timeout=1", "-rss_limit_mb=512", "-max_len=8192")


def main() -> None:
    """Fuzzes until libFuzzer ends the process."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz.coverage TARGET [libFuzzer options]\ntargets: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv[1]]
    found = FOUND / target.name
    found.mkdir(parents=True, exist_ok=True)

    logging.disable(logging.CRITICAL)

    def read(data: bytes) -> None:
        try:
            target.read(data)
        except DecodeError:
            return

    folders = [str(found), str(CORPUS / target.name)]
    atheris.Setup([sys.argv[0], *LIMITS, f"-artifact_prefix={found}/", *sys.argv[2:], *folders], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
