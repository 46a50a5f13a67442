"""Client of the rApp's model store (``proto/model_store.proto``). gRPC statuses stop here and become our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import grpc

from oran._generated import model_store_pb2 as messages
from oran._generated.model_store_pb2_grpc import ModelStoreStub
from oran.errors import (
    ConnectFailed,
    DigestMismatch,
    ModelError,
    ModelNotFound,
    ModelRejected,
    SuiteError,
    TransportError,
)
from xapps.runtime.model_file import ModelFile, Signature

CHUNK_BYTES = 256 * 1024
"""Weights travel in pieces well below gRPC's limit of 4 MiB a message."""

_ERRORS: dict[grpc.StatusCode, type[SuiteError]] = {
    grpc.StatusCode.NOT_FOUND: ModelNotFound,
    grpc.StatusCode.DATA_LOSS: DigestMismatch,
    grpc.StatusCode.INVALID_ARGUMENT: ModelRejected,
    grpc.StatusCode.ALREADY_EXISTS: ModelError,
    grpc.StatusCode.UNAVAILABLE: ConnectFailed,
    grpc.StatusCode.DEADLINE_EXCEEDED: ConnectFailed,
}
"""Every other status is a TransportError."""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One row of the store."""

    name: str
    version: int
    sha256: str
    size_bytes: int
    manifest_json: str
    created_unix_s: float
    signatures: tuple[Signature, ...] = ()


class ModelStoreClient:
    """Puts, gets and lists models.

    Every method raises ModelNotFound, DigestMismatch, ModelRejected, ModelError, ConnectFailed (unreachable or too
    slow) or TransportError (any other gRPC status).

    Args:
        target: ``host:port``.
        timeout_s: limit of one call, ``watch`` excepted.
        max_model_bytes: larger weights are refused while they arrive.
    """

    def __init__(self, target: str, *, timeout_s: float = 10.0, max_model_bytes: int = 64 * 1024 * 1024) -> None:
        self.target = target
        self._timeout_s = timeout_s
        self._max_model_bytes = max_model_bytes
        self._channel = grpc.insecure_channel(target)
        self._stub = ModelStoreStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; a running ``watch`` ends with it."""
        self._channel.close()

    def put(self, model: ModelFile) -> StoredVersion:
        """Store a version; with version 0 in the manifest the store numbers it.

        Raises:
            DigestMismatch: the weights are not those of the manifest; found before anything is sent.
        """
        model.verify()
        with self._our_errors():
            return _row(self._stub.Put(_parts(model), timeout=self._timeout_s))

    def get(self, name: str, version: int = 0) -> ModelFile:
        """One version, its digest checked; 0 is the newest."""
        request = messages.GetRequest(name=name, version=version)
        weights = bytearray()
        row: StoredVersion | None = None
        with self._our_errors():
            for reply in self._stub.Get(request, timeout=self._timeout_s):
                if reply.WhichOneof("part") == "version":
                    row = _row(reply.version)
                weights += reply.chunk
                self._check_size(name, len(weights))
        if row is None:
            raise ModelRejected(f"{name}: the store sent no manifest")
        if row.name != name or version not in (0, row.version):
            raise ModelRejected(f"{name} {version}: the store sent {row.name} {row.version}")
        return _verified(row, bytes(weights))

    def sign(self, name: str, version: int, signature: Signature) -> StoredVersion:
        """Add a signature to a stored version."""
        packed = messages.Signature(key_id=signature.key_id, value=signature.value)
        request = messages.SignRequest(name=name, version=version, signature=packed)
        with self._our_errors():
            return _row(self._stub.Sign(request, timeout=self._timeout_s))

    def list(self, name: str = "") -> list[StoredVersion]:
        """Versions of one model, or of all, newest first."""
        with self._our_errors():
            reply = self._stub.List(messages.ListRequest(name=name), timeout=self._timeout_s)
            return [_row(version) for version in reply.versions]

    def watch(self, name: str = "") -> Iterator[StoredVersion]:
        """Every version stored from now on, until ``close``."""
        with self._our_errors():
            for version in self._stub.Watch(messages.WatchRequest(name=name)):
                yield _row(version)

    def _check_size(self, name: str, size_bytes: int) -> None:
        if size_bytes > self._max_model_bytes:
            raise ModelRejected(f"{name}: larger than {self._max_model_bytes} bytes")

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            kind = _ERRORS.get(error.code(), TransportError)
            raise kind(f"model store {self.target}: {error.code().name}: {error.details()}") from error


def _verified(row: StoredVersion, weights: bytes) -> ModelFile:
    """The store's row and the manifest in it must name the same bytes, and these must be they."""
    model = ModelFile.parse(row.manifest_json, weights).verify()
    if row.sha256 != model.manifest.sha256:
        raise DigestMismatch(f"{row.name}: the store says {row.sha256}, the manifest {model.manifest.sha256}")
    if row.name != model.manifest.name:
        raise ModelRejected(f"{row.name}: the manifest is of {model.manifest.name}")
    numbered = model.manifest.model_copy(update={"version": row.version})
    return ModelFile(numbered, weights, row.signatures)


def _parts(model: ModelFile) -> Iterator[messages.PutRequest]:
    manifest = model.manifest
    header = messages.PutHeader(
        name=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        manifest_json=manifest.model_dump_json(),
    )
    yield messages.PutRequest(header=header)
    for start in range(0, len(model.weights), CHUNK_BYTES):
        yield messages.PutRequest(chunk=model.weights[start : start + CHUNK_BYTES])


def _row(version: messages.ModelVersion) -> StoredVersion:
    return StoredVersion(
        version.name,
        version.version,
        version.sha256,
        version.size_bytes,
        version.manifest_json,
        version.created_unix_s,
        tuple(Signature(each.key_id, each.value) for each in version.signatures),
    )
