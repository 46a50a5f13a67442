"""Constants and message states that librmr publishes, and which of our errors is which state."""

from __future__ import annotations

import errno
import logging
from typing import Final

from oran.errors import ConnectFailed, LocalProtocolError, NoRoute, PeerClosed, SuiteError

OK: Final = 0
BAD_ARGUMENT: Final = 1
NO_ENDPOINT: Final = 2
SEND_FAILED: Final = 5
NO_WORMHOLE_OPEN: Final = 7
WORMHOLE_ID: Final = 8
OVERFLOW: Final = 9
RETRY: Final = 10
TIMEOUT: Final = 12

_STATES: Final = {
    OK: "RMR_OK",
    BAD_ARGUMENT: "RMR_ERR_BADARG",
    NO_ENDPOINT: "RMR_ERR_NOENDPT",
    3: "RMR_ERR_EMPTY",
    4: "RMR_ERR_NOHDR",
    SEND_FAILED: "RMR_ERR_SENDFAILED",
    6: "RMR_ERR_CALLFAILED",
    NO_WORMHOLE_OPEN: "RMR_ERR_NOWHOPEN",
    WORMHOLE_ID: "RMR_ERR_WHID",
    OVERFLOW: "RMR_ERR_OVERFLOW",
    RETRY: "RMR_ERR_RETRY",
    11: "RMR_ERR_RCVFAILED",
    TIMEOUT: "RMR_ERR_TIMEOUT",
    13: "RMR_ERR_UNSET",
    14: "RMR_ERR_TRUNC",
    15: "RMR_ERR_INITFAILED",
}

MAX_XID: Final = 32
MAX_MEID: Final = 32
MAX_SRC: Final = 64
MAX_RECEIVE_BYTES: Final = 2048
NO_THREAD_FLAG: Final = 0x01
"""``rmr_init`` flag: no route collector."""

CONSTANTS: Final[dict[str, int]] = {
    "RMR_MAX_XID": MAX_XID,
    "RMR_MAX_SID": 32,
    "RMR_MAX_MEID": MAX_MEID,
    "RMR_MAX_SRC": MAX_SRC,
    "RMR_MAX_RCV_BYTES": MAX_RECEIVE_BYTES,
    "RMRFL_NONE": 0,
    "RMRFL_MTCALL": 2,
    "RMRFL_AUTO_ALLOC": 3,
    "RMR_DEF_SIZE": 0,
    "RMR_VOID_MSGTYPE": -1,
    "RMR_VOID_SUBID": -1,
    **{name: state for state, name in _STATES.items()},
}

LOG_LEVELS: Final = (
    logging.CRITICAL + 1,
    logging.CRITICAL,
    logging.ERROR,
    logging.WARNING,
    logging.INFO,
    logging.DEBUG,
)
"""Levels of :mod:`logging` for librmr's verbosity: 0 off, 1 critical .. 5 debug."""


def state_to_status(state: int) -> str:
    """Name of a message state; ``UNKNOWN STATE`` for a number that is none."""
    return _STATES.get(state, "UNKNOWN STATE")


def failure_state(error: SuiteError) -> tuple[int, int]:
    """Message state and errno that say what ``error`` says."""
    match error:
        case NoRoute() | ConnectFailed():
            return NO_ENDPOINT, errno.ENXIO
        case PeerClosed(__cause__=TimeoutError()):
            return RETRY, errno.EAGAIN
        case PeerClosed():
            return SEND_FAILED, errno.EPIPE
        case LocalProtocolError():
            return OVERFLOW, errno.EOVERFLOW
        case _:
            raise error
