"""``python -m deployment``: bring everything generated under ``helm/`` up to date."""

from __future__ import annotations

import sys

from deployment import generated


def main() -> int:
    """Write what has changed and say which files."""
    for path in generated.write_all():
        print(f"wrote {path.relative_to(generated.ROOT)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
