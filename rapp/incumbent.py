"""What serves now, by name: a classic allocator, or a version of the model store."""

from __future__ import annotations

from oran.errors import ConfigError
from xapps import allocators
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_slot import build
from xapps.runtime.model_store import ModelStoreClient


def allocator_of(reference: str, store_target: str) -> Allocator:
    """The allocator behind ``"equal"``, ``"ssvae"`` (its newest version) or ``"ssvae:3"``.

    Raises:
        ConfigError: the version is no number.
        ModelNotFound: the store has no such version.
        ModelRejected: the stored model cannot be built.
        ConnectFailed: the store does not answer.
    """
    if reference in allocators.ALLOCATORS:
        return allocators.build(reference)
    name, _, version = reference.partition(":")
    if version and not version.isdigit():
        raise ConfigError("against", reference, "a version is a number")
    with ModelStoreClient(store_target) as client:
        return build(client.get(name, int(version or 0))).allocator
