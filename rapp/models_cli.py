"""``python -m rapp keys | sign | models``: who vouches for models, and which there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from oran.errors import ConfigError, DigestMismatch
from rapp.origin import lineage, signature_state
from rapp.signing import KEY_FILE_VARIABLE, SigningKey, key_from
from xapps.runtime.model_store import ModelStoreClient
from xapps.runtime.signatures import TrustedKeys

keys = typer.Typer(no_args_is_help=True, help="The key that models are signed with")
console = Console()

KeyFile = Annotated[Path, typer.Argument(help="File of the private key, PEM")]
SigningKeyOption = Annotated[
    Path | None, typer.Option("--signing-key", help=f"File of the key that signs; ${KEY_FILE_VARIABLE} by default")
]
TrustedKeyOption = Annotated[list[str], typer.Option("--trusted-key", help="Public key, ed25519:...; may be repeated")]
Store = Annotated[str, typer.Option(help="host:port of the model store")]


@keys.command()
def new(path: KeyFile) -> None:
    """Make a key that only its owner may read, and print what xApps need to trust it."""
    _print_public(SigningKey.new(path))


@keys.command()
def show(path: KeyFile) -> None:
    """Print the public half of a key."""
    _print_public(SigningKey.load(path))


def sign(
    model: Annotated[str, typer.Argument(help="Name in the model store")],
    version: Annotated[int, typer.Argument(min=1)],
    sha256: Annotated[str, typer.Argument(help="Digest of the weights that you mean, so that nothing else is signed")],
    signing_key: SigningKeyOption = None,
    store: Store = "127.0.0.1:50051",
) -> None:
    """Sign a stored version by hand: one from before there was a key, or with the key that takes over."""
    key = key_from(signing_key)
    if key is None:
        raise ConfigError("signing_key", None, f"give --signing-key or ${KEY_FILE_VARIABLE}")
    with ModelStoreClient(store) as client:
        manifest = client.get(model, version).manifest
        if manifest.sha256 != sha256:
            raise DigestMismatch(f"{model} {version} has SHA-256 {manifest.sha256}, not {sha256}")
        stored = client.sign(model, version, key.sign(manifest))
    console.print(f"{model} {version} is signed by {', '.join(each.key_id for each in stored.signatures)}")


def models(
    name: Annotated[str, typer.Argument(help="Only this model")] = "",
    trusted_key: TrustedKeyOption = [],  # noqa: B006 - typer copies
    store: Store = "127.0.0.1:50051",
) -> None:
    """What the store holds, newest first: who signed it and what it was made of."""
    trusted = TrustedKeys.parse(trusted_key)
    table = Table("model", "version", "signature", "keys", "scenario", "run", "seed")
    with ModelStoreClient(store) as client:
        for stored in client.list(name):
            origin = lineage(stored)
            made = (origin["scenario"] or {}).get("name", ""), origin.get("run", ""), str(origin.get("seed", ""))
            ids = " ".join(each.key_id for each in stored.signatures)
            table.add_row(stored.name, str(stored.version), signature_state(stored, trusted), ids, *made)
    console.print(table)


def _print_public(key: SigningKey) -> None:
    typer.echo(json.dumps({"key_id": key.key_id, "public_key": key.public_text}))
