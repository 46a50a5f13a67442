"""Transport URLs: ``tcp://host:port``, ``sctp://host:port``, ``memory://name``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from oran.errors import ConfigError

NETWORK_SCHEMES = ("tcp", "sctp")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL; ``port`` is 0 and ``host`` the name for ``memory``."""

    scheme: str
    host: str
    port: int = 0

    @staticmethod
    def parse(url: str) -> Address:
        """Raises ConfigError if ``url`` is not of one of the three forms."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError("url", url, str(error)) from error
        if parts.path or parts.query or parts.fragment or parts.username is not None:
            raise ConfigError("url", url, "has more than a scheme, a host and a port")
        if parts.scheme == "memory":
            return Address("memory", parts.netloc)
        if parts.scheme not in NETWORK_SCHEMES:
            raise ConfigError("url", url, "is none of tcp://, sctp://, memory://")
        if not parts.hostname or port is None:
            raise ConfigError("url", url, "names no host and port")
        return Address(parts.scheme, parts.hostname, port)

    def __str__(self) -> str:
        """The URL again."""
        if self.scheme == "memory":
            return f"memory://{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"
