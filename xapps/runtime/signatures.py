"""Who vouches for a model: Ed25519 signatures (RFC 8032) over manifests, and the keys that an xApp trusts.

The manifest names its model, its version and the SHA-256 of its weights, so a signature over it covers all of them and
fits no other version. What is signed begins with ``DOMAIN``: a signature made for anything else is none here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from oran.errors import ConfigError, ModelRejected
from xapps.runtime.model_file import Manifest, ModelFile, Signature

log = logging.getLogger(__name__)

DOMAIN: Final = b"oran-slicing-suite model manifest v1\0"
"""Ends in a zero octet, which no JSON text begins with."""

SCHEME: Final = "ed25519:"
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
MOST_SIGNATURES: Final = 8
"""Of one version; further ones are not looked at."""


class SignatureRefused(ModelRejected):
    """A model is not signed by anybody who is trusted.

    Attributes:
        verdict: ``unsigned``, ``unknown_key`` or ``invalid``.
    """

    def __init__(self, verdict: str, message: str) -> None:
        super().__init__(message)
        self.verdict = verdict


def signed_bytes(manifest: Manifest) -> bytes:
    """What a signature is over.

    Raises:
        ModelRejected: the manifest has no canonical form.
    """
    return DOMAIN + manifest.canonical()


def key_id(public_key: bytes) -> str:
    """Short name of a raw public key: 16 hex digits of its SHA-256. It tells keys apart; it proves nothing."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def public_key_text(public_key: bytes) -> str:
    """A raw public key as settings and charts carry it: ``ed25519:<base64>``."""
    return SCHEME + base64.b64encode(public_key).decode("ascii")


def parse_public_key(text: str) -> bytes:
    """Inverse of :func:`public_key_text`.

    Raises:
        ConfigError: not such a key.
    """
    scheme, encoded = text[: len(SCHEME)], text[len(SCHEME) :].strip()
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError("trusted_keys", text, f"is not base64: {error}") from error
    if scheme != SCHEME or len(raw) != KEY_BYTES:
        raise ConfigError("trusted_keys", text, f"a key is {SCHEME} and {KEY_BYTES} octets in base64")
    return raw


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Public keys by their ids. Several let one key take over from another: both are trusted for a while."""

    keys: dict[str, Ed25519PublicKey] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """Keys from their texts.

        Raises:
            ConfigError: one of them is no key.
        """
        raw = [parse_public_key(text) for text in texts]
        return cls({key_id(each): Ed25519PublicKey.from_public_bytes(each) for each in raw})

    def verified(self, manifest: Manifest, signatures: Sequence[Signature]) -> str:
        """Id of a trusted key that signed the manifest.

        Raises:
            SignatureRefused: none did; says what was wrong.
        """
        name = f"{manifest.name} {manifest.version}"
        if not signatures:
            raise SignatureRefused("unsigned", f"{name} is not signed")
        known = [each for each in signatures[:MOST_SIGNATURES] if each.key_id in self.keys]
        if not known:
            found = ", ".join(sorted({each.key_id[:16] for each in signatures}))
            raise SignatureRefused("unknown_key", f"{name} is signed by {found}, which is not trusted")
        message = signed_bytes(manifest)
        for each in known:
            if _holds(self.keys[each.key_id], each, message):
                return each.key_id
        ids = ", ".join(each.key_id for each in known)
        raise SignatureRefused("invalid", f"{name}: the signature of {ids} does not fit the manifest")


def _holds(key: Ed25519PublicKey, signature: Signature, message: bytes) -> bool:
    try:
        key.verify(signature.value, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Trust:
    """What an xApp asks of a model's signatures.

    Attributes:
        required: models that no trusted key signed are refused. If not, they are taken, unless a trusted key's
            signature is there and does not fit: then somebody has changed the model.
    """

    keys: TrustedKeys = field(default_factory=TrustedKeys)
    required: bool = False

    @classmethod
    def of(cls, trusted_keys: Sequence[str], *, required: bool) -> Self:
        """Trust as settings describe it.

        Raises:
            ConfigError: not a key, or signatures required without a key to check them by.
        """
        if required and not trusted_keys:
            raise ConfigError("require_signature", required, "name the trusted_keys, or every model is refused")
        return cls(TrustedKeys.parse(trusted_keys), required)

    def check(self, model: ModelFile) -> str:
        """Id of the key that vouches for a model; empty where none does and none need.

        Raises:
            SignatureRefused: nobody trusted vouches for it.
        """
        try:
            return self.keys.verified(model.manifest, model.signatures)
        except SignatureRefused as refused:
            if self.required or refused.verdict == "invalid":
                raise
            if self.keys.keys:
                log.warning("%s; it is taken, since signatures are not required", refused)
            return ""
