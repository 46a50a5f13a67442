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
from pathlib import Path

from oran.errors import ModelError, ModelNotFound, ModelRejected
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_store import StoredVersion

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Model names are folder names and URL parts: no dots, no slashes."""


Rows = list[StoredVersion]
Names = list[str]
Numbers = list[int]


class VersionExists(ModelError):
    """That version exists with other content; versions are immutable."""


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
    """What every store promises; ``tests/rapp/test_store.py`` runs over all of them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
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
        model = ModelFile.parse(stored.manifest_json, self._read_weights(name, number))
        return stored, model.verify()

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


class MemoryStore(ModelStore):
    """A store that forgets."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
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


class DiskStore(ModelStore):
    """A store in a folder: ``<root>/<name>/<version>/{manifest.json, weights.safetensors, stored.json}``."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
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
            return StoredVersion(name=name, version=version, manifest_json=manifest_json, **record)
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{name} version {version} cannot be read: {error}") from error

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

    def _folder(self, name: str, version: int) -> Path:
        return self._root / name / f"{version:06d}"


def _check_name(name: str) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise ModelRejected(f"{name!r} is no name for a model: {NAME_PATTERN.pattern}")


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
