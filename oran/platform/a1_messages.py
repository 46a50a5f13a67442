"""A1 policies over RMR: what the mediator sends (20010) and what an xApp answers or asks (20011, 20012)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oran.errors import DecodeError, LocalProtocolError


class Operation(StrEnum):
    """What a policy request wants."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class HandlerStatus(StrEnum):
    """What became of a policy in the xApp."""

    OK = "OK"
    ERROR = "ERROR"
    DELETED = "DELETED"


class NotEnforcedReason(StrEnum):
    """Why a policy is not enforced (O-RAN.WG2.A1AP)."""

    SCOPE_NOT_APPLICABLE = "SCOPE_NOT_APPLICABLE"
    STATEMENT_NOT_APPLICABLE = "STATEMENT_NOT_APPLICABLE"
    OTHER_REASON = "OTHER_REASON"


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """RMR 20010, mediator to xApp. CREATE of a policy that is known already means the same again."""

    operation: Operation
    policy_type_id: int
    policy_instance_id: str
    payload_text: str
    """The policy as JSON text; empty on DELETE."""

    def payload(self) -> dict[str, Any]:
        """The policy's fields.

        Raises:
            DecodeError: the text is no JSON object.
        """
        return _json_object(self.payload_text, "policy")


@dataclass(frozen=True, slots=True)
class PolicyResponse:
    """RMR 20011, xApp to mediator."""

    policy_type_id: int
    policy_instance_id: str
    handler_id: str
    """Name of the xApp."""
    status: HandlerStatus
    reason: NotEnforcedReason | None = None
    """With ERROR: why. The platform's own handlers leave it out, which reads as OTHER_REASON."""


def encode_policy_request(request: PolicyRequest) -> bytes:
    """20010 as the mediator of releases J and later writes it: every value is a string."""
    body = {
        "operation": str(request.operation),
        "policy_type_id": str(request.policy_type_id),
        "policy_instance_id": request.policy_instance_id,
        "payload": request.payload_text,
    }
    return json.dumps(body).encode()


def decode_policy_request(data: bytes) -> PolicyRequest:
    """Read a 20010. Older mediators send the id as a number and the policy as an object: both are taken.

    Raises:
        DecodeError: no such message; nothing else.
    """
    body = _json_object(data, "A1 policy request")
    payload = body.get("payload", "")
    try:
        return PolicyRequest(
            Operation(body["operation"]),
            _type_id(body["policy_type_id"]),
            _text(body["policy_instance_id"]),
            payload if isinstance(payload, str) else json.dumps(payload),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DecodeError(f"A1 policy request: {error!r}") from error


def encode_policy_response(response: PolicyResponse) -> bytes:
    """20011. The type id must be a JSON number: a string crashes the platform's mediator.

    Raises:
        LocalProtocolError: the type id is no integer.
    """
    body: dict[str, object] = {
        "policy_type_id": _number(response.policy_type_id),
        "policy_instance_id": response.policy_instance_id,
        "handler_id": response.handler_id,
        "status": str(response.status),
    }
    if response.reason is not None:
        body["reason"] = str(response.reason)
    return json.dumps(body).encode()


def decode_policy_response(data: bytes) -> PolicyResponse:
    """Read a 20011.

    Raises:
        DecodeError: no such message, or its type id is a string; nothing else.
    """
    body = _json_object(data, "A1 policy response")
    try:
        reason = body.get("reason")
        return PolicyResponse(
            _strict_type_id(body["policy_type_id"]),
            _text(body["policy_instance_id"]),
            _text(body["handler_id"]),
            HandlerStatus(body["status"]),
            None if reason is None else NotEnforcedReason(reason),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DecodeError(f"A1 policy response: {error!r}") from error


def encode_policy_query(policy_type_id: int) -> bytes:
    """20012: send me every instance of this type again.

    Raises:
        LocalProtocolError: the type id is no integer.
    """
    return json.dumps({"policy_type_id": _number(policy_type_id)}).encode()


def decode_policy_query(data: bytes) -> int:
    """Read a 20012; return the type id.

    Raises:
        DecodeError: no such message, or its type id is a string; nothing else.
    """
    body = _json_object(data, "A1 policy query")
    try:
        return _strict_type_id(body["policy_type_id"])
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"A1 policy query: {error!r}") from error


def _json_object(data: bytes | str, what: str) -> dict[str, Any]:
    text = data.rstrip(b"\0") if isinstance(data, bytes) else data  # C peers count their closing NUL
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"{what} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise DecodeError(f"{what} is not a JSON object")
    return body


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise LocalProtocolError(f"policy_type_id {value!r} must be a number")
    return value


def _strict_type_id(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"policy_type_id {value!r} is not a number")
    return value


def _type_id(value: object) -> int:
    return int(value) if isinstance(value, str) else _strict_type_id(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value
