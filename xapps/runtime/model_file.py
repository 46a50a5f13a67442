"""A model as data: a JSON manifest and safetensors weights, tied together by a SHA-256. Never pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from oran.errors import DigestMismatch, ModelRejected


class ScenarioReference(BaseModel):
    """The scenario a model was trained for."""

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str
    """SHA-256 of the scenario's canonical content, hex."""


class Manifest(BaseModel):
    """What a model is, where it comes from and how good it was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    version: int = Field(default=0, ge=0)
    """Number given by the store; 0 before it is stored."""
    allocator: str
    """Name in ``xapps.allocators.LEARNED``."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the weights."""
    architecture: dict[str, Any] = Field(default_factory=dict)
    normalisation: dict[str, Any] = Field(default_factory=dict)
    scenario: ScenarioReference | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    """Provenance: seed, steps, duration, software versions."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """Evaluation on held-out draws."""

    def canonical(self) -> bytes:
        """The manifest as the bytes that are signed: of equal manifests equal, of different ones different.

        JSON in ASCII without spaces, keys in order, fields at their defaults left out, so that a later version with
        more fields finds the same bytes.

        Raises:
            ModelRejected: it holds a number that JSON cannot, such as NaN.
        """
        try:
            chosen = self.model_dump(mode="json", exclude_defaults=True)
            return json.dumps(chosen, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
        except (ValueError, TypeError) as error:
            raise ModelRejected(f"{self.name}: manifest has no canonical form: {error}") from error


@dataclass(frozen=True, slots=True)
class Signature:
    """A detached Ed25519 signature over a manifest; see ``signatures``."""

    key_id: str
    value: bytes
    """64 octets."""


def digest(weights: bytes) -> str:
    """SHA-256 of the weights, lower-case hex."""
    return hashlib.sha256(weights).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model version."""

    manifest: Manifest
    weights: bytes
    """safetensors file."""
    signatures: tuple[Signature, ...] = ()
    """As they were found beside it; nobody has checked them yet."""

    @classmethod
    def pack(cls, weights: bytes, **manifest: Any) -> ModelFile:
        """A model from its safetensors bytes; the digest is computed, the other arguments are the manifest's fields.

        Raises:
            ModelRejected: a field of the manifest is missing or wrong.
        """
        try:
            return cls(Manifest(sha256=digest(weights), **manifest), weights)
        except ValidationError as error:
            raise _rejected(error) from error

    @classmethod
    def parse(cls, manifest_json: str, weights: bytes) -> ModelFile:
        """A model from what was stored or sent; not yet verified.

        Raises:
            ModelRejected: the manifest is not valid.
        """
        try:
            return cls(Manifest.model_validate_json(manifest_json), weights)
        except ValidationError as error:
            raise _rejected(error) from error

    def verify(self) -> ModelFile:
        """This model, if the weights are those that the manifest names.

        Raises:
            DigestMismatch: they are not.
        """
        found = digest(self.weights)
        if found != self.manifest.sha256:
            raise DigestMismatch(f"{self.manifest.name}: weights have SHA-256 {found}, not {self.manifest.sha256}")
        return self

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights by name.

        Raises:
            ModelRejected: the bytes are not a safetensors file.
        """
        try:
            return safetensors.load(self.weights)
        except SafetensorError as error:
            raise ModelRejected(f"{self.manifest.name}: weights are not a safetensors file: {error}") from error


def _rejected(error: ValidationError) -> ModelRejected:
    fault = error.errors()[0]
    return ModelRejected(f"manifest: {'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}")
