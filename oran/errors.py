"""The suite's error tree. Foreign errors are mapped into it at the walls of each room.

SuiteError
  ProtocolError
    LocalProtocolError      we tried to send what the standard or the state forbids: our bug
    RemoteProtocolError     a peer sent what cannot be understood or is not allowed; carries the E2AP cause
      DecodeError           malformed bytes
  TransportError
    ConnectFailed           no association or connection could be made
    PeerClosed              the peer has gone
    NoRoute                 RMR has no endpoint for this message
  PlatformError             a platform REST call failed; carries the HTTP status where there was one
  ModelError
    ModelNotFound           the store has no such model version
    DigestMismatch          the bytes are not the bytes that were named
    ModelRejected           the self-test or the gate refused it
  DecisionRefused           a decision violates a hard limit; carries the E2AP cause and a reason code
  ConfigError               a field of a file, an option or an environment variable is wrong
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oran.e2ap.messages import Cause


class SuiteError(Exception):
    """Root of every error this project raises on purpose."""


class ProtocolError(SuiteError):
    """A rule of a protocol was broken."""


class LocalProtocolError(ProtocolError):
    """We were asked to send something illegal; raised before any byte leaves."""


class RemoteProtocolError(ProtocolError):
    """A peer broke a rule.

    Attributes:
        cause: the E2AP Cause to report back (O-RAN.WG3.E2AP-v02.03, 9.2.1), or None
            where the protocol at hand has no cause (RMR, REST).
    """

    def __init__(self, message: str, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class DecodeError(RemoteProtocolError):
    """Bytes that are not a valid encoding."""


class TransportError(SuiteError):
    """The carrying connection failed."""


class ConnectFailed(TransportError):
    """No connection could be made within the time allowed."""


class PeerClosed(TransportError):
    """The peer closed or aborted the connection."""


class NoRoute(TransportError):
    """The RMR route table names no reachable endpoint for a message."""


class PlatformError(SuiteError):
    """A platform REST call failed.

    Attributes:
        status: the HTTP status, or None if no answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ModelError(SuiteError):
    """A model cannot be used."""


class ModelNotFound(ModelError):
    """The store has no such model or version."""


class DigestMismatch(ModelError):
    """The SHA-256 of the bytes differs from the one that was named."""


class ModelRejected(ModelError):
    """A gate or a self-test refused the model."""


class DecisionRefused(SuiteError):
    """A decision violates a hard limit and was not applied.

    Attributes:
        reason: machine-readable reason code, e.g. ``"unknown_ue"`` or ``"ru_power_budget"``.
        cause: the E2AP Cause of the RIC Control Failure.
    """

    def __init__(self, reason: str, message: str, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.cause = cause


class ConfigError(SuiteError):
    """A configuration value is wrong; the message names the field, the value and why."""

    def __init__(self, field: str, value: object, why: str) -> None:
        super().__init__(f"{field}={value!r}: {why}")
        self.field = field
        self.value = value
        self.why = why
