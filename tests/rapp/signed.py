"""Keys, and a manifest that one of them has signed."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rapp.signing import SigningKey
from xapps.runtime.model_file import Manifest
from xapps.runtime.signatures import Trust

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
