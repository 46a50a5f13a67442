"""Signatures beside the versions of the model store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oran.errors import ModelError, ModelNotFound, ModelRejected
from rapp.signing import SigningStore
from rapp.store import DiskStore, MemoryStore
from tests.rapp.signed import KEY, OTHER, SIGNATURE, TRUST
from xapps.runtime.model_file import Signature
from xapps.runtime.signatures import MOST_SIGNATURES, TrustedKeys


def test_a_version_is_signed_after_the_store_has_numbered_it(store, make_model) -> None:
    stored = SigningStore(store, KEY).put(make_model())
    assert stored.version == 1
    assert TRUST.check(store.get("ssvae", 1)) == KEY.key_id


def test_signatures_lie_beside_the_manifest_and_outlive_the_store(tmp_path: Path, make_model) -> None:
    SigningStore(DiskStore(tmp_path), KEY).put(make_model())
    folder = tmp_path / "ssvae" / "000001"
    manifest_before = (folder / "manifest.json").read_bytes()
    again = DiskStore(tmp_path)
    again.sign("ssvae", 1, OTHER.sign(again.get("ssvae").manifest))
    assert [each.key_id for each in DiskStore(tmp_path).get("ssvae").signatures] == [KEY.key_id, OTHER.key_id]
    assert (folder / "manifest.json").read_bytes() == manifest_before
    rows = json.loads((folder / "signatures.json").read_text())
    assert [set(row) for row in rows] == [{"key_id", "ed25519"}] * 2


def test_signing_again_changes_nothing_and_signatures_are_counted(store, make_model) -> None:
    store.put(make_model())
    manifest = store.get("ssvae").manifest
    for _ in range(2):
        assert len(store.sign("ssvae", 1, KEY.sign(manifest)).signatures) == 1
    for number in range(1, MOST_SIGNATURES):
        store.sign("ssvae", 1, Signature(KEY.key_id, bytes([number]) * 64))
    with pytest.raises(ModelError, match="already"):
        store.sign("ssvae", 1, OTHER.sign(manifest))


@pytest.mark.parametrize(
    "signature", [Signature(KEY.key_id, b"x" * 63), Signature("../../etc", b"x" * 64), Signature("", b"x" * 64)]
)
def test_what_is_no_signature_is_not_stored(store, make_model, signature: Signature) -> None:
    store.put(make_model())
    with pytest.raises(ModelRejected):
        store.sign("ssvae", 1, signature)
    with pytest.raises(ModelNotFound):
        store.sign("ssvae", 2, SIGNATURE)


def test_a_store_with_trusted_keys_takes_their_signatures_alone(make_model) -> None:
    store = MemoryStore(trusted=TrustedKeys.parse([KEY.public_text]))
    store.put(make_model())
    manifest = store.get("ssvae").manifest
    for refused in (OTHER.sign(manifest), Signature(KEY.key_id, b"x" * 64)):
        with pytest.raises(ModelRejected):
            store.sign("ssvae", 1, refused)
    assert store.sign("ssvae", 1, KEY.sign(manifest)).signatures == (KEY.sign(manifest),)


@pytest.mark.parametrize("damage", [b"", b"{}", b'[{"key_id": 1}]', b'[{"key_id": "a", "ed25519": "zz"}]'])
def test_damaged_signatures_are_a_model_error(tmp_path: Path, make_model, damage: bytes) -> None:
    SigningStore(DiskStore(tmp_path), KEY).put(make_model())
    (tmp_path / "ssvae" / "000001" / "signatures.json").write_bytes(damage)
    if damage == b"{}":  # an empty table: nobody has signed
        assert DiskStore(tmp_path).get("ssvae").signatures == ()
        return
    with pytest.raises(ModelError):
        DiskStore(tmp_path).get("ssvae")
