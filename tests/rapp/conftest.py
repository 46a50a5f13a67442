"""What the rApp's tests share: small models and a served store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2sim.scenario import Scenario, load
from rapp.service import StoreServer
from rapp.store import MemoryStore, ModelStore
from xapps.runtime.model_file import Manifest, ModelFile, digest

MakeModel = Callable[..., ModelFile]


@pytest.fixture
def make_model() -> MakeModel:
    def make(name: str = "ssvae", weights: bytes = b"weights", version: int = 0, **fields: object) -> ModelFile:
        manifest = Manifest(name=name, version=version, allocator="ssvae", sha256=digest(weights), **fields)
        return ModelFile(manifest, weights)

    return make


@pytest.fixture
def store() -> ModelStore:
    return MemoryStore()


@pytest.fixture
def server(store: ModelStore) -> Iterator[StoreServer]:
    server = StoreServer(store, "127.0.0.1:0")
    server.start()
    yield server
    server.stop(0)


@pytest.fixture(scope="session")
def tiny() -> Scenario:
    return load("tiny")


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory, tiny: Scenario) -> Path:
    from rapp import datasets

    folder = tmp_path_factory.mktemp("data") / "tiny"
    datasets.build(folder, datasets.describe(tiny, seed=0, num_drops=30, labels_by="matching"), workers=1)
    return folder
