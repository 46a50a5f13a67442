"""Where a stored version comes from and who vouches for it, as the REST face and the command line tell it."""

from __future__ import annotations

from typing import Any, Final

from oran.errors import ModelRejected
from xapps.runtime.model_file import Manifest, ModelFile
from xapps.runtime.model_store import StoredVersion
from xapps.runtime.signatures import SignatureRefused, TrustedKeys

STATES: Final = ("trusted", "unsigned", "unknown_key", "invalid", "unchecked")
"""``unchecked``: signed, and the rApp was given no keys to check it by."""


def signature_state(stored: StoredVersion, trusted: TrustedKeys | None) -> str:
    """One of ``STATES``."""
    if trusted is None or not trusted.keys:
        return "unchecked" if stored.signatures else "unsigned"
    try:
        trusted.verified(_manifest(stored), stored.signatures)
    except SignatureRefused as refused:
        return refused.verdict
    except ModelRejected:
        return "invalid"
    return "trusted"


def lineage(stored: StoredVersion) -> dict[str, Any]:
    """What a version was made of: scenario, run, seeds, data set, software and the gate's word, as far as is known."""
    manifest = _manifest(stored)
    known = ("run", "preset", "seed", "dataset", "experience", "gate", "software")
    training = {name: manifest.training[name] for name in known if name in manifest.training}
    scenario = manifest.scenario.model_dump() if manifest.scenario is not None else None
    return {"allocator": manifest.allocator, "scenario": scenario, **training, "metrics": manifest.metrics}


def described(stored: StoredVersion, trusted: TrustedKeys | None) -> dict[str, Any]:
    """Both, beside who signed."""
    return {
        "signature": {
            "state": signature_state(stored, trusted),
            "signatures": [{"key_id": each.key_id, "ed25519": each.value.hex()} for each in stored.signatures],
        },
        "lineage": lineage(stored),
    }


def _manifest(stored: StoredVersion) -> Manifest:
    return ModelFile.parse(stored.manifest_json, b"").manifest
