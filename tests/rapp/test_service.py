"""The model store over gRPC: statuses, streams, watching."""

from __future__ import annotations

import threading

import grpc
import pytest

from oran._generated import model_store_pb2 as messages
from oran._generated.model_store_pb2_grpc import ModelStoreStub
from oran.errors import SuiteError
from rapp import service
from rapp.metrics import StoreMetrics
from rapp.service import STATUS, StoreServer, status_of
from rapp.store import MemoryStore, VersionExists
from xapps.runtime.model_file import ModelFile


@pytest.fixture
def stub(server):
    with grpc.insecure_channel(server.target) as channel:
        yield ModelStoreStub(channel)


def parts(model: ModelFile, **header: object):
    m = model.manifest
    fields = {"name": m.name, "version": m.version, "sha256": m.sha256, "manifest_json": m.model_dump_json()} | header
    yield messages.PutRequest(header=messages.PutHeader(**fields))
    yield messages.PutRequest(chunk=model.weights)


def code_of(call) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


def test_an_unknown_model_answers_not_found(stub):
    assert code_of(lambda: list(stub.Get(messages.GetRequest(name="ssvae")))) is grpc.StatusCode.NOT_FOUND


def test_other_bytes_under_the_same_version_answer_already_exists(stub, make_model):
    stub.Put(parts(make_model(weights=b"a", version=1)))
    status = code_of(lambda: stub.Put(parts(make_model(weights=b"b", version=1))))
    assert status is grpc.StatusCode.ALREADY_EXISTS


def test_weights_of_another_digest_answer_data_loss(stub, make_model):
    tampered = ModelFile(make_model().manifest, b"tampered")
    assert code_of(lambda: stub.Put(parts(tampered))) is grpc.StatusCode.DATA_LOSS


@pytest.mark.parametrize(
    "header", [{"manifest_json": "not json"}, {"manifest_json": "{}"}, {"version": 9}, {"sha256": "0" * 64}]
)
def test_a_bad_manifest_answers_invalid_argument(stub, make_model, header):
    assert code_of(lambda: stub.Put(parts(make_model(), **header))) is grpc.StatusCode.INVALID_ARGUMENT


def test_a_put_without_a_header_or_without_anything_answers_invalid_argument(stub):
    headless = [messages.PutRequest(chunk=b"weights")]
    assert code_of(lambda: stub.Put(iter(headless))) is grpc.StatusCode.INVALID_ARGUMENT
    assert code_of(lambda: stub.Put(iter(()))) is grpc.StatusCode.INVALID_ARGUMENT


def test_weights_beyond_the_limit_are_refused_while_they_arrive(store, make_model):
    servicer = service.StoreServicer(store, StoreMetrics(), max_model_bytes=10)
    with pytest.raises(SuiteError, match="larger than 10 bytes"):
        servicer._received(parts(make_model(weights=b"x" * 11)))


def test_every_error_of_the_suite_has_a_status_and_the_closest_base_counts():
    assert status_of(VersionExists("x")) is grpc.StatusCode.ALREADY_EXISTS
    assert status_of(SuiteError("x")) is STATUS[SuiteError]
    subclasses = [SuiteError]
    while subclasses:
        kind = subclasses.pop()
        subclasses += kind.__subclasses__()
        assert any(base in STATUS for base in kind.__mro__)


def test_a_watcher_hears_of_every_version_stored_after_it_came(stub, store, make_model):
    watch = stub.Watch(messages.WatchRequest(name="ssvae"))
    watch.initial_metadata()  # the server has subscribed
    store.put(make_model("dqn"))
    store.put(make_model("ssvae", b"a"))
    store.put(make_model("ssvae", b"b"))
    assert [next(watch).version for _ in range(2)] == [1, 2]
    watch.cancel()


def test_a_watcher_that_leaves_frees_its_thread_and_its_subscription(stub, make_model, store, monkeypatch):
    gone = threading.Event()
    unsubscribe = store.unsubscribe

    def noted(subscription):
        unsubscribe(subscription)
        gone.set()

    monkeypatch.setattr(store, "unsubscribe", noted)
    watch = stub.Watch(messages.WatchRequest())
    watch.initial_metadata()
    watch.cancel()
    assert gone.wait(5)
    assert store._subscriptions == []


def test_more_watchers_than_threads_are_turned_away(monkeypatch, make_model):
    monkeypatch.setattr(service, "MAX_WATCHERS", 1)
    server = StoreServer(MemoryStore(), "127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(server.target) as channel:
        stub = ModelStoreStub(channel)
        first = stub.Watch(messages.WatchRequest())
        first.initial_metadata()
        second = stub.Watch(messages.WatchRequest())
        assert code_of(lambda: next(second)) is grpc.StatusCode.RESOURCE_EXHAUSTED
        first.cancel()
    server.stop(0)


def test_calls_are_counted_by_method_and_status(store, make_model):
    metrics = StoreMetrics()
    server = StoreServer(store, "127.0.0.1:0", metrics)
    server.start()
    with grpc.insecure_channel(server.target) as channel:
        stub = ModelStoreStub(channel)
        stub.Put(parts(make_model()))
        code_of(lambda: list(stub.Get(messages.GetRequest(name="none"))))
    server.stop(0)
    assert metrics.calls.labels("put", "OK")._value.get() == 1
    assert metrics.calls.labels("get", "NOT_FOUND")._value.get() == 1
