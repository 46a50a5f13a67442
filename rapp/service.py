"""gRPC face of the model store (``proto/model_store.proto``): the servicer unpacks, calls, packs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

import grpc

from oran._generated import model_store_pb2 as messages
from oran._generated.experience_pb2_grpc import add_ExperienceSinkServicer_to_server
from oran._generated.model_store_pb2_grpc import ModelStoreServicer, add_ModelStoreServicer_to_server
from oran.errors import (
    ConfigError,
    DigestMismatch,
    ModelError,
    ModelNotFound,
    ModelRejected,
    SuiteError,
    TransportError,
)
from rapp.experience.sink import MAX_STREAMS, ExperienceServicer
from rapp.metrics import StoreMetrics
from rapp.store import ModelStore, TooManySignatures, VersionExists
from xapps.runtime.model_file import ModelFile, Signature
from xapps.runtime.model_store import StoredVersion

CHUNK_BYTES = 256 * 1024
"""Weights travel in pieces well below gRPC's limit of 4 MiB a message."""

MAX_WATCHERS = 32
"""A watcher holds a thread of the server."""

WORKERS_FOR_CALLS = 8

KEEPALIVE = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)
"""Clients whose machine has gone are noticed, and those that look after us are let."""

STATUS: dict[type[SuiteError], grpc.StatusCode] = {
    ModelNotFound: grpc.StatusCode.NOT_FOUND,
    VersionExists: grpc.StatusCode.ALREADY_EXISTS,
    TooManySignatures: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DigestMismatch: grpc.StatusCode.DATA_LOSS,
    ModelRejected: grpc.StatusCode.INVALID_ARGUMENT,
    ConfigError: grpc.StatusCode.INVALID_ARGUMENT,
    ModelError: grpc.StatusCode.INTERNAL,
    TransportError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    SuiteError: grpc.StatusCode.UNKNOWN,
}
"""Our errors as gRPC statuses; the closest base class in the error tree counts."""


class TooManyWatchers(TransportError):
    """Every thread that the server has for watchers is taken."""


def status_of(error: SuiteError) -> grpc.StatusCode:
    """The status of an error or of its closest base that has one."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


class StoreServicer(ModelStoreServicer):
    """Serves one store.

    Args:
        max_model_bytes: larger weights are refused while they arrive.
    """

    def __init__(self, store: ModelStore, metrics: StoreMetrics, *, max_model_bytes: int = 64 * 1024 * 1024) -> None:
        self._store = store
        self._metrics = metrics
        self._max_model_bytes = max_model_bytes
        self._watchers = threading.BoundedSemaphore(MAX_WATCHERS)

    def Put(  # noqa: N802
        self, request_iterator: Iterator[messages.PutRequest], context: grpc.ServicerContext
    ) -> messages.ModelVersion:
        with self._call("put", context):
            return _packed(self._store.put(self._received(request_iterator)))

    def Get(self, request: messages.GetRequest, context: grpc.ServicerContext) -> Iterator[messages.GetReply]:  # noqa: N802
        with self._call("get", context):
            stored, model = self._store.read(request.name, request.version)
            yield messages.GetReply(version=_packed(stored))
            for start in range(0, len(model.weights), CHUNK_BYTES):
                yield messages.GetReply(chunk=model.weights[start : start + CHUNK_BYTES])

    def List(self, request: messages.ListRequest, context: grpc.ServicerContext) -> messages.ListReply:  # noqa: N802
        with self._call("list", context):
            return messages.ListReply(versions=[_packed(stored) for stored in self._store.list(request.name)])

    def Sign(self, request: messages.SignRequest, context: grpc.ServicerContext) -> messages.ModelVersion:  # noqa: N802
        with self._call("sign", context):
            signature = Signature(request.signature.key_id, request.signature.value)
            return _packed(self._store.sign(request.name, request.version, signature))

    def Watch(self, request: messages.WatchRequest, context: grpc.ServicerContext) -> Iterator[messages.ModelVersion]:  # noqa: N802
        with self._call("watch", context), self._a_watcher():
            subscription = self._store.subscribe(request.name)
            if not context.add_callback(lambda: self._store.unsubscribe(subscription)):
                self._store.unsubscribe(subscription)  # the client has gone already
            context.send_initial_metadata(())  # tells the client that from now on nothing is missed
            yield from map(_packed, subscription)

    def _received(self, requests: Iterator[messages.PutRequest]) -> ModelFile:
        """The model of a put: a header, then chunks.

        Raises:
            ModelRejected: no header first, a header that its manifest contradicts, or too many bytes.
        """
        header = next(requests, messages.PutRequest()).header
        weights = bytearray()
        for request in requests:
            weights += request.chunk
            if len(weights) > self._max_model_bytes:
                raise ModelRejected(f"{header.name}: larger than {self._max_model_bytes} bytes")
        model = ModelFile.parse(header.manifest_json, bytes(weights))
        manifest = model.manifest
        if (manifest.name, manifest.version, manifest.sha256) != (header.name, header.version, header.sha256):
            raise ModelRejected(f"{header.name}: name, version or digest of header and manifest differ")
        return model

    @contextmanager
    def _a_watcher(self) -> Iterator[None]:
        if not self._watchers.acquire(blocking=False):
            raise TooManyWatchers(f"{MAX_WATCHERS} watch already")
        try:
            yield
        finally:
            self._watchers.release()

    @contextmanager
    def _call(self, method: str, context: grpc.ServicerContext) -> Iterator[None]:
        """Count a call, and end it with the status of the error it met."""
        try:
            yield
        except SuiteError as error:
            self._metrics.calls.labels(method, status_of(error).name).inc()
            _abort(context, error)
        else:
            self._metrics.calls.labels(method, grpc.StatusCode.OK.name).inc()


class StoreServer:
    """The gRPC server round a servicer, and round the experience sink where there is one.

    Args:
        address: ``host:port``; port 0 lets the system choose.
        experience: takes experience on the same port.
    """

    def __init__(
        self,
        store: ModelStore,
        address: str,
        metrics: StoreMetrics | None = None,
        experience: ExperienceServicer | None = None,
    ) -> None:
        self._address = address
        workers = WORKERS_FOR_CALLS + MAX_WATCHERS + (MAX_STREAMS if experience else 0)
        self._server = grpc.server(ThreadPoolExecutor(workers, "model-store"), options=KEEPALIVE)
        servicer = StoreServicer(store, metrics or StoreMetrics())
        add_ModelStoreServicer_to_server(servicer, self._server)
        self._experience = experience
        if experience is not None:
            add_ExperienceSinkServicer_to_server(experience, self._server)
        self.port = 0

    @property
    def target(self) -> str:
        """``host:port`` with the real port, once started."""
        return f"{self._address.rpartition(':')[0]}:{self.port}"

    def start(self) -> None:
        """Bind and serve.

        Raises:
            TransportError: the address cannot be bound.
        """
        try:
            self.port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise TransportError(f"cannot listen on {self._address}: {error}") from error
        self._server.start()

    def stop(self, grace_s: float = 1.0) -> None:
        """Refuse new calls, end the running ones after ``grace_s``; streams of experience store what they hold."""
        if self._experience is not None:
            self._experience.stop()
        self._server.stop(grace_s).wait()


def _abort(context: grpc.ServicerContext, error: SuiteError) -> NoReturn:
    context.abort(status_of(error), str(error))
    raise AssertionError("abort raises")


def _packed(stored: StoredVersion) -> messages.ModelVersion:
    return messages.ModelVersion(
        name=stored.name,
        version=stored.version,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        manifest_json=stored.manifest_json,
        created_unix_s=stored.created_unix_s,
        signatures=[messages.Signature(key_id=each.key_id, value=each.value) for each in stored.signatures],
    )
