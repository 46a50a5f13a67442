"""The rApp's signing key: made, kept and used here, and shown to nobody.

Whoever trains and gates a model signs it, not the store: a store that signed what it is given would sign for anybody
who reaches its port. The store numbers the version, and the signature over the numbered manifest is added then.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from oran.errors import ConfigError
from xapps.runtime.model_file import Manifest, ModelFile, Signature
from xapps.runtime.model_store import StoredVersion
from xapps.runtime.signatures import key_id, public_key_text, signed_bytes

KEY_FILE_VARIABLE: Final = "RAPP_SIGNING_KEY_FILE"
"""Environment variable that names the key file where no option does."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key. It has no text form: neither ``repr`` nor an error shows it."""

    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def new(cls, path: Path) -> SigningKey:
        """Make a key and write it as PEM (PKCS 8) that only its owner may read.

        Raises:
            ConfigError: the file is there already, or cannot be written.
        """
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
        except OSError as error:
            raise ConfigError("key", str(path), error.strerror or "cannot be written") from error
        return cls(private)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """The key of a file.

        Raises:
            ConfigError: no such file, everybody may read it, or it holds no Ed25519 key in PEM without a password.
        """
        try:
            if path.stat().st_mode & stat.S_IRWXO:
                raise ConfigError("key", str(path), "can be read by everybody; chmod o= it")
            private = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise ConfigError("key", str(path), error.strerror or "cannot be read") from error
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # without its cause: nobody knows what a parser's message quotes
            raise ConfigError("key", str(path), "is no private key in PEM without a password") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigError("key", str(path), "is no Ed25519 key")
        return cls(private)

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 octets."""
        return self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        return key_id(self.public_key)

    @property
    def public_text(self) -> str:
        """The public key as xApps' ``trusted_keys`` take it."""
        return public_key_text(self.public_key)

    def sign(self, manifest: Manifest) -> Signature:
        """A signature over a manifest, which must have its version by now.

        Raises:
            ConfigError: the store has not numbered it.
            ModelRejected: it has no canonical form.
        """
        if manifest.version == 0:
            raise ConfigError("version", 0, "a manifest is signed once the store has numbered it")
        as_sent = Manifest.model_validate_json(manifest.model_dump_json())
        return Signature(self.key_id, self._private.sign(signed_bytes(as_sent)))


def key_from(option: Path | None) -> SigningKey | None:
    """The key that an option names, or the environment; None where neither does.

    Raises:
        ConfigError: it cannot be used.
    """
    named = option or os.environ.get(KEY_FILE_VARIABLE)
    return SigningKey.load(Path(named)) if named else None


class SignableStore(Protocol):
    """The model store, at hand or over gRPC."""

    def put(self, model: ModelFile) -> StoredVersion: ...

    def sign(self, name: str, version: int, signature: Signature) -> StoredVersion: ...


class SigningStore:
    """A store that signs what is put into it through here.

    What is signed is the manifest that was handed in, with the number that the store gave it: a store that keeps
    something else gets a signature that does not fit it.
    """

    def __init__(self, store: SignableStore, key: SigningKey) -> None:
        self._store = store
        self._key = key

    def put(self, model: ModelFile) -> StoredVersion:
        """Store a version and sign it. Raises what the store and the key raise."""
        stored = self._store.put(model)
        manifest = model.manifest.model_copy(update={"version": stored.version})
        return self._store.sign(stored.name, stored.version, self._key.sign(manifest))
