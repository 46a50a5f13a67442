"""Log lines as the platform's collectors expect them: one JSON object a line, in MDCLOG's form."""

from __future__ import annotations

import json
import logging
import sys

_SEVERITY = {logging.DEBUG: "DEBUG", logging.INFO: "INFO", logging.WARNING: "WARNING"}


class MdcFormatter(logging.Formatter):
    """``{"ts": ms, "crit": severity, "id": logger, "mdc": {}, "msg": text}``."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        line = {
            "ts": int(record.created * 1000),
            "crit": _SEVERITY.get(record.levelno, "ERROR"),
            "id": record.name,
            "mdc": {"thread": record.threadName},
            "msg": message,
        }
        return json.dumps(line)


def configure(level: str) -> None:
    """Send everything from ``level`` up to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(MdcFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line a request, twice a second
    logging.getLogger("httpcore").setLevel(logging.WARNING)
