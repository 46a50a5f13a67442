"""Signed manifests: what is signed, who is believed, and the whole way from the rApp's key to the xApp's slot."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import ConfigError, ModelError, ModelNotFound, ModelRejected
from rapp.service import StoreServer
from rapp.signing import KEY_FILE_VARIABLE, SigningKey, SigningStore, key_from
from rapp.store import DiskStore, MemoryStore
from tests.xapps.runtime.test_policies import GOOD, MODEL, Bench, Learned
from xapps import allocators
from xapps.runtime.model_file import Manifest, ModelFile, Signature
from xapps.runtime.model_store import ModelStoreClient
from xapps.runtime.signatures import DOMAIN, MOST_SIGNATURES, SignatureRefused, Trust, TrustedKeys, signed_bytes

KEY, OTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32)), SigningKey(Ed25519PrivateKey.generate())
MANIFEST = Manifest(
    name="cell",
    version=3,
    allocator="learned",
    sha256="ab" * 32,
    architecture={"network": {"width": 32, "kind": "equivariant"}, "shapes": (1, 2)},
    normalisation={"snr_mean_db": -1.5},
    training={"seed": 7, "commit": "é"},
    metrics={"of_exact": 0.99, "drops": 200},
)
SIGNATURE = KEY.sign(MANIFEST)
TRUST = Trust.of([KEY.public_text], required=True)


def verdict(trust: Trust, manifest: Manifest, *signatures: Signature) -> str:
    try:
        return trust.check(ModelFile(manifest, b"", signatures)) and "trusted"
    except SignatureRefused as refused:
        return refused.verdict


# --- what is signed ---------------------------------------------------------------------------------------------------


def test_a_signature_holds_for_the_manifest_as_it_comes_out_of_json() -> None:
    as_sent = Manifest.model_validate_json(MANIFEST.model_dump_json())
    assert verdict(TRUST, as_sent, SIGNATURE) == "trusted"
    shuffled = json.dumps(dict(reversed(list(json.loads(MANIFEST.model_dump_json()).items()))), indent=3)
    assert verdict(TRUST, Manifest.model_validate_json(shuffled), SIGNATURE) == "trusted"


def test_what_is_signed_is_the_domain_and_the_manifest_without_its_defaults() -> None:
    assert signed_bytes(Manifest(name="a", version=1, allocator="b", sha256="0" * 64)) == (
        b'oran-slicing-suite model manifest v1\0{"allocator":"b","name":"a","sha256":"' + b"0" * 64 + b'","version":1}'
    )


def test_a_signature_over_the_same_json_made_for_something_else_is_none() -> None:
    bare = Signature(KEY.key_id, KEY._private.sign(MANIFEST.canonical()))
    assert verdict(TRUST, MANIFEST, bare) == "invalid"
    assert DOMAIN.endswith(b"\0")


def test_a_known_key_makes_the_known_signature() -> None:
    """RFC 8032 leaves no room for chance: the same key and manifest give the same octets for ever."""
    manifest = Manifest(name="a", version=1, allocator="b", sha256="0" * 64)
    assert KEY.key_id == "cd8fa86afd6bf20d"
    assert KEY.public_text == "ed25519:gyClGXfYw4yopJJ8Zw31gh5El2GUXhXp77JqFQnSMOo="
    assert KEY.sign(manifest).value.hex() == (
        "1eb13d14ebb8fa2677eb6c0443c024487fa76ed7a3bf166b9df6983d1f1b4704"
        "379b2961d46cd1d8e07486319101a2a49acaae3b4f4dcbc9307b6b2475b9830a"
    )


@pytest.mark.skipif(which("openssl") is None, reason="no openssl")
def test_openssl_finds_the_signature_good_and_a_changed_manifest_bad(tmp_path: Path) -> None:
    """As an operator would check it without any code of ours."""
    (tmp_path / "signature").write_bytes(SIGNATURE.value)
    (tmp_path / "public.pem").write_bytes(
        KEY._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    files = [
        "-inkey",
        str(tmp_path / "public.pem"),
        "-sigfile",
        str(tmp_path / "signature"),
        "-in",
        str(tmp_path / "m"),
    ]
    for manifest, status in ((MANIFEST, 0), (MANIFEST.model_copy(update={"version": 4}), 1)):
        (tmp_path / "m").write_bytes(signed_bytes(manifest))
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files], capture_output=True)
        assert done.returncode == status, done.stderr


CHANGES = list(
    {
        "name": "cell2",
        "version": 4,
        "allocator": "other",
        "sha256": "ac" + "ab" * 31,
        "architecture": {"network": {"width": 33, "kind": "equivariant"}, "shapes": (1, 2)},
        "normalisation": {"snr_mean_db": -1.5000000000000002},
        "scenario": {"name": "cell", "digest": ""},
        "training": {"seed": "7", "commit": "é"},
        "metrics": {},
    }.items()
)


@pytest.mark.parametrize(("field", "value"), CHANGES, ids=[name for name, _ in CHANGES])
def test_a_change_of_any_field_breaks_the_signature(field: str, value: Any) -> None:
    changed = Manifest.model_validate(MANIFEST.model_dump() | {field: value})
    assert verdict(TRUST, changed, SIGNATURE) == "invalid"


def test_the_fields_tested_above_are_all_there_are() -> None:
    assert {name for name, _ in CHANGES} == set(Manifest.model_fields)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.text(max_size=6), json_values, max_size=4), st.dictionaries(st.text(max_size=6), json_values))
def test_manifests_have_equal_canonical_bytes_exactly_if_they_say_the_same(one: dict, other: dict) -> None:
    try:
        first, second = (MANIFEST.model_copy(update={"training": each}) for each in (one, other))
        there = Manifest.model_validate_json(first.model_dump_json())
    except ValueError:  # a lone surrogate has no JSON
        return
    assert there.canonical() == first.canonical()
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (first.canonical() == second.canonical()) == same


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 511))
def test_one_flipped_bit_of_a_signature_breaks_it(bit: int) -> None:
    value = bytearray(SIGNATURE.value)
    value[bit // 8] ^= 1 << bit % 8
    assert verdict(TRUST, MANIFEST, Signature(KEY.key_id, bytes(value))) == "invalid"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_one_flipped_bit_of_the_stored_manifest_is_refused_or_changes_nothing(data: st.DataObject) -> None:
    text = bytearray(MANIFEST.model_dump_json().encode())
    bit = data.draw(st.integers(0, 8 * len(text) - 1))
    text[bit // 8] ^= 1 << bit % 8
    try:
        model = ModelFile.parse(text.decode("utf-8"), b"")
    except (ModelRejected, UnicodeDecodeError):
        return
    found = verdict(TRUST, model.manifest, SIGNATURE)
    assert found == ("trusted" if model.manifest.canonical() == MANIFEST.canonical() else "invalid")


@pytest.mark.parametrize("value", [b"", b"x" * 63, b"x" * 65, b"x" * 64])
def test_octets_that_are_no_signature_are_refused_and_nothing_else_happens(value: bytes) -> None:
    assert verdict(TRUST, MANIFEST, Signature(KEY.key_id, value)) == "invalid"


# --- who is believed --------------------------------------------------------------------------------------------------


def test_unsigned_models_and_those_of_strangers_are_told_apart() -> None:
    stranger = OTHER.sign(MANIFEST)
    assert verdict(TRUST, MANIFEST) == "unsigned"
    assert verdict(TRUST, MANIFEST, stranger) == "unknown_key"
    assert verdict(TRUST, MANIFEST, Signature(KEY.key_id, stranger.value)) == "invalid"
    assert verdict(TRUST, MANIFEST, stranger, SIGNATURE) == "trusted"


def test_while_keys_change_both_are_trusted_and_afterwards_the_old_one_is_a_stranger() -> None:
    both, after = (
        Trust.of(texts, required=True) for texts in ([KEY.public_text, OTHER.public_text], [OTHER.public_text])
    )
    new = OTHER.sign(MANIFEST)
    assert (verdict(both, MANIFEST, SIGNATURE), verdict(both, MANIFEST, new)) == ("trusted", "trusted")
    assert (verdict(after, MANIFEST, SIGNATURE), verdict(after, MANIFEST, new)) == ("unknown_key", "trusted")
    assert both.check(ModelFile(MANIFEST, b"", (SIGNATURE,))) == KEY.key_id


def test_where_signatures_are_not_required_only_a_broken_one_of_a_trusted_key_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lenient = Trust.of([KEY.public_text], required=False)
    assert verdict(lenient, MANIFEST) == ""
    assert verdict(lenient, MANIFEST, OTHER.sign(MANIFEST)) == ""
    assert ["not required" in record.getMessage() for record in caplog.records] == [True, True]
    assert verdict(lenient, MANIFEST.model_copy(update={"version": 9}), SIGNATURE) == "invalid"
    assert verdict(Trust(), MANIFEST) == ""


def test_signatures_beyond_the_most_are_not_looked_at() -> None:
    noise = [Signature(f"{number:016x}", b"x" * 64) for number in range(MOST_SIGNATURES)]
    assert verdict(TRUST, MANIFEST, *noise, SIGNATURE) == "unknown_key"


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:!!!", "rsa:AAAA", "ed25519:" + "A" * 40, "A" * 44])
def test_what_is_no_public_key_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError, match="trusted_keys"):
        TrustedKeys.parse([text])


def test_requiring_signatures_without_a_key_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="trusted_keys"):
        Trust.of([], required=True)


# --- the key ----------------------------------------------------------------------------------------------------------


def test_a_new_key_is_its_owners_alone_and_comes_back_from_its_file(tmp_path: Path) -> None:
    made = SigningKey.new(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(tmp_path / "key.pem").sign(MANIFEST) == made.sign(MANIFEST)
    with pytest.raises(ConfigError):
        SigningKey.new(tmp_path / "key.pem")


def test_a_key_shows_itself_in_no_text(tmp_path: Path) -> None:
    made = SigningKey.new(tmp_path / "key.pem")
    secret = made._private.private_bytes_raw()
    body = (tmp_path / "key.pem").read_text().splitlines()[1]
    for text in (repr(made), str(made), f"{copy.copy(made)}"):
        assert body not in text and secret.hex() not in text and repr(secret) not in text


def _pem(private: Any, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n", "PEM"),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "Ed25519"),
        (_pem(Ed25519PrivateKey.generate(), b"password"), "password"),
    ],
)
def test_files_that_hold_no_usable_key_are_config_errors_that_quote_nothing(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=why) as caught:
        SigningKey.load(path)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_that_everybody_may_read_is_not_used(tmp_path: Path) -> None:
    SigningKey.new(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o644)
    with pytest.raises(ConfigError, match="everybody"):
        SigningKey.load(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o640)  # a secret mounted for the group of the pod
    SigningKey.load(tmp_path / "key.pem")
    with pytest.raises(ConfigError):
        SigningKey.load(tmp_path / "none.pem")


def test_the_key_comes_from_the_option_or_the_environment_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)
    one, two = (SigningKey.new(tmp_path / name) for name in ("one.pem", "two.pem"))
    assert key_from(None) is None
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "one.pem"))
    from_environment, from_option = key_from(None), key_from(tmp_path / "two.pem")
    assert from_environment is not None and from_environment.key_id == one.key_id
    assert from_option is not None and from_option.key_id == two.key_id


def test_a_manifest_without_a_number_is_not_signed() -> None:
    with pytest.raises(ConfigError, match="numbered"):
        KEY.sign(MANIFEST.model_copy(update={"version": 0}))


# --- the store --------------------------------------------------------------------------------------------------------


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


# --- the whole way: key, store on disk behind gRPC, A1 policy, slot ---------------------------------------------------


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
    monkeypatch.setitem(allocators.LEARNED, "learned", "tests.xapps.runtime.test_policies:Learned")


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
