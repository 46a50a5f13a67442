"""Signed manifests: what is signed, and who is believed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from oran.errors import ConfigError, ModelRejected
from tests.rapp.signed import KEY, MANIFEST, OTHER, SIGNATURE, TRUST
from xapps.runtime.model_file import Manifest, ModelFile, Signature
from xapps.runtime.signatures import DOMAIN, MOST_SIGNATURES, SignatureRefused, Trust, TrustedKeys, signed_bytes


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
