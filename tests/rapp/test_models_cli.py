"""Keys, signing by hand and the list of models, as operators call them; and what REST and metrics tell of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner, Result

from oran.errors import ConfigError, DigestMismatch, ModelRejected
from rapp.__main__ import app
from rapp.lineage import LineageCollector
from rapp.origin import lineage, signature_state
from rapp.rest import create_app
from rapp.service import StoreServer
from rapp.signing import KEY_FILE_VARIABLE, SigningKey, SigningStore
from rapp.store import MemoryStore
from xapps.runtime.model_file import Signature
from xapps.runtime.signatures import TrustedKeys


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)
    SigningKey.new(tmp_path / "key.pem")
    return tmp_path / "key.pem"


@pytest.fixture
def target(store: MemoryStore) -> Iterator[str]:
    server = StoreServer(store, "127.0.0.1:0")
    server.start()
    yield server.target
    server.stop(0)


def test_a_new_key_prints_its_public_half_and_show_prints_the_same(tmp_path: Path) -> None:
    made = run("keys", "new", str(tmp_path / "key.pem"))
    shown = run("keys", "show", str(tmp_path / "key.pem"))
    assert made.output == shown.output
    printed = json.loads(shown.output)
    assert TrustedKeys.parse([printed["public_key"]]).keys.keys() == {printed["key_id"]}
    assert isinstance(run("keys", "new", str(tmp_path / "key.pem")).exception, ConfigError)


def test_a_version_is_signed_by_hand_only_if_it_is_the_one_that_is_meant(store, target, make_model, key_file) -> None:
    sha256 = store.put(make_model()).sha256
    options = ["--store", target, "--signing-key", str(key_file)]
    assert isinstance(run("sign", "ssvae", "1", "0" * 64, *options).exception, DigestMismatch)
    assert store.get("ssvae").signatures == ()
    done = run("sign", "ssvae", "1", sha256, *options)
    assert (done.exit_code, SigningKey.load(key_file).key_id in done.output) == (0, True)
    trusted = TrustedKeys.parse([SigningKey.load(key_file).public_text])
    assert trusted.verified(store.get("ssvae").manifest, store.get("ssvae").signatures)


def test_without_a_key_nothing_is_signed(store, target, make_model, key_file) -> None:
    sha256 = store.put(make_model()).sha256
    assert isinstance(run("sign", "ssvae", "1", sha256, "--store", target).exception, ConfigError)


def test_the_list_of_models_tells_who_signed_them(store, target, make_model, key_file) -> None:
    key = SigningKey.load(key_file)
    SigningStore(store, key).put(make_model(training={"run": "ssvae-sane-1", "seed": 4}))
    store.put(make_model(weights=b"other"))
    output = run("models", "--store", target, "--trusted-key", key.public_text).output
    newest, oldest = [line for line in output.splitlines() if "ssvae" in line]
    assert "unsigned" in newest
    assert "trusted" in oldest and key.key_id in oldest and "ssvae-sane-1" in oldest
    assert "unchecked" in run("models", "--store", target).output


def test_every_state_of_a_signature_is_told(make_model, key_file) -> None:
    key, stranger = SigningKey.load(key_file), SigningKey.new(key_file.parent / "stranger.pem")
    trusted, store = TrustedKeys.parse([key.public_text]), MemoryStore()
    stored = store.put(make_model())
    manifest = store.get("ssvae").manifest
    assert signature_state(stored, trusted) == "unsigned"
    assert signature_state(store.sign("ssvae", 1, stranger.sign(manifest)), trusted) == "unknown_key"
    assert signature_state(store.sign("ssvae", 1, Signature(key.key_id, b"x" * 64)), trusted) == "invalid"
    signed = store.sign("ssvae", 1, key.sign(manifest))
    assert (signature_state(signed, trusted), signature_state(signed, None)) == ("trusted", "unchecked")


def test_rest_and_metrics_show_signature_and_lineage(make_model, key_file, tmp_path: Path) -> None:
    key, registry = SigningKey.load(key_file), CollectorRegistry()
    store = MemoryStore(trusted=TrustedKeys.parse([key.public_text]))
    SigningStore(store, key).put(make_model(training={"seed": 4, "curves": [1, 2]}, metrics={"of_exact": 0.5}))
    registry.register(LineageCollector(store, tmp_path))
    client = TestClient(create_app(store, tmp_path, registry, tmp_path))
    shown = client.get("/models/ssvae/1").json()
    assert shown["signature"]["state"] == "trusted"
    assert [each["key_id"] for each in shown["signature"]["signatures"]] == [key.key_id]
    assert shown["lineage"] == {"allocator": "ssvae", "scenario": None, "seed": 4, "metrics": {"of_exact": 0.5}}
    assert client.get("/models").json() == [shown]
    assert 'rapp_model_signature{name="ssvae",state="trusted",version="1"} 1.0' in generate_latest(registry).decode()


def test_lineage_of_a_manifest_that_is_none_is_refused(store, make_model) -> None:
    with pytest.raises(ModelRejected):
        lineage(replace(store.put(make_model()), manifest_json="{}"))
