"""A1 policies: the suite's policy types, and a client of the A1 mediator's north face (A1-P v2).

Type ids belong to an xApp (its descriptor's ``policies``), since the platform delivers one type to
one xApp; the schemas are the same for all.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oran.errors import DecodeError, PlatformError
from oran.platform.rest import RestClient

DEFAULT_MODEL_TYPE_ID: Final = 20100
DEFAULT_REPORTING_TYPE_ID: Final = 20101
DEFAULT_DEMANDS_TYPE_ID: Final = 20106
_ROOT: Final = "/A1-P/v2"
_DRAFT: Final = "http://json-schema.org/draft-07/schema#"


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Raises: DecodeError if ``body`` is no such policy."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise DecodeError(f"{cls.__name__}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """The policy's fields; those not given are left out."""
        return self.model_dump(mode="json", exclude_none=True)


_Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class GuardRules(_Policy):
    """When a new model has cost too much, so that the old one comes back; the statistics stand in the xApp's guard."""

    min_intervals: Annotated[int, Field(ge=1)] = 200
    """Intervals of the new model before any verdict."""
    block_intervals: Annotated[int, Field(ge=1)] = 20
    """Consecutive intervals averaged into one observation, so that fading within them is no evidence."""
    max_throughput_loss: _Share = 0.05
    """Largest loss of weighted throughput, relative to the old model's."""
    max_satisfied_loss: _Share = 0.02
    """Largest loss in the share of satisfied UEs, absolute."""
    false_alarm: Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] = 0.01
    """Probability of ever rolling back a model that loses no more than allowed."""
    watch_intervals: Annotated[int, Field(ge=0)] = 15_000
    """Intervals after full promotion during which the guard goes on; 0: as long as the policy stands."""


class Canary(_Policy):
    """Which decisions a canary takes: all of some nodes, or a share of every node's intervals."""

    nodes: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    """RAN names."""
    share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = None
    """Share of intervals, drawn by a hash of node and report id."""

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.nodes is None) == (self.share is None):
            raise ValueError("either nodes or share")
        return self


class ModelPolicy(_Policy):
    """Which allocator decides, and, if it is a learned one, with which model; on trial, or for everybody."""

    allocator: Annotated[str, Field(min_length=1)]
    """Name in the registry of allocators."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """Name in the model store; absent for the classic allocators."""
    version: Annotated[int, Field(ge=1)] | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """Digest of the model's bytes."""
    store: Annotated[str, Field(pattern="^[^:/ ]+:[0-9]+$")] | None = None
    """``host:port`` of the model store; absent: the xApp's own setting."""
    mode: Literal["serve", "shadow", "canary"] | None = None
    """``shadow`` decides beside what serves and sends nothing, ``canary`` takes some decisions; absent: ``serve``."""
    canary: Canary | None = None
    guard: GuardRules | None = None
    """Rules of the comparison with what served before; absent: defaults for a trial, no guard for ``serve``."""

    @property
    def on_trial(self) -> bool:
        """Whether something else goes on serving."""
        return self.mode in ("shadow", "canary")

    @model_validator(mode="after")
    def _canary_says_where(self) -> Self:
        if (self.mode == "canary") != (self.canary is not None):
            raise ValueError("mode canary and the object canary go together")
        return self

    @model_validator(mode="after")
    def _reference_is_whole(self) -> Self:
        parts = (self.model, self.version, self.sha256)
        if any(part is None for part in parts) and any(part is not None for part in parts):
            raise ValueError("model, version and sha256 go together")
        return self


class ReportingPolicy(_Policy):
    """By which clock the node reports, and how often."""

    clock: Literal["free-running", "lock-step"]
    period_ms: Annotated[int, Field(ge=1, le=10_000)]


class UeDemand(_Policy):
    """What one UE asks for."""

    ue_id: Annotated[int, Field(ge=0)]
    rate: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=False)]


class SliceDemand(_Policy):
    """What every UE of a slice asks for."""

    slice: Annotated[str, Field(min_length=1)]
    rate: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=False)]


class DemandsPolicy(_Policy):
    """Utility demands: mean rates that users want, for as long as the policy stands; a UE's own beats its slice's."""

    unit: Literal["bps/Hz", "bit/s"]
    ues: list[UeDemand] = Field(default_factory=list)
    slices: list[SliceDemand] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for names in ([each.ue_id for each in self.ues], [each.slice for each in self.slices]):
            if len(set(names)) != len(names):
                raise ValueError("a UE or slice is named twice")
        if not self.ues and not self.slices:
            raise ValueError("names neither UEs nor slices")
        return self


_LOSS: Final = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}

_GUARD: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "min_intervals": {"type": "integer", "minimum": 1},
        "block_intervals": {"type": "integer", "minimum": 1},
        "max_throughput_loss": _LOSS,
        "max_satisfied_loss": _LOSS,
        "false_alarm": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
        "watch_intervals": {"type": "integer", "minimum": 0},
    },
    "additionalProperties": False,
}

_CANARY: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "nodes": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    },
    "oneOf": [{"required": ["nodes"]}, {"required": ["share"]}],
    "additionalProperties": False,
}

MODEL_SCHEMA: Final[dict[str, Any]] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "allocator": {"type": "string", "minLength": 1},
        "model": {"type": "string", "minLength": 1},
        "version": {"type": "integer", "minimum": 1},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "store": {"type": "string", "pattern": "^[^:/ ]+:[0-9]+$"},
        "mode": {"type": "string", "enum": ["serve", "shadow", "canary"]},
        "canary": _CANARY,
        "guard": _GUARD,
    },
    "required": ["allocator"],
    "dependencies": {"model": ["version", "sha256"], "version": ["model"], "sha256": ["model"]},
    "if": {"properties": {"mode": {"const": "canary"}}, "required": ["mode"]},
    "then": {"required": ["canary"]},
    "else": {"not": {"required": ["canary"]}},
    "additionalProperties": False,
}
"""JSON Schema (draft-07) of :class:`ModelPolicy`."""

REPORTING_SCHEMA: Final[dict[str, Any]] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "clock": {"type": "string", "enum": ["free-running", "lock-step"]},
        "period_ms": {"type": "integer", "minimum": 1, "maximum": 10_000},
    },
    "required": ["clock", "period_ms"],
    "additionalProperties": False,
}
"""JSON Schema (draft-07) of :class:`ReportingPolicy`."""

_RATE: Final = {"type": "number", "minimum": 0}


def _demands_of(key: str, kind: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "type": "object",
        "properties": {key: kind, "rate": _RATE},
        "required": [key, "rate"],
        "additionalProperties": False,
    }
    return {"type": "array", "items": entry, "minItems": 1}


DEMANDS_SCHEMA: Final[dict[str, Any]] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "unit": {"type": "string", "enum": ["bps/Hz", "bit/s"]},
        "ues": _demands_of("ue_id", {"type": "integer", "minimum": 0}),
        "slices": _demands_of("slice", {"type": "string", "minLength": 1}),
    },
    "required": ["unit"],
    "anyOf": [{"required": ["ues"]}, {"required": ["slices"]}],
    "additionalProperties": False,
}
"""JSON Schema (draft-07) of :class:`DemandsPolicy`."""


class PolicyType(BaseModel):
    """Body of PUT ``/A1-P/v2/policytypes/{id}``; no further keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str
    policy_type_id: Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]
    create_schema: dict[str, Any]
    """JSON Schema, draft-07, that every instance must satisfy."""


def model_policy_type(policy_type_id: int = DEFAULT_MODEL_TYPE_ID) -> PolicyType:
    """The type "model" under the id that an xApp's descriptor gives it."""
    return PolicyType(
        name="model",
        description="Allocator that decides and the model version it decides with",
        policy_type_id=policy_type_id,
        create_schema=MODEL_SCHEMA,
    )


def reporting_policy_type(policy_type_id: int = DEFAULT_REPORTING_TYPE_ID) -> PolicyType:
    """The type "reporting" under the id that an xApp's descriptor gives it."""
    return PolicyType(
        name="reporting",
        description="Clock and period of the reports that an xApp subscribes to",
        policy_type_id=policy_type_id,
        create_schema=REPORTING_SCHEMA,
    )


def demands_policy_type(policy_type_id: int = DEFAULT_DEMANDS_TYPE_ID) -> PolicyType:
    """The type "utility demands" under the id that an xApp's descriptor gives it."""
    return PolicyType(
        name="utility-demands",
        description="Mean rates that UEs, or the UEs of a slice, ask for",
        policy_type_id=policy_type_id,
        create_schema=DEMANDS_SCHEMA,
    )


class PolicyStatus(BaseModel):
    """Whether a policy is enforced."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    enforce_status: str = Field(validation_alias="enforceStatus", serialization_alias="enforceStatus")
    """``ENFORCED`` or ``NOT_ENFORCED``."""
    enforce_reason: str = Field(default="", validation_alias="enforceReason", serialization_alias="enforceReason")

    @property
    def enforced(self) -> bool:
        """Whether the xApp's last word was OK."""
        return self.enforce_status == "ENFORCED"


class A1Client(RestClient):
    """The rApp's side of A1-P."""

    def healthy(self) -> bool:
        """Whether the mediator and its database answer."""
        return self.succeeds(f"{_ROOT}/healthcheck")

    def policy_type_ids(self) -> list[int]:
        """Raises: PlatformError."""
        return [int(type_id) for type_id in self.call_json("GET", f"{_ROOT}/policytypes") or []]

    def policy_type(self, policy_type_id: int) -> PolicyType:
        """Raises: PlatformError, 404 if unknown."""
        body = self.call_json("GET", _type_path(policy_type_id))
        try:
            return PolicyType.model_validate(body)
        except ValidationError as error:
            raise PlatformError(f"policy type {policy_type_id}: {error}", 200) from error

    def put_policy_type(self, policy_type: PolicyType) -> None:
        """Raises: PlatformError, 400 if the body is refused or the type exists."""
        path = _type_path(policy_type.policy_type_id)
        self.call("PUT", path, expected=(200, 201), json=policy_type.model_dump(mode="json"))

    def ensure_policy_type(self, policy_type: PolicyType) -> None:
        """Create the type unless it is there already.

        Raises:
            PlatformError: it is there with another schema (409), or it was refused.
        """
        try:
            found = self.policy_type(policy_type.policy_type_id)
        except PlatformError as error:
            if error.status != 404:
                raise
            self.put_policy_type(policy_type)
            return
        if found.create_schema != policy_type.create_schema:
            raise PlatformError(f"policy type {policy_type.policy_type_id} exists with another schema", 409)

    def delete_policy_type(self, policy_type_id: int) -> None:
        """Raises: PlatformError, 400 while it has instances, 404 if unknown."""
        self.call("DELETE", _type_path(policy_type_id), expected=(204,))

    def policy_ids(self, policy_type_id: int) -> list[str]:
        """Raises: PlatformError, 404 if the type is unknown."""
        return [str(policy_id) for policy_id in self.call_json("GET", f"{_type_path(policy_type_id)}/policies") or []]

    def policy(self, policy_type_id: int, policy_id: str) -> dict[str, Any]:
        """Raises: PlatformError, 404 if unknown."""
        body = self.call_json("GET", _policy_path(policy_type_id, policy_id))
        if not isinstance(body, dict):
            raise PlatformError(f"policy {policy_id}: not an object", 200)
        return body

    def put_policy(
        self,
        policy_type_id: int,
        policy_id: str,
        policy: dict[str, Any],
        *,
        notification_destination: str | None = None,
    ) -> None:
        """Create or update an instance; what became of it is read by :meth:`policy_status`.

        Raises:
            PlatformError: 400 if the type's schema refuses it, 404 if the type is unknown.
        """
        params = {"notificationDestination": notification_destination} if notification_destination else None
        path = _policy_path(policy_type_id, policy_id)
        self.call("PUT", path, expected=(202,), json=policy, params=params)

    def delete_policy(self, policy_type_id: int, policy_id: str) -> None:
        """Raises: PlatformError, 404 if unknown."""
        self.call("DELETE", _policy_path(policy_type_id, policy_id), expected=(202,))

    def policy_status(self, policy_type_id: int, policy_id: str) -> PolicyStatus:
        """Raises: PlatformError, 404 if unknown."""
        body = self.call_json("GET", f"{_policy_path(policy_type_id, policy_id)}/status")
        try:
            return PolicyStatus.model_validate(body)
        except ValidationError as error:
            raise PlatformError(f"status of {policy_id}: {error}", 200) from error


def _type_path(policy_type_id: int) -> str:
    return f"{_ROOT}/policytypes/{policy_type_id}"


def _policy_path(policy_type_id: int, policy_id: str) -> str:
    return f"{_type_path(policy_type_id)}/policies/{policy_id}"
