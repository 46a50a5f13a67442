"""The names under which one RMR process is known to its peers, and finds itself in a route table."""

from __future__ import annotations

import socket
from typing import Final

_WILDCARDS: Final = ("", "0.0.0.0", "::")
_DOCUMENTATION_ADDRESS: Final = ("192.0.2.1", 9)  # RFC 5737; nothing is sent there


class Identity:
    """Name and address of a process that listens on ``host``.

    Args:
        source_name: host part of the name (``RMR_SRC_ID``). Default: ``host``, or the short host
            name where ``host`` stands for every address.
        name_only: let the name stand in the place of the address (``RMR_SRC_NAMEONLY``).
    """

    def __init__(self, host: str, source_name: str | None, name_only: bool) -> None:
        self._everywhere = host in _WILDCARDS
        self._name = source_name or (socket.gethostname().partition(".")[0] if self._everywhere else host)
        self._address = _own_address() if self._everywhere else host
        self._name_only = name_only

    def source(self, port: int) -> str:
        """``name:port``."""
        return f"{self._name}:{port}"

    def source_ip(self, port: int) -> str:
        """``address:port``."""
        return self.source(port) if self._name_only else f"{self._address}:{port}"

    def own_names(self, port: int) -> frozenset[str]:
        """Everything that means this process in a route table."""
        names = {self.source(port), f"{self._address}:{port}"}
        return frozenset(names | {f"127.0.0.1:{port}"} if self._everywhere else names)


def _own_address() -> str:
    """Address this machine sends from by default; loopback if it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_DOCUMENTATION_ADDRESS)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
