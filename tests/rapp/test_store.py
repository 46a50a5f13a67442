"""One contract over every store: in memory, on disk, and on disk behind gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oran.errors import DigestMismatch, ModelError, ModelNotFound, ModelRejected
from rapp.service import StoreServer
from rapp.store import DiskStore, MemoryStore, VersionExists
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_store import ModelStoreClient


@pytest.fixture(params=["memory", "disk", "grpc"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore | DiskStore | ModelStoreClient]:
    ticks = iter(range(1000))
    store = MemoryStore(lambda: next(ticks)) if request.param == "memory" else DiskStore(tmp_path, lambda: next(ticks))
    if request.param != "grpc":
        yield store
        return
    server = StoreServer(store, "127.0.0.1:0")
    server.start()
    with ModelStoreClient(server.target) as client:
        yield client
    server.stop(0)


def test_what_was_put_comes_back(any_store, make_model):
    model = make_model(weights=bytes(range(256)) * 3000, metrics={"of_exact": 0.99})
    stored = any_store.put(model)
    back = any_store.get("ssvae", stored.version)
    assert back.weights == model.weights
    assert back.manifest == model.manifest.model_copy(update={"version": 1})
    assert (stored.version, stored.sha256, stored.size_bytes) == (1, model.manifest.sha256, len(model.weights))


def test_versions_count_up_per_model_and_zero_is_the_newest(any_store, make_model):
    assert [any_store.put(make_model(weights=w)).version for w in (b"a", b"b")] == [1, 2]
    assert any_store.put(make_model("dqn", b"c")).version == 1
    assert any_store.get("ssvae").weights == b"b"


def test_the_list_is_newest_first_and_can_be_of_one_model(any_store, make_model):
    for name, weights in (("ssvae", b"a"), ("dqn", b"b"), ("ssvae", b"c")):
        any_store.put(make_model(name, weights))
    assert [(each.name, each.version) for each in any_store.list()] == [("ssvae", 2), ("dqn", 1), ("ssvae", 1)]
    assert [each.version for each in any_store.list("dqn")] == [1]


def test_storing_the_same_version_again_changes_nothing(any_store, make_model):
    first = any_store.put(make_model(version=7))
    assert any_store.put(make_model(version=7)) == first
    assert len(any_store.list()) == 1


def test_a_version_cannot_be_overwritten(any_store, make_model):
    any_store.put(make_model(weights=b"first", version=3))
    with pytest.raises(ModelError):
        any_store.put(make_model(weights=b"second", version=3))
    assert any_store.get("ssvae", 3).weights == b"first"


@pytest.mark.parametrize(("name", "version"), [("ssvae", 9), ("nobody", 0)])
def test_an_unknown_model_or_version_is_not_found(any_store, make_model, name, version):
    any_store.put(make_model())
    with pytest.raises(ModelNotFound):
        any_store.get(name, version)


def test_weights_that_are_not_the_named_ones_are_refused(any_store, make_model):
    model = make_model()
    with pytest.raises(DigestMismatch):
        any_store.put(ModelFile(model.manifest, b"other"))
    assert any_store.list() == []


@pytest.mark.parametrize("name", ["../escape", "a/b", ".hidden", "UPPER", "x" * 64])
def test_names_that_are_no_folder_names_are_refused(any_store, make_model, name):
    with pytest.raises(ModelRejected):
        any_store.put(make_model(name))


def test_a_changed_byte_on_disk_is_noticed_on_reading(tmp_path, make_model):
    store = DiskStore(tmp_path)
    store.put(make_model(weights=b"weights"))
    path = tmp_path / "ssvae" / "000001" / "weights.safetensors"
    path.write_bytes(b"weighty")
    with pytest.raises(DigestMismatch):
        store.get("ssvae")


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json", b'{"sha256": 3, "surplus": 1}'])
def test_a_damaged_record_is_a_model_error(tmp_path, make_model, damage):
    store = DiskStore(tmp_path)
    store.put(make_model())
    (tmp_path / "ssvae" / "000001" / "stored.json").write_bytes(damage)
    with pytest.raises(ModelError):
        store.get("ssvae")


def test_a_store_opened_again_goes_on_counting(tmp_path, make_model):
    DiskStore(tmp_path).put(make_model(weights=b"a"))
    assert DiskStore(tmp_path).put(make_model(weights=b"b")).version == 2


def test_a_write_that_fails_leaves_no_version(tmp_path, make_model, monkeypatch):
    store = DiskStore(tmp_path)

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(ModelError, match="No space"):
        store.put(make_model())
    assert store.list() == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".incoming")] == []


def test_two_writers_of_one_number_do_not_overwrite_each_other(tmp_path, make_model, monkeypatch):
    here, there = DiskStore(tmp_path), DiskStore(tmp_path)
    there.put(make_model(weights=b"theirs"))
    monkeypatch.setattr(here, "_numbers", lambda name: [])  # looked before the other one wrote
    with pytest.raises(VersionExists):
        here.put(make_model(weights=b"ours"))
    assert there.get("ssvae").weights == b"theirs"


def test_subscribers_get_what_is_stored_while_they_listen(store, make_model):
    everything, only_dqn = store.subscribe(), store.subscribe("dqn")
    store.put(make_model("ssvae"))
    store.put(make_model("dqn"))
    for subscription in (everything, only_dqn):
        store.unsubscribe(subscription)
    store.put(make_model("later"))
    assert [each.name for each in everything] == ["ssvae", "dqn"]
    assert [each.name for each in only_dqn] == ["dqn"]
