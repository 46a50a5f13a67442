"""The rApp's signing key: where it comes from, who may read it, what it does not tell."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from oran.errors import ConfigError
from rapp.signing import KEY_FILE_VARIABLE, SigningKey, key_from
from tests.rapp.signed import KEY, MANIFEST


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
