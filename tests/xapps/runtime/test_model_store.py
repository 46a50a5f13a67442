"""The client against a real gRPC server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest

from oran._generated import model_store_pb2 as messages
from oran._generated.model_store_pb2_grpc import ModelStoreServicer, add_ModelStoreServicer_to_server
from oran.errors import ConnectFailed, DigestMismatch, ModelError, ModelNotFound, ModelRejected, TransportError
from xapps.runtime.model_file import ModelFile, digest
from xapps.runtime.model_store import CHUNK_BYTES, ModelStoreClient


class Store(ModelStoreServicer):
    """The smallest store that keeps the contract of the proto file; ``fault`` makes it break it."""

    def __init__(self) -> None:
        self.rows: list[tuple[messages.ModelVersion, bytes]] = []
        self.fault = ""
        self.changed = threading.Condition()

    def Put(self, request_iterator, context):
        if self.fault == "internal":
            context.abort(grpc.StatusCode.INTERNAL, "disk full")
        header = next(request_iterator).header
        weights = b"".join(request.chunk for request in request_iterator)
        if digest(weights) != header.sha256:
            context.abort(grpc.StatusCode.DATA_LOSS, "digest")
        if any((row.name, row.version) == (header.name, header.version) for row, _ in self.rows):
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "that version has other bytes")
        version = header.version or 1 + max((row.version for row, _ in self.rows if row.name == header.name), default=0)
        row = messages.ModelVersion(
            name=header.name,
            version=version,
            sha256=header.sha256,
            size_bytes=len(weights),
            manifest_json=header.manifest_json,
            created_unix_s=1.0,
        )
        with self.changed:
            self.rows.append((row, weights))
            self.changed.notify_all()
        return row

    def Get(self, request, context):
        found = [pair for pair in self.rows if pair[0].name == request.name and request.version in (0, pair[0].version)]
        if not found:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} {request.version}")
        row, weights = found[-1]
        if self.fault != "no manifest":
            yield messages.GetReply(version=row)
        if self.fault == "other bytes":
            weights = weights[:-1] + b"!"
        for start in range(0, len(weights), CHUNK_BYTES):
            yield messages.GetReply(chunk=weights[start : start + CHUNK_BYTES])

    def List(self, request, context):
        rows = [row for row, _ in reversed(self.rows) if request.name in ("", row.name)]
        return messages.ListReply(versions=rows)

    def Watch(self, request, context):
        context.send_initial_metadata(())
        with self.changed:
            seen = 0
            while context.is_active():
                self.changed.wait_for(lambda known=seen: len(self.rows) > known, timeout=0.2)
                for row, _ in self.rows[seen:]:
                    yield row
                seen = len(self.rows)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def client(store: Store) -> Iterator[ModelStoreClient]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    add_ModelStoreServicer_to_server(store, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with ModelStoreClient(f"127.0.0.1:{port}", timeout_s=5.0, max_model_bytes=2_000_000) as connected:
        yield connected
    server.stop(None).wait()


def make_model(weights: bytes = b"w" * 700_000, name: str = "cell", version: int = 0) -> ModelFile:
    return ModelFile.pack(weights, name=name, version=version, allocator="ssvae", architecture={"width": 64})


def test_a_model_comes_back_as_it_was_put_with_the_number_it_got(client: ModelStoreClient) -> None:
    model = make_model()
    assert client.put(model).version == 1
    assert client.put(make_model(b"second")).version == 2
    first = client.get("cell", 1)
    assert first.weights == model.weights
    assert first.manifest.version == 1
    assert first.manifest.architecture == {"width": 64}
    assert client.get("cell").weights == b"second"


def test_versions_are_listed_newest_first(client: ModelStoreClient) -> None:
    for name, weights in (("a", b"1"), ("b", b"2"), ("a", b"3")):
        client.put(make_model(weights, name))
    assert [(row.name, row.version) for row in client.list()] == [("a", 2), ("b", 1), ("a", 1)]
    assert [row.size_bytes for row in client.list("b")] == [1]


def test_a_watcher_is_told_of_what_is_stored(client: ModelStoreClient) -> None:
    client.put(make_model(b"1"))
    assert next(client.watch()).sha256 == digest(b"1")


def test_an_unknown_model_or_version_is_not_found(client: ModelStoreClient) -> None:
    with pytest.raises(ModelNotFound):
        client.get("nothing")
    client.put(make_model(b"1"))
    with pytest.raises(ModelNotFound):
        client.get("cell", 7)


def test_bytes_that_are_not_the_manifests_are_refused_on_the_way_in_and_out(
    client: ModelStoreClient, store: Store
) -> None:
    with pytest.raises(DigestMismatch):
        client.put(ModelFile(make_model().manifest, b"other"))
    client.put(make_model(b"right"))
    store.fault = "other bytes"
    with pytest.raises(DigestMismatch):
        client.get("cell")


def test_a_store_whose_row_contradicts_the_manifest_is_not_believed(client: ModelStoreClient, store: Store) -> None:
    client.put(make_model(b"right"))
    store.rows[0][0].sha256 = digest(b"wrong")
    with pytest.raises(DigestMismatch, match="the store says"):
        client.get("cell")


def test_a_reply_without_a_manifest_and_a_broken_manifest_are_refused(client: ModelStoreClient, store: Store) -> None:
    client.put(make_model(b"right"))
    store.fault = "no manifest"
    with pytest.raises(ModelRejected, match="no manifest"):
        client.get("cell")
    store.fault = ""
    store.rows[0][0].manifest_json = "{"
    with pytest.raises(ModelRejected, match="manifest"):
        client.get("cell")


def test_weights_beyond_the_limit_are_refused(client: ModelStoreClient) -> None:
    client.put(make_model(b"w" * 2_000_001))
    with pytest.raises(ModelRejected, match="larger than 2000000"):
        client.get("cell")


def test_an_existing_version_cannot_be_replaced(client: ModelStoreClient) -> None:
    client.put(make_model(b"1", version=1))
    with pytest.raises(ModelError, match="ALREADY_EXISTS"):
        client.put(make_model(b"2", version=1))


def test_any_other_status_is_a_transport_error(client: ModelStoreClient, store: Store) -> None:
    store.fault = "internal"
    with pytest.raises(TransportError, match="INTERNAL: disk full"):
        client.put(make_model(b"1"))


def test_a_store_that_is_not_there_is_a_failed_connection() -> None:
    with ModelStoreClient("127.0.0.1:1", timeout_s=2.0) as nobody, pytest.raises(ConnectFailed):
        nobody.get("cell")
