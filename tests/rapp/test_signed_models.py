"""Signed models the whole way: key, store on disk behind gRPC, A1 policy, slot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rapp.service import StoreServer
from rapp.signing import SigningKey, SigningStore
from rapp.store import DiskStore
from tests.rapp.signed import KEY, OTHER, TRUST
from tests.xapps.runtime.policy_bench import GOOD, MODEL, Bench, Learned
from xapps import allocators
from xapps.runtime.model_file import Manifest, ModelFile
from xapps.runtime.model_store import ModelStoreClient
from xapps.runtime.signatures import Trust


class SignedBench(Bench):
    """An xApp that requires signatures and fetches from a real store."""

    def __init__(self, target: str, trust: Trust) -> None:
        super().__init__()
        self.target = target
        self.policies._enforcers[MODEL].trust = trust  # type: ignore[attr-defined]

    def fetch(self, store: str, name: str, version: int) -> ModelFile:
        with ModelStoreClient(self.target) as client:
            return client.get(name, version)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def target(disk: Path) -> Iterator[str]:
    server = StoreServer(DiskStore(disk), "127.0.0.1:0")
    server.start()
    yield server.target
    server.stop(0)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(allocators.LEARNED, "learned", "tests.xapps.runtime.policy_bench:Learned")


def put(target: str, key: SigningKey | None, **changes: Any) -> Manifest:
    manifest = GOOD.manifest.model_copy(update={"version": 0} | changes)
    with ModelStoreClient(target) as client:
        store = SigningStore(client, key) if key is not None else client
        return manifest.model_copy(update={"version": store.put(ModelFile(manifest, GOOD.weights)).version})


def told(bench: SignedBench, manifest: Manifest) -> tuple[str, str]:
    """Status and reason after a policy that names a version."""
    name, version = manifest.name, manifest.version
    bench.request({"allocator": "learned", "model": name, "version": version, "sha256": manifest.sha256})
    record = bench.policies.records()[-1]
    return str(record.status), record.reason


def counted(bench: SignedBench, verdict: str) -> float:
    return bench.metrics.count(bench.metrics.model_signatures, verdict=verdict)


def test_a_signed_model_comes_to_serve_and_says_who_signed_it(target: str) -> None:
    bench = SignedBench(target, TRUST)
    assert told(bench, put(target, KEY)) == ("OK", "")
    assert isinstance(bench.slot.serving.allocator, Learned)
    assert bench.slot.serving.signed_by == KEY.key_id
    assert counted(bench, "trusted") == 1


@pytest.mark.parametrize(
    ("key", "why", "found"), [(None, "is not signed", "unsigned"), (OTHER, "not trusted", "unknown_key")]
)
def test_unsigned_and_strangers_models_are_not_enforced_and_the_reason_is_told(
    target: str, key: SigningKey | None, why: str, found: str
) -> None:
    bench = SignedBench(target, TRUST)
    status, reason = told(bench, put(target, key))
    assert status == "ERROR"
    assert why in reason and "SignatureRefused" in reason
    assert bench.slot.serving is bench.slot.initial
    assert (counted(bench, found), bench.metrics.count(bench.metrics.model_swaps, outcome="refused")) == (1, 1)


def test_a_manifest_altered_in_the_store_is_not_enforced(target: str, disk: Path) -> None:
    manifest, bench = put(target, KEY), SignedBench(target, TRUST)
    path = disk / "cell" / "000001" / "manifest.json"
    path.write_text(path.read_text().replace('"normalisation":{}', '"normalisation":{"snr_std_db":9.0}'))
    status, reason = told(bench, manifest)
    assert status == "ERROR"
    assert "does not fit the manifest" in reason
    assert counted(bench, "invalid") == 1


def test_a_signature_does_not_fit_another_version_of_the_same_weights(target: str) -> None:
    first, second, bench = put(target, KEY), put(target, None), SignedBench(target, TRUST)
    assert (first.version, second.version, first.sha256) == (1, 2, second.sha256)
    with ModelStoreClient(target) as client:
        client.sign("cell", 2, client.get("cell", 1).signatures[0])
    assert "does not fit" in told(bench, second)[1]
    assert told(bench, first) == ("OK", "")


def test_a_signature_does_not_fit_another_model(target: str) -> None:
    put(target, KEY)
    copied, bench = put(target, None, name="cell-copy"), SignedBench(target, TRUST)
    with ModelStoreClient(target) as client:
        client.sign("cell-copy", 1, client.get("cell", 1).signatures[0])
    assert "does not fit" in told(bench, copied)[1]


def test_a_version_served_under_another_number_is_not_enforced(target: str, disk: Path) -> None:
    """An old signed version in the place of a new one: the store's number and the signed one differ."""
    put(target, KEY)
    second, bench = put(target, KEY), SignedBench(target, TRUST)
    for name in ("manifest.json", "signatures.json", "weights.safetensors"):
        (disk / "cell" / "000002" / name).write_bytes((disk / "cell" / "000001" / name).read_bytes())
    status, reason = told(bench, second)
    assert (status, "does not fit" in reason) == ("ERROR", True)


def test_the_key_and_the_signature_stand_in_no_log(target: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told(SignedBench(target, TRUST), put(target, KEY))
    text = caplog.text
    assert KEY._private.private_bytes_raw().hex() not in text
    assert "PRIVATE" not in text
