"""The model store: immutable, numbered versions of safetensors weights and a JSON manifest, SHA-256 over the weights.

A version is written once, whole or not at all, and checked again whenever it is read.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from oran.errors import ModelError, ModelNotFound, ModelRejected
from rapp.files import write_atomically
from xapps.runtime.model_file import ModelFile, Signature
from xapps.runtime.model_store import StoredVersion
from xapps.runtime.signatures import MOST_SIGNATURES, SIGNATURE_BYTES, TrustedKeys

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Model names are folder names and URL parts: no dots, no slashes."""

KEY_ID_PATTERN = re.compile(r"[0-9a-f]{16}")

Rows = list[StoredVersion]
Names = list[str]
Numbers = list[int]


class VersionExists(ModelError):
    """That version exists with other content; versions are immutable."""


class TooManySignatures(ModelError):
    """A version carries as many signatures as a version may."""


class Subscription:
    """Versions stored from now on; an iterator that ends when it is closed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.SimpleQueue[StoredVersion | None] = queue.SimpleQueue()

    def offer(self, stored: StoredVersion) -> None:
        if self._name in ("", stored.name):
            self._queue.put(stored)

    def close(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[StoredVersion]:
        while (stored := self._queue.get()) is not None:
            yield stored


class ModelStore(ABC):
    """What every store promises; ``tests/rapp/test_store.py`` runs over all of them.

    Args:
        clock: Unix time [s].
        trusted: keys without whose signature no other signature is taken; none: the store looks at none of them.
    """

    def __init__(self, clock: Callable[[], float] = time.time, trusted: TrustedKeys | None = None) -> None:
        self._clock = clock
        self.trusted = trusted
        self._lock = threading.RLock()
        self._subscriptions: list[Subscription] = []

    def put(self, model: ModelFile) -> StoredVersion:
        """Store a version; with version 0 in the manifest it takes the next number. Storing the same again is no error.

        Raises:
            ModelRejected: the name cannot be used.
            DigestMismatch: the weights are not those that the manifest names.
            VersionExists: that version has other content.
        """
        _check_name(model.manifest.name)
        model.verify()
        with self._lock:
            numbers = self._numbers(model.manifest.name)
            stored = self._numbered(model, model.manifest.version or max(numbers, default=0) + 1)
            if stored.version in numbers:
                return self._same_or_refuse(stored)
            self._write(stored, model.weights)
            for subscription in self._subscriptions:
                subscription.offer(stored)
            return stored

    def get(self, name: str, version: int = 0) -> ModelFile:
        """A version with its weights, verified; version 0 is the newest.

        Raises:
            ModelNotFound: no such model or version.
            DigestMismatch: what is stored is no longer what was put.
        """
        return self.read(name, version)[1]

    def read(self, name: str, version: int = 0) -> tuple[StoredVersion, ModelFile]:
        """As ``get``, with the store's own record of the version."""
        _check_name(name)
        numbers = self._numbers(name)
        number = version or max(numbers, default=0)
        if number not in numbers:
            raise ModelNotFound(f"{name}: {f'no version {version}' if version else 'no such model'}")
        stored = self._describe(name, number)
        model = ModelFile.parse(stored.manifest_json, self._read_weights(name, number)).verify()
        return stored, ModelFile(model.manifest, model.weights, stored.signatures)

    def sign(self, name: str, version: int, signature: Signature) -> StoredVersion:
        """Add a signature to a version, which stays what it is; adding one again changes nothing.

        Raises:
            ModelNotFound: no such version.
            ModelRejected: not a signature, or none that the store's own trusted keys let through.
            TooManySignatures: it has as many as it may.
        """
        with self._lock:
            if version not in self._numbers(_checked(name)):
                raise ModelNotFound(f"{name}: no version {version}")
            stored = self._describe(name, version)
            self._check_signature(stored, signature)
            if signature in stored.signatures:
                return stored
            if len(stored.signatures) >= MOST_SIGNATURES:
                raise TooManySignatures(f"{name} {version} has {MOST_SIGNATURES} signatures already")
            signed = replace(stored, signatures=(*stored.signatures, signature))
            self._write_signatures(signed)
            return signed

    def _check_signature(self, stored: StoredVersion, signature: Signature) -> None:
        if len(signature.value) != SIGNATURE_BYTES or not KEY_ID_PATTERN.fullmatch(signature.key_id):
            raise ModelRejected(f"{stored.name} {stored.version}: not an Ed25519 signature")
        if self.trusted is not None:
            manifest = ModelFile.parse(stored.manifest_json, b"").manifest
            self.trusted.verified(manifest, (signature,))

    def list(self, name: str = "") -> Rows:
        """Versions of one model, or of all, newest first."""
        if name:
            _check_name(name)
        names = [name] if name else self._names()
        found = [self._describe(each, number) for each in names for number in self._numbers(each)]
        return sorted(found, key=lambda stored: (stored.created_unix_s, stored.version), reverse=True)

    def subscribe(self, name: str = "") -> Subscription:
        """Everything stored from now on, of one model or of all; hand it back to ``unsubscribe``."""
        subscription = Subscription(name)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
        subscription.close()

    def _numbered(self, model: ModelFile, version: int) -> StoredVersion:
        manifest = model.manifest.model_copy(update={"version": version})
        return StoredVersion(
            name=manifest.name,
            version=version,
            sha256=manifest.sha256,
            size_bytes=len(model.weights),
            manifest_json=manifest.model_dump_json(),
            created_unix_s=self._clock(),
        )

    def _same_or_refuse(self, stored: StoredVersion) -> StoredVersion:
        existing = self._describe(stored.name, stored.version)
        if existing.manifest_json != stored.manifest_json:
            raise VersionExists(f"{stored.name} version {stored.version} exists with other content")
        return existing

    @abstractmethod
    def _names(self) -> Names: ...

    @abstractmethod
    def _numbers(self, name: str) -> Numbers: ...

    @abstractmethod
    def _describe(self, name: str, version: int) -> StoredVersion: ...

    @abstractmethod
    def _read_weights(self, name: str, version: int) -> bytes: ...

    @abstractmethod
    def _write(self, stored: StoredVersion, weights: bytes) -> None: ...

    @abstractmethod
    def _write_signatures(self, stored: StoredVersion) -> None: ...


class MemoryStore(ModelStore):
    """A store that forgets."""

    def __init__(self, clock: Callable[[], float] = time.time, trusted: TrustedKeys | None = None) -> None:
        super().__init__(clock, trusted)
        self._models: dict[tuple[str, int], tuple[StoredVersion, bytes]] = {}

    def _names(self) -> Names:
        return sorted({name for name, _ in self._models})

    def _numbers(self, name: str) -> Numbers:
        return sorted(number for each, number in self._models if each == name)

    def _describe(self, name: str, version: int) -> StoredVersion:
        return self._models[name, version][0]

    def _read_weights(self, name: str, version: int) -> bytes:
        return self._models[name, version][1]

    def _write(self, stored: StoredVersion, weights: bytes) -> None:
        self._models[stored.name, stored.version] = (stored, weights)

    def _write_signatures(self, stored: StoredVersion) -> None:
        key = stored.name, stored.version
        self._models[key] = (stored, self._models[key][1])


class DiskStore(ModelStore):
    """A store in a folder: ``<root>/<name>/<version>/{manifest.json, weights.safetensors, stored.json}``, and
    ``signatures.json`` once somebody has signed."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time, trusted: TrustedKeys | None = None) -> None:
        super().__init__(clock, trusted)
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def _names(self) -> Names:
        return sorted(path.name for path in self._root.iterdir() if NAME_PATTERN.fullmatch(path.name))

    def _numbers(self, name: str) -> Numbers:
        folder = self._root / name
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []

    def _describe(self, name: str, version: int) -> StoredVersion:
        folder = self._folder(name, version)
        try:
            manifest_json = (folder / "manifest.json").read_text()
            record = json.loads((folder / "stored.json").read_text())
            signatures = _read_signatures(folder / "signatures.json")
            return StoredVersion(
                name=name, version=version, manifest_json=manifest_json, signatures=signatures, **record
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{name} version {version} cannot be read: {error!r}") from error

    def _read_weights(self, name: str, version: int) -> bytes:
        try:
            return (self._folder(name, version) / "weights.safetensors").read_bytes()
        except OSError as error:
            raise ModelError(f"{name} version {version} cannot be read: {error}") from error

    def _write(self, stored: StoredVersion, weights: bytes) -> None:
        """All files into a folder aside, then one rename: a reader sees the whole version or none."""
        target = self._folder(stored.name, stored.version)
        target.parent.mkdir(exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._root))
        record = {key: getattr(stored, key) for key in ("sha256", "size_bytes", "created_unix_s")}
        try:
            _write_durably(aside / "weights.safetensors", weights)
            _write_durably(aside / "manifest.json", stored.manifest_json.encode())
            _write_durably(aside / "stored.json", json.dumps(record).encode())
            aside.rename(target)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            if target.exists():  # another process took the number between our look and our rename
                raise VersionExists(f"{stored.name} version {stored.version} was stored meanwhile") from error
            raise ModelError(f"{stored.name} version {stored.version} cannot be written: {error}") from error

    def _write_signatures(self, stored: StoredVersion) -> None:
        rows = [{"key_id": each.key_id, "ed25519": each.value.hex()} for each in stored.signatures]
        try:
            with write_atomically(self._folder(stored.name, stored.version) / "signatures.json") as file:
                file.write(json.dumps(rows, indent=1).encode())
        except OSError as error:
            raise ModelError(f"{stored.name} {stored.version}: signatures cannot be written: {error}") from error

    def _folder(self, name: str, version: int) -> Path:
        return self._root / name / f"{version:06d}"


def _read_signatures(path: Path) -> tuple[Signature, ...]:
    """The signatures of a version; OSError, ValueError or TypeError if the file is none."""
    if not path.exists():
        return ()
    rows = json.loads(path.read_text())
    return tuple(Signature(str(row["key_id"]), bytes.fromhex(row["ed25519"])) for row in rows)


def _checked(name: str) -> str:
    _check_name(name)
    return name


def _check_name(name: str) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise ModelRejected(f"{name!r} is no name for a model: {NAME_PATTERN.pattern}")


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
