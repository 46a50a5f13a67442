"""The one table that turns foreign errors into ours, by what we were doing when they came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from oran.errors import ConnectFailed, PeerClosed, TransportError

# OSError covers refused, reset, unreachable, name look-up and TimeoutError; EOFError is how
# asyncio reports a stream that ends inside a message; a bad name can fail in the IDNA codec.
FOREIGN_ERRORS: Final = (OSError, EOFError, UnicodeError)
FAULTS: Final[dict[str, type[TransportError]]] = {
    "connect": ConnectFailed,
    "listen": ConnectFailed,
    "send": PeerClosed,
    "receive": PeerClosed,
}


@contextmanager
def mapped(doing: str, where: str) -> Iterator[None]:
    """Raise our error in place of a foreign one.

    Args:
        doing: a key of FAULTS.
        where: the URL or peer, for the message.

    Raises:
        ConnectFailed, PeerClosed: as FAULTS says.
    """
    try:
        yield
    except FOREIGN_ERRORS as error:
        raise FAULTS[doing](f"{doing} {where}: {error or type(error).__name__}") from error
